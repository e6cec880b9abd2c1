from __future__ import annotations

from pathlib import Path

import pytest
from tests.backends.samples import prices

from fsictl.backends.local.database import Database
from fsictl.backends.local.messenger import LocalMessenger
from fsictl.backends.local.policy import Policy, Synchronous
from fsictl.backends.local.upkeep import LOOK_EVERY
from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.clock import ManualClock
from fsictl.ports.messenger import Commit
from fsictl.records.message import Message, Reject
from fsictl.records.schemas import DEAD_LETTER_TOPIC

HOUR = 3_600_000
NOW = 1_700_000_000_000


def _messages(*names: str) -> list[tuple[str, Message]]:
    return [("prices", Message(name.encode(), {})) for name in names]


def _texts(messenger: LocalMessenger) -> list[str]:
    return [item.message.data.decode() for item in messenger.read("prices")]


def _take(messenger: LocalMessenger, pipeline: str, count: int) -> None:
    with messenger.channel(pipeline, ["prices"], pipeline) as channel:
        channel.commit(Commit(taken=channel.pull(count, 0)))


def _pass(clock: ManualClock, messenger: LocalMessenger, hours: float) -> None:
    """Time passes, and somebody publishes, which is when the old is looked for."""
    clock.sleep(hours * 3600 + LOOK_EVERY)
    messenger.publish(_messages("new"))


def test_a_message_goes_when_it_is_old_and_every_pipeline_has_taken_it(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    messenger = LocalMessenger(tmp_path, clock, policy=Policy(topics_ms=HOUR))
    messenger.publish(_messages("a", "b", "c"))
    _pass(clock, messenger, 2)
    assert _texts(messenger) == ["a", "b", "c", "new"], "nobody has read it"
    _take(messenger, "metrics", 4)
    _take(messenger, "sink", 1)
    _pass(clock, messenger, 0)
    assert _texts(messenger) == ["b", "c", "new", "new"], "the sink has taken one"
    _take(messenger, "sink", 9)
    _pass(clock, messenger, 0.5)
    assert _texts(messenger) == ["new", "new", "new"], "the others are not old enough"
    assert messenger.end("prices") == 6
    progress = messenger.progress("sink")
    assert progress is not None
    assert progress.backlog == {"prices": 1}
    with messenger.channel("sink", ["prices"], "sink") as channel:
        assert [item.message.data for item in channel.pull(9, 0)] == [b"new"], "it goes on where it was"


def test_what_happened_to_jobs_goes_by_age_alone(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    messenger = LocalMessenger(tmp_path, clock, policy=Policy(topics_ms=HOUR))
    for hours in (2, 0.5, 0):
        messenger.publish([("job-events", Message(str(hours).encode(), {}))])
        clock.sleep(hours * 3600 + LOOK_EVERY)
    messenger.publish([("job-events", Message(b"now", {}))])
    assert [item.message.data for item in messenger.read("job-events")] == [b"0.5", b"0", b"now"]


def test_a_log_of_which_nothing_is_left_goes_on_with_new_offsets(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    messenger = LocalMessenger(tmp_path, clock, policy=Policy(topics_ms=0))
    for name in ("a", "b", "c"):
        messenger.publish(_messages(name))
        _take(messenger, "metrics", 9)
        clock.sleep(LOOK_EVERY + 1)
    messenger.publish(_messages("d"))
    assert _texts(messenger) == ["d"]
    with messenger.channel("metrics", ["prices"], "metrics") as channel:
        assert [item.id for item in channel.pull(9, 0)] == ["4"]


def test_a_clock_set_forward_removes_nothing_that_a_pipeline_still_needs(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    messenger = LocalMessenger(tmp_path, clock, policy=Policy(topics_ms=HOUR))
    messenger.publish(_messages("a", "b"))
    _take(messenger, "metrics", 1)
    _pass(clock, messenger, 24 * 365)
    assert _texts(messenger) == ["b", "new"]


def test_dead_letters_go_by_age(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    messenger = LocalMessenger(tmp_path, clock, policy=Policy(dead_letters_ms=HOUR))
    for text in ("a", "b"):
        letter = Reject("late", "why", text.encode(), text).to_message(timestamp_ms=0)
        messenger.publish([*_messages("x"), (DEAD_LETTER_TOPIC, letter)])
        clock.sleep(2000)
    _pass(clock, messenger, 0.3)
    assert [item.message.data for item in messenger.read(DEAD_LETTER_TOPIC)] == [b"b"]


@pytest.mark.parametrize("newest", [NOW - 1000 * 24 * HOUR, NOW, NOW + 9999 * HOUR])
def test_rows_go_by_event_time_reckoned_from_the_newest_that_is_not_in_the_future(tmp_path: Path, newest: int) -> None:
    clock = ManualClock(NOW)
    last = min(newest, NOW)
    warehouse = LocalWarehouse(tmp_path, clock, policy=Policy(tables_ms={"prices": HOUR}))
    rows = [("A", last - n * 1000, 1.0) for n in range(9000)] + [("B", last - 3 * HOUR, 2.0), ("A", newest, 1.0)]
    warehouse.write("prices", prices(*dict.fromkeys(rows)))
    sink = warehouse.sink("sink", ["prices"])
    with sink:
        for _ in range(9):
            sink.commit(Commit(rows={"prices": prices(("A", last, 1.0))}))
            clock.sleep(1)
    left = warehouse.read("prices")
    assert min(left["timestamp"].to_pylist()) == last - HOUR
    assert set(left["symbol"].to_pylist()) == {"A"}
    (extent,) = [one for one in warehouse.extents("prices") if one.symbol == "A"]
    assert extent.rows == len(left), "the count is right"


def test_nothing_goes_without_a_policy(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    messenger = LocalMessenger(tmp_path, clock)
    messenger.publish(_messages("a"))
    _take(messenger, "metrics", 1)
    _pass(clock, messenger, 1e6)
    assert _texts(messenger) == ["a", "new"]


@pytest.mark.parametrize(("asked", "value"), [(Synchronous.NORMAL, 1), (Synchronous.FULL, 2)])
def test_the_disk_is_waited_for_as_asked(tmp_path: Path, asked: Synchronous, value: int) -> None:
    with Database.for_writing(tmp_path / "a.db", "CREATE TABLE t (x)", asked) as file:
        assert file.all("PRAGMA synchronous") == [(value,)]


def test_much_that_waits_is_read_a_little_at_a_time(tmp_path: Path) -> None:
    messenger = LocalMessenger(tmp_path, ManualClock(NOW))
    messenger.publish([("prices", Message(b"x" * 6_000_000, {}))] * 7)
    with messenger.channel("metrics", ["prices"], "metrics") as channel:
        assert [len(channel.pull(9, 0)) for _ in range(4)] == [3, 3, 1, 0]
