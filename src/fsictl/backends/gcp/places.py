"""Where a pipeline stands, in a bucket: its state, its counters, the messages it is done with, and who runs it.

Every commit writes a new object, numbered one higher, and only if there is none of that number: of two processes that
run the same pipeline by mistake one fails. An object of its own says who runs the pipeline, until when.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fsictl.backends.gcp.objects import NEW, Objects
from fsictl.errors import BusyError

FOLDER = "pipelines"
LEASE_MS = 60_000
"""How long a process may be silent before another may run its pipeline."""


@dataclass(frozen=True, slots=True)
class Place:
    """One commit. ``done`` are messages, as (topic, id), that are not to be done again when they come again."""

    state: bytes | None = None
    counters: Mapping[str, int] = field(default_factory=dict)
    done: Sequence[tuple[str, str]] = ()
    committed_ms: int | None = None

    def encode(self) -> bytes:
        """As bytes: a line of JSON, then the state as it is."""
        head = {
            "counters": dict(self.counters),
            "done": [list(one) for one in self.done],
            "committed_ms": self.committed_ms,
            "state": self.state is not None,
        }
        return json.dumps(head).encode() + b"\n" + (self.state or b"")

    @classmethod
    def decode(cls, data: bytes) -> Place:
        """From the bytes of :meth:`encode`.

        >>> place = Place(b"s", {"rows": 1}, [("prices", "7")], 5)
        >>> Place.decode(place.encode()) == place
        True
        """
        line, _, state = data.partition(b"\n")
        head = json.loads(line)
        done = [(str(topic), str(number)) for topic, number in head["done"]]
        return cls(state if head["state"] else None, head["counters"], done, head["committed_ms"])


class Places:
    """The places of one pipeline, newest last."""

    def __init__(self, objects: Objects, pipeline: str) -> None:
        self._objects, self._clock, self._pipeline = objects, objects.access.clock, pipeline
        self._folder = f"{FOLDER}/{pipeline}"
        self._owner = uuid.uuid4().hex
        self._number: int | None = None
        self._until = 0
        self._generation = NEW

    def newest(self) -> Place | None:
        """Where the pipeline stood after its last commit."""
        while True:
            numbers = self._numbers()
            if not numbers:
                self._number = 0
                return None
            found = self._objects.read(self._name(numbers[-1]))
            if found is not None:  # else a commit went by, and took it away
                self._number = numbers[-1]
                return Place.decode(found[0])

    def commit(self, place: Place) -> None:
        """Write the next place; ``BusyError`` when another process wrote it first."""
        if self._number is None:
            self.newest()
        number = (self._number or 0) + 1
        data = place.encode()
        if not self._objects.write(self._name(number), data, over=NEW):
            there = self._objects.read(self._name(number))
            if there is None or there[0] != data:  # else it was ours, in a try whose answer was lost
                raise self._busy()
        self._number = number
        self._objects.delete(self._name(number - 1))

    def acquire(self) -> None:
        """Become the one who runs the pipeline; ``BusyError`` when another does, or did until a moment ago."""
        there, generation = self._owner_of()
        if there is not None and there["owner"] != self._owner and there["until"] > self._clock.now_ms():
            raise self._busy()
        self._take(generation)

    def renew(self) -> None:
        """Stay the one; ``BusyError`` when another took over because this process was silent for too long."""
        if self._clock.now_ms() > self._until - LEASE_MS // 2:
            self._take(self._generation)

    def release(self) -> None:
        """Be the one no longer."""
        if not self._until:
            return
        self._until = 0
        self._objects.delete(self._owned, generation=self._generation)

    def _take(self, generation: int) -> None:
        until = self._clock.now_ms() + LEASE_MS
        data = json.dumps({"owner": self._owner, "until": until}).encode()
        if not self._objects.write(self._owned, data, over=generation):
            raise self._busy()
        self._until = until
        self._generation = self._owner_of()[1]

    @property
    def _owned(self) -> str:
        return f"{self._folder}/owner"

    def _owner_of(self) -> tuple[dict[str, Any] | None, int]:
        found = self._objects.read(self._owned)
        return (None, NEW) if found is None else (json.loads(found[0]), found[1])

    def _busy(self) -> BusyError:
        message = f"the pipeline {self._pipeline} is running already"
        return BusyError(message, hint="Stop the other one, or wait a minute if its machine is gone.")

    def _name(self, number: int) -> str:
        return f"{self._folder}/place-{number:015d}"

    def _numbers(self) -> list[int]:
        prefix = f"{self._folder}/place-"
        return [int(name.removeprefix(prefix)) for name in self._objects.names(prefix)]
