from __future__ import annotations

import json

import pyarrow as pa
import pytest
from tests.memory import MemoryArtifacts, MemoryWarehouse
from tests.model.market import metrics_table
from tests.model.versions_of_chance import RULES, random_card, random_graph

from fsictl.alerts.episodes import episodes_of
from fsictl.cli.explain import in_words, sparkline
from fsictl.errors import InputError
from fsictl.model.inference import InferenceOperator
from fsictl.model.versions import load_scorer, store_version
from fsictl.records.arrow import ticks_to_table
from fsictl.records.ticks import Ticks
from fsictl.streams.explain import explain_alert


@pytest.fixture(scope="module")
def artifacts() -> MemoryArtifacts:
    store = MemoryArtifacts()
    store_version(store, random_card("v1"), keras_file=b"", graphs={"autoencoder": random_graph()})
    return store


@pytest.fixture(scope="module")
def warehouse(artifacts: MemoryArtifacts) -> MemoryWarehouse:
    metrics = metrics_table(rows=1500, silent=[(1000, 1045)])
    verdicts = InferenceOperator(RULES).process(metrics, load_scorer(artifacts, "v1"))
    ends = metrics["timestamp"].to_pylist()
    ticks = Ticks.of(["EURUSD"] * len(ends), [end - 500 for end in ends], metrics["LAST"].to_pylist())
    return MemoryWarehouse(metrics=metrics, reconerr=verdicts, prices=ticks_to_table(ticks))


def test_an_alert_is_explained_down_to_its_ticks(warehouse, artifacts):
    alert = episodes_of(warehouse.tables["reconerr"])[-1]
    told = explain_alert(warehouse, artifacts, alert.id[:8])
    json.dumps(told)  # plain values only
    verdict = told["verdict"]
    assert told["alert"]["id"] == alert.id
    assert verdict["reconstruction_error"] == alert.largest_error
    assert told["detectors"]["autoencoder"] == pytest.approx(alert.largest_error, rel=1e-6)
    assert next(iter(verdict["feature_errors"])) == alert.main_feature
    assert verdict["p_value"] <= 0.1
    assert len(told["seconds"]) == told["window"]["rows"] == 30
    assert told["seconds"][-1]["timestamp"] == verdict["timestamp"]
    assert all(one["error"] is not None for one in told["seconds"])
    assert len(told["ticks"]) == 30
    assert told["version"]["trained_on"]["rows"] == 4000
    assert told["missing"] == []
    said = in_words(told)
    assert "p-value" in said["score"]
    assert len(said["price"].split()[0]) == 30


def test_what_is_gone_is_named_and_the_rest_is_told(warehouse):
    alert = episodes_of(warehouse.tables["reconerr"])[-1]
    poor = MemoryWarehouse(reconerr=warehouse.tables["reconerr"])
    told = explain_alert(poor, MemoryArtifacts(), alert.id)
    assert told["version"] is None
    assert len(told["missing"]) == 2
    assert "not known" in in_words(told)


def test_a_stale_feed_is_explained_by_its_rule(warehouse, artifacts):
    stale = [one for one in episodes_of(warehouse.tables["reconerr"], flag="unreliable") if one.reason == "stale"]
    told = explain_alert(warehouse, artifacts, stale[0].id)
    assert "by rule: stale" in in_words(told)["what"]


@pytest.mark.parametrize(("name", "said"), [("nonsense", "no alert"), ("", "alerts have an id")])
def test_an_id_that_names_none_or_several_is_bad_input(warehouse, artifacts, name, said):
    with pytest.raises(InputError, match=said):
        explain_alert(warehouse, artifacts, name)


def test_a_flat_line_is_drawn_flat():
    assert sparkline([2.0, 2.0]) == "▁▁"
    assert sparkline([]) == "–"


def test_metrics_that_are_not_stored_leave_the_score_unexplained(warehouse, artifacts):
    alert = episodes_of(warehouse.tables["reconerr"])[-1]
    metrics = warehouse.tables["metrics"]
    poor = MemoryWarehouse(
        metrics=pa.concat_tables([metrics.slice(0, 700), metrics.slice(1490)]), reconerr=warehouse.tables["reconerr"]
    )
    told = explain_alert(poor, artifacts, alert.id)
    assert told["detectors"] == {}
    assert "metrics rows" in told["missing"][0]
