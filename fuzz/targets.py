"""Everything that reads bytes from elsewhere, each as a function of bytes that must return, whatever they are.

Only the errors that a reader promises may come out, and what it calls good must be good.
"""

from __future__ import annotations

import gzip
import json
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fsictl.clock import ManualClock
from fsictl.errors import FsictlError, InputError, SettingsError
from fsictl.metrics import snapshot as metrics_snapshot
from fsictl.metrics.parameters import MetricsParameters
from fsictl.model.card import CARD_FORMAT, read_card
from fsictl.model.inference import InferenceOperator
from fsictl.prices.replay import read_all_prices
from fsictl.records.encoding import END_OF_INPUT, arrow_content_type, decode_rows, decode_ticks
from fsictl.records.message import CONTENT_TYPE, Message, Received
from fsictl.records.schemas import METRICS, PRICES, RECONERR, Schema
from fsictl.records.ticks import MAX_TIMESTAMP_MS, SYMBOL_PATTERN, Ticks
from fsictl.settings.load import load_settings
from fsictl.streams.metrics import MetricsPipeline

PARAMETERS = MetricsParameters(window=5, rsi_window=3, max_gap=3)
NOW = 1_700_000_000_000
_FOLDER = Path(tempfile.mkdtemp(prefix="fsictl-fuzz-"))


def _received(data: bytes, content_type: str | None = None, topic: str = "prices") -> Received:
    attributes = {"timestamp": "1000", "symbol": "A"}
    return Received(topic, "1", Message(data, attributes | ({CONTENT_TYPE: content_type} if content_type else {})), NOW)


def _check(ticks: Ticks) -> None:
    assert all(SYMBOL_PATTERN.fullmatch(ticks.symbol_of(n)) for n in range(len(ticks)))
    assert np.isfinite(ticks.value).all()
    assert (ticks.value > 0).all()
    assert ((ticks.timestamp >= 0) & (ticks.timestamp <= MAX_TIMESTAMP_MS)).all()


def ticks_json(data: bytes) -> None:
    """Messages of prices as JSON."""
    decoded = decode_ticks([_received(data)])
    _check(decoded.ticks)
    assert len(decoded.ticks) or decoded.rejects or data.strip() == b"[]"


def ticks_arrow(data: bytes) -> None:
    """Messages of prices as Arrow."""
    decoded = decode_ticks([_received(data, arrow_content_type(PRICES))])
    _check(decoded.ticks)


def _rows(schema: Schema, data: bytes, content_type: str | None) -> None:
    decoded = decode_rows(schema, [_received(data, content_type, schema.name)])
    decoded.table.validate(full=True)
    assert decoded.table.column_names == list(schema.names)


def metrics_json(data: bytes) -> None:
    """Messages of metrics as JSON."""
    _rows(METRICS, data, None)


def metrics_arrow(data: bytes) -> None:
    """Messages of metrics as Arrow."""
    _rows(METRICS, data, arrow_content_type(METRICS))


def reconerr_json(data: bytes) -> None:
    """Messages of verdicts as JSON."""
    _rows(RECONERR, data, None)


def stream(data: bytes) -> None:
    """Messages of any kind, separated by zero bytes, through the metrics pipeline, with a restart in between."""
    kinds = (None, arrow_content_type(PRICES), END_OF_INPUT)
    pipeline = _pipeline()
    for part in data.split(b"\0")[:6]:
        kind = kinds[part[0] % 3] if part else None
        said = part[1:].decode("latin-1")
        message = Message(part[1:], {"timestamp": said, "symbol": "A"} | ({CONTENT_TYPE: kind} if kind else {}))
        pipeline.step([Received("prices", "1", message, NOW)])
        state, counters = pipeline.snapshot(), pipeline.counters()
        pipeline = _pipeline()
        pipeline.restore(state, counters)


def _pipeline() -> MetricsPipeline:
    return MetricsPipeline(PARAMETERS, ManualClock(NOW), allowed_lateness=1.0, idle_timeout=5.0, max_ahead=7200.0)


def _file(name: str, data: bytes) -> None:
    path = _FOLDER / name
    path.write_bytes(data)
    try:
        ticks, rejects = read_all_prices(path)
    except InputError:
        return
    _check(ticks)
    assert all(reject.reason and reject.detail for reject in rejects)


def prices_csv(data: bytes) -> None:
    """Files of prices: csv, HistData, TrueFX, and whatever else the bytes look like."""
    _file("eurusd.csv", data)


def prices_jsonl(data: bytes) -> None:
    """Files of prices as JSON lines."""
    _file("eurusd.jsonl", data)


def prices_gzip(data: bytes) -> None:
    """Packed files of prices."""
    _file("eurusd.csv.gz", b"\x1f\x8b\x08" + data)


def prices_parquet(data: bytes) -> None:
    """Files of prices as Parquet."""
    _file("eurusd.parquet", b"PAR1" + data)


def metrics_state(data: bytes) -> None:
    """The stored state of the metrics operator, with a checksum that fits, so that its content is looked at."""
    whole = metrics_snapshot._PREFIX.pack(b"FSIM", metrics_snapshot._VERSION, zlib.crc32(data)) + data
    for one in (data, whole):
        try:
            metrics_snapshot.decode(one, PARAMETERS)
        except InputError:
            continue


def inference_state(data: bytes) -> None:
    """The stored state of the inference operator."""
    try:
        InferenceOperator().restore(data)
    except InputError:
        return


def settings_file(data: bytes) -> None:
    """fsictl.toml."""
    path = _FOLDER / "fsictl.toml"
    path.write_bytes(data)
    try:
        load_settings(path, {})
    except SettingsError:
        return


def settings_variable(data: bytes) -> None:
    """Environment variables."""
    value = data.decode("utf-8", "surrogateescape")
    for variable in ("FSICTL_METRICS_RSI_WINDOW", "FSICTL_PRICES_SYMBOLS", "FSICTL_PRICES_HZ", "FSICTL_TARGET"):
        try:
            load_settings(None, {variable: value})
        except SettingsError:
            continue


def model_card(data: bytes) -> None:
    """A model version's card."""
    try:
        read_card(data)
    except InputError:
        return


def moments(data: bytes) -> None:
    """Durations and moments as people write them."""
    from fsictl.cli import times

    text = data.decode("utf-8", "replace")
    for read in (times.duration, times.speed, lambda one: times.moment(one, NOW)):
        try:
            read(text)
        except FsictlError:
            continue


TARGETS: dict[str, Callable[[bytes], None]] = {
    one.__name__: one
    for one in (
        ticks_json,
        ticks_arrow,
        metrics_json,
        metrics_arrow,
        reconerr_json,
        stream,
        prices_csv,
        prices_jsonl,
        prices_gzip,
        prices_parquet,
        metrics_state,
        inference_state,
        settings_file,
        settings_variable,
        model_card,
        moments,
    )
}
"""Every target by its name."""


CARD = json.dumps(
    {
        "format": CARD_FORMAT,
        "version": "v",
        "created_at": 1,
        "requested_by": "x",
        "parent": None,
        "code_version": "0",
        "libraries": {},
        "features": ["a"],
        "window": 30,
        "metrics": {"window": 300, "rsi_window": 60},
        "extreme": {"overbought": 70.0, "oversold": 30.0},
        "scaler": {"center": [0.0], "scale": [1.0]},
        "score": {"name": "fmax", "reference": [1.0]},
        "calibration": {
            "label_rate": 0.1,
            "label_threshold": 1.0,
            "alert_rate": 0.01,
            "alert_threshold": 2.0,
            "scores": [1.0, 2.0],
        },
        "snapshot": {"symbols": ["A"], "since": 1, "until": 2, "rows": 3, "sha256": "0"},
        "training": {},
        "evaluation": {},
        "gate": {},
        "files": {},
    }
).encode()


def seeds() -> dict[str, list[bytes]]:
    """Inputs to begin with: what is right, for every target that reads a format."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from fsictl.records.arrow import arrow_schema
    from fsictl.records.encoding import encode_ticks
    from fsictl.settings.load import as_toml

    ticks = Ticks.of(["A", "EURUSD"], [NOW, NOW + 500], [1.1, 2.0])
    arrow = encode_ticks(ticks).data
    tick = {"symbol": "A", "timestamp": NOW, "value": 1.5, "sequence": 1}

    def row(schema: Schema) -> dict[str, object]:
        values = {"text": "A", "integer": 1, "float": 1.5, "boolean": True, "timestamp": NOW}
        return {field.name: values[field.kind.value] for field in schema.fields}

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, arrow_schema(METRICS)) as writer:
        writer.write_table(pa.Table.from_pylist([row(METRICS)], schema=arrow_schema(METRICS)))
    parquet = pa.BufferOutputStream()
    pq.write_table(pa.table({"symbol": ["A"], "timestamp": [NOW], "value": [1.5]}), parquet)
    pipeline = _pipeline()
    pipeline.step([_received(arrow, arrow_content_type(PRICES))])
    state = pipeline.snapshot() or b""
    ends = b"\x01" + arrow.replace(b"\0", b"\1") + b"\0\x02" + str(NOW).encode() + b"\0\x00" + json.dumps(tick).encode()
    return {
        "ticks_json": [json.dumps(tick).encode(), json.dumps([tick, {"symbol": 1}]).encode()],
        "ticks_arrow": [arrow],
        "metrics_json": [json.dumps(row(METRICS)).encode()],
        "metrics_arrow": [sink.getvalue().to_pybytes()],
        "reconerr_json": [json.dumps([row(RECONERR)]).encode()],
        "stream": [ends],
        "prices_csv": [
            b"timestamp,symbol,bid,ask\n2020-01-01T22:00:00Z,EURUSD,1.1,1.2\n1577916000000,A,x,\n",
            b"20200101 170000123,1.12120,1.12140,0\n",
            b"EUR/USD,20200101 22:01:01.123,1.1,1.2\n",
            b"20200101 170000;1.1;1.2;1.0;1.15;0\n",
        ],
        "prices_jsonl": [b'{"symbol": "A", "timestamp": 1577916000000, "value": 1.5}\n{"a": 1}\n'],
        "prices_gzip": [gzip.compress(b"timestamp,value\n1577916000000,1.5\n")[3:]],
        "prices_parquet": [parquet.getvalue().to_pybytes()[4:]],
        "metrics_state": [state[metrics_snapshot._PREFIX.size + 20 :]],
        "inference_state": [InferenceOperator().snapshot()],
        "settings_file": [as_toml().replace("# ", "").encode()[:2000], b'[metrics]\nrsi_window = "none"\n'],
        "settings_variable": [b"1e3", b"A,B", b"none"],
        "model_card": [CARD],
        "moments": [b"1h30m", b"2020-01-01T22:00:00Z", b"-2h", b"max"],
    }
