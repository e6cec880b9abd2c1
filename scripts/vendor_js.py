"""Keep the JavaScript of others that the dashboard and its tests use: fetch the pinned packages, or check what is here.

``python scripts/vendor_js.py --check`` compares every file with SHA256SUMS, without a network.
``python scripts/vendor_js.py`` packs the pinned versions with npm and writes files and SHA256SUMS anew.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
SUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class Package:
    """A pinned npm package, the folder that its files are kept in, and where in the package each of them is."""

    name: str
    folder: Path
    files: Mapping[str, str]


UPLOT = Package(
    "uplot@1.6.32",
    ROOT / "src" / "fsictl" / "dashboard" / "static" / "vendor" / "uplot",
    {"LICENSE": "package/LICENSE"} | {name: f"package/dist/{name}" for name in ("uPlot.esm.js", "uPlot.min.css")},
)
"""Draws the charts of the page."""

AXE = Package(
    "axe-core@4.11.0",
    ROOT / "tests" / "dashboard" / "vendor" / "axe",
    {name: f"package/{name}" for name in ("LICENSE", "axe.min.js")},
)
"""Judges in tests whether everybody can use the page; it is not in what is installed."""

PACKAGES = (UPLOT, AXE)


def sums(package: Package, folder: Path) -> str:
    """What SHA256SUMS must say of the files in the folder, in the format of ``sha256sum``."""
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in sorted(package.files)}
    return "".join(f"{digest}  {name}\n" for name, digest in hashes.items())


def check(package: Package, folder: Path | None = None) -> list[str]:
    """What is wrong with the package's folder, a sentence each; nothing when it is as it was fetched."""
    folder = folder or package.folder
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    wanted = {*package.files, SUMS}
    wrong = [f"{name} is missing" for name in sorted(wanted - there)]
    wrong += [f"{name} does not belong here" for name in sorted(there - wanted)]
    if not wrong and sums(package, folder) != (folder / SUMS).read_text():
        wrong.append(f"the files are not those of {SUMS}")
    return wrong


def fetch(package: Package) -> None:
    """Replace the folder's files with those of the pinned package."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is needed to fetch the packages; --check works without it.")
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([npm, "pack", "--silent", package.name], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(scratch).glob("*.tgz")
        package.folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as packed:
            for name, member in package.files.items():
                content = packed.extractfile(member)
                if content is None:
                    sys.exit(f"{package.name} has no file {member}.")
                (package.folder / name).write_bytes(content.read())
    (package.folder / SUMS).write_text(sums(package, package.folder))


def main() -> None:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="only compare the files with their sums")
    only_check = parser.parse_args().check
    wrong = []
    for package in PACKAGES:
        if not only_check:
            fetch(package)
        wrong += [f"{package.folder}: {what}" for what in check(package)]
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
