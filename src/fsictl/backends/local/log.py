"""The file that one pipeline writes: its messages or rows, its dead letters, and where it stands itself."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from fsictl.backends.local.database import Database, storage_errors
from fsictl.ports.messenger import Recovered
from fsictl.records.message import Message, Received, dead_letter_identity
from fsictl.records.schemas import DEAD_LETTER_TOPIC

TABLES = """
CREATE TABLE messages (
    offset INTEGER PRIMARY KEY AUTOINCREMENT,
    attributes TEXT NOT NULL,
    data BLOB NOT NULL,
    published_ms INTEGER NOT NULL
);
CREATE TABLE dead_letters (
    offset INTEGER PRIMARY KEY AUTOINCREMENT,
    attributes TEXT NOT NULL,
    data BLOB NOT NULL,
    published_ms INTEGER NOT NULL,
    identity BLOB UNIQUE
);
CREATE INDEX dead_letters_by_time ON dead_letters (published_ms, offset);
CREATE TABLE pipelines (
    name TEXT PRIMARY KEY,
    inputs TEXT NOT NULL,
    state BLOB,
    counters TEXT NOT NULL DEFAULT '{}',
    committed_ms INTEGER
);
CREATE TABLE positions (
    pipeline TEXT NOT NULL,
    topic TEXT NOT NULL,
    offset INTEGER NOT NULL,
    published_ms INTEGER NOT NULL,
    PRIMARY KEY (pipeline, topic)
) WITHOUT ROWID;
"""


MOST_BYTES = 16 * 2**20
"""Bytes of messages after which no more are read at once, so that memory does not grow with what is waiting."""


@dataclass(frozen=True, slots=True)
class Position:
    """The last message that a pipeline has taken from a topic: its offset, and when it was published (ms)."""

    offset: int = 0
    published_ms: int = 0


@dataclass(frozen=True, slots=True)
class PipelineRecord:
    """What a file knows of a pipeline: its input topics, counters, and when it last committed (ms)."""

    name: str
    inputs: tuple[str, ...]
    counters: Mapping[str, int]
    committed_ms: int | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter; ``identity`` is the same for two that tell of the same thing, ``None`` when nothing is."""

    received: Received
    offset: int
    identity: bytes | None


# ------------------------------------------------------------------------------------------ messages


def append(log: Database, messages: Iterable[Message], now_ms: int) -> None:
    """Append messages; the caller has a transaction open."""
    log.run_many(
        "INSERT INTO messages (attributes, data, published_ms) VALUES (?, ?, ?)",
        [(json.dumps(dict(m.attributes)), m.data, now_ms) for m in messages],
    )


def messages_after(log: Database, topic: str, offset: int, limit: int) -> list[Received]:
    """Messages after that offset, in order; fewer than ``limit`` when they are large, but at least one."""
    found: list[Received] = []
    size = 0
    with storage_errors(log.path):
        rows = log.connection.execute(
            "SELECT offset, attributes, data, published_ms FROM messages WHERE offset > ? ORDER BY offset LIMIT ?",
            (offset, limit),
        )
        for number, text, data, ms in rows:
            found.append(Received(topic, str(number), Message(data, json.loads(text)), ms))
            size += len(data)
            if size >= MOST_BYTES:
                rows.close()
                break
    return found


def newest_with(log: Database, attribute: str, value: str) -> Message | None:
    """The newest message with that attribute, ``None`` without one; only attributes are looked through."""
    rows = log.all(
        "SELECT data, attributes FROM messages WHERE attributes ->> ? = ? ORDER BY offset DESC LIMIT 1",
        (f'$."{attribute}"', value),
    )
    return Message(rows[0][0], json.loads(rows[0][1])) if rows else None


def trim_messages(log: Database, *, offset: int, before: int, limit: int) -> bool:
    """Remove the oldest messages up to that offset that were published before that time (ms); whether more may be.

    The caller has a transaction open. It ends at the first message that is young enough: the rest of them are.
    """
    rows = log.all("SELECT offset, published_ms FROM messages WHERE offset <= ? ORDER BY offset LIMIT 1", (offset,))
    if not rows or rows[0][1] >= before:
        return False
    rows = log.all(
        "SELECT offset, published_ms FROM messages WHERE offset <= ? ORDER BY offset LIMIT ?", (offset, limit)
    )
    old = [number for number, published_ms in takewhile(lambda row: row[1] < before, rows)]
    log.all("DELETE FROM messages WHERE offset <= ?", (old[-1],))
    return len(old) == limit


def trim_dead_letters(log: Database, *, before: int, limit: int) -> bool:
    """Remove dead letters kept before that time (ms); whether there may be more. A transaction is open."""
    removed = log.run_many(
        "DELETE FROM dead_letters WHERE offset IN "
        "(SELECT offset FROM dead_letters WHERE published_ms < ? ORDER BY published_ms, offset LIMIT ?)",
        [(before, limit)],
    )
    return removed == limit


def count_messages(log: Database) -> int:
    """How many messages were ever appended."""
    rows = log.all("SELECT seq FROM sqlite_sequence WHERE name = 'messages'")
    return int(rows[0][0]) if rows else 0


def locate(log: Database, position: Position) -> Position:
    """Where to go on reading after that position.

    It is the position itself, unless this log is not the one that was read: made anew, or set back by a power
    cut. Then it is the last message before the position that is not younger than what was taken, so that
    nothing new is skipped.
    """
    rows = log.all(
        "SELECT offset, published_ms FROM messages WHERE offset <= ? AND published_ms <= ? "
        "ORDER BY offset DESC LIMIT 1",
        (position.offset, position.published_ms),
    )
    return Position(*rows[0]) if rows else Position()


# -------------------------------------------------------------------------------------- dead letters


def append_dead_letters(log: Database, messages: Iterable[Message], now_ms: int) -> None:
    """Append dead letters that are not there yet; the caller has a transaction open."""
    log.run_many(
        "INSERT INTO dead_letters (attributes, data, published_ms, identity) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (identity) DO NOTHING",
        [(json.dumps(dict(m.attributes)), m.data, now_ms, dead_letter_identity(m)) for m in messages],
    )


def dead_letters_after(log: Database, partition: str, key: tuple[int, int], *, limit: int) -> list[DeadLetter]:
    """Dead letters after that (published ms, offset), in that order."""
    rows = log.all(
        "SELECT offset, attributes, data, published_ms, identity FROM dead_letters "
        "WHERE (published_ms, offset) > (?, ?) ORDER BY published_ms, offset LIMIT ?",
        (*key, limit),
    )
    return [
        DeadLetter(
            Received(DEAD_LETTER_TOPIC, f"{partition}/{number}", Message(data, json.loads(text)), ms), number, identity
        )
        for number, text, data, ms, identity in rows
    ]


def dead_letter_time(log: Database, offset: int) -> int | None:
    """When the dead letter of that offset was published (ms)."""
    rows = log.all("SELECT published_ms FROM dead_letters WHERE offset = ?", (offset,))
    return int(rows[0][0]) if rows else None


def same_dead_letter(log: Database, identity: bytes) -> tuple[int, int] | None:
    """The (published ms, offset) of the dead letter of that identity."""
    rows = log.all("SELECT published_ms, offset FROM dead_letters WHERE identity = ?", (identity,))
    return (int(rows[0][0]), int(rows[0][1])) if rows else None


def identity_of(log: Database, offset: int) -> bytes | None:
    """The identity of the dead letter of that offset, if it has one."""
    rows = log.all("SELECT identity FROM dead_letters WHERE offset = ?", (offset,))
    return rows[0][0] if rows else None


def remove_dead_letter(log: Database, offset: int) -> int:
    """Remove the dead letter of that offset; how many there were. The caller has a transaction open."""
    return log.run_many("DELETE FROM dead_letters WHERE offset = ?", [(offset,)])


def remove_same(log: Database, identity: bytes) -> None:
    """Remove the dead letter of that identity; the caller has a transaction open."""
    log.all("DELETE FROM dead_letters WHERE identity = ?", (identity,))


def dead_letter_identities(log: Database) -> list[bytes | None]:
    """The identities of all dead letters."""
    return [identity for (identity,) in log.all("SELECT identity FROM dead_letters")]


# ----------------------------------------------------------------------------------------- pipelines


def register(log: Database, pipeline: str, inputs: Sequence[str]) -> None:
    """Say that this pipeline writes this file and reads those topics; the caller has a transaction open."""
    log.all(
        "INSERT INTO pipelines (name, inputs) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET inputs = ?2",
        (pipeline, json.dumps(list(inputs))),
    )


def save(log: Database, pipeline: str, *, state: bytes | None, counters: Mapping[str, int], now_ms: int) -> None:
    """Keep what the pipeline says of itself; without a state the old one stays."""
    log.all(
        "UPDATE pipelines SET state = coalesce(?, state), counters = ?, committed_ms = ? WHERE name = ?",
        (state, json.dumps(dict(counters)), now_ms, pipeline),
    )


def save_position(log: Database, pipeline: str, topic: str, position: Position) -> None:
    """Keep how far the pipeline has read a topic."""
    log.all(
        "INSERT INTO positions VALUES (?, ?, ?, ?) ON CONFLICT (pipeline, topic) "
        "DO UPDATE SET offset = excluded.offset, published_ms = excluded.published_ms",
        (pipeline, topic, position.offset, position.published_ms),
    )


def positions(log: Database, pipeline: str) -> dict[str, Position]:
    """How far the pipeline has read its topics."""
    rows = log.all("SELECT topic, offset, published_ms FROM positions WHERE pipeline = ?", (pipeline,))
    return {topic: Position(offset, ms) for topic, offset, ms in rows}


def recovered(log: Database, pipeline: str) -> Recovered:
    """State and counters of the pipeline's last commit."""
    rows = log.all("SELECT state, counters FROM pipelines WHERE name = ?", (pipeline,))
    return Recovered(rows[0][0], json.loads(rows[0][1])) if rows else Recovered(None, {})


def pipeline_records(log: Database) -> list[PipelineRecord]:
    """Every pipeline that ever wrote this file."""
    rows = log.all("SELECT name, inputs, counters, committed_ms FROM pipelines ORDER BY name")
    return [
        PipelineRecord(name, tuple(json.loads(inputs)), json.loads(counters), committed)
        for name, inputs, counters, committed in rows
    ]
