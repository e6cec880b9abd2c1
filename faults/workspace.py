"""The installed command in a workspace of its own, and what its tables hold."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsictl

ROOT = Path(__file__).resolve().parent.parent
SOURCE = str(Path(fsictl.__file__).parents[1])
LONGEST = 180.0

TABLES = {
    "prices": "symbol, timestamp, sequence",
    "metrics": "symbol, timestamp",
    "reconerr": "symbol, timestamp, model_version",
}

SETTINGS = {"FSICTL_METRICS_RSI_WINDOW": "60"}
"""Short, so that the RSI is extreme often, and there are many verdicts."""


class FaultError(AssertionError):
    """Something did not happen as it must."""


@dataclass(slots=True)
class Workspace:
    """Runs the command in ``directory``."""

    directory: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: object, codes: tuple[int, ...] = (0,)) -> str:
        """Run it to its end and return what it printed; its exit code must be one of ``codes``."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.env,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode not in codes or "Traceback" in done.stdout + done.stderr:
            message = f"fsictl {' '.join(map(str, arguments))}: {done.returncode}: {done.stderr}"
            raise FaultError(message)
        return done.stdout + ("" if done.returncode == 0 else done.stderr)

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Start it and return at once."""
        return subprocess.Popen(
            self.command(*arguments),
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def command(self, *arguments: object) -> list[str]:
        """The command line."""
        return [sys.executable, "-P", "-m", "fsictl", "--workspace", str(self.directory), *map(str, arguments)]

    @property
    def env(self) -> Mapping[str, str]:
        """The environment: settings, and the package under test."""
        path = os.pathsep.join([str(ROOT / "faults" / "hooks"), SOURCE, str(ROOT)])
        if not any(name.startswith("FAULTS_") for name in self.environment):
            path = SOURCE
        return {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", **SETTINGS, **self.environment}

    def pipelines(self) -> dict[str, dict[str, Any]]:
        """What ``stream status`` says."""
        return {one["pipeline"]: one for one in json.loads(self("stream", "status", "--json"))}

    def processes(self) -> dict[int, str]:
        """Processes of this workspace that are alive, by number."""
        found = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit() or int(folder.name) == os.getpid():
                continue
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if str(self.directory) in command and state != "Z":
                found[int(folder.name)] = command
        return found

    def stream(self) -> dict[int, str]:
        """The pipelines and keepers among them."""
        return {
            pid: command
            for pid, command in self.processes().items()
            if "--foreground" in command or "backends.local.supervise" in command
        }

    def told(self) -> dict[str, tuple[int, str]]:
        """Rows of every table and a hash of them, and the same of the dead letters."""
        found = {}
        for table, order in TABLES.items():
            text = self("query", f"select * from {table} order by {order}", "--limit", 10_000_000, "--json")
            found[table] = (text.count('"symbol"'), hashlib.sha256(text.encode()).hexdigest())
        letters = json.loads(self("dead-letter", "list", "--limit", 1_000_000, "--json"))
        texts = sorted(f"{one['reason']} {one['data']}" for one in letters)
        found["dead-letter"] = (len(texts), hashlib.sha256("\n".join(texts).encode()).hexdigest())
        return found

    def end(self) -> None:
        """End whatever is left of it."""
        for pid in self.processes():
            kill(pid, signal.SIGKILL)
        eventually(lambda: not self.processes(), "all processes are gone")


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def eventually(holds: Callable[[], bool], what: str, within: float = LONGEST) -> None:
    """Wait until it holds."""
    end = time.monotonic() + within
    while not holds():
        if time.monotonic() > end:
            message = f"never: {what}"
            raise FaultError(message)
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Reference:
    """Prices in a file, a workspace with a model and nothing else, and what an uninterrupted run leaves."""

    prices: Path
    fresh: Path
    expected: dict[str, tuple[int, str]]
    ticks: int

    def begin(self, directory: Path, **environment: str) -> Workspace:
        """A new workspace with the model."""
        shutil.copytree(self.fresh, directory)
        return Workspace(directory, environment)


def reference(folder: Path, *, minutes: int, seed: int, symbols: str = "EURUSD,GBPUSD,USDJPY") -> Reference:
    """Make the prices and let them through once, without any fault."""
    from tests.model.versions_of_chance import RULES, random_card, random_graph

    from fsictl.backends.local.artifacts import LocalArtifacts
    from fsictl.model.aliases import CHAMPION
    from fsictl.model.versions import store_version

    fresh, prices = folder / "fresh", folder / "prices.csv"
    fresh.mkdir()
    whole = Workspace(folder / "whole")
    artifacts = LocalArtifacts(fresh / ".fsictl")
    for version, number in (("20200101T000000-chance", 0), ("20200102T000000-chance", 1)):
        graph = random_graph(number, RULES)
        store_version(artifacts, random_card(version, RULES), keras_file=b"", graphs={"autoencoder": graph})
    artifacts.point(CHAMPION, "20200101T000000-chance")
    made = ["--start", "2024-01-01T00:00:00Z", "--duration", f"{minutes}m", "--seed", seed, "--symbols", symbols]
    whole.directory.mkdir()
    ticks = int(json.loads(whole("generate", *made, "--speed", "max", "--out", prices, "--json"))["ticks"])
    shutil.copytree(fresh, whole.directory, dirs_exist_ok=True)
    whole("generate", "--replay", prices, "--speed", "max")
    whole("stream", "start")
    whole("stream", "stop", "--drain", "--timeout", LONGEST)
    expected = whole.told()
    if not all(expected[table][0] for table in TABLES):
        message = f"the run without faults has made too little: {expected}"
        raise FaultError(message)
    return Reference(prices, fresh, expected, ticks)
