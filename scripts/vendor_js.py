"""Keep the JavaScript that the dashboard ships: fetch the pinned package, or check what is here.

``python scripts/vendor_js.py --check`` compares every file with SHA256SUMS, without a network.
``python scripts/vendor_js.py`` packs the pinned version with npm and writes files and SHA256SUMS anew.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VENDOR = Path(__file__).parent.parent / "src" / "fsictl" / "dashboard" / "static" / "vendor" / "uplot"
PACKAGE = "uplot@1.6.32"
FILES = {"LICENSE": "package/LICENSE", **{name: f"package/dist/{name}" for name in ("uPlot.esm.js", "uPlot.min.css")}}
SUMS = "SHA256SUMS"


def sums(folder: Path) -> str:
    """What SHA256SUMS must say of the files in the folder, in the format of ``sha256sum``."""
    return "".join(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in sorted(FILES))


def check(folder: Path = VENDOR) -> list[str]:
    """What is wrong with the folder, a sentence each; nothing when it is as it was fetched."""
    there = {path.name for path in folder.iterdir()}
    wanted = {*FILES, SUMS}
    wrong = [f"{name} is missing" for name in sorted(wanted - there)]
    wrong += [f"{name} does not belong here" for name in sorted(there - wanted)]
    if not wrong and sums(folder) != (folder / SUMS).read_text():
        wrong.append(f"the files are not those of {SUMS}")
    return wrong


def fetch(folder: Path = VENDOR) -> None:
    """Replace the folder's files with those of the pinned package."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is needed to fetch the package; --check works without it.")
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([npm, "pack", "--silent", PACKAGE], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(scratch).glob("*.tgz")
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as packed:
            for name, member in FILES.items():
                content = packed.extractfile(member)
                if content is None:
                    sys.exit(f"{PACKAGE} has no file {member}.")
                (folder / name).write_bytes(content.read())
    (folder / SUMS).write_text(sums(folder))


def main() -> None:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="only compare the files with their sums")
    if not parser.parse_args().check:
        fetch()
    wrong = check()
    if wrong:
        sys.exit(f"{VENDOR}: {'; '.join(wrong)}")


if __name__ == "__main__":
    main()
