from __future__ import annotations

import logging
from collections.abc import Iterator

import hypothesis
import pytest

hypothesis.settings.register_profile("fsictl", deadline=None)  # no test depends on how fast the machine is
hypothesis.settings.load_profile("fsictl")


@pytest.fixture(autouse=True)
def _root_logger_as_it_was() -> Iterator[None]:
    """Commands that run in this process set how much is logged; the next test knows nothing of it."""
    root, beam = logging.getLogger(), logging.getLogger("apache_beam")
    levels, handlers = [(one, one.level) for one in (root, beam)], list(root.handlers)
    yield
    for one, level in levels:
        one.setLevel(level)
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
