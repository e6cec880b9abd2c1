"""``fsictl invoker``: the HTTP contact point of the workloads."""

from __future__ import annotations

import ipaddress
import logging
from typing import TYPE_CHECKING, Annotated

import typer

from fsictl.cli.command import command, group
from fsictl.cli.session import Session
from fsictl.errors import SettingsError

if TYPE_CHECKING:
    from fsictl.jobs.identity import Doorkeeper

app = group("invoker", "Let programs ask for workloads over HTTP.")


def register(parent: typer.Typer) -> None:
    """Add the group to the program."""
    parent.add_typer(app)


@command(app, "serve")
def serve(
    session: Session,
    host: Annotated[str | None, typer.Option(help="Address to listen on; invoker.host without it.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one.")] = None,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Start no worker here: one runs elsewhere, or will be started.")
    ] = False,
) -> None:
    """Answer /invoke, /jobs/ID, /jobs/ID/check, /healthcheck and /openapi.json until Ctrl-C; a worker runs beside.

    On the loopback nobody is asked who they are. Everywhere else invoker.audience and invoker.callers must be set, and
    callers send a Google identity token. Example: curl 'localhost:8080/invoke?run_date=2026-01-31&workload=rfm'
    """
    from fsictl.cli import workloads
    from fsictl.cli.job import watch_of
    from fsictl.cli.pipelines import log_to_stderr
    from fsictl.dashboard.serve import serve as listen
    from fsictl.jobs.invoker import Invoker

    session.set("invoker.host", host, "--host")
    session.set("invoker.port", port, "--port")
    chosen = session.settings.invoker
    door = _door(session)
    session.make_workspace()
    log_to_stderr()
    invoker = Invoker(
        session.messenger,
        session.warehouse,
        session.clock,
        watch_of(session),
        lambda job: workloads.check(session, job),
        chosen.workload,
        door,
    )

    def ready(address: str) -> None:
        session.output.say(f"The invoker answers at [bold]{address}[/bold]. Ctrl-C ends it.")
        session.output.document({"url": address, "identity_tokens": door is not None})

    with workloads.worker_here(session, wanted=not no_worker) as worker:
        listen(invoker.app(chosen.host), chosen.host, chosen.port, ready)
        if worker is not None:
            worker.end(drain=False)
    logging.info("the invoker ended")


def _door(session: Session) -> Doorkeeper | None:
    """Whom to let in; nobody needs to say who they are on the loopback."""
    from fsictl.jobs.identity import Door, Doorkeeper

    chosen = session.settings.invoker
    if chosen.audience is None:
        if not _is_loopback(chosen.host):
            message = f"invoker.host is {chosen.host!r}, which others can reach, and invoker.audience is not set"
            hint = "Set invoker.audience and invoker.callers, so that only they may ask; or listen on 127.0.0.1."
            raise SettingsError(message, hint=hint)
        return None
    if not chosen.callers:
        message = "invoker.audience is set, but invoker.callers names nobody who may ask"
        raise SettingsError(message, hint="Name the e-mail addresses of the accounts that may call.")
    door = Door(chosen.audience, chosen.issuers, chosen.callers, chosen.signatures == "cloud-run")
    return Doorkeeper(door, session.clock)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
