"""The three pipelines over real files in one process, one after the other, so that every run does the same."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from tests.model.versions_of_chance import random_card, random_graph

from fsictl.backends.local.artifacts import LocalArtifacts
from fsictl.backends.local.messenger import LocalMessenger
from fsictl.backends.local.policy import Policy, Synchronous
from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.clock import SystemClock
from fsictl.errors import StorageUnavailableError
from fsictl.metrics.parameters import MetricsParameters
from fsictl.model.aliases import CHAMPION
from fsictl.model.versions import store_version
from fsictl.model.windows import WindowRules
from fsictl.ports.messenger import Channel
from fsictl.records.encoding import encode_end_of_input, encode_ticks
from fsictl.records.message import Message
from fsictl.records.schemas import METRICS_TOPIC, PRICES_TOPIC, RECONERR_TOPIC
from fsictl.records.ticks import Ticks
from fsictl.streams.infer import InferPipeline
from fsictl.streams.metrics import MetricsPipeline
from fsictl.streams.pipeline import Pipeline, Stop, run_pipeline
from fsictl.streams.sink import SinkPipeline

PARAMETERS = MetricsParameters(window=12, rsi_window=6, max_gap=5)
RULES = WindowRules(length=5, metrics_window=12, rsi_window=6)
START = 1_577_916_000_000
MESSAGES = 24
MESSAGES_A_STEP = 3

TABLES = {
    "prices": "symbol, timestamp, sequence",
    "metrics": "symbol, timestamp",
    "reconerr": "symbol, timestamp, model_version",
}


def publish(root: Path, seed: int) -> None:
    """A model version, and messages with ticks in disorder, a late one, a malformed one, and an end."""
    chance = np.random.default_rng(seed)
    count = 12 * MESSAGES
    times = START + np.cumsum(chance.choice([0, 90, 600, 4_000], count, p=[0.1, 0.5, 0.35, 0.05]))
    times += chance.integers(-300, 300, count)
    values = 1.1 + np.cumsum(chance.normal(0, 1e-4, count))
    symbols = chance.choice(["A", "B", "C"], count, p=[0.6, 0.3, 0.1]).tolist()
    ticks = Ticks.of(symbols, times.tolist(), values.tolist(), np.arange(count).tolist())
    messages = [encode_ticks(ticks.take(slice(n, n + 12))) for n in range(0, count, 12)]
    messages.insert(5, Message(b"{ no json", {"symbol": "A"}))
    messages.insert(15, encode_ticks(Ticks.of(["A"], [START + 1], [9.0])))
    messages.append(encode_end_of_input(int(times.max())))
    with LocalMessenger(root, SystemClock()) as messenger:
        for message in messages:
            messenger.publish([(PRICES_TOPIC, message)])
    artifacts = LocalArtifacts(root)
    version = "20200101T000000-chance"
    store_version(
        artifacts, random_card(version, RULES), keras_file=b"", graphs={"autoencoder": random_graph(0, RULES)}
    )
    artifacts.point(CHAMPION, version)


def run(root: Path) -> None:
    """Let metrics, infer and sink work off what is waiting; what the disk refuses is tried again, as a keeper does."""
    for name in ("metrics", "infer", "sink"):
        while True:
            try:
                _drain(root, name)
            except StorageUnavailableError:
                continue
            break


def _drain(root: Path, name: str) -> None:
    clock = SystemClock()
    pipeline, channel = _made(root, name, clock)
    with channel:
        run_pipeline(pipeline, channel, clock, poll=0.0, messages=MESSAGES_A_STEP, stop=lambda: Stop.DRAIN)


def _made(root: Path, name: str, clock: SystemClock) -> tuple[Pipeline, Channel]:
    messenger = LocalMessenger(root, clock, poll=0.0)
    if name == "metrics":
        metrics = MetricsPipeline(PARAMETERS, clock, allowed_lateness=1.0, idle_timeout=5.0)
        return metrics, messenger.channel(name, metrics.inputs, METRICS_TOPIC)
    if name == "infer":
        infer = InferPipeline(RULES, LocalArtifacts(root), clock)
        return infer, messenger.channel(name, infer.inputs, RECONERR_TOPIC)
    sink = SinkPipeline(clock)
    return sink, LocalWarehouse(root, clock, poll=0.0).sink(name, sink.inputs)


def told(root: Path) -> dict[str, tuple[int, str]]:
    """Rows and a hash of every table and of the dead letters, the same for the same rows; damage raises."""
    from fsictl.backends.local.database import Database
    from fsictl.backends.local.layout import Layout

    for path in Layout(root).outputs().values():
        file = Database.for_reading(path)
        if file is not None:
            with file:
                (found,) = file.all("PRAGMA integrity_check")
                if found != ("ok",):
                    message = f"{path} is damaged: {found[0]}"
                    raise AssertionError(message)
    warehouse = LocalWarehouse(root, SystemClock())
    rows = {name: warehouse.read(name).to_pylist() for name in TABLES}
    letters = LocalMessenger(root, SystemClock()).read("dead-letter", None, 1_000_000)
    rows["dead-letter"] = sorted(
        ({"data": one.message.data.hex(), "reason": one.message.attributes["reason"]} for one in letters), key=str
    )
    for one in LocalMessenger(root, SystemClock()).pipelines():
        progress = LocalMessenger(root, SystemClock()).progress(one)
        rows[f"{one} counters"] = [dict(progress.counters) if progress is not None else {}]
    return {name: (len(part), hashlib.sha256(json.dumps(part).encode()).hexdigest()) for name, part in rows.items()}


def publish_numbers(root: Path, count: int, *, full: bool) -> None:
    """Publish messages one by one, and report each when its publication has returned, as a byte in a file."""
    policy = Policy(Synchronous.FULL if full else Synchronous.NORMAL)
    messenger = LocalMessenger(root, SystemClock(), policy=policy)
    with (root / "reported").open("wb", buffering=0) as reported:
        for number in range(count):
            messenger.publish([("numbers", Message(b"%d" % number + bytes(1000 * (number % 9)), {}))])
            reported.write(b".")


def numbers(root: Path) -> list[int]:
    """The numbers that are there, in order; damage raises."""
    from fsictl.backends.local.database import Database
    from fsictl.backends.local.layout import Layout

    file = Database.for_reading(Layout(root).topic("numbers"))
    if file is None:
        return []
    with file:
        if file.all("PRAGMA integrity_check") != [("ok",)]:
            message = "the file is damaged"
            raise AssertionError(message)
    messages = LocalMessenger(root, SystemClock()).read("numbers", limit=1000)
    return [int(item.message.data.rstrip(b"\0")) for item in messages]
