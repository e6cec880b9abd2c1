"""Telling people that a job was not done: a line in the log, and a request to an address of their choice."""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass

from fsictl.errors import SettingsError

log = logging.getLogger(__name__)

_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Alarm:
    """What is wrong with a job, since when (ms), in a sentence."""

    job_id: str
    workload: str
    run_date: str
    problem: str
    detail: str
    at: int

    @property
    def text(self) -> str:
        """The alarm as a sentence."""
        return f"fsictl: {self.workload} for {self.run_date} {self.problem}: {self.detail} (job {self.job_id})"


def check_webhook(address: str | None) -> str | None:
    """The address itself; ``SettingsError`` unless it begins with http:// or https:// and names a host."""
    if address is not None:
        parts = urllib.parse.urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            message = "orchestrator.webhook is not an address of the web"
            raise SettingsError(message, hint="Give one that begins with https://, or none.")
    return address


def raise_alarm(alarm: Alarm, webhook: str | None, *, post: Callable[[str, bytes], None] | None = None) -> bool:
    """Log the alarm, and post it to the address if there is one; whether everybody was told."""
    log.error("%s: ALARM: %s: %s", alarm.job_id, alarm.problem, alarm.detail)
    return post_alarm(alarm, webhook, post=post)


def post_alarm(alarm: Alarm, webhook: str | None, *, post: Callable[[str, bytes], None] | None = None) -> bool:
    """Post the alarm to the address if there is one; whether it was taken.

    An address that does not answer is a line in the log; the address itself may be a secret and is not told.
    """
    if webhook is None:
        return True
    try:
        (post or _post)(webhook, json.dumps({"text": alarm.text, **asdict(alarm)}).encode())
    except (OSError, urllib.error.URLError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "code", None) or type(error).__name__
        log.error("%s: the alarm could not be posted: %s", alarm.job_id, reason)
        return False
    return True


def _post(address: str, body: bytes) -> None:
    check_webhook(address)
    request = urllib.request.Request(  # noqa: S310 - http and https only, which has just been checked
        address, data=body, headers={"Content-Type": "application/json", "User-Agent": "fsictl"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=_PATIENCE):  # noqa: S310
        pass
