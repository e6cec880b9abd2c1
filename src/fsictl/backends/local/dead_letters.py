"""The topic ``dead-letter``: the union of what every file keeps of messages that could not be used."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from fsictl.backends.local import log
from fsictl.backends.local.database import Database
from fsictl.backends.local.layout import Layout
from fsictl.backends.local.log import DeadLetter
from fsictl.errors import InputError
from fsictl.records.message import Received

_Place = tuple[int, str, int]
"""When a dead letter was published (ms), its partition and its offset there: the order of the topic."""


def read_dead_letters(layout: Layout, after: str | None, limit: int) -> list[Received]:
    """Dead letters after the one with that id, each once, in the order of their publication."""
    with ExitStack() as files:
        partitions = _open(layout, files)
        start = (-1, "", 0) if after is None else _place(partitions, after)
        streams = [_stream(file, partition, start, limit) for partition, file in partitions.items()]
        found: list[Received] = []
        for place, letter in heapq.merge(*streams, key=lambda item: item[0]):
            if len(found) == limit:
                break
            if not _known_before(partitions, place, letter):
                found.append(letter.received)
        return found


def remove_dead_letters(layout: Layout, names: Sequence[str]) -> int:
    """Remove those dead letters, and what other files say of the same; returns how many of the names were there."""
    removed = 0
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(Database.for_writing(path, log.TABLES))
            for name, path in layout.outputs().items()
            if path.exists()
        }
        for name in names:
            partition, _, number = name.rpartition("/")
            if partition not in files or not (number.isascii() and number.isdigit()):
                continue
            identity = log.identity_of(files[partition], int(number))
            with files[partition].transaction():
                removed += log.remove_dead_letter(files[partition], int(number))
            for other in files.values():
                if identity is not None and log.same_dead_letter(other, identity) is not None:
                    with other.transaction():
                        log.remove_same(other, identity)
    return removed


def count_dead_letters(layout: Layout) -> int:
    """How many different dead letters there are."""
    with ExitStack() as files:
        identities = [i for file in _open(layout, files).values() for i in log.dead_letter_identities(file)]
    return len({i for i in identities if i is not None}) + identities.count(None)


def _open(layout: Layout, files: ExitStack) -> dict[str, Database]:
    partitions = {}
    for name, path in layout.outputs().items():
        file = Database.for_reading(path)
        if file is not None:
            partitions[name] = files.enter_context(file)
            files.enter_context(file.snapshot())
    return partitions


def _place(partitions: dict[str, Database], name: str) -> _Place:
    partition, _, number = name.rpartition("/")
    if partition in partitions and number.isascii() and number.isdigit():
        published_ms = log.dead_letter_time(partitions[partition], int(number))
        if published_ms is not None:
            return published_ms, partition, int(number)
    message = f"there is no dead letter {name!r}"
    raise InputError(message, hint="Give an id as it is listed with the dead letters, such as prices/17.")


def _stream(file: Database, partition: str, start: _Place, page: int) -> Iterator[tuple[_Place, DeadLetter]]:
    published_ms, first, offset = start
    # Of the same millisecond, partitions that sort before the starting one are done, later ones are not begun.
    key = (published_ms, offset if partition == first else (2**63 - 1 if partition < first else 0))
    while letters := log.dead_letters_after(file, partition, key, limit=page):
        for letter in letters:
            key = (letter.received.published_ms, letter.offset)
            yield (key[0], partition, key[1]), letter


def _known_before(partitions: dict[str, Database], place: _Place, letter: DeadLetter) -> bool:
    if letter.identity is None:
        return False
    for partition, file in partitions.items():
        if partition != place[1]:
            twin = log.same_dead_letter(file, letter.identity)
            if twin is not None and (twin[0], partition, twin[1]) < place:
                return True
    return False
