"""Reading price files: every layout, every fault, and nothing but known errors."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from fsictl.errors import FsictlError, InputError
from fsictl.prices.files import write_prices
from fsictl.prices.layout import FORMATS
from fsictl.prices.replay import read_all_prices, read_prices
from fsictl.prices.simulate import simulate
from fsictl.records.ticks import Ticks

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
Row = tuple[str, int, float]


def as_rows(ticks: Ticks) -> list[Row]:
    return [(ticks.symbol_of(i), int(ticks.timestamp[i]), float(ticks.value[i])) for i in range(len(ticks))]


def read(path: Path, content: str | bytes, **options: Any) -> tuple[list[Row], list[tuple[str, str, bytes]]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    ticks, rejects = read_all_prices(path, **options)
    return as_rows(ticks), [(reject.reason, reject.origin, reject.data) for reject in rejects]


MIDNIGHT = 1_577_836_800_000  # 2020-01-01 00:00 UTC

LAYOUTS = {
    "histdata quotes": ("eurusd_t.csv", "20200101 000000001,1.0,2.0,0\n", ("EURUSD", MIDNIGHT + 18_000_001, 1.5)),
    "histdata bars": (
        "DAT_ASCII_EURUSD_M1_2020.csv",
        "20200101 000000;1.1;1.3;1.0;1.2;0\n",
        ("EURUSD", MIDNIGHT + 18_000_000 + 59_999, 1.2),
    ),
    "truefx": ("x.csv", "EUR/USD,20200101 00:00:00.001,1.0,2.0\n", ("EURUSD", MIDNIGHT + 1, 1.5)),
    "quotes with header": (
        "eurusd.csv",
        "timestamp,bid,ask\n2020-01-01 00:00:00.000999+00:00,1.0,2.0\n",
        ("EURUSD", MIDNIGHT, 1.5),
    ),
    "csv": ("x.csv", f"symbol,timestamp,value\nA/B,{MIDNIGHT},1.25\n", ("A/B", MIDNIGHT, 1.25)),
    "csv without header": ("x.csv", f"A/B,{MIDNIGHT},1.25\n", ("A/B", MIDNIGHT, 1.25)),
    "iso": ("x.csv", "symbol,time,price\nA,2020-01-01T01:00:00+01:00,1.25\n", ("A", MIDNIGHT, 1.25)),
    "other columns": ("x.csv", f"volume,Time,Mid,Symbol\n3,{MIDNIGHT},1.25,A\n", ("A", MIDNIGHT, 1.25)),
    "value before quotes": ("x.csv", f"symbol,time,bid,ask,price\nA,{MIDNIGHT},5,6,1.25\n", ("A", MIDNIGHT, 1.25)),
    "semicolons": ("x.csv", f"symbol;time;price\r\nA;{MIDNIGHT};1.25\r\n", ("A", MIDNIGHT, 1.25)),
    "tabs and quotes": ("x.csv", f'symbol\ttime\tprice\n"A"\t"{MIDNIGHT}"\t1.25\n', ("A", MIDNIGHT, 1.25)),
    "jsonl": ("x.jsonl", f'{{"symbol":"A","timestamp":{MIDNIGHT},"value":1.25}}\n', ("A", MIDNIGHT, 1.25)),
    "jsonl quotes": (
        "gbpusd.jsonl",
        '{"time":"2020-01-01T00:00:00Z","bid":1.0,"ask":2,"x":null}\n',
        ("GBPUSD", MIDNIGHT, 1.5),
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("variant", ["plain", "no newline at the end", "byte order mark", "gzip", "line by line"])
def test_layouts(tmp_path: Path, name: str, variant: str) -> None:
    file_name, text, expected = LAYOUTS[name]
    content = text.encode()
    rejected = []
    if variant == "no newline at the end":
        content = content.rstrip(b"\r\n")
    elif variant == "byte order mark":
        content = b"\xef\xbb\xbf" + content
    elif variant == "gzip":
        content, file_name = gzip.compress(content, mtime=0), f"{file_name}.gz"
    elif variant == "line by line":
        content += b"\nnonsense\n"
        rejected = [("malformed", f"{file_name}:{len(content.splitlines())}", b"nonsense")]
    rows, rejects = read(tmp_path / file_name, content)
    assert rows == [expected]
    assert rejects == rejected


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("A,1,nan", "bad-value"),
        ("A,1,inf", "bad-value"),
        ("A,1,-1", "bad-value"),
        ("A,1,0", "bad-value"),
        ("A,1,1e999", "bad-value"),
        ("A,1,", "bad-value"),
        ("A,1,one", "bad-value"),
        ("A,1,1_0", "bad-value"),
        ("A,-1,1", "bad-timestamp"),
        ("A,,1", "bad-timestamp"),
        ("A,2020-13-01,1", "bad-timestamp"),
        ("A,999999999999999999999,1", "bad-timestamp"),
        ("A,300000000000000,1", "bad-timestamp"),
        (",1,1", "bad-symbol"),
        ("A B,1,1", "bad-symbol"),
        (f"{'A' * 33},1,1", "bad-symbol"),
        ("A,1", "malformed"),
        ("A,1,1,1", "malformed"),
        ('"A,1,1', "malformed"),
        ("\0\1\2", "malformed"),
    ],
)
def test_faults_are_kept(tmp_path: Path, line: str, reason: str) -> None:
    good = "A,5,1.5\n"
    text = f"symbol,timestamp,value\n{good}{line}\n\n{good}"
    rows, rejects = (
        read(tmp_path / "x.csv", text.replace("\0", "\x03")) if "\0" in line else read(tmp_path / "x.csv", text)
    )
    assert rows == [("A", 5, 1.5)] * 2
    assert rejects == [(reason, "x.csv:3", line.replace("\0", "\x03").encode())]


@pytest.mark.parametrize(
    ("bid", "ask", "price"),
    [("1.2", "1.2", 1.2), ("1.2", "1.1", None), ("0", "1", None), ("1", "inf", None), ("1", "x", None)],
)
def test_quotes(tmp_path: Path, bid: str, ask: str, price: float | None) -> None:
    rows, rejects = read(tmp_path / "eurusd.csv", f"time,bid,ask\n1,1,2\n2,{bid},{ask}\n")
    assert rows[1:] == ([] if price is None else [("EURUSD", 2, price)])
    assert [reason for reason, _, _ in rejects] == (["bad-value"] if price is None else [])


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "{",
        "[" * 100_000,
        '{"symbol":"A","timestamp":1}',
        '{"symbol":"A","value":1}',
        '{"symbol":"A","timestamp":true,"value":1}',
        '{"symbol":"A","timestamp":1.5,"value":1}',
        '{"symbol":7,"timestamp":1,"value":1}',
        '{"symbol":"A","timestamp":1,"value":null}',
        '{"symbol":"A","timestamp":1,"value":[1]}',
        '{"symbol":"A","timestamp":1,"value":NaN}',
        '{"symbol":"A","timestamp":1,"value":1e400}',
        '{"symbol":"A","timestamp":1' + "0" * 50 + ',"value":1}',
        '{"symbol":"A","timestamp":1,"value":1' + "0" * 500 + "}",
        '{"symbol":"A","timestamp":1,"bid":2,"ask":1}',
        b'{"symbol":"\xff","timestamp":1,"value":1}',
    ],
)
def test_faults_in_json_are_kept(tmp_path: Path, line: str | bytes) -> None:
    good = b'{"symbol":"A","timestamp":5,"value":1.5}'
    line = line if isinstance(line, bytes) else line.encode()
    rows, rejects = read(tmp_path / "x.jsonl", b"\n".join([good, line, good]))
    assert rows == [("A", 5, 1.5)] * 2
    assert [(origin, data) for _, origin, data in rejects] == [("x.jsonl:2", line)]


def test_the_first_line_may_be_a_fault(tmp_path: Path) -> None:
    rows, rejects = read(tmp_path / "eurusd.csv", "2020\n20200101 000000000,1,1,0\n")
    assert len(rows) == 1
    assert rejects == [("malformed", "eurusd.csv:1", b"2020")]


def test_faults_do_not_mislead_the_detection(tmp_path: Path) -> None:
    rows, rejects = read(tmp_path / "x.csv", "symbol,timestamp,value\n{oops\nA,1,1\n20200101 000000000,1,1,0\n")
    assert rows == [("A", 1, 1.0)]
    assert [origin for _, origin, _ in rejects] == ["x.csv:2", "x.csv:4"]
    rows, rejects = read(tmp_path / "x.jsonl", 'oops;\n{"symbol":"A","timestamp":1,"value":1}\n')
    assert rows == [("A", 1, 1.0)]
    assert rejects == [("malformed", "x.jsonl:1", b"oops;")]


def test_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(b"symbol,timestamp,value\n" + b"A,1,1\n" * 50_000))
    writer.start()
    ticks, rejects = read_all_prices(path)
    writer.join()
    assert (len(ticks), rejects) == (50_000, [])


def test_a_line_that_was_cut_off(tmp_path: Path) -> None:
    rows, rejects = read(tmp_path / "eurusd.csv", "20200101 000000000,1,1,0\n20200101 0000")
    assert len(rows) == 1
    assert rejects == [("malformed", "eurusd.csv:2", b"20200101 0000")]


@pytest.mark.parametrize(
    ("timezone", "local", "hours"),
    [
        ("America/New_York", "2020-07-01 00:00:00", 4),
        ("America/New_York", "2020-01-01 00:00:00", 5),
        ("America/New_York", "2020-11-01 01:30:00", 4),  # comes twice: the first
        ("America/New_York", "2020-03-08 02:30:00", 5),  # never comes: the offset from before
        ("UTC-5", "2020-07-01 00:00:00", 5),
        ("+05:30", "2020-07-01 00:00:00", -5.5),
        (None, "2020-07-01 00:00:00", 0),
    ],
)
@pytest.mark.parametrize("fault", ["", "\nfault\n"])
def test_time_zones(tmp_path: Path, timezone: str | None, local: str, hours: float, fault: str) -> None:
    rows, _ = read(tmp_path / "x.csv", f"symbol,time,value\nA,{local},1{fault}", timezone=timezone)
    assert rows[0][1] == int(np.datetime64(local.replace(" ", "T"), "ms").astype(np.int64) + hours * 3_600_000)


def test_the_zone_of_histdata_can_be_told(tmp_path: Path) -> None:
    rows, _ = read(tmp_path / "eurusd.csv", "20200101 000000000,1,1,0\n", timezone="UTC")
    assert rows[0][1] == MIDNIGHT


def test_order_is_left_as_it_is(tmp_path: Path) -> None:
    rows, _ = read(tmp_path / "x.csv", "symbol,timestamp,value\nA,7200000,1\nA,0,2\nA,3600000,3\n")
    assert [row[1] for row in rows] == [7_200_000, 0, 3_600_000]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(["A,1,1.5", "B,2,2.5", "A,x,1", "", "A,1", "A,3,nan"]), min_size=1, max_size=60),
    st.integers(1, 200),
)
def test_chunks_do_not_matter(lines: list[str], block_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "x.csv")
        path.write_text("\n".join(["symbol,timestamp,value", "Z,0,1", *lines]))
        chunks = list(read_prices(path, block_bytes=max(block_bytes, 10)))
        whole, rejects = read_all_prices(path)
        assert as_rows(Ticks.concat([ticks for ticks, _ in chunks])) == as_rows(whole)
        assert [reject for _, bad in chunks for reject in bad] == rejects
        expected = [f"x.csv:{number}" for number, line in enumerate(lines, 3) if line in {"A,x,1", "A,1", "A,3,nan"}]
        assert [reject.origin for reject in rejects] == expected


def test_an_endless_line_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"symbol,timestamp,value\nA,1,1\n" + b"9" * 300_000 + b"\nA,2,2\n")
    parts = list(read_prices(path, block_bytes=1000))
    assert as_rows(Ticks.concat([ticks for ticks, _ in parts])) == [("A", 1, 1.0), ("A", 2, 2.0)]
    rejects = [reject for _, bad in parts for reject in bad]
    assert {(reject.reason, reject.origin) for reject in rejects} == {("malformed", "x.csv:3")}
    assert b"".join(reject.data for reject in rejects) == b"9" * 300_000


def test_parquet_types(tmp_path: Path) -> None:
    path = tmp_path / "eurusd.parquet"
    moment = np.datetime64("2020-01-01T00:00:00.001999", "us")
    for time, expected in (
        (pa.array([moment]), MIDNIGHT + 18_000_001),
        (pa.array([moment]).cast(pa.timestamp("us", "UTC")), MIDNIGHT + 1),
        (pa.array([MIDNIGHT // 1000]).cast(pa.timestamp("s", "UTC")), MIDNIGHT),
        (pa.array([MIDNIGHT]), MIDNIGHT),
        (pa.array(["2020-01-01T00:00:00Z"]), MIDNIGHT),
    ):
        for price in (pa.array([1.5]), pa.array([1.5], pa.float32()), pa.array(["1.5"])):
            parquet.write_table(pa.table({"Time": time, "x": [0], "Price": price}), path)
            ticks, rejects = read_all_prices(path, timezone="UTC-5")
            assert as_rows(ticks) == [("EURUSD", expected, 1.5)]
            assert rejects == []


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_strange_times_in_parquet(tmp_path: Path, unit: str) -> None:
    path = tmp_path / "eurusd.parquet"
    for zone in (None, "UTC"):
        far = 2**50 if unit == "s" else 2**62  # stored in milliseconds
        times = pa.array([0, 1_500_000_001, None, far, -far], pa.timestamp(unit, zone))
        parquet.write_table(pa.table({"time": times, "value": [1.0, 2.0, 3.0, 4.0, 5.0]}), path)
        ticks, rejects = read_all_prices(path)
        assert 2 <= len(ticks) <= 3
        assert "eurusd.parquet:3" in [reject.origin for reject in rejects]
        assert len(ticks) + len(rejects) == 5
        assert ticks.timestamp[0] == 0


def test_faults_in_parquet_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    table = pa.table({"symbol": ["A", None, "A", "A B"], "timestamp": [1, 2, None, 4], "value": [1.5, 1.0, 1.0, 1.0]})
    for symbol in (table.column("symbol"), table.column("symbol").dictionary_encode()):
        parquet.write_table(table.set_column(0, "symbol", symbol), path)
        ticks, rejects = read_all_prices(path)
        assert as_rows(ticks) == [("A", 1, 1.5)]
        assert [(reject.reason, reject.origin) for reject in rejects] == [
            ("bad-symbol", "x.parquet:2"),
            ("bad-timestamp", "x.parquet:3"),
            ("bad-symbol", "x.parquet:4"),
        ]
        assert json.loads(rejects[2].data) == {"symbol": "A B", "timestamp": 4, "value": 1.0}


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.csv", b"", "empty"),
        ("x.csv", b"\n \n", "empty"),
        ("x.csv", b"symbol,timestamp,value\n", "no prices"),
        ("x.csv", b"symbol,timestamp,value\nA,1,nan\nA,1\n", "x.csv:2: the value nan"),
        ("x.csv", b"date,open,close\n1,2,3\n", "columns date, open, close"),
        ("eurusd.csv", b"time,bid\n1,2\n", "columns time, bid"),
        ("x.csv", b"time,bid,ask\n1,2,3\n", "which symbol"),
        ("x.csv", bytes(range(256)) * 10, "not a text file"),
        ("x.csv", b"\x80\x81\x82\n", "not a file of prices"),
        ("x.csv", b"hello world", "columns hello world"),
        ("x.parquet", b"PAR1 and no more", "Parquet"),
        ("x.csv", gzip.compress(b"symbol,timestamp,value\nA,1,1\n" * 100, mtime=0)[:-20], "cannot be read"),
        ("x.jsonl", b"{}\n", "x.jsonl:1"),
    ],
)
def test_files_without_prices(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path / name, content)
    assert says in str(caught.value)
    assert name in str(caught.value)


def test_needed_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path / "x.csv", "date,open,close\n1,2,3\n")
    assert "timestamp" in caught.value.hint
    parquet.write_table(pa.table({"date": [1], "open": [2.0]}), tmp_path / "x.parquet")
    with pytest.raises(InputError, match="columns date, open"):
        read_all_prices(tmp_path / "x.parquet")


def test_a_format_that_is_not_the_file_s(tmp_path: Path) -> None:
    (tmp_path / "eurusd.csv").write_text("20200101 000000000,1,1,0\n")
    assert len(read_all_prices(tmp_path / "eurusd.csv", format="histdata")[0]) == 1
    for wrong in ("truefx", "csv", "jsonl", "parquet", "excel"):
        with pytest.raises(InputError):
            read_all_prices(tmp_path / "eurusd.csv", format=wrong)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path, Path("a\0b")):
        with pytest.raises(InputError, match="cannot be read"):
            read_prices(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("symbol,timestamp,value\nA,1,1\n")
    path.chmod(0)
    with pytest.raises(InputError, match="cannot be read"):
        read_prices(path)


def test_the_symbol_of_a_file(tmp_path: Path) -> None:
    rows, _ = read(tmp_path / "x.csv", "time,value\n1,1\n", symbol="BTC-USD")
    assert rows == [("BTC-USD", 1, 1.0)]
    with pytest.raises(InputError, match="not a symbol"):
        read(tmp_path / "x.csv", "time,value\n1,1\n", symbol="a b")
    with pytest.raises(InputError, match="every row"):
        read(tmp_path / "x.csv", "symbol,time,value\nA,1,1\n", symbol="B")
    with pytest.raises(InputError, match="time zone"):
        read(tmp_path / "x.csv", "symbol,time,value\nA,1,1\n", timezone="Mars/Olympus")


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=200).map(lambda text: text.encode(errors="replace")),
        st.text('0123456789,.;:-+eEnaif "\n\tTZ{}[]', max_size=200).map(str.encode),
        st.text('0123456789,.;:-+ "\r\nT', max_size=200).map(lambda t: b"symbol,timestamp,value\nA,1,1\n" + t.encode()),
        st.text('0123456789,.:-+ "{}[]\nabc', max_size=200).map(
            lambda t: b'{"symbol":"A","timestamp":1,"value":1}\n' + t.encode()
        ),
        st.binary(max_size=100).map(lambda b: b"20200101 000000000,1,1,0\n" + b),
        st.binary(max_size=100).map(lambda b: b"PAR1" + b + b"PAR1"),
        st.binary(max_size=100).map(lambda b: gzip.compress(b"time,value\n1,1\n", mtime=0)[:-4] + b),
    ),
    st.sampled_from(FORMATS),
    st.sampled_from(["x.csv", "eurusd.csv"]),
)
def test_only_known_errors(content: bytes, format: str, name: str) -> None:  # noqa: A002 - the name of the option
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, name)
        path.write_bytes(content)
        try:
            ticks, _ = read_all_prices(path, format=format)
        except FsictlError:
            return
    assert len(ticks)
    assert np.isfinite(ticks.value).all()
    assert (ticks.value > 0).all()
    assert (ticks.timestamp >= 0).all()


def test_sample_quotes_of_histdata() -> None:
    path = DATA / "eurusd_2020-01-01_quotes.csv"
    if not path.exists():
        pytest.skip("the sample files are not there")
    ticks, rejects = read_all_prices(path)
    assert (len(ticks), rejects, ticks.symbols) == (9500, [], ("EURUSD",))
    assert ticks.timestamp[0] == MIDNIGHT + 22 * 3_600_000 + 65
    assert ticks.value[0] == pytest.approx((1.1212 + 1.12172) / 2)


def test_sample_quotes_with_header() -> None:
    path = DATA / "usdjpy_2013-01-01_quotes.csv"
    if not path.exists():
        pytest.skip("the sample files are not there")
    ticks, rejects = read_all_prices(path)
    assert (len(ticks), rejects, ticks.symbols) == (1000, [], ("USDJPY",))
    assert ticks.timestamp[0] == 1_357_077_600_295


def test_simulated_prices_come_back(tmp_path: Path) -> None:
    blocks = list(simulate(duration=600.0))
    write_prices(tmp_path / "x.csv", blocks)
    ticks, _ = read_all_prices(tmp_path / "x.csv")
    assert as_rows(ticks) == as_rows(Ticks.concat(blocks))


def test_an_ending_tells_the_layout_when_the_first_line_does_not(tmp_path: Path) -> None:
    path = tmp_path / "prices.jsonl"
    path.write_text('not json\n{"symbol": "A", "timestamp": 5, "value": 1.5}\n')
    chunks = list(read_prices(path))
    assert [value for ticks, _ in chunks for value in ticks.value.tolist()] == [1.5]
    assert [reject.data for _, rejects in chunks for reject in rejects] == [b"not json"]
    damaged = tmp_path / "prices.parquet"
    damaged.write_text("no parquet")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        list(read_prices(damaged))
