"""A visit to the page in Chromium, which must end without complaints."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--no-sandbox --disable-gpu --disable-background-networking --no-first-run --disable-component-update "
    "--disable-sync"
)
AXE = Path(__file__).parent / "vendor" / "axe" / "axe.min.js"
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


class Visit:
    """A page, what it wrote to its console, and what it asked for."""

    def __init__(self, browser: Any, address: str, *, width: int = 1400, scheme: str = "dark") -> None:
        self.address = address.partition("?")[0]
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.hear(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address)

    def hear(self, text: str) -> None:
        if "willReadFrequently" not in text:  # that one is about the test's own counting of pixels
            self.complaints.append(text)

    def leave(self) -> None:
        """Close the page, which must have had nothing to complain about and asked nobody else for anything."""
        self.page.close()
        assert self.complaints == []
        assert [url for url in self.requests if not url.startswith(self.address)] == []

    def violations(self) -> list[str]:
        """What axe finds wrong with the page as it is now."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run().then((result) => result.violations)")
        return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]

    def pixels(self, chart: str) -> dict[str, int]:
        counted: dict[str, int] = self.page.evaluate(COUNT_PIXELS, chart)
        return counted

    def wait(self, condition: str) -> None:
        """Until that JavaScript is true."""
        wait(self.page, condition)


def wait(page: Any, condition: str) -> None:
    """Until that JavaScript is true; asked from outside, as the page's policy forbids evaluating text in it."""
    for _ in range(600):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(condition)
