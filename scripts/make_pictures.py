"""Write docs/pictures: start the whole system in a workspace that is thrown away, and look at it.

``python scripts/make_pictures.py`` takes two or three minutes: it runs ``fsictl demo`` until there are verdicts and
alerts. It needs Chromium and ``pip install -e '.[pictures]'``. No picture is drawn by hand, and what is on them
differs from run to run, as the market does. ``--workspace DIR`` looks at a demo that runs there already, whose page
is at ``--address``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
SYMBOL = "GBPAUD"
COLOURS = 256
WIDE, PHONE = (1680, 945), (390, 844)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write docs/pictures from a running system.")
    parser.add_argument("--workspace", type=Path, help="of a demo that runs already")
    parser.add_argument("--address", help="of its page")
    options = parser.parse_args()
    PICTURES.mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        if options.workspace is None:
            workspace, address = stack.enter_context(running())
        else:
            workspace, address = options.workspace, options.address
        driver = stack.enter_context(sync_playwright())
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, look in LOOKS.items():
            keep(name, look(browser, address))
        keep("status.png", terminal(browser, workspace))
        browser.close()
    sizes = {file.name: file.stat().st_size for file in sorted(PICTURES.glob("*.png"))}
    print(f"{PICTURES.relative_to(ROOT)}: {sizes}, {sum(sizes.values()):,} bytes")


@contextlib.contextmanager
def running() -> Iterator[tuple[Path, str]]:
    """A demo with a model and alerts: its workspace, and the address of its page."""
    with tempfile.TemporaryDirectory() as folder, open(Path(folder) / "demo.log", "w+") as said:
        command = [sys.executable, "-m", "fsictl", "--workspace", folder, "demo", "--no-browser"]
        with subprocess.Popen(command, stdout=said, stderr=said) as demo:
            try:
                log = Path(folder) / "demo.log"
                until(lambda: "http://" in log.read_text(), demo, 120)
                address = re.findall(r"http://[\d.]+:\d+/", log.read_text())[0]
                until(lambda: bool(asked(address, "api/alerts")), demo, 900)
                time.sleep(20)  # of live data
                yield Path(folder), address
            finally:
                demo.send_signal(signal.SIGINT)


def until(holds: Callable[[], bool], demo: subprocess.Popen[bytes], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if demo.poll() is not None or time.monotonic() > deadline:
            sys.exit("The demo did not come up; see `fsictl demo`.")
        time.sleep(1)


def asked(address: str, path: str) -> Any:
    with urllib.request.urlopen(f"{address}{path}", timeout=30) as answer:  # noqa: S310 - our own page
        return json.load(answer)


@contextlib.contextmanager
def opened(browser: Browser, address: str, size: tuple[int, int], scheme: Any, **view: object) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, device_scale_factor=1)
    query = "&".join(f"{name}={value}" for name, value in {"symbol": SYMBOL, "window": 3600, **view}.items())
    page.goto(f"{address}?{query}")
    page.wait_for_selector("html[data-drawn]", state="attached")
    page.wait_for_timeout(3000)
    yield page
    page.close()


def dark(browser: Browser, address: str) -> bytes:
    """What most people see first."""
    with opened(browser, address, WIDE, "dark") as page:
        return page.screenshot()


def light(browser: Browser, address: str) -> bytes:
    """All of the page."""
    with opened(browser, address, WIDE, "light") as page:
        page.locator("#filling-chart").scroll_into_view_if_needed()
        page.wait_for_timeout(3000)  # the ticks are fetched
        page.evaluate("scrollTo(0, 0)")
        return page.screenshot(full_page=True)


def alert(browser: Browser, address: str) -> bytes:
    """The explanation of the newest alert that the network raised."""
    name = next(one["id"] for one in asked(address, "api/alerts?limit=500") if one["error"] is not None)
    with opened(browser, address, (1000, 1100), "dark", alert=name) as page:
        page.wait_for_selector("#explanation .shares")
        page.wait_for_timeout(500)
        return page.locator("#explanation").screenshot()


def phone(browser: Browser, address: str) -> bytes:
    """As wide as a phone."""
    with opened(browser, address, PHONE, "dark") as page:
        return page.screenshot()


LOOKS: dict[str, Callable[[Browser, str], bytes]] = {
    "page-dark.png": dark,
    "page-light.png": light,
    "alert.png": alert,
    "phone.png": phone,
}


def terminal(browser: Browser, workspace: Path) -> bytes:
    """``fsictl status`` as a terminal shows it."""
    from rich.console import Console

    from fsictl.cli.options import CommonOptions
    from fsictl.cli.session import Session
    from fsictl.cli.status import looks_at, overview
    from fsictl.cli.status_view import rendered

    session = Session(CommonOptions(workspace=workspace))
    looks = looks_at(session)
    for _ in range(3):  # ticks a second are known after two looks
        found = overview(session, looks)
        time.sleep(2.1)
    found["workspace"] = "~/market"
    console = Console(record=True, width=118, file=io.StringIO())
    console.print(rendered(found))
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.route("**/*", lambda route: route.abort())  # the drawing names a font elsewhere
    page.set_content(f"<body style='margin:0'>{console.export_svg(title='fsictl status --watch')}</body>")
    picture = page.locator("svg").first.screenshot()
    page.close()
    return picture


def keep(name: str, picture: bytes) -> None:
    """Write it with few colours, which a page of few colours does not miss."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    few = image.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
    few.save(PICTURES / name, optimize=True)


if __name__ == "__main__":
    main()
