from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.dashboard.conftest import Stores

from fsictl.dashboard.app import create_app
from fsictl.dashboard.pace import Pace
from fsictl.dashboard.serve import serve
from fsictl.errors import BusyError, UsageError

ROOT = Path(__file__).parent.parent.parent

PROGRAM = """
from fsictl.dashboard.app import create_app
from fsictl.dashboard.serve import serve
from tests.memory import MemoryArtifacts, MemoryMessenger, MemoryWarehouse

app = create_app(MemoryWarehouse(), MemoryMessenger(), MemoryArtifacts())
serve(app, "127.0.0.1", 0, lambda address: print(address, flush=True))
print("ended", flush=True)
"""


@contextmanager
def serving(stores: Stores, port: int = 0) -> Iterator[str]:
    """A server in a thread of this process, on a free port if none is given; gives its address."""
    ready: queue.Queue[str] = queue.Queue()
    stop = threading.Event()
    app = create_app(*stores.all, pace=Pace(every=0.05))
    thread = threading.Thread(target=serve, args=(app, "127.0.0.1", port, ready.put), kwargs={"stop": stop})
    thread.start()
    try:
        yield ready.get(timeout=30)
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


def test_events_arrive_over_a_real_connection_and_end_with_the_server(filled: Stores) -> None:
    with serving(filled) as address:
        stream = httpx.Client(timeout=30)
        with stream.stream("GET", f"{address}api/events") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.iter_lines()
            assert next(line for line in lines if line.startswith("event:")) == "event: status"
            assert next(line for line in lines if line.startswith("data:")).startswith('data: {"feed":')
        stream.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_in_spite_of_open_streams(number: signal.Signals) -> None:
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        with httpx.stream("GET", f"{address}api/events", timeout=30) as answer:
            lines = answer.iter_lines()
            next(lines)
            process.send_signal(number)
            rest = list(lines)  # the server ends the stream in an orderly way
        assert process.stdout.read() == "ended\n"
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
        assert all(line.split(":")[0] in {"", "event", "data", "retry"} for line in rest)


def test_a_port_in_use_is_said(stores: Stores) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BusyError, match=f"port {port} of 127.0.0.1 is in use") as caught:
            serve(create_app(*stores.all), "127.0.0.1", port, lambda address: None)
    assert "port 0" in caught.value.hint


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_a_host_that_is_not_ours_is_said(stores: Stores, host: str) -> None:
    with pytest.raises(UsageError, match="listen"):
        serve(create_app(*stores.all), host, 0, lambda address: None)
