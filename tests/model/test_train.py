from __future__ import annotations

import zipfile
from dataclasses import replace
from io import BytesIO

import numpy as np
import pyarrow as pa
import pytest
from tests.memory import MemoryArtifacts, MemoryWarehouse
from tests.model.conftest import OPTIONS, RULES
from tests.model.market import START_S, metrics_table

from fsictl.clock import ManualClock
from fsictl.errors import InputError, NotEnoughDataError, StorageError
from fsictl.model.columns import columns_of
from fsictl.model.dataset import hash_of, read_rows
from fsictl.model.inference import InferenceOperator
from fsictl.model.making import TrainingOptions
from fsictl.model.scorecard import Label, LabelledMetrics
from fsictl.model.split import split_windows
from fsictl.model.train import train_version
from fsictl.model.versions import load_card, load_file, load_scorer
from fsictl.model.windows import ROW_MS, WindowRules


def test_a_run_stores_a_version_that_the_champion_names(trained):
    report = trained.report
    assert report.alias == "champion"
    assert trained.artifacts.aliases() == {"champion": report.version}
    card = load_card(trained.artifacts, "champion")
    assert card.version == report.version == trained.scorer.version
    assert (card.requested_by, card.created_at, card.parent) == ("job-7", 1_700_000_000_000, None)
    assert card.snapshot.rows == 4000
    assert card.snapshot.until == 1000 * (START_S + 4000)
    assert card.snapshot.sha256 == hash_of(columns_of(trained.warehouse.tables["metrics"]))
    assert card.training["graph_difference"] < 1e-5
    assert report.windows >= card.training["windows"] + card.evaluation["check_windows"]
    assert trained.steps == [(step, OPTIONS.steps) for step in range(1, OPTIONS.steps + 1)]
    names = zipfile.ZipFile(BytesIO(load_file(trained.artifacts, card, "model.keras"))).namelist()
    assert "model.weights.h5" in names


def test_a_run_leaves_a_row(trained):
    (row,) = trained.warehouse.tables["training_runs"].to_pylist()
    assert row["outcome"] == "trained"
    assert row["model_version"] == trained.report.version
    assert row["run_id"] == trained.report.run_id
    assert (row["symbol"], row["rows"], row["windows"]) == ("*", 4000, trained.report.windows)
    assert row["until"] - row["since"] == 24 * 3_600_000


def test_the_version_judges_fresh_rows(trained):
    fresh = metrics_table("GBPUSD", rows=1500, seed=8, price=1.38)
    out = InferenceOperator(RULES).process(fresh, trained.scorer)
    assert out["reconstruction_error"].null_count < out.num_rows
    assert np.isfinite(out["reconstruction_error"].drop_null().to_numpy()).all()


@pytest.mark.slow
def test_the_same_rows_and_seed_give_the_same_version(trained):
    artifacts = MemoryArtifacts()
    report = train_version(
        trained.warehouse, artifacts, clock=ManualClock(5), rules=RULES, options=OPTIONS, requested_by="again"
    )
    assert report.version == trained.report.version
    own, first = (store.stored[report.version]["autoencoder.onnx"] for store in (artifacts, trained.artifacts))
    assert own == first


@pytest.mark.slow
def test_the_same_training_again_changes_no_champion(trained):
    before = trained.warehouse.tables["promotions"].to_pylist()
    report = train_version(
        trained.warehouse, trained.artifacts, clock=ManualClock(5), rules=RULES, options=OPTIONS, run_id="again"
    )
    assert (report.version, report.alias) == (trained.report.version, "champion")
    assert trained.warehouse.tables["promotions"].to_pylist() == before


@pytest.mark.parametrize("symbol", [None, "EURUSD", "GBPUSD"])
def test_too_few_windows_are_skipped_with_the_reason(symbol):
    warehouse, artifacts = MemoryWarehouse(metrics=metrics_table(rows=600)), MemoryArtifacts()
    with pytest.raises(NotEnoughDataError) as caught:
        train_version(warehouse, artifacts, clock=ManualClock(7_000), symbol=symbol, rules=RULES, run_id="r1")
    (row,) = warehouse.tables["training_runs"].to_pylist()
    assert (row["run_id"], row["outcome"], row["at"], row["model_version"]) == ("r1", "skipped", 7_000, None)
    assert row["reason"].startswith(str(caught.value))
    assert row["symbol"] == (symbol or "*")
    assert artifacts.folders() == []
    if symbol == "EURUSD":
        assert "500 are needed" in str(caught.value)
        assert "metrics.rsi_window" in caught.value.hint


def test_any_other_failure_leaves_a_row_too():
    class Broken(MemoryWarehouse):
        def read(self, *args, **kwargs):
            message = "disk on fire"
            raise RuntimeError(message)

    warehouse = Broken(metrics=metrics_table(rows=10))
    with pytest.raises(RuntimeError):
        train_version(warehouse, MemoryArtifacts(), clock=ManualClock(1))
    (row,) = warehouse.tables["training_runs"].to_pylist()
    assert (row["outcome"], row["reason"]) == ("failed", "RuntimeError: disk on fire")


def test_parts_of_the_split_share_no_moment():
    warehouse = MemoryWarehouse(metrics=metrics_table(rows=3000, silent=[(2000, 2040)]))
    columns, _ = read_rows(warehouse, symbol=None, hours=1, until=1000 * (START_S + 3000))
    split = split_windows(columns, RULES)
    length = RULES.length * ROW_MS
    for earlier, later in ((split.train, split.calibrate), (split.calibrate, split.check)):
        assert columns.timestamp[later].min() - columns.timestamp[earlier].max() >= length
    assert split.train.min() >= RULES.length + 329 - 1
    assert len(split.train) > 4 * len(split.calibrate) > 0
    silent = (columns.timestamp > 1000 * (START_S + 2022)) & (columns.timestamp < 1000 * (START_S + 2040))
    assert not silent[split.train].any()


def test_windows_without_extremes_are_none():
    warehouse = MemoryWarehouse(metrics=metrics_table(rows=500))
    columns, _ = read_rows(warehouse, symbol=None, hours=1, until=1000 * (START_S + 500))
    assert split_windows(columns, WindowRules(overbought=100, oversold=0)).windows == 0


def test_the_defaults_are_those_of_the_settings():
    from fsictl.settings.schema import ModelSettings

    settings, options, rules = ModelSettings(), TrainingOptions(), WindowRules()
    for name in ("steps", "seed", "least_windows", "label_rate", "alert_rate"):
        assert getattr(settings, name) == getattr(options, name)
    for name in ("overbought", "oversold", "stale_after", "most_filled"):
        assert getattr(settings, name) == getattr(rules, name)
    assert settings.window == rules.length


def test_windows_over_metrics_that_are_not_numbers_are_left_out():
    columns = columns_of(metrics_table(rows=1500))
    sma = columns.sma.copy()
    sma[1440] = np.nan
    split, whole = (split_windows(c, RULES) for c in (replace(columns, sma=sma), columns))
    parts = np.concatenate([split.train, split.calibrate, split.check])
    assert 0 < split.windows < whole.windows
    assert not np.any((parts >= 1440) & (parts < 1440 + RULES.length))


def test_nothing_is_trained_where_nothing_can_be_stored():
    class ReadOnly(MemoryWarehouse):
        def write(self, table, rows):
            message = "the workspace may not be written to"
            raise StorageError(message, hint="Use another.")

    steps = []
    with pytest.raises(StorageError):
        train_version(
            ReadOnly(metrics=metrics_table(rows=2000)),
            MemoryArtifacts(),
            clock=ManualClock(1),
            rules=RULES,
            options=OPTIONS,
            progress=lambda *step: steps.append(step),
        )
    assert steps == []


@pytest.mark.slow
def test_a_second_version_is_compared_with_the_champion_on_prices_with_anomalies(trained):
    """The ancestor's preset, on the same rows: it is a version like any other, and its scorecard is stored."""
    clean = columns_of(trained.warehouse.tables["metrics"])
    close = clean.close.copy()
    returns = clean.log_return.copy()
    labels = []
    for second in range(3300, 3990, 40):
        returns[second] += 5e-4 * (-1) ** second
        labels.append(Label("EURUSD", 1000 * (START_S + second), 1000 * (START_S + second + 1), "spike"))
    injected = replace(clean, close=close, log_return=returns)
    asked = []

    def labelled(start, end):
        asked.append((start, end))
        return LabelledMetrics("made up", clean, [(injected, labels)], since=start)

    artifacts = MemoryArtifacts()
    artifacts.stored, artifacts.pointers = dict(trained.artifacts.stored), dict(trained.artifacts.pointers)
    warehouse = MemoryWarehouse(metrics=trained.warehouse.tables["metrics"])
    report = train_version(
        warehouse,
        artifacts,
        clock=ManualClock(5),
        rules=RULES,
        options=replace(OPTIONS, preset="ancestor", detector="autoencoder", steps=3),
        labelled=labelled,
    )
    card = load_card(artifacts, report.version)
    assert (card.preset, card.detector, list(card.detectors)) == ("ancestor", "autoencoder", ["autoencoder"])
    (check,) = [one for one in card.gate["checks"] if one["name"] == "scorecard"]
    assert check["passed"] is not None
    assert "champion" in check["said"]
    stored = warehouse.tables["scorecards"].to_pylist()
    assert {row["detector"] for row in stored} == {"autoencoder"}
    assert asked[0][0] > card.snapshot.since
    fresh = metrics_table("GBPUSD", rows=1500, seed=8, price=1.38)
    out = InferenceOperator(RULES).process(fresh, load_scorer(artifacts, report.version))
    assert out["reconstruction_error"].null_count < out.num_rows


def test_a_detector_that_the_preset_has_not_is_refused():
    with pytest.raises(InputError, match="no detector 'mahalanobis'"):
        train_version(
            MemoryWarehouse(),
            MemoryArtifacts(),
            clock=ManualClock(1),
            options=TrainingOptions(preset="ancestor", detector="mahalanobis"),
        )


def test_constant_prices_are_skipped_with_the_reason():
    rows = metrics_table(rows=1500)
    place = rows.column_names.index("RELATIVE_STRENGTH_INDICATOR")
    flat = rows.set_column(place, rows.schema.field(place), pa.nulls(1500, pa.float64()))
    warehouse = MemoryWarehouse(metrics=flat)
    with pytest.raises(NotEnoughDataError, match="never move"):
        train_version(warehouse, MemoryArtifacts(), clock=ManualClock(1), rules=RULES, options=OPTIONS)
    (row,) = warehouse.tables["training_runs"].to_pylist()
    assert (row["outcome"], row["rows"]) == ("skipped", 1500)
