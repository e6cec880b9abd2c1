"""``python -m fuzz TARGET [--inputs N]``: look for bytes that a reader does not survive, guided by coverage (atheris).

Without a target all of them, one process each. What it finds is written beside ``--corpus`` as ``crash-…``.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def one(name: str, inputs: int, corpus: Path) -> None:
    """Fuzz one target in this process; it ends the process."""
    import atheris

    with atheris.instrument_imports(include=["fsictl"]):
        from fuzz.targets import TARGETS, seeds
    for number, seed in enumerate(seeds().get(name, [])):
        (corpus / f"seed-{number}").write_bytes(seed)
    target = TARGETS[name]

    def look(data: bytes) -> None:
        target(data)

    kept = HERE / "corpus" / name
    folders = [str(corpus), *([str(kept)] if kept.is_dir() else [])]
    limits = [f"-runs={inputs}", "-max_len=4096", "-timeout=20", "-rss_limit_mb=2048", "-verbosity=0"]
    limits.append("-print_final_stats=1")
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={corpus.parent}/{name}-", *folders], look)
    atheris.Fuzz()


def main() -> int:
    """Fuzz what was asked for; 1 when something was found."""
    parser = argparse.ArgumentParser(description="Look for bytes that a reader does not survive.")
    parser.add_argument("target", nargs="?", help="one of fuzz.targets.TARGETS")
    parser.add_argument("--inputs", type=int, default=100_000, help="how many, for each target")
    parser.add_argument("--corpus", type=Path, help="where inputs that reach new code are kept")
    asked = parser.parse_args()
    if asked.target is not None and asked.corpus is not None:
        one(asked.target, asked.inputs, asked.corpus)
        return 0
    from fuzz.targets import TARGETS  # only now: in the process that fuzzes, imports are instrumented

    folder = asked.corpus or Path(tempfile.mkdtemp(prefix="fsictl-fuzz-corpus-"))
    found = 0
    for name in [asked.target] if asked.target else list(TARGETS):
        corpus = folder / name
        corpus.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        command = [sys.executable, "-m", "fuzz", name, "--inputs", str(asked.inputs), "--corpus", str(corpus)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        found += done.returncode != 0
        said = "nothing found" if done.returncode == 0 else "FOUND"
        executed = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
        count = executed[1] if executed else "?"
        print(f"{name:18} {count:>9} inputs  {time.monotonic() - began:6.0f} s  {said}", flush=True)
        if done.returncode != 0:
            print("\n".join(done.stderr.splitlines()[-25:]), flush=True)
    print(f"corpus and findings: {folder}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
