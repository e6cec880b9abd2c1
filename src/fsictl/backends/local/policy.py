"""How the files of a workspace are kept: what a commit survives, and what is forgotten when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Synchronous(StrEnum):
    """When SQLite waits for the disk. What a program commits survives its crash with both."""

    NORMAL = "normal"  # at checkpoints: a power cut may take back the last commits, each as a whole
    FULL = "full"  # at every commit: a power cut takes nothing back


@dataclass(frozen=True, slots=True)
class Policy:
    """Ages in milliseconds; ``None``, or no entry, keeps for ever.

    ``topics_ms``: age of a message, by when it was published, that every pipeline has taken. ``dead_letters_ms``: age
    of a dead letter. ``tables_ms``: by table, age of a row by its event time, reckoned from the newest row of that
    table, or from now if that is earlier: so old prices that are replayed are not old at once, and one row from the
    far future does not make all others old.
    """

    synchronous: Synchronous = Synchronous.NORMAL
    topics_ms: int | None = None
    dead_letters_ms: int | None = None
    tables_ms: Mapping[str, int] = field(default_factory=dict)


KEEP_EVERYTHING = Policy()
