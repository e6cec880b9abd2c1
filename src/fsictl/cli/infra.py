"""``fsictl infra``: make, look at, park and remove what the target stands on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fsictl.cli.command import command, group
from fsictl.cli.infra_local import LocalInfra
from fsictl.cli.session import Session
from fsictl.errors import UsageError

app = group("infra", "Make, park and remove what the target stands on: a folder here, services on Google Cloud.")

LOCAL, GCP = "local", "gcp"

VarFile = Annotated[
    list[Path] | None,
    typer.Option(
        "--var-file",
        metavar="FILE",
        help="More variables for Terraform; they win over fsictl.tfvars. May be given more than once.",
    ),
]
Configuration = Annotated[
    Path | None,
    typer.Option("--configuration", metavar="DIR", help="Use this Terraform configuration, not the packaged one."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask; needed without a terminal.")]
Timeout = Annotated[float, typer.Option(min=0.0, help="Longest draining of one pipeline, seconds.")]
WithoutJobs = Annotated[
    bool,
    typer.Option(
        "--without-jobs", help="Don't ask Google for streaming jobs and deployed models: you know there are none."
    ),
]


def register(parent: typer.Typer) -> None:
    """Add the group to the program."""
    parent.add_typer(app)


@command(app, "plan")
def plan(
    session: Session,
    verb: Annotated[str, typer.Option("--for", metavar="VERB", help="What to plan: up, park or down.")] = "up",
    var_file: VarFile = None,
    configuration: Configuration = None,
) -> None:
    """Show what would be created, changed and destroyed, and what that costs a month. Nothing is changed."""
    from fsictl.infra.cloud import Verb

    if verb not in list(Verb):
        message = f"there is no plan for {verb}"
        raise UsageError(message, hint="Give --for up, --for park or --for down.")
    if session.settings.target == LOCAL:
        LocalInfra(session).plan(Verb(verb))
        return
    from fsictl.cli.infra_cloud import opened

    with opened(session, var_file, configuration) as cloud:
        cloud.plan(Verb(verb))


@command(app, "up")
def up(session: Session, var_file: VarFile = None, configuration: Configuration = None, yes: Yes = False) -> None:
    """Make everything that is missing, and change what differs. Local: make and check the workspace."""
    if session.settings.target == LOCAL:
        LocalInfra(session).up()
        return
    from fsictl.cli.infra_cloud import opened

    with opened(session, var_file, configuration) as cloud:
        cloud.up(yes=yes)


@command(app, "park")
def park(
    session: Session,
    var_file: VarFile = None,
    configuration: Configuration = None,
    timeout: Timeout = 600.0,
    without_jobs: WithoutJobs = False,
    yes: Yes = False,
) -> None:
    """Stop what costs money while nobody uses it, and keep all data; `infra up` brings it back.

    The streaming pipelines are drained first.
    """
    if session.settings.target == LOCAL:
        LocalInfra(session).park(timeout)
        return
    from fsictl.cli.infra_cloud import opened

    with opened(session, var_file, configuration) as cloud:
        cloud.park(timeout=timeout, without_jobs=without_jobs, yes=yes)


@command(app, "down")
def down(
    session: Session,
    var_file: VarFile = None,
    configuration: Configuration = None,
    unprotect: Annotated[
        bool, typer.Option("--unprotect", help="Delete what is protected too, with all its data.")
    ] = False,
    timeout: Timeout = 600.0,
    without_jobs: WithoutJobs = False,
    yes: Yes = False,
) -> None:
    """Remove everything, data too, and check that nothing is left.

    The streaming pipelines are drained first. What is protected is refused without --unprotect.
    """
    if session.settings.target == LOCAL:
        LocalInfra(session).down(timeout, yes=yes)
        return
    from fsictl.cli.infra_cloud import opened

    with opened(session, var_file, configuration) as cloud:
        cloud.down(timeout=timeout, without_jobs=without_jobs, unprotect=unprotect, yes=yes)


@command(app, "outputs")
def outputs(session: Session, configuration: Configuration = None) -> None:
    """Show where things are: names and addresses of what was made."""
    if session.settings.target == LOCAL:
        LocalInfra(session).outputs()
        return
    from fsictl.cli.infra_cloud import opened

    with opened(session, None, configuration) as cloud:
        cloud.outputs()


@command(app, "bootstrap")
def bootstrap(session: Session, yes: Yes = False) -> None:
    """Make the bucket that keeps Terraform's state: once for a project, before the first `infra up`."""
    if session.settings.target == LOCAL:
        session.output.say("Nothing to do: the local target keeps no state of Terraform.")
        session.output.document({"bucket": None, "made": False})
        return
    from fsictl.cli.infra_bootstrap import bootstrap_bucket

    bootstrap_bucket(session, yes=yes)


@command(app, "unlock")
def unlock(
    session: Session,
    lock: Annotated[str, typer.Argument(metavar="ID", help="Id of the lock, as the refused command said it.")],
    configuration: Configuration = None,
) -> None:
    """Free the lock that a run of Terraform left behind when it was killed.

    Be sure that no run is alive, here or elsewhere: two at once damage the state.
    """
    if session.settings.target == LOCAL:
        message = "the local target has no lock of Terraform"
        raise UsageError(message, hint="Locks of pipelines end with their processes; for the cloud give --target gcp.")
    from fsictl.cli.infra_cloud import opened

    with opened(session, None, configuration) as cloud:
        cloud.unlock(lock)


@command(app, "cost")
def cost(
    session: Session,
    parts: Annotated[
        list[str] | None,
        typer.Option(
            "--with", metavar="PART", help="Count this too: endpoint, cloud-sql or gke. May be given more than once."
        ),
    ] = None,
    symbols: Annotated[
        int | None, typer.Option(min=1, max=100_000, help="So many symbols rather than those of the settings.")
    ] = None,
    hz: Annotated[float | None, typer.Option(help="Ticks per second and symbol, on average.")] = None,
    now: Annotated[
        bool,
        typer.Option(
            "--now", help="List what costs money at this moment instead, from Terraform's state and Dataflow."
        ),
    ] = False,
    configuration: Configuration = None,
    without_jobs: WithoutJobs = False,
) -> None:
    """Estimate what the system on Google Cloud costs a month, from a dated list of public prices.

    Idle: everything is up, no streaming job runs. Free tiers, network and taxes are not counted.
    """
    if now:
        from fsictl.cli.infra_bill import bill_now, show_bill

        session.set("target", GCP, "--now")
        show_bill(session, bill_now(session, configuration, without_jobs=without_jobs))
        return
    from fsictl.cli.infra_cost import cost_document, show_cost, standard_cost

    session.set("prices.hz", hz, "--hz")
    if symbols is not None:
        session.set("prices.symbols", tuple(f"SYMBOL{number}" for number in range(symbols)), "--symbols")
    found = standard_cost(session, parts or [])
    show_cost(session.output, found)
    session.output.say("docs/infra.md says what is assumed of their use.")
    session.output.document(cost_document(found))
