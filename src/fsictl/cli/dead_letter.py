"""``fsictl dead-letter``: what could not be used, with its reason and its original bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from fsictl.cli import times
from fsictl.cli.command import command, group
from fsictl.cli.output import counted, time_text
from fsictl.cli.session import Session
from fsictl.errors import UsageError
from fsictl.records.message import Received
from fsictl.records.schemas import DEAD_LETTER_TOPIC, JOBS_TOPIC

app = group("dead-letter", "See what could not be used, try it again, or drop it.")

_SHOWN_BYTES = 80
_AT_ONCE = 1000

Reason = Annotated[str | None, typer.Option(help="Only this reason: late, malformed, bad-value, …")]
Ids = Annotated[list[str] | None, typer.Option("--id", metavar="ID", help="Only this one; may be given repeatedly.")]
Before = Annotated[str | None, typer.Option(metavar="TIME", help="Only those kept before: ISO-8601, or -2h.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]


def register(parent: typer.Typer) -> None:
    """Add the group to the program."""
    parent.add_typer(app)


@app.callback()
def dead_letter() -> None:
    """See what could not be used, try it again, or drop it: late ticks, malformed messages, bad lines of files."""


@command(app, "list")
def list_(
    session: Session,
    reason: Reason = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many of the newest.")] = 50,
) -> None:
    """List dead letters, the newest last: where each was found, why it was not used, its bytes."""
    session.need_workspace()
    letters: list[Received] = []
    for item in _letters(session, reason=reason):
        letters.append(item)
        if len(letters) >= limit + _AT_ONCE:
            del letters[:-limit]
    rows: list[dict[str, object]] = []
    for item in letters[-limit:]:
        row: dict[str, object] = {"id": item.id}
        row |= {name: item.message.attributes.get(name) for name in ("reason", "detail", "origin")}
        data = item.message.data.decode("utf-8", "backslashreplace")
        kept = time_text(item.published_ms)
        rows.append(
            {**row, "published_ms": item.published_ms, "data": data, "kept": kept, "beginning": data[:_SHOWN_BYTES]}
        )
    columns = {"id": "id", "kept": "kept (UTC)", "reason": "reason", "origin": "found in", "detail": "why"}
    session.output.rows(rows, {**columns, "beginning": "bytes"}, empty="Nothing: everything could be used.")


@command(app, "replay")
def replay(session: Session, reason: Reason = None, ids: Ids = None, before: Before = None, all_: All = False) -> None:
    """Publish the original bytes again, to the topic in which they were found, and remove the dead letters.

    What is refused again becomes a dead letter again. Lines of files and requests for jobs stay: replay the file, once
    it is mended; ask for the job again.
    """
    from fsictl.streams.redelivery import REDELIVERY, redeliver, topic_of

    by_topic: dict[str, list[Received]] = {}
    stay = {"file": 0, "jobs": 0}
    for letter in _chosen(session, reason, ids, before, all_):
        topic = topic_of(letter)
        if topic is None:
            stay["jobs" if letter.message.attributes.get("origin", "").startswith(f"{JOBS_TOPIC}/") else "file"] += 1
        else:
            by_topic.setdefault(topic, []).append(letter)
    done: dict[str, int] = {}
    for topic, letters in by_topic.items():
        with session.messenger.channel(f"{REDELIVERY}-{topic}", [], topic) as channel:
            done[topic] = redeliver(letters, topic, channel, session.messenger.drop)
    said = ", ".join(f"{counted(count, 'dead letter')} to {topic}" for topic, count in done.items())
    said = f"Replayed {said}." if said else "Nothing was replayed."
    if stay["file"]:
        said += f" Kept: {counted(stay['file'], 'line')} of files; mend the file and replay it."
    if stay["jobs"]:
        said += f" Kept: {counted(stay['jobs'], 'request')} for jobs; ask again with `fsictl job submit`."
    session.output.say(said)
    session.output.document(
        {"replayed": sum(done.values()), "topics": done, "lines_of_files": stay["file"], "job_requests": stay["jobs"]}
    )


@command(app, "drop")
def drop(session: Session, reason: Reason = None, ids: Ids = None, before: Before = None, all_: All = False) -> None:
    """Remove dead letters for good."""
    chosen = [letter.id for letter in _chosen(session, reason, ids, before, all_)]
    dropped = session.messenger.drop(chosen)
    session.output.say(f"Dropped {counted(dropped, 'dead letter')}.")
    session.output.document({"dropped": dropped})


def _chosen(
    session: Session, reason: str | None, ids: list[str] | None, before: str | None, everything: bool
) -> list[Received]:
    """The dead letters that are meant; ``UsageError`` when nobody said which."""
    session.need_workspace()
    if everything == any((reason, ids, before)):
        message = "it is not clear which dead letters are meant"
        raise UsageError(message, hint="Give --reason, --id or --before to choose some, or --all alone.")
    before_ms = None if before is None else times.moment(before, session.clock.now_ms())
    wanted = None if not ids else set(ids)
    chosen = [
        letter
        for letter in _letters(session, reason=reason)
        if (wanted is None or letter.id in wanted) and (before_ms is None or letter.published_ms < before_ms)
    ]
    unknown = sorted((wanted or set()) - {letter.id for letter in chosen})
    if unknown:
        message = f"there is no dead letter {unknown[0]} among those"
        raise UsageError(message, hint="`fsictl dead-letter list` shows the ids.")
    return chosen


def _letters(session: Session, *, reason: str | None) -> Iterator[Received]:
    after: str | None = None
    while received := session.messenger.read(DEAD_LETTER_TOPIC, after, _AT_ONCE):
        after = received[-1].id
        yield from (item for item in received if reason in {None, item.message.attributes.get("reason")})
