"""The page in a real browser, where there is one."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from tests.dashboard.conftest import Stores
from tests.dashboard.made_up import START, VERSION, lively, metrics_rows, verdict_rows
from tests.dashboard.test_serve import serving
from tests.dashboard.visit import Visit
from tests.memory import MemoryMessenger

from fsictl.dashboard.state import Limits, symbol_state
from fsictl.ports.messenger import PipelineProgress
from fsictl.records.arrow import table_of
from fsictl.records.schemas import PRICES

GATE = {"passed": True, "checks": [{"name": "no look-ahead", "passed": True, "said": "0 of 8 windows differ"}]}


def test_the_page_shows_what_is_there_and_what_comes(browser: Any, board: Stores) -> None:
    with serving(board) as address:
        visit = Visit(browser, address)
        page = visit.page
        visit.wait("document.querySelectorAll('#symbols tr').length === 2")
        visit.wait("document.title.startsWith('EURUSD')")
        page.wait_for_timeout(300)
        shaded = visit.pixels("price-chart")
        assert shaded["yellow"] > 5000
        assert shaded["red"] > 3000
        assert shaded["blue"] < 100
        assert page.locator("#alerts li").count() == 1
        assert page.get_attribute("#price-chart", "aria-label").endswith("1 unreliable stretches")

        board.warehouse.write("metrics", metrics_rows("EURUSD", [START + 600], LAST=np.array([1.2345])))
        visit.wait("document.querySelector('#symbols td:nth-child(2)').textContent === '1.23450'")
        visit.wait("document.querySelector('#readout').textContent.includes('1.23450')")

        page.get_by_role("button", name="USDJPY").click()
        visit.wait("document.title.startsWith('USDJPY')")
        assert "symbol=USDJPY" in page.url
        page.wait_for_timeout(300)
        assert visit.pixels("price-chart")["yellow"] < 1000
        page.select_option("#window", "300")
        visit.wait("location.search.includes('window=300')")
        page.go_back()
        page.go_back()
        visit.wait("document.title.startsWith('EURUSD')")

        page.goto(f"{address}?symbol=USDJPY&window=900")
        visit.wait("document.title.startsWith('USDJPY')")
        assert page.input_value("#window") == "900"
        visit.leave()


def test_an_empty_store_says_what_to_do_and_fills_by_itself(browser: Any, stores: Stores) -> None:
    with serving(stores) as address:
        visit = Visit(browser, address)
        visit.page.wait_for_selector("#empty", state="visible")
        assert "fsictl generate" in visit.page.inner_text("#empty")
        stores.warehouse.write("metrics", metrics_rows("EURUSD", range(START, START + 10)))
        visit.page.wait_for_selector("#board", state="visible")
        visit.wait("document.querySelectorAll('#symbols tr').length === 1")
        assert not visit.page.is_visible("#empty")
        visit.leave()


def test_the_page_finds_a_server_that_was_restarted(browser: Any, board: Stores) -> None:
    with serving(board) as address:
        visit = Visit(browser, address)
        visit.wait("document.title.startsWith('EURUSD')")
        assert "reconnecting" not in visit.page.inner_text("#feed")
    visit.wait("document.querySelector('#feed').textContent === 'reconnecting'")
    board.warehouse.write("metrics", metrics_rows("EURUSD", [START + 601], LAST=np.array([1.4321])))
    with serving(board, int(address.rstrip("/").rpartition(":")[2])):
        visit.wait("document.querySelector('#readout').textContent.includes('1.43210')")
        assert "reconnecting" not in visit.page.inner_text("#feed")
        visit.page.close()


def test_the_slider_tries_another_threshold_at_once(browser: Any, board: Stores) -> None:
    with serving(board) as address:
        visit = Visit(browser, address)
        page = visit.page
        visit.wait("document.title.startsWith('EURUSD')")
        assert page.inner_text("#threshold-value") == "1"
        before = visit.pixels("price-chart")
        page.fill("#threshold", "1000")  # as far as it goes: nothing is above it
        assert page.get_attribute("#price-chart", "aria-label").endswith("; 0 unreliable stretches")
        page.wait_for_timeout(100)
        none = visit.pixels("price-chart")
        assert none["red"] < 100 < before["red"]
        assert none["yellow"] > before["yellow"]
        page.fill("#threshold", "100")  # below every error
        page.wait_for_timeout(100)
        assert visit.pixels("price-chart")["red"] > before["red"] * 2
        assert "threshold=0.2" in page.url
        page.reload()
        visit.wait("document.querySelector('#threshold-value').textContent === '0.2 (model 1)'")
        page.click("#model-threshold")
        assert page.inner_text("#threshold-value") == "1"
        assert "threshold" not in page.url
        page.wait_for_timeout(100)
        assert visit.pixels("price-chart") == before
        visit.leave()


def test_an_alert_explains_itself(browser: Any, board: Stores) -> None:
    with serving(board) as address:
        visit = Visit(browser, address)
        page = visit.page
        page.click("#alerts button")
        visit.wait("document.querySelector('#explanation .body').textContent.includes('Which features')")
        said = page.inner_text("#explanation")
        assert "The RSI of EURUSD was 75.0, overbought" in said
        assert "volatility" in said
        assert "62 %" in said
        assert VERSION in said
        assert "alert=" in page.url
        assert visit.violations() == []
        page.reload()  # the address keeps it open
        visit.wait("document.querySelector('#explanation .body').textContent.includes('Which features')")
        page.get_by_role("button", name="Show on the charts").click()
        visit.wait("location.search.includes('from=')")
        assert "alert=" not in page.url
        assert page.is_visible("#live")
        page.keyboard.press("Escape")
        visit.wait("!location.search.includes('from=')")
        visit.leave()


def test_a_stretch_of_time_can_be_looked_at(browser: Any, board: Stores) -> None:
    with serving(board) as address:
        visit = Visit(browser, address)
        page = visit.page
        visit.wait("document.title.startsWith('EURUSD')")
        box = page.locator("#price-chart .u-over").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 50)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60, steps=4)
        page.mouse.up()
        visit.wait("location.search.includes('from=')")
        first = int(page.url.partition("from=")[2].partition("&")[0])
        assert abs(first - START - 150) <= 3
        visit.wait("document.querySelector('#window').value === 'stretch'")
        page.click("#live")
        visit.wait("!location.search.includes('from=')")
        page.goto(f"{address}?symbol=EURUSD&from=9&to=1&threshold=x&window=1e99&alert=%3Cb%3E")
        visit.wait("document.title.startsWith('EURUSD')")
        assert page.input_value("#window") == "3600"
        page.goto(f"{address}?symbol=EURUSD&from=1000&to=2000")
        page.wait_for_selector("#nothing", state="visible")
        visit.leave()


def test_the_keyboard_is_enough(browser: Any, board: Stores) -> None:
    with serving(board) as address:
        visit = Visit(browser, address)
        page = visit.page
        visit.wait("document.title.startsWith('EURUSD')")
        newest = page.inner_text("#readout")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        visit.wait("document.querySelector('#readout b').textContent.endsWith(':17')")
        assert page.inner_text("#readout") != newest
        page.keyboard.press("ArrowDown")
        visit.wait("document.title.startsWith('USDJPY')")
        page.keyboard.press("[")
        visit.wait("location.search.includes('window=900')")
        page.keyboard.press("t")
        assert page.get_attribute("html", "data-theme") == "light"
        page.reload()
        assert page.get_attribute("html", "data-theme") == "light"
        page.keyboard.press("t")
        visit.wait("document.title.startsWith('USDJPY')")
        page.keyboard.press("?")
        assert page.is_visible("#keys")
        page.keyboard.press("Escape")
        assert not page.is_visible("#keys")
        visit.leave()


def test_filled_seconds_are_marked_between_the_ticks(browser: Any, board: Stores) -> None:
    seconds = np.arange(START + 540, START + 600)
    filled = seconds % 10 >= 5
    ticks = (seconds[~filled] * 1000 - 300).tolist()
    board.warehouse.write(
        "prices",
        table_of(PRICES, {"symbol": ["EURUSD"] * 30, "timestamp": ticks, "sequence": [0] * 30, "value": [1.18] * 30}),
    )
    board.warehouse.write("metrics", metrics_rows("EURUSD", seconds, GAP_FILLED=filled))
    with serving(board) as address:
        visit = Visit(browser, address)
        visit.page.locator("#filling-chart").scroll_into_view_if_needed()
        visit.wait("document.querySelector('#filling-words').textContent !== ''")
        assert "30 ticks became 121 rows, 30 of them filled" in visit.page.inner_text("#filling-words")
        visit.leave()


def test_a_day_is_shown(browser: Any, stores: Stores) -> None:
    metrics, verdicts = lively("EURUSD", START, 86_400, price=1.18, seed=1)
    stores.warehouse.write("metrics", metrics)
    stores.warehouse.write("reconerr", verdicts)
    with serving(stores) as address:
        visit = Visit(browser, f"{address}?window=86400")
        visit.wait("document.title.startsWith('EURUSD')")
        shaded = visit.pixels("price-chart")
        assert min(shaded.values()) > 300
        stores.warehouse.write("metrics", metrics_rows("EURUSD", [START + 86_400], LAST=np.array([1.4321])))
        visit.wait("document.querySelector('#readout').textContent.includes('1.43210')")
        visit.leave()


def test_a_pipeline_that_stands_still_is_named(browser: Any, board: Stores) -> None:
    board.messenger = MemoryMessenger(PipelineProgress("metrics", {"ticks": 9, "late": 1234}, 1_000, {"prices": 56}))
    with serving(board) as address:
        visit = Visit(browser, address)
        visit.wait("document.querySelector('#notice').textContent.includes('metrics (56 messages wait)')")
        visit.wait("document.querySelector('#late').textContent === '1,234'")
        assert visit.page.inner_text("#feed") == "no new prices"
        assert visit.violations() == []
        visit.leave()


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (1100, "dark"), (390, "dark"), (390, "light")])
def test_axe_finds_nothing_and_nothing_sticks_out(browser: Any, filled: Stores, width: int, scheme: str) -> None:
    card = filled.artifacts.stored[VERSION]
    card["card.json"] = json.dumps(json.loads(card["card.json"]) | {"gate": GATE}).encode()
    with serving(filled) as address:
        visit = Visit(browser, address, width=width, scheme=scheme)
        visit.wait("document.title.startsWith('EURUSD')")
        visit.wait("document.querySelector('#model-card').textContent.includes('Version')")
        for summary in visit.page.locator("summary").all():
            summary.click()
        assert "0 of 8 windows" in visit.page.inner_text("#checks")
        assert visit.violations() == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        visit.page.click("#alerts button")
        visit.wait("document.querySelector('#explanation .body').textContent.includes('Which features')")
        assert visit.violations() == []
        visit.leave()


def test_text_from_the_tables_is_never_markup(browser: Any, board: Stores) -> None:
    odd = "<img/src=x/onerror=alert(1)>"
    board.warehouse.write(
        "reconerr", verdict_rows("USDJPY", [START + 599], alert=np.array([True]), side=[odd], model_version=[odd])
    )
    with serving(board) as address:
        visit = Visit(browser, address)
        visit.wait("document.querySelectorAll('#alerts li').length === 2")
        assert odd in visit.page.inner_text("#alerts")
        assert visit.page.locator("#alerts img").count() == 0
        visit.leave()


def test_the_page_and_the_server_agree_on_what_a_row_means(browser: Any, board: Stores) -> None:
    verdicts = [
        None,
        *(
            {"time": at, "unreliable": unreliable, "reason": reason}
            for at, unreliable, reason in itertools.product((94, 95, 100), (None, False, True), (None, "stale feed"))
        ),
    ]
    cases = [
        ({"time": 100, "rsi": rsi, "gap_filled": filled, "last_tick": tick, "verdict": verdict}, newest)
        for rsi, filled, tick, verdict, newest in itertools.product(
            (None, 30.0, 29.9, 50.0, 70.0, 70.1), (False, True), (79_999, 80_000), verdicts, (100, 120, 121)
        )
    ]
    expected = [symbol_state(row, newest, Limits()) for row, newest in cases]
    assert len(set(expected)) == 6
    with serving(board) as address:
        visit = Visit(browser, address)
        found = visit.page.evaluate(
            "async ([cases, limits]) => { const { symbolState } = await import('/static/state.js');"
            "return cases.map(([row, newest]) => symbolState(row, newest, limits)); }",
            [cases, asdict(Limits())],
        )
        visit.leave()
    assert found == expected
