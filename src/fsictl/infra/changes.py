"""What a plan changes, and a summary of it that fits a screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    """What is done to one resource."""

    CREATE = "create"
    CHANGE = "change"
    REPLACE = "replace"
    DESTROY = "destroy"
    FORGET = "forget"


_ACTIONS = {
    ("create",): Action.CREATE,
    ("update",): Action.CHANGE,
    ("delete", "create"): Action.REPLACE,
    ("create", "delete"): Action.REPLACE,
    ("delete",): Action.DESTROY,
    ("forget",): Action.FORGET,
}


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to the resource of that address and type."""

    address: str
    type: str
    action: Action


def changes_of(listed: Iterable[Mapping[str, Any]]) -> tuple[Change, ...]:
    """The changes in ``resource_changes`` of a plan; what stays as it is or is only read is none.

    >>> changes_of([{"mode": "managed", "address": "a.b", "type": "a", "change": {"actions": ["delete", "create"]}},
    ...             {"mode": "managed", "address": "a.c", "type": "a", "change": {"actions": ["no-op"]}}])
    (Change(address='a.b', type='a', action=<Action.REPLACE: 'replace'>),)
    """
    found = []
    for one in listed:
        action = _ACTIONS.get(tuple(one["change"]["actions"]))
        if action is not None and one.get("mode") == "managed":
            found.append(Change(one["address"], one["type"], action))
    return tuple(found)


def summary(changes: Sequence[Change]) -> list[dict[str, object]]:
    """How many of each type of resource are created, changed, replaced and destroyed, by type.

    >>> summary([Change("google_pubsub_topic.a", "google_pubsub_topic", Action.CREATE)])
    [{'type': 'google_pubsub_topic', 'create': 1, 'change': 0, 'replace': 0, 'destroy': 0}]
    """
    shown = (Action.CREATE, Action.CHANGE, Action.REPLACE, Action.DESTROY)
    rows: dict[str, dict[str, object]] = {}
    for type_ in sorted({change.type for change in changes}):
        of_type = [change.action for change in changes if change.type == type_]
        rows[type_] = {"type": type_, **{action.value: of_type.count(action) for action in shown}}
    return list(rows.values())


def totals(changes: Sequence[Change]) -> dict[str, int]:
    """How many changes there are of each kind.

    >>> totals([Change("a.b", "a", Action.DESTROY)])
    {'create': 0, 'change': 0, 'replace': 0, 'destroy': 1, 'forget': 0}
    """
    actions = [change.action for change in changes]
    return {action.value: actions.count(action) for action in Action}
