"""The page in a real browser, where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.dashboard.conftest import Stores
from tests.dashboard.made_up import metrics_rows, verdict_rows
from tests.dashboard.test_serve import serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip("there is no chromium to look at the page with", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api", reason="playwright, which drives the browser, is missing")

QUIET = (
    "--no-sandbox --disable-gpu --disable-background-networking --no-first-run --disable-component-update "
    "--disable-sync"
)
START = 1_700_000_000
COUNT_PIXELS = """
(id) => {
  const canvas = document.querySelector(`#${id} canvas`);
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const found = { yellow: 0, blue: 0, red: 0 };
  for (let i = 0; i < pixels.length; i += 4) {
    const [r, g, b, a] = pixels.slice(i, i + 4);
    if (a < 50 || a > 100) continue; // shading is see-through, lines are not
    if (r > 200 && g > 150 && b < 60) found.yellow++;
    if (r < 120 && b > 200) found.blue++;
    if (r > 200 && g < 130 && b < 130) found.red++;
  }
  return found;
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET.split())
        yield browser
        browser.close()


class Visit:
    """A page, what it wrote to its console, and what it asked for."""

    def __init__(self, browser: Any, address: str) -> None:
        self.page = browser.new_page(viewport={"width": 1400, "height": 900}, color_scheme="dark")
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.hear(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address)

    def hear(self, text: str) -> None:
        if "willReadFrequently" not in text:  # that one is about the test's own counting of pixels
            self.complaints.append(text)

    def pixels(self, chart: str) -> dict[str, int]:
        counted: dict[str, int] = self.page.evaluate(COUNT_PIXELS, chart)
        return counted

    def wait(self, condition: str) -> None:
        """Until that JavaScript is true; asked from outside, as the page's policy forbids evaluating text in it."""
        for _ in range(400):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(condition)


@pytest.fixture
def board(stores: Stores) -> Stores:
    """Ten minutes of a symbol that is overbought and unreliable in part, and of one that is neither."""
    seconds = np.arange(START, START + 600)
    rsi = np.where((seconds > START + 100) & (seconds < START + 400), 80.0, 50.0)
    extreme = seconds[rsi > 70]
    prices = 1.18 + np.sin(np.arange(600) / 50) * 1e-3
    stores.warehouse.write("metrics", metrics_rows("EURUSD", seconds, LAST=prices, RELATIVE_STRENGTH_INDICATOR=rsi))
    unreliable = extreme > START + 300
    error = np.where(unreliable, 2.0, 0.4)
    stores.warehouse.write(
        "reconerr", verdict_rows("EURUSD", extreme, unreliable=unreliable, alert=unreliable, reconstruction_error=error)
    )
    stores.warehouse.write("metrics", metrics_rows("USDJPY", seconds, LAST=109 + prices))
    return stores


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
        assert visit.complaints == []
        assert all(url.startswith(address) for url in visit.requests)
        page.close()


def test_an_empty_store_says_what_to_do_and_fills_by_itself(browser: Any, stores: Stores) -> None:
    with serving(stores) as address:
        visit = Visit(browser, address)
        visit.page.wait_for_selector("#empty", state="visible")
        assert "fsictl generate" in visit.page.inner_text("#empty")
        stores.warehouse.write("metrics", metrics_rows("EURUSD", range(START, START + 10)))
        visit.page.wait_for_selector("#board", state="visible")
        visit.wait("document.querySelectorAll('#symbols tr').length === 1")
        assert not visit.page.is_visible("#empty")
        assert visit.complaints == []
        visit.page.close()


def test_a_lost_server_is_shown(browser: Any, board: Stores) -> None:
    with serving(board) as address:
        visit = Visit(browser, address)
        visit.wait("document.title.startsWith('EURUSD')")
        assert "reconnecting" not in visit.page.inner_text("#feed")
    visit.wait("document.querySelector('#feed').textContent === 'reconnecting'")
    visit.page.close()


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
        assert visit.complaints == []
        visit.page.close()
