"""``fsictl dashboard``: the live page."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from typing import Annotated

import typer

from fsictl.backends.local.supervise import SUPERVISOR_VARIABLE
from fsictl.cli.command import command
from fsictl.cli.session import Session


def register(parent: typer.Typer) -> None:
    """Add the command to the program."""
    command(parent, "dashboard")(dashboard)


def dashboard(
    session: Session,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Don't open the page.")] = False,
) -> None:
    """Serve the live page until Ctrl-C."""
    from fsictl.dashboard.app import create_app
    from fsictl.dashboard.events import Limits
    from fsictl.dashboard.serve import serve

    session.set("dashboard.host", host, "--host")
    session.set("dashboard.port", port, "--port")
    settings, model = session.settings.dashboard, session.settings.model
    app = create_app(
        session.warehouse,
        session.messenger,
        session.artifacts,
        host=settings.host,
        limits=Limits(model.overbought, model.oversold, model.stale_after),
        clock=session.clock,
    )

    def ready(address: str) -> None:
        session.output.say(f"The page is at [bold]{address}[/bold]. Ctrl-C ends it.")
        session.output.document({"url": address})
        if not no_browser and sys.stderr.isatty():
            webbrowser.open(address)

    serve(app, settings.host, settings.port, ready, stop=_stop_with_keeper(session))


def _stop_with_keeper(session: Session) -> threading.Event:
    """Set when the process that keeps this one, if there is one, is gone."""
    stop = threading.Event()
    keeper = session.environment.get(SUPERVISOR_VARIABLE)

    def watch() -> None:
        while str(os.getppid()) == keeper:
            session.clock.sleep(1.0)
        stop.set()

    if keeper is not None:
        threading.Thread(target=watch, daemon=True).start()
    return stop
