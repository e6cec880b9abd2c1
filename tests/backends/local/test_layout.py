"""Where files are, and what must not be loaded to know it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fsictl
from fsictl.backends.local.layout import Layout
from fsictl.errors import InputError


def test_the_files_that_pipelines_write(tmp_path):
    layout = Layout(tmp_path)
    assert layout.outputs() == {"warehouse": tmp_path / "warehouse.db"}
    for name in ("prices.db", "prices.db-wal", "metrics.db"):
        (tmp_path / "topics").mkdir(exist_ok=True)
        (tmp_path / "topics" / name).touch()
    assert list(layout.outputs()) == ["metrics", "prices", "warehouse"]


def test_a_topic_cannot_have_the_name_of_the_tables(tmp_path):
    with pytest.raises(InputError, match="warehouse"):
        Layout(tmp_path).topic("warehouse")


@pytest.mark.parametrize("module", ["layout", "lock", "messenger", "warehouse", "artifacts"])
def test_importing_the_backend_is_cheap(module):
    code = (
        f"import sys, fsictl.backends.local.{module}\n"
        "assert not {'numpy', 'pyarrow', 'typer', 'rich'} & set(sys.modules), sorted(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(fsictl.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
