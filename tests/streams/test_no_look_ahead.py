"""The same verdicts live, replayed and in batches, and none that knows what comes later: on real quotes."""

from __future__ import annotations

import copy
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tests.memory import MemoryArtifacts, MemoryWarehouse
from tests.model.versions_of_chance import random_card, random_graph
from tests.streams.channels import MemoryChannel

from fsictl.clock import ManualClock
from fsictl.metrics.parameters import MetricsParameters
from fsictl.model.batch import infer_batch
from fsictl.model.champion import Champions
from fsictl.model.inference import InferenceOperator
from fsictl.model.versions import Scorer, load_scorer, store_version
from fsictl.model.windows import WindowRules
from fsictl.prices.replay import read_prices
from fsictl.records.encoding import decode_rows, encode_rows
from fsictl.records.message import Received
from fsictl.records.schemas import METRICS, METRICS_TOPIC, RECONERR, RECONERR_TOPIC
from fsictl.records.ticks import Ticks
from fsictl.streams.evaluation import metrics_table
from fsictl.streams.infer import InferPipeline
from fsictl.streams.pipeline import Stop, run_pipeline

RULES = WindowRules(rsi_window=60)
QUOTES = Path(__file__).parents[2].parent / "shared" / "data" / "eurusd_2020-01-01_quotes.csv"


@pytest.fixture(scope="module")
def metrics() -> pa.Table:
    """Metrics of real quotes where they are, else of simulated ones, with an RSI over a minute."""
    if QUOTES.exists():
        ticks = Ticks.concat([ticks for ticks, _ in read_prices(QUOTES)])
    else:
        from fsictl.prices.simulate import simulate

        ticks = Ticks.concat(list(simulate(["EURUSD"], hz=1.0, seed=3, duration=4 * 3600)))
    return metrics_table(ticks, MetricsParameters(rsi_window=60))


@pytest.fixture(scope="module")
def artifacts() -> MemoryArtifacts:
    store = MemoryArtifacts()
    for name, seed in (("champ", 1), ("rival", 2)):
        store_version(store, random_card(name), keras_file=b"", graphs={"autoencoder": random_graph(seed)})
    store.point("champion", "champ")
    store.point("challenger", "rival")
    return store


@pytest.fixture(scope="module")
def scorer(artifacts: MemoryArtifacts) -> Scorer:
    return load_scorer(artifacts, "champion")


def live(metrics: pa.Table, artifacts: MemoryArtifacts, rows: int) -> tuple[pa.Table, MemoryWarehouse]:
    """What the pipeline says when the rows come in messages of that many, and the calibrations it stored."""
    messages = [
        (METRICS_TOPIC, encode_rows(METRICS, metrics.slice(start, rows))) for start in range(0, metrics.num_rows, rows)
    ]
    channel, warehouse = MemoryChannel(messages), MemoryWarehouse(metrics=metrics)
    pipeline = InferPipeline(RULES, artifacts, ManualClock(), warehouse)
    run_pipeline(pipeline, channel, ManualClock(), poll=0.0, messages=3, stop=lambda: Stop.DRAIN)
    sent = [Received(topic, "1", message, 0) for topic, message in channel.outgoing if topic == RECONERR_TOPIC]
    return decode_rows(RECONERR, sent).table, warehouse


def of(table: pa.Table, version: str) -> pa.Table:
    return table.filter(pc.equal(table["model_version"], version)).combine_chunks()


def test_live_replay_and_batch_say_the_same(metrics, artifacts, scorer):
    whole = InferenceOperator(RULES).process(metrics, scorer).combine_chunks()
    assert whole.num_rows > 1000
    assert len(set(whole["threshold"].drop_null().to_pylist())) > 1  # the hourly calibration is part of it
    streamed, warehouse = live(metrics, artifacts, 97)
    again, _ = live(metrics, artifacts, 1000)
    assert of(streamed, "champ").equals(whole)
    assert of(again, "champ").equals(whole)
    first, last = metrics["timestamp"][0].as_py(), metrics["timestamp"][-1].as_py()
    batch = pa.concat_tables(list(infer_batch(warehouse, scorer, start=first, end=last + 1, rules=RULES)))
    assert batch.combine_chunks().equals(whole)


@pytest.mark.parametrize("share", [0.35, 0.5, 0.8])
def test_a_batch_over_a_part_says_what_the_stream_said_about_it(metrics, artifacts, scorer, share):
    whole, warehouse = live(metrics, artifacts, 97)
    first, last = metrics["timestamp"][0].as_py(), metrics["timestamp"][-1].as_py()
    start = first + round(share * (last - first))
    batch = pa.concat_tables(list(infer_batch(warehouse, scorer, start=start, end=last + 1, rules=RULES)))
    expected = of(whole, "champ")
    expected = expected.filter(pc.greater_equal(expected["timestamp"], start)).combine_chunks()
    assert batch.num_rows > 100
    assert batch.combine_chunks().equals(expected)


def test_a_longer_range_changes_nothing_about_earlier_rows(metrics, scorer):
    warehouse = MemoryWarehouse(metrics=metrics)
    first, last = metrics["timestamp"][0].as_py(), metrics["timestamp"][-1].as_py()
    middle = first + (last - first) // 2

    def judged(end: int) -> pa.Table:
        return pa.concat_tables(list(infer_batch(warehouse, scorer, start=first, end=end, rules=RULES)))

    short, long = judged(middle), judged(last + 1)
    assert short.num_rows > 500
    assert long.filter(pc.less(long["timestamp"], middle)).combine_chunks().equals(short.combine_chunks())


def test_the_challenger_is_scored_in_shadow_and_never_alerts(metrics, artifacts):
    streamed, warehouse = live(metrics, artifacts, 97)
    shadow, champion = of(streamed, "rival"), of(streamed, "champ")
    assert shadow.num_rows == champion.num_rows
    assert pc.any(champion["alert"]).as_py()
    assert not pc.any(shadow["alert"]).as_py()
    assert pc.any(shadow["unreliable"]).as_py()
    assert set(warehouse.tables["calibrations"]["model_version"].to_pylist()) == {"champ", "rival"}


def test_each_symbol_is_scored_by_its_own_champion_live_and_in_batches(metrics, artifacts):
    """Two symbols with the same rows, one of them with a version of its own and a challenger."""
    named = pa.array(["ZZZ"] * metrics.num_rows)
    twice = pa.concat_tables([metrics, metrics.set_column(0, metrics.schema.field(0), named)])
    twice = twice.sort_by([("timestamp", "ascending"), ("symbol", "ascending")])
    artifacts = copy.deepcopy(artifacts)
    artifacts.forget("challenger")
    artifacts.point("champion.ZZZ", "rival")
    artifacts.point("challenger.ZZZ", "champ")
    streamed, warehouse = live(twice, artifacts, 97)
    shadow = pc.and_(pc.equal(streamed["symbol"], "ZZZ"), pc.equal(streamed["model_version"], "champ"))
    own = streamed.filter(pc.invert(shadow)).sort_by([("symbol", "ascending"), ("timestamp", "ascending")])
    assert own.num_rows == 2 * streamed.filter(shadow).num_rows
    for symbol, version in ((metrics["symbol"][0].as_py(), "champ"), ("ZZZ", "rival")):
        alone = InferenceOperator(RULES).process(metrics, load_scorer(artifacts, version))
        mine = own.filter(pc.equal(own["symbol"], symbol))
        assert mine.drop_columns(["symbol"]).combine_chunks().equals(alone.drop_columns(["symbol"]).combine_chunks())
    first, last = metrics["timestamp"][0].as_py(), metrics["timestamp"][-1].as_py()
    for start in (first, first + (last - first) // 2):
        parts = infer_batch(warehouse, Champions(artifacts).scorers(), start=start, end=last + 1, rules=RULES)
        batch = pa.concat_tables(list(parts)).sort_by([("symbol", "ascending"), ("timestamp", "ascending")])
        expected = own.filter(pc.greater_equal(own["timestamp"], start))
        assert batch.num_rows > 100
        assert batch.combine_chunks().equals(expected.combine_chunks())


def test_a_version_of_one_symbol_is_taken_up_and_given_back_between_two_steps(metrics, artifacts):
    artifacts = copy.deepcopy(artifacts)
    artifacts.forget("challenger")
    symbol, third = metrics["symbol"][0].as_py(), metrics.num_rows // 3
    pipeline = InferPipeline(RULES, artifacts, ManualClock())

    def versions(start: int) -> set[str]:
        step = pipeline.step([Received(METRICS_TOPIC, "1", encode_rows(METRICS, metrics.slice(start, third)), 0)])
        sent = [Received(topic, "1", message, 0) for topic, message in step.outgoing if topic == RECONERR_TOPIC]
        return set(decode_rows(RECONERR, sent).table["model_version"].to_pylist())

    assert versions(0) == {"champ"}
    artifacts.point(f"champion.{symbol}", "rival")
    assert versions(third) == {"rival"}
    artifacts.forget(f"champion.{symbol}")
    assert versions(2 * third) == {"champ"}
