"""The stateful step of inference in Beam, with cells and timers of our own in place of a runner's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from apache_beam.utils.timestamp import Timestamp
from tests.model.market import START_S, metrics_table
from tests.model.versions_of_chance import random_card, random_graph

from fsictl.model.beam import JudgeRows, RowsByShard
from fsictl.model.inference import InferenceOperator
from fsictl.model.versions import store_version
from fsictl.model.windows import WindowRules
from fsictl.parity.chance import MemoryArtifacts, champion_of_chance
from fsictl.parity.compare import Outcome, first_difference, outcome_of
from fsictl.records.encoding import decode_rows, encode_rows
from fsictl.records.message import Message, Received
from fsictl.records.schemas import METRICS, RECONERR


class Cells:
    """The state and the timer of one key."""

    def __init__(self) -> None:
        self.operator, self.due, self.waiting = _Value(), _Value(), _Bag()
        self.at: Timestamp | None = None

    def set(self, at: Timestamp) -> None:
        self.at = at


class _Value:
    def __init__(self) -> None:
        self.value: Any = None

    def read(self) -> Any:
        return self.value

    def write(self, value: Any) -> None:
        self.value = value

    def clear(self) -> None:
        self.value = None


class _Bag:
    def __init__(self) -> None:
        self.values: list[bytes] = []

    def read(self) -> list[bytes]:
        return list(self.values)

    def add(self, value: bytes) -> None:
        self.values.append(value)

    def clear(self) -> None:
        self.values = []


def _deliver(step: JudgeRows, cells: Cells, tables: Iterable[pa.Table]) -> None:
    for table in tables:
        received = Received("metrics", "1", encode_rows(METRICS, table), 0)
        for element in RowsByShard(1).process(received):
            step.process(element, cells.waiting, cells.due, cells)


def _advance(step: JudgeRows, cells: Cells, second: float) -> list[Message]:
    made: list[Message] = []
    while cells.at is not None and cells.at <= Timestamp(START_S + second):
        fired, cells.at = cells.at, None
        found = step.judge(fired, cells.operator, cells.waiting, cells.due, cells)
        made += [one for one in found if isinstance(one, Message)]  # and none of the calibrations
    return made


def _step(wait_ms: int = 0) -> JudgeRows:
    step = JudgeRows(WindowRules(), MemoryArtifacts(), wait_ms)
    step.setup()
    return step


def _rows(table: pa.Table, first: int, end: int) -> pa.Table:
    return table.slice(first, end - first)


def test_rows_wait_for_earlier_ones_and_no_longer() -> None:
    table = metrics_table("A", rows=30)
    step, cells = _step(wait_ms=500), Cells()
    _deliver(step, cells, [_rows(table, 20, 30)])
    assert cells.at == Timestamp(START_S + 30.5)  # half a second after the end of the newest row's second
    _deliver(step, cells, [_rows(table, 0, 10)])
    assert cells.at == Timestamp(START_S + 10.5)
    _deliver(step, cells, [_rows(table, 10, 20)])
    assert cells.at == Timestamp(START_S + 10.5)
    _advance(step, cells, 10.4)
    assert cells.operator.value is None
    _advance(step, cells, 10.5)
    assert sum(pa.ipc.open_stream(data).read_all().num_rows for data in cells.waiting.values) == 20
    _advance(step, cells, 31)
    assert (cells.waiting.values, cells.due.value, cells.at) == ([], None, None)


def test_messages_in_the_wrong_order_give_the_verdicts_of_the_right_one() -> None:
    table = metrics_table("A", rows=1500)
    expected = InferenceOperator(WindowRules()).process(table, None)
    assert expected.num_rows > 50
    step, cells, made = _step(), Cells(), []
    for start in range(0, 1500, 300):
        parts = [_rows(table, first, first + 100) for first in range(start, start + 300, 100)]
        _deliver(step, cells, parts[::-1])
        made += _advance(step, cells, start + 250)
    made += _advance(step, cells, 1500)
    assert first_difference(RECONERR, Outcome(expected), outcome_of(RECONERR, made)) is None


def test_each_symbol_is_judged_by_its_own_champion():
    store = champion_of_chance(WindowRules(), seed=1)
    store_version(store, random_card("own", WindowRules()), keras_file=b"", graphs={"autoencoder": random_graph()})
    store.point("champion.EURUSD", "own")
    step = JudgeRows(WindowRules(), store, 0)
    step.setup()
    cells = Cells()
    tables = [metrics_table(symbol, rows=700) for symbol in ("EURUSD", "USDJPY")]
    _deliver(step, cells, tables)
    received = [Received("reconerr", "1", message, 0) for message in _advance(step, cells, 800.0)]
    verdicts = decode_rows(RECONERR, received).table
    versions = {(row["symbol"], row["model_version"]) for row in verdicts.to_pylist()}
    assert versions == {("EURUSD", "own"), ("USDJPY", "chance")}
