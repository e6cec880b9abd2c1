"""What keeps the page to itself: it answers only under its own names, and may load nothing from elsewhere."""

from __future__ import annotations

import ipaddress
import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

HEADERS = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " object-src 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}
"""Sent with every answer."""


def may_ask(header: str, bound: str) -> bool:
    """Whether a Host header names this server, bound to that address: a loopback name or address, or the address.

    A page from elsewhere whose name is made to resolve to this machine (DNS rebinding) sends its own name. An address
    cannot be rebound, so a server bound to every interface also answers under any address.

    >>> [may_ask(host, "127.0.0.1") for host in ("localhost:8050", "127.0.0.1", "[::1]:8050", "evil.example", "")]
    [True, True, True, False, False]
    >>> may_ask("192.168.1.5:8050", "127.0.0.1"), may_ask("192.168.1.5:8050", "0.0.0.0")
    (False, True)
    """
    name = _name(header)
    if name in ("localhost", bound.lower()):
        return bool(name)
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or _is_every_interface(bound)


def _name(header: str) -> str:
    """The host of a Host header, without port and brackets, in lower case."""
    host = header.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _is_every_interface(bound: str) -> bool:
    try:
        return ipaddress.ip_address(bound).is_unspecified
    except ValueError:
        return bound == ""


class Guard:
    """Refuses requests under foreign names, puts ``HEADERS`` on every answer, and lets no traceback out."""

    def __init__(self, app: ASGIApp, bound: str) -> None:
        self._app = app
        self._bound = bound

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        hosts = Headers(scope=scope).getlist("host")
        if len(hosts) != 1 or not may_ask(hosts[0], self._bound):
            refusal = {"error": "This server does not answer under that name.", "hint": "Use the address it printed."}
            await JSONResponse(refusal, 421)(scope, receive, send_guarded)
            return
        try:
            await self._app(scope, receive, send_guarded)
        except Exception as error:  # a fault of ours: a line for the log, a sentence for the page
            log.error("%s failed: %s: %s", scope["path"], type(error).__name__, error)
            if not started:
                await JSONResponse({"error": "The dashboard failed to answer this."}, 500)(scope, receive, send_guarded)
