"""Scoring over HTTP, as a container of Vertex AI must do it: a health route, and a predict route for JSON instances.

Requests that wait at the same time are scored as one batch. An instance is a window: rows of raw features, oldest
first, as :func:`fsictl.model.features.features_of` gives them, alone or as ``{"window": …, "symbol": …}``. See
https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from fsictl.model.versions import Scorer

MOST_BYTES = 10_000_000
MOST_INSTANCES = 10_000
MOST_WAITING = 1_000
"""Requests that may wait; more are told to come back later."""


@dataclass(frozen=True, slots=True)
class Routes:
    """Where the container answers."""

    health: str = "/health"
    predict: str = "/predict"

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Routes:
        """The routes that Vertex AI asks for in ``AIP_HEALTH_ROUTE`` and ``AIP_PREDICT_ROUTE``."""
        return cls(environment.get("AIP_HEALTH_ROUTE") or "/health", environment.get("AIP_PREDICT_ROUTE") or "/predict")


def serving_app(scorer: Scorer, routes: Routes) -> Starlette:
    """The web application that scores with one version."""
    queue: asyncio.Queue[_Waiting] = asyncio.Queue(MOST_WAITING)

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "model_version": scorer.version})

    async def predict(request: Request) -> JSONResponse:
        try:
            windows, symbols = _instances(await _body(request), scorer)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        waiting = _Waiting(windows, symbols, asyncio.get_running_loop().create_future())
        try:
            queue.put_nowait(waiting)
        except asyncio.QueueFull:
            return JSONResponse({"error": "too many requests wait already"}, 503, {"Retry-After": "1"})
        predictions = await waiting.done
        return JSONResponse({"predictions": predictions, "model_version": scorer.version})

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        worker = asyncio.create_task(_work(queue, scorer))
        yield
        worker.cancel()

    return Starlette(
        routes=[Route(routes.health, health), Route(routes.predict, predict, methods=["POST"])], lifespan=lifespan
    )


@dataclass(frozen=True, slots=True)
class _Waiting:
    windows: npt.NDArray[np.float32]
    symbols: Sequence[str | None]
    done: asyncio.Future[list[dict[str, Any]]]


async def _work(queue: asyncio.Queue[_Waiting], scorer: Scorer) -> None:
    """Score what waits, all of it at once, in another thread, so that health is answered meanwhile."""
    while True:
        taken = [await queue.get()]
        while not queue.empty() and sum(len(one.windows) for one in taken) < MOST_INSTANCES:
            taken.append(queue.get_nowait())
        windows = np.concatenate([one.windows for one in taken])
        symbols = [symbol for one in taken for symbol in one.symbols]
        try:
            scored = await asyncio.to_thread(predictions_of, scorer, windows, symbols)
        except Exception as error:  # whoever waits must hear of it, and the others must still be served
            for one in taken:
                if not one.done.done():
                    one.done.set_exception(error)
            continue
        start = 0
        for one in taken:
            if not one.done.done():
                one.done.set_result(scored[start : start + len(one.windows)])
            start += len(one.windows)


async def _body(request: Request) -> Any:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            message = f"a request has at most {MOST_BYTES} bytes"
            raise ValueError(message)
    try:
        return json.loads(body)
    except (UnicodeDecodeError, RecursionError) as error:
        message = "the request is not JSON"
        raise ValueError(message) from error


def _instances(body: Any, scorer: Scorer) -> tuple[npt.NDArray[np.float32], list[str | None]]:
    """The windows of a request, and the symbol of each where it is said; ``ValueError`` says what is wrong."""
    instances = body.get("instances") if isinstance(body, dict) else None
    if not isinstance(instances, list) or not 0 < len(instances) <= MOST_INSTANCES:
        message = f'a request is {{"instances": […]}} with 1 to {MOST_INSTANCES} windows'
        raise ValueError(message)
    found = [one if isinstance(one, dict) else {"window": one} for one in instances]
    shape = (scorer.graph.length, scorer.graph.features)
    try:
        windows = np.array([one.get("window") for one in found], dtype=np.float32)
    except (ValueError, TypeError, OverflowError) as error:
        message = "a window has something in it that is not a number, or rows of different lengths"
        raise ValueError(message) from error
    if windows.shape[1:] != shape:
        message = f"a window has {shape[0]} rows of {shape[1]} features: {', '.join(scorer.card.features)}"
        raise ValueError(message)
    symbols = [one.get("symbol") for one in found]
    return windows, [symbol if isinstance(symbol, str) else None for symbol in symbols]


def predictions_of(
    scorer: Scorer, windows: npt.NDArray[np.float32], symbols: Sequence[str | None]
) -> list[dict[str, Any]]:
    """What the version says about each window, by the calibration of its symbol in the card; nulls without a score."""
    scores = scorer.graph.score(windows)
    said = []
    for score, errors, symbol in zip(scores.score, scores.feature_errors, symbols, strict=True):
        if not np.isfinite(score):
            said.append(dict.fromkeys(("score", "p_value", "threshold", "unreliable", "alert", "feature_errors")))
            continue
        calibration = scorer.card.by_symbol.get(symbol or "") or scorer.card.calibration
        p_value = float(calibration.p_values(np.array([score]))[0])
        threshold = calibration.label_threshold
        said.append(
            {
                "score": float(score),
                "p_value": p_value,
                "threshold": threshold if np.isfinite(threshold) else None,
                "unreliable": bool(score > threshold),
                "alert": p_value <= calibration.alert_rate,
                "feature_errors": dict(zip(scorer.card.features, map(float, errors), strict=True)),
            }
        )
    return said
