"""The workloads that can be asked for, and the parameters that each of them takes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fsictl.errors import UsageError

MOST_PARAMETER = 200
"""Characters of a parameter's value at most."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its meaning, and how its text is brought into the one form that makes equal values equal."""

    meaning: str
    canonical: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class WorkloadKind:
    """One kind of work: what it does for a run date, and its parameters by name."""

    meaning: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


def _word(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9._/+:@-]+", text) is None:
        raise ValueError
    return text


def _words(text: str) -> str:
    return " ".join(_word(part) for part in text.split()) or _word(text)


def _whole(least: int) -> Callable[[str], str]:
    def canonical(text: str) -> str:
        if not (text.isascii() and text.isdigit() and least <= int(text) < 2**32):
            raise ValueError
        return str(int(text))

    return canonical


def _hours(text: str) -> str:
    hours = float(text)
    if not (math.isfinite(hours) and 0.1 <= hours <= 24 * 366):
        raise ValueError
    return f"{hours:g}"


def _moment(text: str) -> str:
    """A moment in UTC to the millisecond; a time without a zone is UTC already.

    >>> _moment("2026-01-31T01:00:00+01:00"), _moment("1769817600000")
    ('2026-01-31T00:00:00.000Z', '2026-01-31T00:00:00.000Z')
    """
    if text.isascii() and text.isdigit():
        return moment_text(int(text))
    found = datetime.fromisoformat(text)
    return moment_text(round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000))


def moment_text(ms: int) -> str:
    """Milliseconds since the epoch as a parameter's text; ``ValueError`` outside of the years 1970 to 9999."""
    if not 0 <= ms < 253_402_300_800_000:
        raise ValueError
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03d}Z"


def moment_ms(text: str) -> int:
    """Milliseconds since the epoch of a moment in its canonical form.

    >>> moment_ms("2026-01-31T00:00:00.000Z")
    1769817600000
    """
    return round(datetime.fromisoformat(text).timestamp() * 1000)


_SYMBOL = Parameter("only this symbol", _word)

WORKLOADS: Mapping[str, WorkloadKind] = {
    "train": WorkloadKind(
        "make a model version from the hours before the end of the run date, or before until",
        {
            "symbol": _SYMBOL,
            "hours": Parameter("hours of metrics to train on", _hours),
            "seed": Parameter("seed of the run", _whole(0)),
            "steps": Parameter("training steps", _whole(1)),
            "until": Parameter("event time before which rows are used", _moment),
        },
    ),
    "score": WorkloadKind(
        "judge the metrics of the run date into the table reconerr",
        {"symbol": _SYMBOL, "model": Parameter("a version, or champion or challenger", _word)},
    ),
    "sql": WorkloadKind(
        "make the marts of the run date", {"select": Parameter("only these models, in dbt's syntax", _words)}
    ),
    "rfm": WorkloadKind("make recency, frequency and monetary value of clients as of the run date"),
}
"""Every workload by its name."""


def kind_of(workload: str) -> WorkloadKind:
    """The workload of that name; ``UsageError`` when there is none."""
    found = WORKLOADS.get(workload)
    if found is None:
        message = f"there is no workload {workload[:80]!r}"
        raise UsageError(message, hint=f"Choose from {', '.join(WORKLOADS)}.")
    return found


def canonical_params(workload: str, params: Mapping[str, object]) -> dict[str, str]:
    """The parameters in one form, sorted by name, so that equal wishes are equal texts.

    >>> canonical_params("train", {"seed": "007", "hours": 24.0})
    {'hours': '24', 'seed': '7'}

    Raises ``UsageError`` for a parameter that the workload does not take, or a value that it cannot have.
    """
    known = kind_of(workload).parameters
    made = {}
    for name, value in sorted(params.items()):
        if name not in known:
            message = f"the workload {workload} takes no parameter {name[:80]!r}"
            hint = f"It takes {', '.join(known)}." if known else "It takes none."
            raise UsageError(message, hint=hint)
        text = str(value)
        try:
            if isinstance(value, bool) or not isinstance(value, str | int | float) or len(text) > MOST_PARAMETER:
                raise ValueError
            made[name] = known[name].canonical(text)
        except (ValueError, OverflowError):
            message = f"{text[:80]!r} cannot be the {name} of the workload {workload}"
            raise UsageError(message, hint=f"{name} is: {known[name].meaning}.") from None
    return made
