"""What is asked for: a workload, a run date, parameters; the same asked for again is the same job."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from fsictl.errors import FsictlError, InputError, UsageError
from fsictl.jobs.catalogue import canonical_params
from fsictl.records.message import Message
from fsictl.sql.run_dates import day_of

AGAIN, CANCEL = "again", "cancel"
"""Words of the attribute ``action``: do the job even if it succeeded before; end it."""

_JOB_ID = re.compile(r"[a-z]+-\d{8}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job by what it is to do. Make one with :func:`request_of`, which brings parameters into one form.

    >>> request_of("rfm", "2026-01-31").job_id
    'rfm-20260131-b3d09c4e184b'
    """

    workload: str
    run_date: date
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def job_id(self) -> str:
        """The name of the job: the same for the same workload, run date and parameters, on every machine."""
        day = self.run_date.isoformat()
        told = json.dumps([self.workload, day, sorted(self.params.items())])
        digest = hashlib.sha256(told.encode()).hexdigest()[:12]
        return f"{self.workload}-{day.replace('-', '')}-{digest}"


def request_of(workload: str, run_date: str, params: Mapping[str, object] | None = None) -> JobRequest:
    """The request that these words make; ``UsageError`` for an unknown workload or parameter, or no date."""
    canonical = canonical_params(workload, params or {})
    return JobRequest(workload, day_of(run_date), canonical)


def is_job_id(text: str) -> bool:
    """Whether a job can have that name.

    >>> is_job_id("rfm-20260131-b3d09c4e184b"), is_job_id("../etc/passwd")
    (True, False)
    """
    return _JOB_ID.fullmatch(text) is not None


def check_job_id(text: str) -> str:
    """The name itself; ``UsageError`` when no job can have it."""
    if not is_job_id(text):
        message = f"{text[:80]!r} is not the id of a job"
        raise UsageError(message, hint="Job ids look like rfm-20260131-b3d09c4e184b; `fsictl job list` shows them.")
    return text


def request_message(request: JobRequest, *, at: int, action: str | None = None) -> Message:
    """The request as a message of the topic ``jobs``, asked at that time (ms)."""
    body = {
        "job_id": request.job_id,
        "workload": request.workload,
        "run_date": request.run_date.isoformat(),
        "params": dict(request.params),
    }
    attributes = {"timestamp": str(at), "symbol": "", "job_id": request.job_id}
    return Message(json.dumps(body).encode(), attributes | ({} if action is None else {"action": action}))


def read_request(message: Message) -> JobRequest:
    """The request in a message of ``jobs``; ``InputError`` when there is none in it.

    The job id may be left out. One that is not that of the workload, run date and parameters is refused: whoever
    asked would wait for a job that nobody knows.
    """
    try:
        body = json.loads(message.data)
        if not isinstance(body, dict):
            raise TypeError
        params = {} if body.get("params") is None else body["params"]
        if not isinstance(params, dict):
            raise TypeError
        request = request_of(str(body["workload"]), str(body["run_date"]), params)
    except FsictlError as error:
        raise InputError(str(error), hint=error.hint) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        text = "a message of jobs is a JSON object with workload, run_date and params"
        raise InputError(text, hint="See docs/jobs.md.") from error
    given = body.get("job_id")
    if given is not None and given != request.job_id:
        text = f"the job id {str(given)[:80]!r} is not that of the request, {request.job_id}"
        raise InputError(text, hint="Leave the job id out, or compute it as docs/jobs.md says.")
    return request
