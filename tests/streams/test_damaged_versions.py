"""Whatever happens to versions on disk: the last good champion goes on scoring, and the log says what happened."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tests.memory import MemoryWarehouse
from tests.model.market import metrics_table
from tests.model.versions_of_chance import RULES, random_card, random_graph

from fsictl.backends.local.artifacts import LocalArtifacts
from fsictl.clock import ManualClock
from fsictl.errors import StorageError
from fsictl.model.aliases import CHAMPION
from fsictl.model.inference import InferenceOperator
from fsictl.model.versions import load_scorer, store_version
from fsictl.records.encoding import decode_rows, encode_rows
from fsictl.records.message import Received
from fsictl.records.schemas import METRICS, METRICS_TOPIC, RECONERR, RECONERR_TOPIC
from fsictl.streams.infer import InferPipeline

ROWS = metrics_table(rows=1200)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    artifacts = LocalArtifacts(tmp_path)
    for name, seed in (("good", 1), ("next", 2)):
        store_version(artifacts, random_card(name), keras_file=b"", graphs={"autoencoder": random_graph(seed)})
    artifacts.point(CHAMPION, "good")
    return tmp_path


def step(pipeline: InferPipeline, rows: pa.Table) -> pa.Table:
    """The verdicts of one step."""
    result = pipeline.step([Received(METRICS_TOPIC, "1", encode_rows(METRICS, rows), 0)])
    sent = [Received(topic, "1", message, 0) for topic, message in result.outgoing if topic == RECONERR_TOPIC]
    return decode_rows(RECONERR, sent).table


def folder(root: Path) -> Path:
    return root / "models" / "versions" / "next"


def older_format(root: Path) -> None:
    card = json.loads((folder(root) / "card.json").read_bytes())
    (folder(root) / "card.json").write_text(json.dumps(card | {"format": 1}))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "deleted": (lambda root: shutil.rmtree(folder(root)), "there is no file"),
    "graph deleted": (lambda root: (folder(root) / "autoencoder.onnx").unlink(), "there is no file"),
    "graph truncated": (
        lambda root: (folder(root) / "autoencoder.onnx").write_bytes(random_graph(2)[:-100]),
        "is not the file that was stored",
    ),
    "another graph": (
        lambda root: (folder(root) / "autoencoder.onnx").write_bytes(random_graph(1)),
        "is not the file that was stored",
    ),
    "card truncated": (lambda root: (folder(root) / "card.json").write_bytes(b'{"format": 2,'), "cannot be read"),
    "card empty": (lambda root: (folder(root) / "card.json").write_bytes(b""), "cannot be read"),
    "older format": (older_format, "format 1"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_champion_leaves_the_last_good_one_scoring(
    root: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    harm, said = DAMAGES[damage]
    artifacts = LocalArtifacts(root)
    pipeline = InferPipeline(RULES, artifacts, ManualClock())
    assert set(step(pipeline, ROWS.slice(0, 600))["model_version"].to_pylist()) == {"good"}
    artifacts.point(CHAMPION, "next")
    harm(root)
    with caplog.at_level(logging.ERROR):
        for start in (600, 800):
            verdicts = step(pipeline, ROWS.slice(start, 200))
            assert verdicts.num_rows > 0
            assert set(verdicts["model_version"].to_pylist()) == {"good"}
            assert verdicts["reconstruction_error"].null_count < verdicts.num_rows
    (record,) = caplog.records  # said once, not every second
    assert said in record.getMessage()
    assert "last good version goes on scoring" in record.getMessage()
    artifacts.point(CHAMPION, "good")
    assert set(step(pipeline, ROWS.slice(1000))["model_version"].to_pylist()) == {"good"}


def test_a_champion_is_swapped_between_two_steps(root: Path) -> None:
    artifacts = LocalArtifacts(root)
    pipeline = InferPipeline(RULES, artifacts, ManualClock())
    step(pipeline, ROWS.slice(0, 600))
    artifacts.point(CHAMPION, "next")
    assert set(step(pipeline, ROWS.slice(600, 300))["model_version"].to_pylist()) == {"next"}


def test_calibrations_that_cannot_be_stored_stop_nothing(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Full(MemoryWarehouse):
        def write(self, table: str, rows: pa.Table) -> None:
            message = "the disk is full"
            raise StorageError(message, hint="Free some space.")

    pipeline = InferPipeline(RULES, LocalArtifacts(root), ManualClock(), Full())
    with caplog.at_level(logging.ERROR):
        verdicts = step(pipeline, ROWS)
    assert verdicts["reconstruction_error"].null_count < verdicts.num_rows
    assert "the disk is full" in caplog.text


def test_numbers_that_are_not_finite_get_no_score(root: Path) -> None:
    returns = ROWS["LOG_RTN"].to_numpy().copy()
    returns[700] = float("inf")
    broken = ROWS.set_column(ROWS.column_names.index("LOG_RTN"), "LOG_RTN", pa.array(returns))
    verdicts = InferenceOperator(RULES).process(broken, load_scorer(LocalArtifacts(root), CHAMPION))
    unscored = verdicts.filter(pc.is_null(verdicts["reconstruction_error"]))
    assert set(unscored["reason"].to_pylist()) == {"warm-up", "no score"}
    assert unscored.num_rows < verdicts.num_rows


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_symbol_whose_own_version_is_damaged_is_scored_by_the_last_good_one(
    root: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """First by its own version as it was, and after a restart by the shared one."""
    harm, said = DAMAGES[damage]
    artifacts = LocalArtifacts(root)
    store_version(artifacts, random_card("own"), keras_file=b"", graphs={"autoencoder": random_graph(3)})
    artifacts.point("champion.EURUSD", "own")
    pipeline = InferPipeline(RULES, artifacts, ManualClock())
    assert set(step(pipeline, ROWS.slice(0, 600))["model_version"].to_pylist()) == {"own"}
    artifacts.point("champion.EURUSD", "next")
    harm(root)
    with caplog.at_level(logging.ERROR):
        assert set(step(pipeline, ROWS.slice(600, 200))["model_version"].to_pylist()) == {"own"}
        restarted = InferPipeline(RULES, artifacts, ManualClock())
        restarted.restore(pipeline.snapshot(), {})
        assert set(step(restarted, ROWS.slice(800))["model_version"].to_pylist()) == {"good"}
    first, second = (record.getMessage() for record in caplog.records)
    assert said in first
    assert "The last good version goes on scoring EURUSD" in first
    assert "EURUSD is scored by the shared champion" in second
