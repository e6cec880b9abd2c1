"""Holds a dashboard's JSON against the types of Grafana's SDK: nothing unknown, nothing of another type."""

from __future__ import annotations

import enum
import json
import types
import typing
from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

PASSED_OVER = {"yesoreyeram-infinity-datasource"}
"""Data sources that the SDK has no types of; their queries are checked in ``infinity``."""

INFINITY = {
    "refId": str,
    "datasource": dict,
    "type": {"json"},
    "source": {"url"},
    "parser": {"backend"},
    "format": {"table", "timeseries"},
    "url": str,
    "url_options": dict,
    "root_selector": str,
    "columns": list,
}


def problems(board: dict[str, Any]) -> list[str]:
    """What is wrong with it, each as path and reason."""
    register_default_plugins()
    found = list(_infinity(board))
    plain = json.loads(json.dumps(board))
    for panel in plain["panels"]:
        panel["targets"] = [one for one in panel["targets"] if one["datasource"]["type"] not in PASSED_OVER]
    try:
        typed = Dashboard.from_json(plain)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [*found, f"cannot be read: {error!r}"]
    back = json.loads(JSONEncoder().encode(typed))
    return [*found, *_dropped(plain, back, ""), *_wrong(typed, "")]


def _dropped(given: Any, back: Any, path: str) -> Iterator[str]:
    """What the SDK does not know is gone after reading and writing."""
    if isinstance(given, dict) and isinstance(back, dict):
        for key, value in given.items():
            if key not in back:
                yield f"{path}/{key}: unknown"
            else:
                yield from _dropped(value, back[key], f"{path}/{key}")
    elif isinstance(given, list) and isinstance(back, list):
        for index, (one, other) in enumerate(zip(given, back, strict=True)):
            yield from _dropped(one, other, f"{path}/{index}")


def _wrong(value: Any, path: str) -> Iterator[str]:
    """Attributes whose values are not of the type that the SDK's class declares."""
    for name, hint in typing.get_type_hints(type(value)).items():
        yield from _check(getattr(value, name, None), hint, f"{path}/{name}")


def _check(value: Any, hint: Any, path: str) -> Iterator[str]:
    origin = typing.get_origin(hint)
    if hint is Any or hint is object:
        if hasattr(value, "to_json"):  # the SDK says no more, but it read it as something that it knows
            yield from _wrong(value, path)
        return
    if origin in (typing.Union, types.UnionType):
        tries = [list(_check(value, one, path)) for one in typing.get_args(hint)]
        if all(tries):
            yield min(tries, key=len)[0]
    elif origin is list and isinstance(value, list):
        for index, one in enumerate(value):
            yield from _check(one, typing.get_args(hint)[0], f"{path}/{index}")
    elif not _fits(value, hint, origin):
        yield f"{path}: {value!r} is not {hint}"
    elif hasattr(value, "to_json"):
        yield from _wrong(value, path)


def _fits(value: Any, hint: Any, origin: Any) -> bool:
    if origin is typing.Literal:
        return value in typing.get_args(hint)
    if origin is not None:
        return isinstance(value, origin)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return value in [one.value for one in hint]
    return type(value) is hint or (isinstance(hint, type) and hint is not int and isinstance(value, hint))


def _infinity(board: dict[str, Any]) -> Iterator[str]:
    for panel in board["panels"]:
        for target in panel["targets"]:
            if target["datasource"]["type"] not in PASSED_OVER:
                continue
            where = f"{panel['title']}/{target.get('refId')}"
            for key, kind in INFINITY.items():
                value = target.get(key)
                if not (isinstance(value, kind) if isinstance(kind, type) else value in kind):
                    yield f"{where}/{key}: {value!r}"
            yield from (f"{where}/{key}: unknown" for key in target.keys() - INFINITY.keys())
            for column in target["columns"]:
                if set(column) != {"selector", "text", "type"} or column["type"] not in {
                    "string",
                    "number",
                    "timestamp_epoch",
                    "timestamp_epoch_s",
                }:
                    yield f"{where}/columns: {column}"
