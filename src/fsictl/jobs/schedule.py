"""What is asked for when: entries of the schedule, the requests that they make, and runs that were missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from fsictl.errors import UsageError
from fsictl.jobs.catalogue import canonical_params, moment_text
from fsictl.jobs.cron import Cron
from fsictl.jobs.request import JobRequest
from fsictl.sql.run_dates import yesterday


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the schedule: when, which workload, with which parameters."""

    text: str
    cron: Cron
    workload: str
    params: Mapping[str, str] = field(default_factory=dict)

    def request_at(self, due: int) -> JobRequest:
        """What is asked for when it is due (ms): the same on every machine and at every repetition.

        The run date is the last whole day before that time, UTC. A training uses the rows before that time, so that
        every run of an hour is a job of its own, and can be repeated.
        """
        params = dict(self.params)
        if self.workload == "train":
            params.setdefault("until", moment_text(due))
        return JobRequest(self.workload, yesterday(due), dict(sorted(params.items())))


def entry_of(text: str, zone: ZoneInfo) -> Entry:
    """The entry of a line; ``UsageError`` when it is none.

    >>> entry = entry_of("30 1 * * *  train symbol=EURUSD", ZoneInfo("UTC"))
    >>> entry.text, entry.request_at(1_769_823_000_000).params["until"]
    ('30 1 * * * train symbol=EURUSD', '2026-01-31T01:30:00.000Z')
    """
    words = text.split()
    if len(words) < 6:
        message = f"{text[:80]!r} is not an entry of a schedule"
        raise UsageError(message, hint="Write five fields of cron and a workload: '30 1 * * * rfm'.")
    cron = Cron(" ".join(words[:5]), zone)
    cron.check()
    params: dict[str, object] = {}
    for word in words[6:]:
        name, equals, value = word.partition("=")
        if not equals:
            message = f"{word[:80]!r} is not a parameter of an entry of a schedule"
            raise UsageError(message, hint="Write NAME=VALUE behind the workload.")
        params[name] = value
    return Entry(" ".join(words), cron, words[5], canonical_params(words[5], params))


@dataclass(frozen=True, slots=True)
class MissedPolicy:
    """What becomes of runs that were due while nothing ran: ``auto``, ``coalesce`` or ``all``, at most so many.

    ``coalesce`` keeps the newest only. ``auto`` does so for trainings, which make each other superfluous, and keeps
    all of what is about a day, since a day that is left out has no rows.
    """

    missed: str = "auto"
    most: int = 200

    def kept(self, entry: Entry, due: Sequence[int]) -> list[int]:
        """Those of the times (ms) for which something is asked."""
        coalesce = self.missed == "coalesce" or (self.missed == "auto" and entry.workload == "train")
        return list(due[-1:] if coalesce else due[-self.most :])
