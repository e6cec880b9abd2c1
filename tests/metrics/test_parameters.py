"""Parameters that make no sense are refused with a next step."""

from __future__ import annotations

import math

import pytest

from fsictl.errors import SettingsError
from fsictl.metrics.parameters import MetricsParameters


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("window", 1),
        ("window", 86_401),
        ("rsi_window", 1),
        ("rsi_window", 301),
        ("max_gap", -1),
        ("alpha", 0.0),
        ("alpha", 1.1),
        ("alpha", math.nan),
    ],
)
def test_refused(name: str, value: float) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        MetricsParameters(**{name: value})  # type: ignore[arg-type]  # the value's type depends on the name
    assert caught.value.hint
