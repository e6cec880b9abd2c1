"""A long run at a high rate: lag, memory, disk and latency over time.

    python benchmarks/soak.py                      # 15 minutes at 100 times the default rate
    python benchmarks/soak.py --minutes 1 --hz 100

Runs the command in processes of its own, in a temporary workspace, with a model of random weights, so that windows
are scored. It ends with 1 if the lag or the memory grew. The default keeps topics for three minutes, so that removing
what is old is part of what is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from tests.model.versions_of_chance import RULES, random_card, random_graph  # noqa: E402

from fsictl.backends.local.artifacts import LocalArtifacts  # noqa: E402
from fsictl.backends.local.lock import holder  # noqa: E402
from fsictl.backends.local.messenger import LocalMessenger  # noqa: E402
from fsictl.clock import SystemClock  # noqa: E402
from fsictl.model.aliases import CHAMPION  # noqa: E402
from fsictl.model.versions import store_version  # noqa: E402
from fsictl.streams.latency import latency_of  # noqa: E402

PIPELINES = ("metrics", "infer", "sink")
LATENESS_MS = 2000
VERSION = "20200101T000000-chance"

HEAD = ("minute", "ticks/s", *(f"{name} MB" for name in (*PIPELINES, "generate")), "waiting", "disk MB",
        "rows p50", "rows p99", "verdicts p50", "verdicts p99")  # fmt: skip


def resident(pid: int | None) -> float:
    """Megabytes of memory that a process has now."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def sample(root: Path, messenger: LocalMessenger, publisher: int, seen: dict[str, int]) -> dict[str, float]:
    """One line of the table; latencies are of the messages since the last one."""
    found: dict[str, float] = {}
    for name in PIPELINES:
        by = holder(root / "run" / f"{name}.lock")
        found[f"{name} MB"] = resident(by.pid if by else None)
    found["generate MB"] = resident(publisher)
    progress = {name: messenger.progress(name) for name in PIPELINES}
    found["waiting"] = sum(sum(one.backlog.values()) for one in progress.values() if one)
    found["ticks"] = progress["metrics"].counters.get("ticks", 0) if progress["metrics"] else 0
    found["disk MB"] = sum(messenger.sizes().values()) / 1e6
    for topic, name in (("metrics", "rows"), ("reconerr", "verdicts")):
        messages = messenger.read(topic, str(seen.get(topic, messenger.end(topic))), 100_000)
        seen[topic] = int(messages[-1].id) if messages else seen.get(topic, messenger.end(topic))
        latency = latency_of(messages, LATENESS_MS)
        found[f"{name} p50"], found[f"{name} p99"] = (latency.p50, latency.p99) if latency else (0, 0)
    return found


def main() -> int:
    """Run it, print the table, say whether anything grew."""
    parser = argparse.ArgumentParser(description="A long run at a high rate.")
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--hz", type=float, default=1000.0, help="ticks per second and pair; there are 17 pairs")
    parser.add_argument("--every", type=float, default=30.0, help="seconds between two lines")
    parser.add_argument("--keep-hours", type=float, default=0.05, help="how long topics keep messages")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fsictl-soak-") as folder:
        root = Path(folder) / ".fsictl"
        artifacts = LocalArtifacts(root)
        graphs = {"autoencoder": random_graph(0, RULES)}
        store_version(artifacts, random_card(VERSION, RULES), keras_file=b"", graphs=graphs)
        artifacts.point(CHAMPION, VERSION)
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "FSICTL_METRICS_RSI_WINDOW": "60",
            "FSICTL_RETENTION_TOPIC_HOURS": str(asked.keep_hours),
        }
        command = [sys.executable, "-P", "-m", "fsictl", "--workspace", folder]
        subprocess.run([*command, "stream", "start"], env=environment, check=True, capture_output=True)
        publisher = subprocess.Popen(
            [*command, "generate", "--hz", str(asked.hz)], env=environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        lines: list[dict[str, float]] = []
        try:
            print(" ".join(f"{name:>12}" for name in HEAD), flush=True)
            messenger, began = LocalMessenger(root, SystemClock()), time.monotonic()
            seen: dict[str, int] = {}
            before: tuple[float, float] | None = None
            sample(root, messenger, publisher.pid, seen)
            while time.monotonic() - began < asked.minutes * 60:
                time.sleep(asked.every)
                line = sample(root, messenger, publisher.pid, seen)
                at = time.monotonic()
                line["minute"] = (at - began) / 60
                line["ticks/s"] = 0 if before is None else (line["ticks"] - before[1]) / (at - before[0])
                before = (at, line["ticks"])
                lines.append(line)
                print(" ".join(f"{line[name]:12,.1f}" for name in HEAD), flush=True)
        finally:
            publisher.terminate()
            publisher.wait()
            subprocess.run([*command, "stream", "stop", "--drain"], env=environment, check=False, capture_output=True)
    return judged(lines)


def judged(lines: list[dict[str, float]]) -> int:
    """Compare the last third with the middle one; 1 if memory or what is waiting grew."""
    third = max(1, len(lines) // 3)
    middle, last = lines[-2 * third : -third] or lines[-third:], lines[-third:]
    grown = []
    for name in [*(f"{one} MB" for one in (*PIPELINES, "generate")), "waiting"]:
        before, after = max(line[name] for line in middle), max(line[name] for line in last)
        if after > 1.15 * before + (20 if name.endswith("MB") else 200):
            grown.append(f"{name} from {before:,.0f} to {after:,.0f}")
    print(json.dumps({"lines": len(lines), "ticks": lines[-1]["ticks"], "grown": grown}))
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
