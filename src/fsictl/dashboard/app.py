"""The addresses of the live page: the page itself, and its data as JSON."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from fsictl.alerts.episodes import Alert
from fsictl.clock import Clock, SystemClock
from fsictl.dashboard import models, views
from fsictl.dashboard.episodes import as_json
from fsictl.dashboard.events import Feed
from fsictl.dashboard.filling import filling
from fsictl.dashboard.history import Request as Wanted
from fsictl.dashboard.history import answer, runs
from fsictl.dashboard.pace import FREE, Pace
from fsictl.dashboard.pieces import Piece, Stretch, read_pieces
from fsictl.dashboard.security import Guard
from fsictl.dashboard.state import Limits
from fsictl.dashboard.watch import Watch
from fsictl.errors import FsictlError, InputError
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.messenger import Messenger
from fsictl.ports.warehouse import Warehouse
from fsictl.records.ticks import SYMBOL_PATTERN
from fsictl.streams.explain import explain, find_alert

STATIC = Path(__file__).parent / "static"
LONGEST = 7 * 86_400
LONGEST_FILLING = 900
MOST_TICKS = 20_000
_ALERT = re.compile("[0-9a-f]{1,64}")
LATEST_TIME = 253_402_300_799  # the end of the year 9999


def create_app(
    warehouse: Warehouse,
    messenger: Messenger | None,
    artifacts: Artifacts,
    *,
    host: str = "127.0.0.1",
    limits: Limits | None = None,
    clock: Clock | None = None,
    pace: Pace = FREE,
) -> Starlette:
    """The live page of these stores, for a server bound to ``host``; ``pace`` is how often and how much it reads.

    ``messenger`` is ``None`` where nobody knows how far pipelines are. All reading happens in one thread of the app's
    own, one short read at a time: a long history is read in pieces.
    """
    api = _Api(warehouse, messenger, artifacts, limits=limits or Limits(), clock=clock or SystemClock(), pace=pace)
    routes = [
        Route("/", _page),
        Route("/api/symbols", api.symbols),
        Route("/api/history", api.history),
        Route("/api/filling", api.filling),
        Route("/api/alerts", api.alerts),
        Route("/api/alerts/{alert}", api.alert),
        Route("/api/model", api.model),
        Route("/api/versions", api.versions),
        Route("/api/status", api.status),
        Route("/api/events", api.events),
        Route("/api/views/{view}", api.view),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, bound=host)],
        exception_handlers={HTTPException: _refused, FsictlError: _failed},
        lifespan=api.lifespan,
    )
    app.state.feed = api.feed
    return app


async def _page(request: Request) -> Response:
    return FileResponse(STATIC / "index.html")


class _Api:
    """The answers under ``/api``."""

    def __init__(
        self,
        warehouse: Warehouse,
        messenger: Messenger | None,
        artifacts: Artifacts,
        *,
        limits: Limits,
        clock: Clock,
        pace: Pace,
    ) -> None:
        self._warehouse = warehouse
        self._artifacts = artifacts
        self._limits = limits
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="dashboard-reads")
        self._pace = pace
        self._watch = Watch(warehouse, messenger, artifacts, clock, pace)
        self.feed = Feed(self._watch, self._read, pace)

    async def _read(self, call: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        looking = asyncio.create_task(self.feed.run())
        try:
            yield
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking
            self._executor.shutdown(wait=False, cancel_futures=True)

    async def symbols(self, request: Request) -> Response:
        """Every symbol with its newest row, verdict, trend and state."""
        await self._wake()
        return JSONResponse(await self._read(self._rows))

    def _rows(self) -> list[dict[str, Any]]:
        self._watch.begin()
        return self._watch.rows(self._limits)

    async def _wake(self) -> None:
        """Know what is new; if the store cannot be read, say so rather than repeat what was known before."""
        await self.feed.wake()
        if self.feed.failure is not None:
            raise self.feed.failure

    async def history(self, request: Request) -> Response:
        """One symbol's rows between two times, or of the last ``seconds`` before its newest."""
        symbol = _symbol(request)
        seconds = _number(request, "seconds", 1, LONGEST)
        start = _number(request, "start", 0, LATEST_TIME)
        end = _number(request, "end", 0, LATEST_TIME)
        points = _number(request, "points", 100, 20_000)
        if seconds is not None and start is not None:
            _refuse("Give either seconds or start, not both.")
        if start is not None and end is not None and end <= start:
            _refuse("end must be later than start.")
        newest = await self._newest(symbol)
        until = newest if end is None else end
        since = until - (seconds or 3600) if start is None else start
        if until - since > LONGEST:
            _refuse(f"That is a longer time than {LONGEST} seconds; ask for less.")
        wanted = Wanted(symbol, since, until, int(points or 3000), self._watch.champions.of(symbol))
        pieces: list[Piece] = []
        for run in runs(wanted.stretches(), self._pace.at_once):
            pieces += await self._read(partial(self._pieces, run, newest))
        text = await self._read(lambda: answer(wanted, pieces))
        return Response(text, media_type="application/json")

    def _pieces(self, run: Sequence[Stretch], newest: int) -> list[Piece]:
        return self._watch.shelf.get(run, newest, partial(read_pieces, self._warehouse))

    async def filling(self, request: Request) -> Response:
        """The ticks and rows of the ``seconds`` up to ``end``, or up to the symbol's newest row."""
        symbol = _symbol(request)
        seconds = int(_number(request, "seconds", 1, LONGEST_FILLING) or 120)
        end = _number(request, "end", 0, LATEST_TIME) or await self._newest(symbol)
        after = int(end)
        return JSONResponse(
            await self._read(lambda: filling(self._warehouse, symbol, after - seconds, after, most=MOST_TICKS))
        )

    async def _newest(self, symbol: str) -> int:
        await self._wake()
        newest: int | None = await self._read(partial(self._newest_known, symbol))
        if newest is None:
            raise HTTPException(404, f"There are no rows of the symbol {symbol}.")
        return newest

    def _newest_known(self, symbol: str) -> int | None:
        self._watch.begin()
        return self._watch.board.newest(symbol)

    async def alerts(self, request: Request) -> Response:
        """The latest episodes of alerts, newest first."""
        limit = _number(request, "limit", 1, 500) or 50
        await self._wake()
        alerts = await self._read(partial(self._recent_alerts, int(limit)))
        return JSONResponse([as_json(alert) for alert in alerts])

    def _recent_alerts(self, limit: int) -> list[Alert]:
        self._watch.begin()
        return self._watch.alerts.recent(limit)

    async def alert(self, request: Request) -> Response:
        """Everything that one alert rests on, as ``fsictl alerts explain --json`` gives it."""
        name = request.path_params["alert"]
        if _ALERT.fullmatch(name) is None:
            raise HTTPException(404, "An alert's id is of the characters 0-9 a-f.")
        try:
            told = await self._read(lambda: self._explained(name))
        except InputError as error:
            raise HTTPException(404, f"{error}.") from error
        return JSONResponse(told)

    def _explained(self, name: str) -> dict[str, Any]:
        alert = self._watch.alerts.find(name) or find_alert(self._warehouse, name)
        return explain(self._warehouse, self._artifacts, alert)

    async def view(self, request: Request) -> Response:
        """The rows of one view for Grafana, as a list of objects; times are in milliseconds."""
        name = request.path_params["view"]
        if name in views.LATEST:
            return JSONResponse(await self._read(lambda: views.latest_rows(self._warehouse, views.LATEST[name])))
        view = views.SERIES.get(name)
        if view is None:
            raise HTTPException(404, f"There is no view {name}; there are {', '.join((*views.SERIES, *views.LATEST))}.")
        symbol = _symbol(request) if view.of_symbol else ""
        start, end, step = (_number(request, key, 0, LATEST_TIME * 1000) for key in ("from", "to", "step"))
        if start is None or end is None or end <= start or end - start > LONGEST * 1000:
            _refuse(f"from and to must be times in milliseconds, at most {LONGEST} seconds apart.")
        step = max(1, int(step or 1000), -(-int(end - start) // views.MOST_STEPS))
        threshold = _number(request, "threshold", 0, 1e300) if request.query_params.get("threshold") else None
        rows_of = partial(views.series, champion=self._watch.champions, threshold=threshold)
        rows: list[dict[str, Any]] = []
        for since, until in views.pieces(int(start), int(end), step):
            rows += await self._read(partial(rows_of, self._warehouse, view, symbol, since, until, step))
        return JSONResponse(rows)

    async def model(self, request: Request) -> Response:
        """The model that scores."""
        return JSONResponse(await self._read(lambda: models.model(self._artifacts)))

    async def versions(self, request: Request) -> Response:
        """The newest versions of the model."""
        return JSONResponse(await self._read(lambda: models.versions(self._artifacts)))

    async def status(self, request: Request) -> Response:
        """The feed, the pipelines behind it, and the limits that the page draws."""
        await self.feed.wake()
        return JSONResponse(self.feed.status | {"limits": asdict(self._limits)})

    async def events(self, request: Request) -> Response:
        """What is new, as long as the client stays."""
        if self.feed.full:
            raise HTTPException(503, "Too many pages are open; close one.")
        await self.feed.wake()
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(self.feed.subscribe(), media_type="text/event-stream", headers=headers)


def _refuse(sentence: str) -> NoReturn:
    raise HTTPException(400, sentence)


def _symbol(request: Request) -> str:
    symbol = request.query_params.get("symbol", "")
    if SYMBOL_PATTERN.fullmatch(symbol) is None:
        _refuse("symbol must be 1 to 32 characters of A-Z a-z 0-9 . _ - /")
    return symbol


def _number(request: Request, name: str, least: float, most: float) -> float | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        _refuse(f"{name} must be a number from {least} to {most}.")
    return value


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)


async def _failed(request: Request, error: Exception) -> Response:
    """A store that cannot answer now: the page shows the sentence and tries again."""
    hint = error.hint if isinstance(error, FsictlError) else ""
    return JSONResponse({"error": str(error), "hint": hint}, 503)
