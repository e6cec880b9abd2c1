"""The version that comes with the program: whole, made by its script, and good for simulated prices."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest
from tests.memory import MemoryArtifacts, MemoryWarehouse

from fsictl.metrics.parameters import MetricsParameters
from fsictl.model.bootstrap import FOLDER, install, origin_of, shipped_card, shipped_files, suits
from fsictl.model.inference import InferenceOperator
from fsictl.model.versions import CARD_FILE, load_scorer
from fsictl.model.windows import WindowRules
from fsictl.prices.simulate import simulate
from fsictl.records.ticks import Ticks
from fsictl.settings.schema import PAIRS, Settings
from fsictl.streams.evaluation import metrics_table

MOST_BYTES = 500_000


def test_it_is_small_whole_and_data_only() -> None:
    files = shipped_files()
    assert {file.name for file in FOLDER.iterdir()} == set(files)
    assert sum(map(len, files.values())) < MOST_BYTES
    assert {Path(name).suffix for name in files} == {".json", ".onnx", ".keras"}
    card = shipped_card()
    for name, digest in card.files.items():
        assert hashlib.sha256(files[name]).hexdigest() == digest
    assert set(card.files) == set(files) - {CARD_FILE}


def test_its_card_says_how_it_was_made_and_that_it_passed_its_gate() -> None:
    card = shipped_card()
    assert origin_of(card) is not None
    assert origin_of(card)["prices"] == "simulated"
    assert card.requested_by == "release"
    assert card.snapshot.symbols == PAIRS
    assert card.gate["passed"]
    assert {check["name"]: check["passed"] for check in card.gate["checks"]}["scorecard"]
    settings = Settings()
    assert suits(card, WindowRules(length=settings.model.window))
    assert card.training["steps"] == settings.model.steps
    assert card.detector == settings.model.detector
    assert (card.calibration.label_rate, card.calibration.alert_rate) == (
        settings.model.label_rate,
        settings.model.alert_rate,
    )


def test_the_simulator_still_makes_the_prices_that_it_was_trained_on() -> None:
    """If this fails, run scripts/make_bootstrap.py: the shipped version is no longer what it would make."""
    from scripts.make_bootstrap import origin

    assert origin_of(shipped_card()) == origin()


def test_it_becomes_champion_only_where_there_is_none_and_says_so_in_the_tables() -> None:
    artifacts, warehouse = MemoryArtifacts(), MemoryWarehouse()
    installed = install(artifacts, warehouse, at=7)
    assert installed.champion
    assert install(artifacts, warehouse, at=8) == installed
    (row,) = warehouse.tables["promotions"].to_pylist()
    assert (row["at"], row["model_version"], row["previous"], row["action"]) == (
        7,
        installed.version,
        None,
        "bootstrap",
    )
    other = MemoryArtifacts()
    other.put("mine", {"card.json": b"{}"})
    other.point("champion", "mine")
    assert not install(other, MemoryWarehouse(), at=9).champion
    assert other.aliases() == {"champion": "mine"}


@pytest.mark.slow
def test_it_keeps_its_rates_on_simulated_prices_that_nobody_trained_on() -> None:
    artifacts = MemoryArtifacts()
    version = install(artifacts, MemoryWarehouse(), at=0).version
    ticks = Ticks.concat(list(simulate(["EURUSD", "USDJPY", "GBPCHF"], seed=5, duration=4 * 3600)))
    verdicts = InferenceOperator().process(metrics_table(ticks, MetricsParameters()), load_scorer(artifacts, version))
    scored = verdicts.filter(pc.is_valid(verdicts["p_value"]))
    assert scored.num_rows > 10_000
    assert 0.05 < np.mean(scored["unreliable"].to_pylist()) < 0.2
    assert 0.002 < np.mean(scored["alert"].to_pylist()) < 0.03
