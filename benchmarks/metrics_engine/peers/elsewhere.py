"""A library of indicators in a Python of its own, such as a version that cannot be installed beside another.

Input and result travel before and after; what counts is the CPU time of the other process in between.
"""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.metrics_engine.contest import Expected, Measured
from benchmarks.metrics_engine.peers.closes import OfCloses, flat_rows
from benchmarks.metrics_engine.workload import Workload

ROOT = Path(__file__).resolve().parents[3]


class Elsewhere:
    """The participant of ``benchmarks.metrics_engine.peers.MODULE``, an :class:`OfCloses`, under ``python``."""

    scope = OfCloses.scope
    must_be_right = False

    def __init__(self, module: str, python: Path) -> None:
        path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
        process = subprocess.Popen(
            [python, "-m", "benchmarks.metrics_engine.peers.elsewhere", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert process.stdin
        assert process.stdout
        self._to = Connection(os.dup(process.stdin.fileno()), readable=False)
        self._from = Connection(os.dup(process.stdout.fileno()), writable=False)
        process.stdin.close()
        process.stdout.close()
        atexit.register(process.wait, 10)
        atexit.register(self._to.close)  # first: the other process ends when this one hangs up
        try:
            told = json.loads(self._ask("tell"))
        except EOFError:
            message = f"{python} cannot run the peer {module}"
            raise ImportError(message) from None
        self.name, self.note, self._rsi = told["name"], told["note"], told["rsi"]

    def clock(self) -> float:
        """CPU seconds of the other process."""
        return float(self._ask("clock"))

    def warm_up(self, workload: Workload, expected: Expected) -> None:
        start = workload.seconds(0).start
        self._ask("warm_up", _packed(expected.bars["LAST"][:, :start]))

    def prepare(self, workload: Workload, round_number: int, expected: Expected) -> None:
        seconds = workload.seconds(round_number)
        self._ask("prepare", _packed(expected.bars["LAST"][:, seconds.start : seconds.stop].T))

    def run(self, prepared: None) -> None:
        self._ask("run")

    def check(self, result: None, workload: Workload, round_number: int, expected: Expected) -> Measured:
        rows = _unpacked(self._ask("result"))
        of_closes = OfCloses(self.name, _unused, note=self.note, rsi=self._rsi)
        return of_closes.check_flat(rows, len(workload.symbols), workload, round_number, expected)

    def _ask(self, what: str, data: bytes | None = None) -> bytes:
        self._to.send_bytes(what.encode())
        if data is not None:
            self._to.send_bytes(data)
        return self._from.recv_bytes()


def _unused(closes: np.ndarray) -> Any:
    raise NotImplementedError


def _packed(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(array), allow_pickle=False)
    return file.getvalue()


def _unpacked(data: bytes) -> np.ndarray:
    array: np.ndarray = np.load(io.BytesIO(data), allow_pickle=False)
    return array


def serve(participant: OfCloses, receive: Callable[[], bytes], send: Callable[[bytes], None]) -> None:
    """Do what the other side asks, until it hangs up."""
    prepared: list[list[float]] = []
    result: Any = []
    while True:
        try:
            asked = receive()
        except EOFError:
            return
        answer = b""
        if asked == b"tell":
            answer = json.dumps({"name": participant.name, "note": participant.note, "rsi": participant.rsi}).encode()
        elif asked == b"warm_up":
            participant.open(_unpacked(receive()))
        elif asked == b"prepare":
            result, prepared = [], _unpacked(receive()).tolist()
            gc.collect()
            gc.disable()
        elif asked == b"clock":
            answer = repr(time.process_time()).encode()
        elif asked == b"run":
            result = participant.run(prepared)
        elif asked == b"result":
            gc.enable()
            answer = _packed(flat_rows(result))
        send(answer)


if __name__ == "__main__":
    made = import_module(f"benchmarks.metrics_engine.peers.{sys.argv[1]}").participant()
    serve(
        made,
        Connection(os.dup(sys.stdin.fileno()), writable=False).recv_bytes,
        Connection(os.dup(sys.stdout.fileno()), readable=False).send_bytes,
    )
