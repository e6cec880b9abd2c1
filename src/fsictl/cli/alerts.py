"""``fsictl alerts``: what was flagged."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from fsictl.cli import times
from fsictl.cli.command import command, group
from fsictl.cli.explain import explain
from fsictl.cli.output import time_text
from fsictl.cli.session import Session

app = group("alerts", "See when an RSI signal could not be trusted, and why.")


def register(parent: typer.Typer) -> None:
    """Add the group to the program."""
    parent.add_typer(app)


@command(app, "list")
def list_(
    session: Session,
    symbol: Annotated[str | None, typer.Option(help="Only this symbol.")] = None,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="Event time after which alerts end, or -2h.")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="Event time before which alerts end.")] = None,
    unreliable: Annotated[
        bool, typer.Option("--unreliable", help="Everything called unreliable, alert or not, stale feeds too.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many of the newest.")] = 50,
) -> None:
    """List alerts, the newest first; seconds of one symbol and side close together are one alert."""
    from fsictl.alerts.beginnings import episodes_since
    from fsictl.alerts.episodes import COLUMNS

    session.need_workspace()
    now = session.clock.now_ms()
    since = times.moment(start, now) if start is not None else 0
    table = session.warehouse.read(
        "reconerr",
        symbols=[symbol] if symbol is not None else None,
        start=since,
        end=times.moment(end, now) if end is not None else None,
        columns=COLUMNS,
    )
    episodes = episodes_since(session.warehouse, table, since, flag="unreliable" if unreliable else "alert")
    found = sorted(episodes, key=lambda alert: alert.start, reverse=True)
    rows = [{**dataclasses.asdict(alert), "from": time_text(alert.start)} for alert in found[:limit]]
    session.output.rows(
        rows,
        {
            "id": "id",
            "symbol": "symbol",
            "from": "from (UTC)",
            "seconds": "seconds",
            "side": "side",
            "rsi": "RSI",
            "largest_error": "error",
            "threshold": "threshold",
            "smallest_p_value": "p-value",
            "main_feature": "mostly",
            "reason": "by rule",
            "model_version": "version",
        },
        empty="Nothing." if unreliable else "No alert. --unreliable shows what was called unreliable without one.",
    )
    if len(found) > limit:
        session.output.say(f"There are {len(found) - limit:,} more; --limit shows more.")


command(app, "explain")(explain)
