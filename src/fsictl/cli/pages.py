"""One HTML file served to browsers of this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

LOOPBACK = "127.0.0.1"


def serve_page(page: Path, port: int, ready: Callable[[str], None]) -> None:
    """Serve the file at ``/`` on the loopback until Ctrl-C; see :func:`fsictl.dashboard.serve.serve`."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.requests import Request
    from starlette.responses import FileResponse
    from starlette.routing import Route

    from fsictl.dashboard.serve import serve

    async def index(_request: Request) -> FileResponse:
        return FileResponse(page, media_type="text/html")

    # Only by its own names: a page of elsewhere that resolves its name to this machine gets nothing.
    guard = Middleware(TrustedHostMiddleware, allowed_hosts=[LOOPBACK, "localhost"])
    serve(Starlette(routes=[Route("/", index)], middleware=[guard]), LOOPBACK, port, ready)
