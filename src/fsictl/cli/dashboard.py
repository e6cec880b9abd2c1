"""``fsictl dashboard``: the live page."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from fsictl.backends.local.supervise import SUPERVISOR_VARIABLE
from fsictl.cli.command import command, default_command
from fsictl.cli.session import Session

app = typer.Typer(name="dashboard", rich_markup_mode="rich")


def register(parent: typer.Typer) -> None:
    """Add the group to the program."""
    parent.add_typer(app)


@default_command(app)
def dashboard(
    session: Session,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Don't open the page.")] = False,
) -> None:
    """Serve the live page until Ctrl-C, or write what Grafana needs (`dashboard grafana DIR`)."""
    from fsictl.dashboard.app import create_app
    from fsictl.dashboard.pace import FREE, METERED
    from fsictl.dashboard.serve import serve
    from fsictl.dashboard.state import Limits

    session.set("dashboard.host", host, "--host")
    session.set("dashboard.port", port, "--port")
    settings, model = session.settings.dashboard, session.settings.model
    local = not session.is_cloud
    pace = FREE if local else METERED
    app = create_app(
        session.warehouse,
        session.messenger if local else None,  # only here pipelines say how far they are
        session.artifacts,
        host=settings.host,
        limits=Limits(model.overbought, model.oversold, model.stale_after),
        clock=session.clock,
        pace=pace if settings.look_every is None else replace(pace, every=settings.look_every),
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


@command(app, "grafana")
def grafana(
    session: Session,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write; made if it is not there.")],
) -> None:
    """Write dashboards and provisioning files for Grafana, which shows the tables of the target."""
    from fsictl.dashboard.provisioning import write_provisioning

    settings = session.settings
    written = write_provisioning(
        folder,
        "bigquery" if settings.target == "gcp" else "local",
        address=f"http://{settings.dashboard.host}:{settings.dashboard.port}",
        constants={"dataset": settings.gcp.dataset},
    )
    provisioning = folder.absolute() / "provisioning"
    session.output.say(
        f"Wrote {len(written)} files. Start Grafana with [bold]GF_PATHS_PROVISIONING={provisioning}[/bold]."
    )
    session.output.say("The plugin it needs, and what else there is to know, is in docs/grafana.md.")
    session.output.document({"files": [str(file) for file in written]})
