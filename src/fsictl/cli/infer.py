"""``fsictl infer``: the inference pipeline alone, and scoring of stored metrics."""

from __future__ import annotations

from typing import Annotated

import typer

from fsictl.cli import pipelines, times
from fsictl.cli.command import command, group
from fsictl.cli.models import need_version, window_rules
from fsictl.cli.output import time_text
from fsictl.cli.session import Session
from fsictl.errors import NotEnoughDataError

app = group("infer", "Say when the RSI cannot be trusted: live, or for stored metrics.")


def register(parent: typer.Typer) -> None:
    """Add the group to the program."""
    parent.add_typer(app)


@command(app, "run")
def run(session: Session) -> None:
    """Run the inference pipeline alone, here, until Ctrl-C; it takes up new versions by itself."""
    pipelines.run_in_foreground(session, "infer")


@command(app, "batch")
def batch(
    session: Session,
    model: Annotated[str, typer.Option(metavar="VERSION", help="A version, or champion or challenger.")] = "champion",
    symbol: Annotated[str | None, typer.Option(help="Only this symbol.")] = None,
    start: Annotated[str | None, typer.Option(metavar="TIME", help="First event time.")] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="Event time before which rows end.")] = None,
) -> None:
    """Score stored metrics with any version, into the table reconerr. Only a champion's verdicts alert."""
    from fsictl.model.aliases import CHAMPION, named
    from fsictl.model.batch import infer_batch
    from fsictl.model.champion import scorers_named

    session.need_workspace()
    model = need_version(session, model)
    scorers = scorers_named(session.artifacts, model)
    since, until = _range(session, symbol, start, end)
    counts = {"verdicts": 0, "unreliable": 0, "alerts": 0}
    with session.output.progress("scoring", until - since) as bar:
        for verdicts in infer_batch(
            session.warehouse,
            scorers,
            start=since,
            end=until,
            symbols=[symbol] if symbol is not None else None,
            rules=window_rules(session),
            alerting=named(session.artifacts, CHAMPION),
        ):
            if verdicts.num_rows:
                session.warehouse.write("reconerr", verdicts)
                bar.at(verdicts.column("timestamp")[-1].as_py() - since)
            counts["verdicts"] += verdicts.num_rows
            counts["unreliable"] += verdicts.column("unreliable").to_pylist().count(True)
            counts["alerts"] += verdicts.column("alert").to_pylist().count(True)
    share = counts["unreliable"] / counts["verdicts"] if counts["verdicts"] else 0.0
    versions = sorted({one.version for one in scorers.all()})
    session.output.say(
        f"{counts['verdicts']:,} verdicts by {', '.join(versions)}, from {time_text(since)} to {time_text(until)} UTC:"
        f" {counts['unreliable']:,} unreliable ({share:.1%}), {counts['alerts']:,} seconds with an alert."
    )
    shared = scorers.shared.version if scorers.shared is not None else None
    by_symbol = {one: scorer.version for one, scorer in scorers.own.items()}
    told = {"model_version": shared, "by_symbol": by_symbol, "start": since, "end": until}
    session.output.document({**told, **counts})


def _range(session: Session, symbol: str | None, start: str | None, end: str | None) -> tuple[int, int]:
    """The event times to score, ms: what was asked for, and no more than what is stored."""
    extents = [one for one in session.warehouse.extents("metrics") if symbol in {None, one.symbol}]
    now = session.clock.now_ms()
    since = times.moment(start, now) if start is not None else 0
    until = times.moment(end, now) if end is not None else now
    since = max(since, min((one.first for one in extents), default=until))
    until = min(until, max((one.last + 1 for one in extents), default=since))
    if since >= until:
        message = "there are no stored metrics in that range"
        raise NotEnoughDataError(message, hint="Choose another range; `fsictl status` shows what is stored.")
    return since, until
