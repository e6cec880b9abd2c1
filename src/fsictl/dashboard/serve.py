"""Listening for browsers, until told to stop."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from fsictl.errors import BusyError, PreconditionError, UsageError


def serve(
    app: Starlette, host: str, port: int, on_ready: Callable[[str], None], *, stop: threading.Event | None = None
) -> None:
    """Serve the app in this process until SIGINT, SIGTERM or ``stop``; then end open event streams and return.

    ``on_ready`` is called once with the page's address as soon as it answers; port 0 takes a free one. Raises
    ``BusyError`` when the port is taken, ``UsageError`` when the host is not an address of this machine.
    """
    listener = _listen(host, port)
    with listener:
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=1,
            server_header=False,
        )
        server = _Server(config, app, _address(host, listener.getsockname()[1]), on_ready, stop)
        with server.capture_signals():  # also while the loop is made
            server.run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:
        message = f"{host!r} is not a host that can be listened on"
        raise UsageError(message, hint="Use an address of this machine, for example 127.0.0.1.") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise _refusal(host, port, error) from error
    return listener


def _refusal(host: str, port: int, error: OSError) -> PreconditionError | UsageError:
    if error.errno == errno.EADDRINUSE:
        return BusyError(
            f"port {port} of {host} is in use",
            hint="Stop what listens there, or choose another port; port 0 takes a free one.",
        )
    if error.errno == errno.EACCES:
        return PreconditionError(f"port {port} needs more rights than you have", hint="Choose a port above 1023.")
    return UsageError(
        f"cannot listen on {host}: {error.strerror}", hint="Use an address of this machine, for example 127.0.0.1."
    )


def _address(host: str, port: int) -> str:
    """The address that a browser on this machine uses.

    >>> _address("127.0.0.1", 8050), _address("::1", 8050), _address("0.0.0.0", 8050)
    ('http://127.0.0.1:8050/', 'http://[::1]:8050/', 'http://127.0.0.1:8050/')
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{port}/"
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://[{host}]:{port}/" if address.version == 6 else f"http://{host}:{port}/"


class _Server(uvicorn.Server):
    """A server that says when it is ready, ends event streams when it stops, and takes signals as a wish to stop."""

    def __init__(
        self,
        config: uvicorn.Config,
        app: Starlette,
        address: str,
        on_ready: Callable[[str], None],
        stop: threading.Event | None,
    ) -> None:
        super().__init__(config)
        self._feed = getattr(app.state, "feed", None)  # only the live page has one
        self._address = address
        self._on_ready = on_ready
        self._stop = stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready(self._address)

    async def on_tick(self, counter: int) -> bool:
        if self._stop is not None and self._stop.is_set():
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._feed is not None:
            self._feed.stop()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal and return, where uvicorn would raise it again after stopping."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
