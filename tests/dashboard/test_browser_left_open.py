"""The page in a real browser as people treat it: tabs by the dozen, a day long, with odd addresses, on a bad day."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from tests.dashboard.conftest import Stores
from tests.dashboard.made_up import START, metrics_rows, verdict_rows
from tests.dashboard.test_serve import serving
from tests.dashboard.visit import Visit, wait
from tests.memory import MemoryWarehouse

from fsictl.errors import StorageError
from fsictl.ports.warehouse import Extent
from fsictl.records.arrow import empty_table
from fsictl.records.schemas import METRICS, RECONERR

NEWS = "document.querySelector('#readout').textContent.includes('1.43210')"
HIDDEN = """
window.seen = false;
Object.defineProperty(document, "hidden", { get: () => !window.seen });
"""


@pytest.mark.slow
def test_fifty_tabs_are_open_and_all_that_are_seen_are_live(browser: Any, board: Stores) -> None:
    """More windows in sight than the browser has connections, and many tabs behind them."""
    with serving(board) as address:
        context = browser.new_context(viewport={"width": 700, "height": 500})
        seen = [context.new_page() for _ in range(8)]
        for page in seen:
            page.goto(address)
        context.add_init_script(HIDDEN)
        behind = [context.new_page() for _ in range(42)]
        for page in behind:
            page.goto(address, wait_until="commit")
        board.warehouse.write("metrics", metrics_rows("EURUSD", [START + 600], LAST=[1.4321]))
        for page in seen:
            wait(page, NEWS)
        last = behind[-1]
        last.wait_for_load_state()
        assert last.inner_text("#readout") == ""  # it asks for nothing until somebody looks
        last.evaluate("window.seen = true; document.dispatchEvent(new Event('visibilitychange'))")
        wait(last, NEWS)
        context.close()


def test_a_tab_that_is_not_seen_stops_listening_and_catches_up(browser: Any, board: Stores) -> None:
    with serving(board) as address:
        visit = Visit(browser, address)
        visit.wait("document.title.startsWith('EURUSD')")
        page = visit.page
        page.evaluate(HIDDEN)
        page.clock.install()
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.clock.fast_forward(16_000)
        before = page.inner_text("#readout")
        board.warehouse.write("metrics", metrics_rows("EURUSD", [START + 600], LAST=[1.4321]))
        page.wait_for_timeout(300)
        assert page.inner_text("#readout") == before
        page.evaluate("window.seen = true; document.dispatchEvent(new Event('visibilitychange'))")
        page.clock.resume()
        visit.wait(NEWS)
        visit.leave()


class ADay(MemoryWarehouse):
    """Rows of two symbols as of ``now``, which moves on at every look of the page."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.now = START
        self.step = step

    def extents(self, table: str) -> list[Extent]:
        if table == METRICS.name:
            self.now = min(self.now + self.step, START + 86_400)
        return [Extent(symbol, 1, START * 1000 - 1, self.now * 1000 - 1) for symbol in ("EURUSD", "USDJPY")]

    def read(
        self,
        table: str,
        *,
        symbols: Sequence[str] | None = None,
        start: int | None = None,
        end: int | None = None,
        columns: Sequence[str] | None = None,
        newest: int | None = None,
    ) -> pa.Table:
        if table not in {METRICS.name, RECONERR.name}:
            return super().read(table, columns=columns)
        first = max(START, ((start or 0) + 1) // 1000)
        last = min(self.now, (self.now if end is None else end // 1000))
        seconds = range(first, last + 1)[-(newest or 86_400) :]
        parts = [empty_table(METRICS if table == METRICS.name else RECONERR)]
        for symbol in symbols or ("EURUSD", "USDJPY"):
            if table == METRICS.name:
                parts.append(metrics_rows(symbol, seconds, LAST=[1 + second % 100 / 1e4 for second in seconds]))
            else:  # an alert of ten seconds every five minutes
                judged = [second for second in seconds if second % 300 < 10]
                parts.append(verdict_rows(symbol, judged, alert=[True] * len(judged)))
        rows = pa.concat_tables(parts)
        return rows if columns is None else rows.select(list(columns))


@pytest.mark.slow
def test_a_page_left_open_for_a_day_does_not_grow(browser: Any, stores: Stores) -> None:
    stores.warehouse = ADay(step=600)
    with serving(stores) as address:
        visit = Visit(browser, f"{address}?window=900")
        visit.wait("document.title.startsWith('EURUSD')")
        tools = visit.page.context.new_cdp_session(visit.page)

        def weight() -> tuple[float, int, int]:
            tools.send("HeapProfiler.collectGarbage")
            counted = tools.send("Memory.getDOMCounters")
            used = tools.send("Runtime.getHeapUsage")["usedSize"]
            return used / 1e6, counted["nodes"], counted["jsEventListeners"]

        def wait_until(second: int) -> None:
            deadline = time.monotonic() + 200
            while stores.warehouse.now < second:  # type: ignore[attr-defined]  # the one above
                assert time.monotonic() < deadline
                visit.page.wait_for_timeout(100)

        wait_until(START + 4 * 3600)  # every list of the page is full by now
        heap, nodes, listeners = weight()
        wait_until(START + 86_400)
        visit.wait("document.querySelector('#readout').textContent.includes('22:13:20')")  # START, a day later
        heap_after, nodes_after, listeners_after = weight()
        assert heap_after < heap + 3
        assert nodes_after < nodes + 200
        assert listeners_after <= listeners + 10
        assert visit.page.locator("#alerts li").count() == 50
        visit.leave()


@pytest.mark.parametrize(
    "query",
    [
        "window=-5&threshold=NaN&from=9&to=1",
        "window=1e99&from=1&to=9e99&threshold=-1",
        "from=0&to=700000&alert=%3Cscript%3E",
        "symbol=EURUSD&symbol=&window=3600.5&from=x",
    ],
)
def test_absurd_addresses_show_the_usual(browser: Any, board: Stores, query: str) -> None:
    with serving(board) as address:
        visit = Visit(browser, f"{address}?{query}")
        visit.wait("document.title.startsWith('EURUSD')")
        assert visit.page.input_value("#window") == "3600"
        assert not visit.page.is_visible("#live")
        assert visit.pixels("price-chart")["yellow"] > 5000
        visit.leave()


def test_an_unknown_symbol_is_named_and_another_one_shown(browser: Any, board: Stores) -> None:
    with serving(board) as address:
        visit = Visit(browser, f"{address}?symbol=%3Cb%3ENOPE")
        visit.wait("document.title.startsWith('EURUSD')")
        assert visit.page.inner_text("#unknown") == "There are no rows of the symbol <b>NOPE; this is EURUSD."
        assert "symbol=EURUSD" in visit.page.url
        visit.page.keyboard.press("ArrowDown")
        visit.wait("document.title.startsWith('USDJPY')")
        assert not visit.page.is_visible("#unknown")
        visit.leave()


def test_a_time_without_rows_is_an_empty_chart(browser: Any, board: Stores) -> None:
    with serving(board) as address:
        visit = Visit(browser, f"{address}?symbol=EURUSD&from=1000&to=2000")
        visit.wait("!document.querySelector('#nothing').hidden")
        assert visit.violations() == []
        visit.page.click("#live")
        visit.wait("document.querySelector('#nothing').hidden")
        visit.leave()


def test_a_store_that_cannot_be_read_is_told_until_it_can(browser: Any, board: Stores) -> None:
    with serving(board) as address:
        visit = Visit(browser, address)
        visit.wait("document.title.startsWith('EURUSD')")
        board.warehouse.failure = StorageError("the disk is gone", hint="Bring it back.")
        visit.wait("document.querySelector('#notice').textContent === 'the disk is gone. Bring it back.'")
        assert visit.page.inner_text("#feed") == "cannot read"
        board.warehouse.write("metrics", metrics_rows("EURUSD", [START + 600], LAST=[1.4321]))
        board.warehouse.failure = None
        visit.wait(NEWS)
        visit.wait("document.querySelector('#notice').hidden")
        visit.leave()


def test_a_name_from_elsewhere_that_means_this_machine_gets_nothing(browser: Any, board: Stores) -> None:
    with serving(board) as address:
        page = browser.new_page()
        foreign = address.replace("127.0.0.1", "evil.example")
        for path in ("", "api/symbols", "static/main.js"):
            answer = page.goto(f"{foreign}{path}")
            assert answer.status == 421
            assert "EURUSD" not in answer.text()
        assert page.goto(address).status == 200
        page.close()
