"""The HTTP contact point: whoever cannot send a message asks here, and looks here what became of it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fsictl.clock import Clock
from fsictl.dashboard.security import Guard
from fsictl.errors import FsictlError, InputError, ServiceError, StorageError, UsageError
from fsictl.jobs.catalogue import moment_text
from fsictl.jobs.checks import Verdict
from fsictl.jobs.history import ask
from fsictl.jobs.identity import Doorkeeper, RefusedError
from fsictl.jobs.openapi import document
from fsictl.jobs.request import AGAIN, JobRequest, is_job_id, request_of
from fsictl.jobs.states import Job
from fsictl.jobs.waiting import Watch
from fsictl.ports.messenger import Messenger
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import JOB_EVENTS, JOBS_TOPIC
from fsictl.sql.run_dates import check_run_date, yesterday

MOST_BYTES = 10_000
SCHEDULED_FOR = "x-cloudscheduler-scheduletime"
"""The header in which Cloud Scheduler says when its call was due."""

log = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Invoker:
    """What the contact point asks and looks at. ``workload`` is meant when none is named.

    ``door`` is ``None`` where only this machine can ask: then no token is needed, and requests are refused that come
    under a foreign name or from a page of elsewhere.
    """

    messenger: Messenger
    warehouse: Warehouse
    clock: Clock
    watch: Watch
    check: Callable[[Job], Verdict]
    workload: str = "sql"
    door: Doorkeeper | None = None
    quick: Executor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="invoker"))
    slow: Executor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="invoker-check"))

    def app(self, host: str = "127.0.0.1") -> Starlette:
        """The web application, for a server bound to ``host``."""
        routes = [
            Route("/invoke", self._answering(self._invoke), methods=["GET", "POST"]),
            Route("/jobs/{job_id}", self._answering(self._job)),
            Route("/jobs/{job_id}/check", self._answering(self._check)),
            Route("/healthcheck", self._healthcheck),
            Route("/openapi.json", self._openapi),
        ]
        guards = [Middleware(Guard, bound=host)] if self.door is None else []
        return Starlette(routes=routes, middleware=guards, exception_handlers={HTTPException: _refused})

    def _answering(self, answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """The same for callers who may ask, with errors as answers."""

        async def guarded(request: Request) -> Response:
            try:
                if self.door is not None:
                    authorization = request.headers.get("authorization")
                    await self._in(self.quick, lambda: _caller(self.door, authorization))
                elif request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
                    return _error(
                        403, "a page of elsewhere may not ask here", "Ask from a program, or type the address."
                    )
                return await answer(request)
            except HTTPException:
                raise
            except RefusedError as error:
                headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
                return _error(error.status, str(error), "Send a Google identity token for this service.", headers)
            except FsictlError as error:
                return _error(_status(error), str(error), error.hint)
            except Exception as error:  # a fault of ours: a line for the log, a sentence for the caller
                log.exception("%s failed: %s", request.url.path, type(error).__name__)
                return _error(500, "the invoker failed to answer this", "See its log.")

        return guarded

    async def _in(self, executor: Executor, call: Callable[[], _Answer]) -> _Answer:
        return await asyncio.get_running_loop().run_in_executor(executor, call)

    # -------------------------------------------------------------------------------------- answers

    async def _invoke(self, request: Request) -> Response:
        wish, action = await self._wish(request)
        row = await self._in(self.quick, lambda: self._asked(wish, action))
        return JSONResponse(row, 202, {"Location": f"/jobs/{wish.job_id}"})

    def _asked(self, wish: JobRequest, action: str | None) -> dict[str, Any]:
        check_run_date(wish.run_date, self.clock.now_ms())
        now = self.clock.now_ms()
        ask(wish, messenger=self.messenger, warehouse=self.warehouse, now=now, action=action)
        log.info("%s: asked for (%s for %s)", wish.job_id, wish.workload, wish.run_date)
        return self._row(wish.job_id) or _unknown(wish, now)

    async def _job(self, request: Request) -> Response:
        job_id = request.path_params["job_id"]
        row = await self._in(self.quick, lambda: self._row(job_id))
        return JSONResponse(row) if row is not None else _no_job(job_id)

    async def _check(self, request: Request) -> Response:
        job_id = request.path_params["job_id"]
        job = await self._in(self.quick, lambda: self._known(job_id))
        if job is None:
            return _no_job(job_id)
        verdict = await self._in(self.slow, lambda: self.check(job))
        log.info("%s: checked: %s: %s", job_id, "passed" if verdict.passed else "not passed", verdict.detail)
        return JSONResponse(
            {"job_id": job_id, "state": job.state.value, "passed": verdict.passed, "detail": verdict.detail}
        )

    async def _healthcheck(self, _: Request) -> Response:
        said = await self._in(self.quick, self._health)
        return JSONResponse(said, 200 if said["status"] == "ok" else 503)

    def _health(self) -> dict[str, str]:
        found = {}
        looks: dict[str, Callable[[], object]] = {
            "messenger": lambda: self.messenger.end(JOBS_TOPIC),
            "warehouse": lambda: self.warehouse.read(JOB_EVENTS.name, newest=1),
        }
        for name, look in looks.items():
            try:
                look()
                found[name] = "ok"
            except Exception as error:  # whatever it is, it does not answer
                log.warning("healthcheck: the %s does not answer: %s", name, error)
                found[name] = str(error) if isinstance(error, FsictlError) else type(error).__name__
        return {"status": "ok" if set(found.values()) == {"ok"} else "failing", **found}

    async def _openapi(self, _: Request) -> Response:
        return JSONResponse(document(default_workload=self.workload, with_tokens=self.door is not None))

    # --------------------------------------------------------------------------------------- wishes

    async def _wish(self, request: Request) -> tuple[JobRequest, str | None]:
        """What is asked for, by the query, and by the body of a POST."""
        given: dict[str, Any] = {}
        for name, value in request.query_params.multi_items():
            if name in given:
                message = f"{name[:80]} is given twice"
                raise UsageError(message, hint="Give every parameter once.")
            given[name] = value
        again = given.pop("again", "false")
        if again not in {"true", "false"}:
            message = f"again is {again[:80]!r}, neither true nor false"
            raise UsageError(message, hint="Give again=true to do a job again that succeeded.")
        run_date, workload = given.pop("run_date", None), given.pop("workload", None)
        if request.method == "POST":
            body = _body(await _read(request))
            run_date, workload = _one(run_date, body, "run_date"), _one(workload, body, "workload")
            given = {**body.get("params", {}), **given}
        return self._request(workload, run_date, given, request.headers.get(SCHEDULED_FOR)), (
            AGAIN if again == "true" else None
        )

    def _request(
        self, workload: str | None, run_date: str | None, params: Mapping[str, Any], scheduled: str | None
    ) -> JobRequest:
        """The request; without a run date the last whole day before the call was due, or before now.

        A training that was due at a time uses the rows before it.
        """
        name = self.workload if workload is None else workload
        due = _due(scheduled)
        if run_date is None:
            run_date = yesterday(self.clock.now_ms() if due is None else due).isoformat()
            if name == "train" and due is not None:
                params = {"until": moment_text(due), **params}
        return request_of(name, run_date, params)

    def _known(self, job_id: str) -> Job | None:
        if not is_job_id(job_id):
            return None
        self.watch.look()
        return self.watch.job(job_id)

    def _row(self, job_id: str) -> dict[str, Any] | None:
        job = self._known(job_id)
        if job is None:
            return None
        state, detail = self.watch.state(job)
        result = job.latest.result if job.latest is not None and not job.is_reopened else None
        return {
            **_told(job.request),
            "state": state.value,
            "since": job.since,
            "attempt": job.attempt,
            "detail": detail,
            "result": json.loads(result) if result else None,
        }


def _told(request: JobRequest) -> dict[str, Any]:
    return {
        "job_id": request.job_id,
        "workload": request.workload,
        "run_date": request.run_date.isoformat(),
        "params": dict(request.params),
    }


def _unknown(request: JobRequest, now: int) -> dict[str, Any]:
    """A job that was asked for, where the table does not show it yet."""
    return {**_told(request), "state": "requested", "since": now, "attempt": 0, "detail": "", "result": None}


def _caller(door: Doorkeeper | None, authorization: str | None) -> str:
    return "" if door is None else door.caller(authorization)


async def _read(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"the body is longer than {MOST_BYTES} bytes")
    return body


def _body(raw: bytes) -> dict[str, Any]:
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
        if not isinstance(body, dict) or set(body) - {"run_date", "workload", "params"}:
            raise ValueError
        if not all(isinstance(body.get(name, ""), str) for name in ("run_date", "workload")):
            raise ValueError
        if not isinstance(body.get("params", {}), dict):
            raise ValueError
    except (ValueError, RecursionError) as error:
        message = "the body is not a JSON object of run_date, workload and params"
        raise InputError(message, hint='Send {"run_date": "2026-01-31", "workload": "rfm"}, or nothing.') from error
    return body


def _one(query: str | None, body: Mapping[str, Any], name: str) -> str | None:
    """What was given for it, in the query or in the body."""
    told: str | None = body.get(name)
    if query is not None and told is not None and query != told:
        message = f"{name} is {query[:80]!r} in the address and {told[:80]!r} in the body"
        raise UsageError(message, hint="Give it once.")
    return query if query is not None else told


def _due(scheduled: str | None) -> int | None:
    if scheduled is None:
        return None
    try:
        return round(datetime.fromisoformat(scheduled).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        message = f"the header {SCHEDULED_FOR} is not a time"
        raise UsageError(message, hint="Cloud Scheduler sends one like 2026-01-31T01:30:00Z; leave it out.") from error


def _status(error: FsictlError) -> int:
    return 503 if isinstance(error, ServiceError | StorageError) else 400


def _no_job(job_id: str) -> Response:
    return _error(404, f"there is no job {job_id[:80]!r}", "Ask for it: /invoke?run_date=YYYY-MM-DD&workload=NAME.")


async def _refused(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else "the invoker failed to answer this"
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return _error(status, detail, "See /openapi.json for what there is.", headers)


def _error(status: int, message: str, hint: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": message, "hint": hint}, status, headers)
