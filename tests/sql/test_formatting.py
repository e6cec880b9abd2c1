"""The SQL of the package keeps its form."""

from __future__ import annotations

import pytest

from fsictl.sql.formatting import unformed


def test_the_whole_tree_keeps_the_form() -> None:
    pytest.importorskip("sqlfluff", reason="sqlfluff is not installed: pip install 'fsictl[sql]'")
    assert unformed() == []
