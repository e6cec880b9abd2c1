"""What the page ships of others is what was fetched, and the page names nothing outside of itself."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from fsictl.dashboard.app import STATIC

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def vendor_js() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vendor_js", ROOT / "scripts" / "vendor_js.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_vendored_files_are_unchanged(vendor_js: ModuleType) -> None:
    assert [vendor_js.check(package) for package in vendor_js.PACKAGES] == [[], []]


def test_a_changed_file_is_noticed(vendor_js: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "uplot"
    shutil.copytree(STATIC / "vendor" / "uplot", folder)
    assert vendor_js.check(vendor_js.UPLOT, folder) == []
    with (folder / "uPlot.esm.js").open("a") as file:
        file.write(" ")
    assert vendor_js.check(vendor_js.UPLOT, folder) == ["the files are not those of SHA256SUMS"]
    (folder / "LICENSE").unlink()
    (folder / "extra.js").touch()
    assert vendor_js.check(vendor_js.UPLOT, folder) == ["LICENSE is missing", "extra.js does not belong here"]


@pytest.mark.parametrize("path", [path.name for path in STATIC.iterdir() if path.suffix in {".js", ".html", ".css"}])
def test_the_page_names_nothing_outside(path: str) -> None:
    text = (STATIC / path).read_text()
    assert not re.search(r"(https?:)?//[a-z]", re.sub(r"(?m)//\s.*$", "", text))
    assert "innerHTML" not in text
    assert "style=" not in text
