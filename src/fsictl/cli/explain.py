"""``fsictl alerts explain``: from an alert to everything that it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from fsictl.cli.output import number_text, time_text
from fsictl.cli.session import Session

_BARS = "▁▂▃▄▅▆▇█"
_WORST = 5


def explain(
    session: Session, alert: Annotated[str, typer.Argument(help="Its id, or how the id begins: see alerts list.")]
) -> None:
    """Explain an alert: its score and threshold, which features and seconds, which ticks, which version and data."""
    from fsictl.streams.explain import explain_alert

    session.need_workspace()
    told = explain_alert(session.warehouse, session.artifacts, alert)
    if session.output.as_json:
        session.output.document(told)
        return
    rows = [{"what": key, "value": value} for key, value in in_words(told).items()]
    session.output.rows(rows, {"what": "", "value": ""}, title=f"Alert {told['alert']['id']}")


def in_words(told: dict[str, Any]) -> dict[str, str]:
    """The explanation as lines for a terminal."""
    alert, verdict, window = told["alert"], told["verdict"], told["window"]
    seconds, ticks = told["seconds"], told["ticks"]
    said = {
        "what": f"{alert['symbol']}, {verdict['side']} at an RSI of {verdict['rsi']:.1f}, {_called(verdict)}",
        "when": f"{time_text(alert['start'])} UTC, for {alert['seconds']} s;"
        f" at its worst {time_text(verdict['timestamp'])}",
        "score": _score(told),
        "features": ", ".join(f"{name} {share:.0%}" for name, share in verdict["feature_errors"].items()) or "–",
        "price": f"{sparkline([one['price'] for one in seconds])}  {_range([one['price'] for one in seconds])}",
        "ticks a second": sparkline([float(one["ticks"]) for one in seconds]),
    }
    errors = [one["error"] for one in seconds if one["error"] is not None]
    if errors:
        worst = sorted(seconds, key=lambda one: -one["error"])[:_WORST]
        said["autoencoder's error"] = sparkline(errors)
        said["worst seconds"] = ", ".join(
            f"{time_text(one['timestamp'])[11:]} ({number_text(one['error'], 3)})" for one in worst
        )
    filled = sum(one["gap_filled"] for one in seconds)
    said["window"] = f"{window['rows']} rows to {time_text(window['end'])} UTC, {filled} of them gap-filled"
    said["its ticks"] = f"{len(ticks):,}" + (f", the last at {time_text(ticks[-1]['timestamp'])}" if ticks else "")
    said |= _version(told)
    if told["missing"]:
        said["not known"] = "\n".join(told["missing"])
    return said


def _called(verdict: dict[str, Any]) -> str:
    if verdict["reason"]:
        return f"by rule: {verdict['reason']}"
    return "an alert" if verdict["alert"] else "unreliable" if verdict["unreliable"] else "reliable"


def _score(told: dict[str, Any]) -> str:
    verdict = told["verdict"]
    if verdict["reconstruction_error"] is None:
        return "none"
    parts = [f"{number_text(verdict['reconstruction_error'])}, above {number_text(verdict['threshold'])} is unreliable"]
    if verdict["p_value"] is not None:
        parts.append(f"p-value {number_text(verdict['p_value'], 3)}")
    others = {
        name: value for name, value in told["detectors"].items() if name != (told["version"] or {}).get("detector")
    }
    if others:
        parts.append(", ".join(f"{name} {number_text(value)}" for name, value in others.items()))
    return "; ".join(parts)


def _version(told: dict[str, Any]) -> dict[str, str]:
    version = told["version"]
    if version is None:
        return {"version": told["alert"]["model_version"] or "none"}
    data = version["trained_on"]
    symbols = ", ".join(data["symbols"])
    return {
        "version": f"{version['name']}, scoring with {version['detector']}",
        "trained on": f"{data['rows']:,} rows of {symbols},"
        f" {time_text(data['since'])} to {time_text(data['until'])} UTC, hash {data['sha256'][:12]}",
    }


def sparkline(values: Sequence[float]) -> str:
    """The values as bars of eight heights, from the smallest to the largest.

    >>> sparkline([1.0, 2.0, 8.0])
    '▁▂█'
    """
    if not values:
        return "–"
    low, span = min(values), (max(values) - min(values)) or 1.0
    return "".join(_BARS[min(int(8 * (value - low) / span), 7)] for value in values)


def _range(values: Sequence[float]) -> str:
    return f"{number_text(min(values), 7)} to {number_text(max(values), 7)}" if values else ""
