"""Ports for servers that cannot be told to take any free one."""

from __future__ import annotations

import os
import random
import socket

FIRST, MANY = 20_000, 500
"""Below those that the system gives to connections; each test process has as many of its own."""


def free_port() -> int:
    """A port of this machine on which nothing listens, and which no other process of these tests takes."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = FIRST + MANY * (worker % 20)
    for port in random.sample(range(first, first + MANY), MANY):
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    message = f"every port from {first} on is taken"
    raise OSError(message)
