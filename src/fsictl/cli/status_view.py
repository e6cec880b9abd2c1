"""The overview of ``fsictl status`` as a terminal shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsictl.cli.explain import sparkline
from fsictl.cli.output import counted, time_text

if TYPE_CHECKING:
    from rich.console import Group

_STATE_STYLE = {
    "running": "green",
    "starting": "yellow",
    "restarting": "yellow",
    "failed": "bold red",
    "stopped": "dim",
    "unknown": "dim",
}
_FEED_STYLE = {"live": "green", "replay": "blue", "behind": "yellow", "silent": "yellow", "error": "red"}
_STATES = {
    "overbought": ("overbought", "yellow"),
    "oversold": ("oversold", "blue"),
    "unreliable": ("UNRELIABLE", "bold red"),
    "stale": ("stale", "dim"),
    "flat": ("no move", "dim"),
    "normal": ("", ""),
}
_MOST_WARNINGS = 3
_LINES = 18
"""Lines that are needed beside the symbols'."""


def rendered(found: dict[str, Any], height: int | None = None) -> Group:
    """The overview for a terminal; of that many lines, if given."""
    from rich.console import Group
    from rich.text import Text

    is_short = height is not None and height < len(found["symbols"]) + _LINES
    warnings = [Text(f"model: {warning}", style="yellow") for warning in found["model_warnings"]]
    if is_short:
        return Group(_facts(found), _pipelines_in_a_line(found), *warnings[:1], _prices(found))
    if height is not None and len(warnings) > _MOST_WARNINGS:
        rest = len(warnings) - _MOST_WARNINGS
        warnings[_MOST_WARNINGS:] = [Text(f"model: {rest} more; see fsictl status", style="yellow")]
    return Group(_head(found), _facts(found), _machine(found), *warnings, "", _pipelines(found), _prices(found))


def _head(found: dict[str, Any]) -> Any:
    from rich.text import Text

    age = "no metrics yet" if found["newest"] is None else f"newest metrics {time_text(found['newest'])} UTC"
    own = len(found["models_by_symbol"])
    model = f"{found['model'] or 'none yet'}" + (f" and {own} of single symbols" if own else "")
    return Text(f"{found['workspace']} · model {model} · {age}")


def _facts(found: dict[str, Any]) -> Any:
    """What the page has at its top."""
    from rich.text import Text

    text = Text()
    text.append(f"● {found['feed']}", style=_FEED_STYLE.get(found["feed"], "dim"))
    if found["lag"] is not None and found["feed"] != "replay":
        text.append(f" · {found['lag']:.1f} s behind the clock")
    if found["ticks_per_second"] is not None:
        text.append(f" · {found['ticks_per_second']:,.0f} ticks/s")
    late, letters, alerts = (found[name] or 0 for name in ("late", "dead_letters", "alerts"))
    for words, count, style in (
        (f"{late:,} late", late, "yellow"),
        (counted(letters, "dead letter"), letters, "yellow"),
        (f"{counted(alerts, 'alert')} in the last hour", alerts, "red"),
    ):
        text.append(" · ")
        text.append(words, style=style if count else "dim")
    return text


def _pipelines(found: dict[str, Any]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("pipeline", "state", "waiting", "restarts", "so far", "last words"):
        table.add_column(heading, justify="right" if heading in {"waiting", "restarts"} else "left")
    for one in found["pipelines"]:
        done = ", ".join(f"{key} {value:,}" for key, value in one["counters"].items() if value and key != "event_time")
        state = Text(one["state"], style=_STATE_STYLE[one["state"]])
        table.add_row(one["pipeline"], state, f"{one['waiting']:,}", str(one["restarts"]), done, Text(one["detail"]))
    return table


def _pipelines_in_a_line(found: dict[str, Any]) -> Any:
    from rich.text import Text

    text = Text()
    for one in found["pipelines"]:
        text.append(f"{one['pipeline']} ", style="dim")
        text.append(one["state"], style=_STATE_STYLE[one["state"]])
        text.append(f" {one['waiting']:,} waiting   " if one["waiting"] else "   ")
    return text


def _prices(found: dict[str, Any]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("symbol", "second (UTC)", "price", "5 min", "SMA", "RSI", "state"):
        table.add_column(heading, justify="right" if heading in {"price", "SMA", "RSI"} else "left", no_wrap=True)
    for row in found["symbols"]:
        word, style = _STATES[row["state"]]
        reason = f" by rule: {row['reason']}" if row["unreliable"] and row["reason"] else ""
        trend = row["trend"]
        rising = bool(trend) and trend[-1] >= trend[0]
        table.add_row(
            row["symbol"],
            time_text(row["timestamp"]),
            f"{'filled ' if row['filled'] else ''}{_price_text(row['price'])}",
            Text(sparkline(trend[::4]) if trend else "", style="green" if rising else "red"),
            _price_text(row["sma"]),
            "–" if row["rsi"] is None else f"{row['rsi']:.1f}",
            Text(f"{word}{reason}", style=style),
        )
    return table


def _price_text(price: float | None) -> str:
    """A price with tenths of a pip, as dealers write it.

    >>> _price_text(1.18), _price_text(109.93), _price_text(64_000.0), _price_text(0.000123), _price_text(None)
    ('1.18000', '109.930', '64000.00', '0.00012300', '–')
    """
    if price is None:
        return "–"
    digits = next((digits for least, digits in ((1000, 2), (10, 3), (0.1, 5)) if price >= least), 8)
    return f"{price:.{digits}f}"


def _machine(found: dict[str, Any]) -> Any:
    """One line about speed and disk."""
    from rich.text import Text

    parts = [
        f"{topic} p50 {one['p50']} ms, p99 {one['p99']} ms"
        for topic, one in found["latency_ms"].items()
        if one is not None
    ]
    waits = f"after a second closes: {'; '.join(parts)} · " if parts else ""
    if found["bytes_free"] is None:
        return Text(waits.removesuffix(" · "), style="dim")
    sizes = ", ".join(f"{name} {_megabytes(size)}" for name, size in found["bytes"].items() if size)
    return Text(f"{waits}on disk: {sizes or 'nothing'}; {found['bytes_free'] / 1e9:,.1f} GB free", style="dim")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
