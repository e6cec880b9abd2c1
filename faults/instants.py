"""A fault at every single operation of the disk: the process is forked, meets it there, and another one goes on.

Forking costs milliseconds where starting costs a second, so all instants can be tried. A fork is a process of its
own: it is killed by a real ``kill -9``, and leaves its files, locks and shared memory as any other would.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from faults.disk import Disk, kill_at, refuse_at

MOST_SECONDS = 120


@dataclass(slots=True)
class Outcome:
    """What came of some runs; ``wrong`` describes each in which something was lost, doubled or broken.

    ``lost`` counts messages that a power cut took back and that nobody had promised to keep.
    """

    runs: int = 0
    faults: int = 0
    wrong: list[str] = field(default_factory=list)
    lost: int = 0


def in_fork(work: Callable[[], Any]) -> tuple[bool, Any]:
    """Do it in a process of its own: whether that came to its end, and what ``work`` returned."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            signal.alarm(MOST_SECONDS)
            answer = json.dumps(work()).encode()
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(answer)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return False, None
    if status != 0:
        message = f"a run ended with status {status}"
        raise AssertionError(message)
    return True, json.loads(answer)


def load() -> None:
    """Import everything that runs need, once, so that forks find it there; nothing that starts a thread is called."""
    import onnxruntime  # noqa: F401

    from faults import machine  # noqa: F401


def prepared(folder: Path, seed: int) -> tuple[Path, dict[str, Any], int]:
    """A workspace with published prices, what an uninterrupted run makes of it, and its number of operations."""
    load()
    fresh, whole = folder / "fresh", folder / "whole"

    def publish() -> None:
        from faults import machine

        machine.publish(fresh, seed)

    def count() -> tuple[dict[str, Any], int]:
        from faults import machine

        operations = 0

        def hook(_operation: str) -> None:
            nonlocal operations
            operations += 1

        disk = Disk(hook)
        machine.run(whole)
        del disk
        return machine.told(whole), operations

    in_fork(publish)
    shutil.copytree(fresh, whole)
    _, (expected, operations) = in_fork(count)
    return fresh, expected, operations


def _try(
    folder: Path, fresh: Path, expected: dict[str, Any], outcome: Outcome, what: str, fault: Callable[[Path], None]
) -> None:
    """Let a run meet the fault, let another one finish, and compare."""
    root = folder / "run"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(fresh, root)

    def finish() -> dict[str, Any]:
        from faults import machine

        machine.run(root)
        return machine.told(root)

    outcome.runs += 1
    try:
        in_fork(lambda: fault(root))
        outcome.faults += 1
        _, found = in_fork(finish)
    except AssertionError as error:
        outcome.wrong.append(f"{what}: {error}")
        return
    if found != expected:
        parts = [name for name in expected if found.get(name) != expected[name]]
        outcome.wrong.append(f"{what}: other rows in {', '.join(parts)}")


def kills(folder: Path, seed: int, first: int, step: int) -> tuple[Outcome, int]:
    """``kill -9`` before operation ``first`` and every ``step``-th after it; returns how many there are, too."""
    fresh, expected, operations = prepared(folder, seed)
    outcome = Outcome()
    for number in range(first, operations + 1, step):

        def fault(root: Path, number: int = number) -> None:
            from faults import machine

            disk = Disk(kill_at(number))
            machine.run(root)
            del disk

        _try(folder, fresh, expected, outcome, f"killed at operation {number}", fault)
    return outcome, operations


def full_disks(folder: Path, seed: int, first: int, step: int) -> tuple[Outcome, int]:
    """No space for one to fifty writes, from operation ``first`` and every ``step``-th on; the same process goes on."""
    fresh, expected, operations = prepared(folder, seed)
    outcome, chance = Outcome(), random.Random(seed)  # noqa: S311
    for number in range(first, operations + 1, step):
        count = chance.choice([1, 2, 5, 50])

        def fault(root: Path, number: int = number, count: int = count) -> None:
            from faults import machine

            sys.unraisablehook = lambda _: None  # apsw reports there what the disk raised on purpose
            disk = Disk(refuse_at(number, count))
            machine.run(root)
            del disk

        _try(folder, fresh, expected, outcome, f"no space at operation {number} for {count}", fault)
    return outcome, operations


def power_cuts(folder: Path, seed: int, first: int, step: int) -> tuple[Outcome, int]:
    """The power fails before those operations: what was not synced is there in part, in any order, or not at all."""
    fresh, expected, operations = prepared(folder, seed)
    outcome = Outcome()
    for number in range(first, operations + 1, step):

        def fault(root: Path, number: int = number) -> None:
            from faults import machine

            disk: Disk
            chance = random.Random(seed * 100_003 + number)  # noqa: S311
            disk = Disk(_at(number, lambda: disk.lose_power(chance)), journal=True)
            machine.run(root)

        _try(folder, fresh, expected, outcome, f"power cut at operation {number}", fault)
    return outcome, operations


_PUBLISHED = 60


def publisher_power_cuts(folder: Path, seed: int, first: int, step: int, *, full: bool) -> tuple[Outcome, int]:
    """The power fails while somebody publishes: what is left must be the first messages, each whole.

    With ``full`` every message whose publication was reported must be among them. ``Outcome.lost`` counts those that
    are not; without ``full`` that is what a power cut costs.
    """
    from faults import machine

    load()
    outcome = Outcome()
    (folder / "count").mkdir(parents=True)
    operations = in_fork(lambda: _count(lambda: machine.publish_numbers(folder / "count", _PUBLISHED, full=full)))[1]
    for number in range(first, operations + 1, step):
        root = folder / "run"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()

        def fault(root: Path = root, number: int = number) -> None:
            disk: Disk
            chance = random.Random(seed * 100_003 + number)  # noqa: S311
            disk = Disk(_at(number, lambda: disk.lose_power(chance)), journal=True)
            machine.publish_numbers(root, _PUBLISHED, full=full)

        outcome.runs += 1
        outcome.faults += 1
        try:
            in_fork(fault)
            left = in_fork(partial(machine.numbers, root))[1]
        except AssertionError as error:
            outcome.wrong.append(f"power cut at operation {number}: {error}")
            continue
        reported = (root / "reported").stat().st_size if (root / "reported").exists() else 0
        lost = max(0, reported - len(left))
        outcome.lost += lost
        if left != list(range(len(left))) or (full and lost):
            outcome.wrong.append(f"power cut at operation {number}: {reported} were reported, {left} are there")
    return outcome, operations


def _count(work: Callable[[], Any]) -> int:
    operations = 0

    def hook(_operation: str) -> None:
        nonlocal operations
        operations += 1

    disk = Disk(hook)
    work()
    del disk
    return operations


def _at(number: int, act: Callable[[], None]) -> Callable[[str], None]:
    left = number

    def hook(_operation: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            act()

    return hook
