"""``fsictl sql`` as people run it, on the purchases that everybody compares customer models with."""

from __future__ import annotations

import csv
import importlib.util
import json
import subprocess
from pathlib import Path

import pytest
from tests.e2e.conftest import Fsictl

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".environments" / "lifetimes" / "bin" / "python"
LAST_DAY = "1997-09-30"
_SUMMARY = f"""
import json, sys
from lifetimes.datasets import load_dataset
from lifetimes.utils import summary_data_from_transaction_data

names = ["customer", "sample", "date", "number", "amount"]
rows = load_dataset("CDNOW_sample.txt", header=None, names=names, sep=r"\\s+", dtype=dict.fromkeys(names[:3], str))
found = summary_data_from_transaction_data(
    rows, "sample", "date", datetime_format="%Y%m%d", observation_period_end="{LAST_DAY.replace("-", "")}", freq="D"
)
said = {{
    "transactions": rows[["sample", "date", "amount"]].values.tolist(),
    "summary": found.reset_index().values.tolist(),
}}
json.dump(said, sys.stdout)
"""

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        importlib.util.find_spec("dbt") is None, reason="dbt is not installed: pip install 'fsictl[sql]'"
    ),
]


def test_the_public_cdnow_purchases_are_as_lifetimes_says(fsictl: Fsictl, tmp_path: Path) -> None:
    if not PYTHON.is_file():
        pytest.skip("lifetimes is not here: python scripts/environments.py lifetimes")
    said = subprocess.run(
        [PYTHON, "-W", "ignore", "-c", _SUMMARY], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    theirs = json.loads(said.stdout)
    with (tmp_path / "cdnow.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["client_id", "date", "amount"])
        lines.writerows([c, f"{day[:4]}-{day[4:6]}-{day[6:]}", amount] for c, day, amount in theirs["transactions"])
    loaded = fsictl("generate", "--transactions", "cdnow.csv", "--json").json
    assert (loaded["transactions"], loaded["rejects"]) == (len(theirs["transactions"]), 0)
    fsictl("generate", "--transactions", "cdnow.csv")  # the same again changes nothing
    fsictl("sql", "run", "--run-date", LAST_DAY, "--select", "+rfm_segments")
    fsictl("sql", "show", "rfm_customers", "--run-date", LAST_DAY, "--out", "rfm.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "rfm.jsonl").read_text().splitlines()]
    ours = {row["client_id"]: (row["frequency"], row["recency"], row["T"]) for row in rows}
    assert len(ours) > 2000
    assert ours == {client: (frequency, recency, age) for client, frequency, recency, age in theirs["summary"]}


def test_simulated_clients_become_segments_and_the_rules_hold(fsictl: Fsictl) -> None:
    fsictl("generate", "--clients", 60, "--start", "2025-12-01", "--duration", "62d")
    made = fsictl("sql", "run", "--run-date", "2026-01-31", "--json").json
    rows = {one["model"]: one["rows"] for one in made["models"]}
    segments = fsictl("sql", "show", "rfm_segments", "--json").json
    assert sum(one["clients"] for one in segments) == rows["rfm_customers"] > 50
    assert "passed" in fsictl("sql", "test", "--run-date", "2026-01-31").err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("sql", "run", "--run-date", "31.1.2026"), 2, "is not a date"),
        (("sql", "run", "--run-date", "9000-01-01"), 3, "has not come yet"),
        (("sql", "run"), 3, "There is no fsictl workspace"),
        (("sql", "show", "rfm_customers"), 3, "No mart was made"),
    ],
)
def test_what_cannot_be_run_says_why(fsictl: Fsictl, arguments: tuple[str, ...], code: int, words: str) -> None:
    assert words in fsictl(*arguments, code=code).err
