from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fsictl.cli.main import main
from fsictl.errors import MissingExtraError
from fsictl.parity import run
from fsictl.parity.compare import Difference
from fsictl.parity.verify import Comparison
from fsictl.records.ticks import Ticks

EQUAL = Comparison("in order", "Beam stream", 10, 5, 0, None)
UNEQUAL = Comparison("shuffled", "Beam backfill", 10, 5, None, Difference("EURUSD", 999, "LAST", "0x1p+0", "0x1p+1"))


class Fake:
    """Stands in for the comparisons, and keeps what it was asked for."""

    def __init__(self, *comparisons: Comparison) -> None:
        self.comparisons = comparisons
        self.ticks = Ticks.empty()
        self.asked: dict[str, Any] = {}

    def __call__(self, ticks: Ticks, **asked: Any) -> Iterator[Comparison]:
        self.ticks, self.asked = ticks, asked
        return iter(self.comparisons)


def test_equal_engines_are_a_table_and_exit_code_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = Fake(EQUAL)
    monkeypatch.setattr(run, "verify_parity", fake)
    assert main(["verify", "parity", "--json", "--duration", "30s", "--max-gap", "5", "--shards", "7"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == [EQUAL.as_dict()]
    assert "equal to the last bit" in said.err
    assert (fake.asked["parameters"].max_gap, fake.asked["shards"], fake.asked["prism"]) == (5, 7, None)
    assert 0 < fake.ticks.timestamp.max() - fake.ticks.timestamp.min() < 30_000


def test_a_difference_is_exit_code_5_and_told_after_the_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "verify_parity", Fake(EQUAL, UNEQUAL))
    assert main(["verify", "parity"]) == 5
    said = capsys.readouterr()
    assert "Beam backfill" in said.out
    assert "EURUSD at 999, LAST: 0x1p+0 and 0x1p+1" in said.err


def test_prices_of_a_file_are_compared_from_its_first_one_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = Fake(EQUAL)
    monkeypatch.setattr(run, "verify_parity", fake)
    file = tmp_path / "eurusd.csv"
    file.write_text("timestamp,value\n1000000,1.1\n1005000,1.2\n1010000,1.3\n")
    assert main(["verify", "parity", "--prices", str(file), "--duration", "10s"]) == 0
    assert fake.ticks.timestamp.tolist() == [1_000_000, 1_005_000]
    assert main(["verify", "parity", "--prices", str(file), "--duration", "1s"]) == 3


def test_what_cannot_run_says_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "")
    assert main(["verify", "parity", "--runner", "prism"]) == 3
    assert "go install" in capsys.readouterr().err
    assert main(["verify", "parity", "--runner", "flink"]) == 2
    assert main(["verify", "parity", "--window", "1"]) == 3


def test_without_beam_the_pip_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.delitem(sys.modules, "fsictl.parity.beam", raising=False)
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    monkeypatch.delattr("fsictl.parity.beam", raising=False)
    with pytest.raises(MissingExtraError) as error:
        list(run.verify_parity(Ticks.empty(), parameters=None, allowed_lateness=1, seed=1, shards=1))  # type: ignore[arg-type]
    assert "fsictl[beam]" in error.value.hint
