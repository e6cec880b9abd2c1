"""One function per kind of fault: it lets a stream meet it, finishes the stream, and returns what was wrong."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from faults.workspace import FaultError, Reference, Workspace, eventually, kill
from fsictl.backends.local.messenger import LocalMessenger
from fsictl.clock import SystemClock

_MOUNT, _UMOUNT = "/bin/mount", "/bin/umount"

SPEED = 60
"""How much faster than time prices come while faults happen."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: how many faults it met, and what was wrong, in a sentence; empty when nothing was."""

    faults: int
    wrong: str = ""


Campaign = Callable[[Reference, Path, random.Random], Run]


def _publishing(workspace: Workspace, reference: Reference, speed: float = SPEED) -> subprocess.Popen[str]:
    """The publisher, which has published something: what is refused then, it tries again."""
    publisher = workspace.start("generate", "--replay", reference.prices, "--speed", speed)
    messenger = LocalMessenger(workspace.directory / ".fsictl", SystemClock())
    eventually(lambda: messenger.end("prices") > 0 or publisher.poll() is not None, "something is published")
    return publisher


def _finish(workspace: Workspace, reference: Reference, faults: int) -> Run:
    """Start what is down, work everything off, and compare."""
    _start_what_is_down(workspace)
    workspace("stream", "stop", "--drain", "--timeout", 120)
    left = workspace.processes()
    if left:
        return Run(faults, f"processes are left: {left}")
    found = workspace.told()
    parts = [
        f"{name} {found[name][0]} for {rows}"
        for name, (rows, _) in reference.expected.items()
        if found[name] != reference.expected[name]
    ]
    return Run(faults, f"other rows: {', '.join(parts)}" if parts else "")


def _start_what_is_down(workspace: Workspace) -> None:
    """As a person would: what is stopped or failed is started."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = workspace.pipelines()
        down = [
            name
            for name in ("metrics", "infer", "sink")
            if found.get(name, {"state": "stopped"})["state"] in {"stopped", "failed"}
        ]
        if not down:
            return
        only = [part for name in down for part in ("--only", name)]
        workspace("stream", "start", *only, codes=(0, 3))


def _end(publisher: subprocess.Popen[str]) -> None:
    out, err = publisher.communicate(timeout=300)
    if publisher.returncode != 0:
        message = f"the publisher ended with {publisher.returncode}: {out}{err}"
        raise FaultError(message)


def _kills(reference: Reference, folder: Path, chance: random.Random, *, together: bool) -> Run:
    workspace = reference.begin(folder / "run")
    workspace("stream", "start")
    publisher = _publishing(workspace, reference)
    faults = 0
    while publisher.poll() is None:
        time.sleep(chance.uniform(0.0, 1.2))
        alive = sorted(workspace.stream())
        if not alive:
            _start_what_is_down(workspace)
            continue
        for pid in chance.sample(alive, chance.randint(2, len(alive)) if together and len(alive) > 1 else 1):
            kill(pid)
            faults += 1
        if chance.random() < 0.5:
            _start_what_is_down(workspace)
    _end(publisher)
    return _finish(workspace, reference, faults)


def kill_one(reference: Reference, folder: Path, chance: random.Random) -> Run:
    """``kill -9`` of a pipeline or a keeper, again and again."""
    return _kills(reference, folder, chance, together=False)


def kill_several(reference: Reference, folder: Path, chance: random.Random) -> Run:
    """``kill -9`` of two or more of them at once, again and again."""
    return _kills(reference, folder, chance, together=True)


def kill_publisher(reference: Reference, folder: Path, chance: random.Random) -> Run:
    """``kill -9`` of the publisher, and of pipelines beside it; it is started again with ``--resume``."""
    workspace = reference.begin(folder / "run")
    workspace("stream", "start")
    faults = 0
    while True:
        publisher = workspace.start("generate", "--replay", reference.prices, "--speed", SPEED, "--resume")
        try:
            publisher.wait(timeout=chance.uniform(1.0, 5.0))
        except subprocess.TimeoutExpired:
            publisher.kill()
            faults += 1
            if chance.random() < 0.5:
                kill(chance.choice(sorted(workspace.stream()) or [publisher.pid]))
                faults += 1
        else:
            break
        finally:
            publisher.communicate()
    return _finish(workspace, reference, faults)


def full_disk(reference: Reference, folder: Path, chance: random.Random) -> Run:
    """A disk of its own (a tmpfs; root is needed) that is full for seconds, twice."""
    size = 4 * sum(path.stat().st_size for path in reference.fresh.rglob("*") if path.is_file()) + 160_000_000
    with _small_disk(folder / "disk", size) as disk:
        workspace = reference.begin(disk / "run")
        workspace("stream", "start")
        publisher = _publishing(workspace, reference)
        refused = 0
        for _ in range(2):
            time.sleep(chance.uniform(0.5, 2.0))
            filler = disk / "filler"
            with filler.open("wb") as file:
                try:
                    while True:
                        file.write(b"x" * 65536)
                        file.flush()
                except OSError:
                    pass
            time.sleep(chance.uniform(2.0, 4.0))
            refused += sum("no space" in one["detail"] for one in workspace.pipelines().values())
            if any(one["state"] == "failed" for one in workspace.pipelines().values()):
                return Run(2, "a pipeline gave up on a full disk")
            filler.unlink()
        _end(publisher)
        run = _finish(workspace, reference, 2)
        return run if refused or run.wrong else Run(2, "nobody said that the disk was full")


@contextmanager
def _small_disk(folder: Path, size: int) -> Iterator[Path]:
    folder.mkdir(parents=True)
    subprocess.run([_MOUNT, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run([_UMOUNT, "-l", str(folder)], check=True)


def refusing_disk(reference: Reference, folder: Path, chance: random.Random) -> Run:
    """Every write of SQLite's is refused for seconds, as full and as read-only, three times."""
    switch = folder / "switch"
    workspace = reference.begin(folder / "run", FAULTS_DISK=str(switch))
    workspace("stream", "start")
    publisher = _publishing(workspace, reference)
    for word in ("full", "read-only", "full"):
        time.sleep(chance.uniform(0.3, 1.5))
        switch.write_text(word)
        time.sleep(chance.uniform(0.5, 2.5))
        switch.unlink()
    _end(publisher)
    return _finish(workspace, reference, 3)


def read_only_directory(reference: Reference, folder: Path, chance: random.Random) -> Run:
    """The workspace may be read but not written (root is needed): starting says so, reading works, nothing is lost."""
    del chance
    with _small_disk(folder / "disk", 400_000_000) as disk:
        workspace = reference.begin(disk / "run")
        workspace("generate", "--replay", reference.prices, "--speed", "max")
        workspace("stream", "start", "--only", "metrics")
        workspace("stream", "stop", "--drain")
        subprocess.run([_MOUNT, "-o", "remount,ro", str(disk)], check=True)
        said = workspace("stream", "start", codes=(3,)) + workspace("generate", "--duration", "1s", codes=(3,))
        workspace("status", "--json")
        if workspace.processes():
            return Run(1, "something runs")
        subprocess.run([_MOUNT, "-o", "remount,rw", str(disk)], check=True)
        run = _finish(workspace, reference, 1)
        return run if "Error" in said or run.wrong else Run(1, "it was not said")


def torn_wal(reference: Reference, folder: Path, chance: random.Random) -> Run:
    """Everything is killed, and the last page of every pipeline's write-ahead log is overwritten with noise."""
    workspace = reference.begin(folder / "run")
    workspace("generate", "--replay", reference.prices, "--speed", "max")
    faults = 0
    for _ in range(3):
        starting = workspace.start("stream", "start")
        time.sleep(chance.uniform(1.0, 2.5))
        for pid in workspace.processes():
            kill(pid)
        starting.communicate()
        eventually(lambda: not workspace.processes(), "all of them are gone")
        for wal in sorted((workspace.directory / ".fsictl").rglob("*.db-wal")):
            if wal.name != "prices.db-wal" and wal.stat().st_size > 8192:
                with wal.open("r+b") as file:
                    file.seek(-chance.randint(1, 4096), os.SEEK_END)
                    file.write(chance.randbytes(16))
                faults += 1
    return _finish(workspace, reference, faults)


def clock_steps(reference: Reference, folder: Path, chance: random.Random) -> Run:
    """The wall clock of all processes jumps an hour forth and back."""
    clock = folder / "clock"
    clock.write_text("0")
    workspace = reference.begin(folder / "run", FAULTS_CLOCK=str(clock))
    workspace("stream", "start")
    publisher = _publishing(workspace, reference)
    faults = 0
    while publisher.poll() is None:
        time.sleep(chance.uniform(0.05, 0.4))
        clock.write_text(str(chance.choice([-3600, 0, 3600])))
        faults += 1
        if chance.random() < 0.2:
            kill(chance.choice(sorted(workspace.stream()) or [0x7FFFFFF]))
    _end(publisher)
    return _finish(workspace, reference, faults)


def stopped_consumer(reference: Reference, folder: Path, chance: random.Random) -> Run:
    """One or two pipelines stand still (SIGSTOP) while all of the prices come."""
    workspace = reference.begin(folder / "run")
    workspace("stream", "start")
    names = chance.sample(["metrics", "infer", "sink"], chance.randint(1, 2))
    stopped = [workspace.pipelines()[name]["pid"] for name in names]
    for pid in stopped:
        kill(pid, signal.SIGSTOP)
    _end(_publishing(workspace, reference, 100_000))
    time.sleep(1)
    for pid in stopped:
        kill(pid, signal.SIGCONT)
    return _finish(workspace, reference, len(stopped))


def slow_disk(reference: Reference, folder: Path, chance: random.Random) -> Run:
    """Every operation of the disk takes up to 20 ms longer, for a while."""
    switch = folder / "switch"
    switch.write_text("0")
    workspace = reference.begin(folder / "run", FAULTS_DISK=str(switch))
    workspace("stream", "start")
    publisher = _publishing(workspace, reference)
    for _ in range(4):
        switch.write_text(str(chance.uniform(0.001, 0.02)))
        time.sleep(1.5)
    switch.unlink()
    _end(publisher)
    return _finish(workspace, reference, 4)


def truncated_model(reference: Reference, folder: Path, chance: random.Random) -> Run:
    """The champion becomes a version whose file is cut short, and later the old one again."""
    workspace = reference.begin(folder / "run")
    models = workspace.directory / ".fsictl" / "models"
    workspace("stream", "start")
    publisher = _publishing(workspace, reference)
    eventually(lambda: "scoring with model" in workspace("stream", "logs", "infer", codes=(0, 3)), "it scores")
    graph = models / "versions" / "20200102T000000-chance" / "model.onnx"
    whole = graph.read_bytes()
    graph.write_bytes(whole[: chance.randrange(len(whole))])
    (models / "aliases" / "champion").write_text("20200102T000000-chance")
    eventually(lambda: "goes on scoring" in workspace("stream", "logs", "infer"), "it is said")
    (models / "aliases" / "champion").write_text("20200101T000000-chance")
    _end(publisher)
    if workspace.pipelines()["infer"]["restarts"]:
        return Run(1, "inference crashed")
    return _finish(workspace, reference, 1)


def two_operators(reference: Reference, folder: Path, chance: random.Random) -> Run:
    """Three people start the same stream at the same moment: one of them starts it, the others are told."""
    workspace = reference.begin(folder / "run")
    publisher = _publishing(workspace, reference)
    time.sleep(chance.uniform(0, 1))
    starting = [workspace.start("stream", "start") for _ in range(3)]
    said = [(one.communicate(timeout=120)[1], one.returncode)[::-1] for one in starting]
    codes = sorted(code for code, _ in said)
    if codes != [0, 3, 3] or sum("already runs" in text for _, text in said) != 2:
        return Run(1, f"they were told {said}")
    if len(workspace.stream()) != 6:
        return Run(1, f"these run: {workspace.stream()}")
    _end(publisher)
    return _finish(workspace, reference, 1)


CAMPAIGNS: dict[str, tuple[Campaign, int]] = {
    "kill-one": (kill_one, 20),
    "kill-several": (kill_several, 10),
    "kill-publisher": (kill_publisher, 5),
    "full-disk": (full_disk, 3),
    "refusing-disk": (refusing_disk, 3),
    "read-only-directory": (read_only_directory, 1),
    "torn-wal": (torn_wal, 3),
    "clock-steps": (clock_steps, 3),
    "stopped-consumer": (stopped_consumer, 3),
    "slow-disk": (slow_disk, 2),
    "truncated-model": (truncated_model, 3),
    "two-operators": (two_operators, 3),
}
"""Every campaign with the number of its runs."""

NEED_ROOT = {"full-disk", "read-only-directory"}


def run_once(name: str, reference: Reference, folder: Path, chance: random.Random) -> Run:
    """One run of a campaign; everything that it started is gone afterwards."""
    folder.mkdir(parents=True)
    try:
        return CAMPAIGNS[name][0](reference, folder, chance)
    except (FaultError, subprocess.TimeoutExpired, json.JSONDecodeError) as error:
        return Run(0, str(error))
    finally:
        Workspace(folder).end()
        shutil.rmtree(folder, ignore_errors=True)
