"""``fsictl infer``: the inference pipeline alone, and scoring of stored metrics."""

from __future__ import annotations

from typing import Annotated

import typer

from fsictl.cli import pipelines, times
from fsictl.cli.command import command, group
from fsictl.cli.models import window_rules
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
    """Score stored metrics with any version, into the table reconerr."""
    from fsictl.model.batch import score_stored
    from fsictl.model.versions import load_scorer

    session.need_workspace()
    scorer = load_scorer(session.artifacts, model)
    now = session.clock.now_ms()
    report = score_stored(
        session.warehouse,
        scorer,
        rules=window_rules(session),
        symbols=[symbol] if symbol is not None else None,
        start=times.moment(start, now) if start is not None else None,
        end=times.moment(end, now) if end is not None else None,
    )
    if not report.rows:
        message = "there are no stored metrics in that range"
        raise NotEnoughDataError(message, hint="Choose another range; `fsictl status` shows what is stored.")
    share = report.unreliable / report.verdicts if report.verdicts else 0.0
    session.output.say(
        f"Scored {report.verdicts:,} windows in {report.rows:,} rows with {scorer.version}:"
        f" {report.unreliable:,} unreliable ({share:.1%}), {report.alerts:,} with an alert."
    )
    session.output.document(
        {
            "model_version": scorer.version,
            "rows": report.rows,
            "verdicts": report.verdicts,
            "unreliable": report.unreliable,
            "alerts": report.alerts,
        }
    )
