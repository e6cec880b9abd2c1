"""What every messenger must do, in the words of its port."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fsictl.errors import BusyError, InputError
from fsictl.ports.messenger import Commit
from fsictl.records.message import Message, Reject


def note(text: str, **attributes: str) -> Message:
    return Message(text.encode(), {"timestamp": "1577836800000", "symbol": "EURUSD", **attributes})


def texts(received):
    return [item.message.data.decode() for item in received]


def dead(origin: str, *, reason: str = "malformed", data: bytes = b"{") -> Message:
    return Reject(reason, "not JSON", data, origin).to_message(timestamp_ms=1)


def publish(backend, topic, *words):
    backend.messenger.publish([(topic, note(word)) for word in words])


def test_a_topic_that_nobody_published_to_is_empty(backend):
    assert backend.messenger.read("prices") == []
    assert backend.messenger.end("prices") == 0
    assert backend.messenger.read("dead-letter") == []
    assert backend.messenger.end("dead-letter") == 0


def test_messages_come_back_as_they_were_published(backend):
    messages = [note("one", **{"content-type": "text/plain"}), Message(b"\x00\xff", {"symbol": "ü/€", "timestamp": ""})]
    backend.messenger.publish([("prices", message) for message in messages])
    received = backend.messenger.read("prices")
    assert [item.message for item in received] == messages
    assert {item.topic for item in received} == {"prices"}
    assert len({item.id for item in received}) == 2
    if not backend.is_cloud:  # Pub/Sub has a clock of its own
        assert [item.published_ms for item in received] == [backend.clock.now_ms()] * 2


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=st.lists(st.tuples(st.binary(), st.dictionaries(st.text(), st.text())), min_size=1, max_size=10))
def test_any_message_comes_back_as_it_was(backend, messages):
    messages = [Message(data, _taken(attributes) if backend.is_cloud else attributes) for data, attributes in messages]
    backend.messenger.publish([("prices", message) for message in messages])
    received = backend.messenger.read("prices", limit=10_000)[-len(messages) :]
    assert [one.message for one in received] == messages


def _taken(attributes):
    """Without the names that Pub/Sub does not take."""
    return {name: value for name, value in attributes.items() if name and not name.startswith("goog")}


def test_reading_goes_on_after_an_id(backend):
    publish(backend, "prices", "a", "b", "c")
    first = backend.messenger.read("prices", limit=2)
    assert texts(first) == ["a", "b"]
    assert texts(backend.messenger.read("prices", after=first[-1].id)) == ["c"]
    assert backend.messenger.end("prices") == 3


def test_an_id_that_is_none_is_the_users_mistake(backend):
    publish(backend, "prices", "a")
    with pytest.raises(InputError, match="nonsense"):
        backend.messenger.read("prices", after="nonsense")
    with pytest.raises(InputError, match="nonsense"):
        backend.messenger.read("dead-letter", after="nonsense/1")


@pytest.mark.parametrize("name", ["", "../prices", "a/b", ".hidden", "x" * 200, "a\x00b"])
def test_names_that_cannot_be_topics_are_refused(backend, name):
    with pytest.raises(InputError):
        publish(backend, name, "a")
    with pytest.raises(InputError):
        backend.messenger.channel(name, ["prices"], "metrics")
    with pytest.raises(InputError):
        backend.messenger.channel("metrics", [name], "metrics")
    backend.messenger.channel("metrics", ["prices"], "metrics").close()  # the failures left no lock behind


def test_publishing_to_several_topics_at_once(backend):
    backend.messenger.publish([("prices", note("p")), ("metrics", note("m")), ("prices", note("q"))])
    assert texts(backend.messenger.read("prices")) == ["p", "q"]
    assert texts(backend.messenger.read("metrics")) == ["m"]


def test_publishing_nothing_does_nothing(backend):
    backend.messenger.publish([])
    assert backend.messenger.end("prices") == 0


# ------------------------------------------------------------------------------------------- channels


def test_a_first_start_recovers_nothing(backend):
    with backend.messenger.channel("metrics", ["prices"], "metrics") as channel:
        recovered = channel.recover()
        assert (recovered.state, dict(recovered.counters)) == (None, {})
        assert channel.pull(10, 0) == []


def test_pull_gives_each_message_once_and_in_order(backend):
    publish(backend, "prices", *"abcde")
    with backend.messenger.channel("metrics", ["prices"], "metrics") as channel:
        assert texts(backend.pull(channel, 2)) == ["a", "b"]
        assert texts(backend.pull(channel, 10, 3)) == ["c", "d", "e"]
        assert channel.pull(10, 0) == []
        publish(backend, "prices", "f")
        assert texts(backend.pull(channel, 10, 1)) == ["f"]


def test_pull_waits_no_longer_than_it_may(backend):
    publish(backend, "prices", "a")
    with backend.messenger.channel("metrics", ["prices"], "metrics") as channel:
        before = backend.clock.monotonic()
        assert len(channel.pull(10, 5.0)) == 1
        waited = backend.clock.monotonic() - before
        assert waited < 5.0 if backend.is_cloud else waited == 0
        before = backend.clock.monotonic()
        assert channel.pull(10, 5.0) == []
        assert backend.clock.monotonic() - before == pytest.approx(5.0)


def test_a_waiting_pull_gives_what_comes_meanwhile(backend, monkeypatch):
    sleep = backend.clock.sleep

    def publish_while_asleep(seconds: float) -> None:
        sleep(seconds)
        publish(backend, "prices", "a")

    with backend.messenger.channel("metrics", ["prices"], "metrics") as channel:
        monkeypatch.setattr(backend.clock, "sleep", publish_while_asleep)
        assert texts(channel.pull(10, 5.0)) == ["a"]
        assert backend.clock.monotonic() < (5.0 if backend.is_cloud else 1.0)


def test_what_was_not_committed_is_given_again(backend):
    publish(backend, "prices", *"abcd")
    with backend.messenger.channel("metrics", ["prices"], "metrics") as channel:
        pulled = backend.pull(channel, 3)
        channel.commit(Commit(taken=pulled[:1]))
    with backend.messenger.channel("metrics", ["prices"], "metrics") as channel:
        again = sorted(backend.pull(channel, 10, 3), key=lambda item: item.message.data)
        assert texts(again) == ["b", "c", "d"]
        assert [item.id for item in again[:2]] == [item.id for item in pulled[1:]]


def test_taking_a_message_takes_all_that_were_given_before_it(backend):
    backend.messenger.publish([(topic, note(f"{topic}{n}")) for topic in ("prices", "metrics") for n in range(3)])
    with backend.messenger.channel("sink", ["prices", "metrics"], "reconerr") as channel:
        given = backend.pull(channel, 6)
        channel.commit(Commit(taken=[given[3]]))
    with backend.messenger.channel("sink", ["prices", "metrics"], "reconerr") as channel:
        assert sorted(texts(backend.pull(channel, 10, 2))) == sorted(texts(given[4:]))


def test_only_what_was_given_can_be_taken_and_only_once(backend):
    publish(backend, "prices", "a", "b")
    with backend.messenger.channel("metrics", ["prices"], "metrics") as channel:
        pulled = backend.pull(channel, 1)
        channel.commit(Commit(taken=pulled))
        with pytest.raises(ValueError, match="committed already"):
            channel.commit(Commit(taken=pulled))
        with pytest.raises(ValueError, match="not given"):
            channel.commit(Commit(taken=backend.messenger.read("prices")[1:]))


def test_a_commit_keeps_output_state_counters_and_place(backend):
    publish(backend, "prices", "a", "b")
    with backend.messenger.channel("metrics", ["prices"], "metrics") as channel:
        pulled = backend.pull(channel, 1)
        channel.commit(
            Commit(taken=pulled, outgoing=[("metrics", note("A"))], state=b"\x00state", counters={"rows": 1})
        )
    assert texts(backend.messenger.read("metrics")) == ["A"]
    with backend.messenger.channel("metrics", ["prices"], "metrics") as channel:
        recovered = channel.recover()
        assert (recovered.state, dict(recovered.counters)) == (b"\x00state", {"rows": 1})
        assert texts(backend.pull(channel, 10, 1)) == ["b"]


def test_without_a_state_the_old_one_stays_and_counters_are_replaced(backend):
    with backend.messenger.channel("metrics", ["prices"], "metrics") as channel:
        channel.commit(Commit(state=b"s", counters={"a": 1, "b": 2}))
        channel.commit(Commit(counters={"a": 3}))
        recovered = channel.recover()
        assert (recovered.state, dict(recovered.counters)) == (b"s", {"a": 3})
        channel.commit(Commit(state=b""))
        assert channel.recover().state == b""


@pytest.mark.parametrize(
    "step",
    [
        Commit(outgoing=[("metrics", note("A")), ("prices", note("B"))], counters={"n": 1}),
        Commit(outgoing=[("metrics", note("A"))], rows={"prices": None}, counters={"n": 1}),
    ],
    ids=["other topic", "rows"],
)
def test_a_channel_refuses_what_it_does_not_write(backend, step):
    with backend.messenger.channel("metrics", ["prices"], "metrics") as channel:
        with pytest.raises(ValueError, match="metrics"):
            channel.commit(step)
        assert dict(channel.recover().counters) == {}
    assert backend.messenger.end("metrics") == 0


def test_a_failed_commit_changes_nothing_and_can_be_tried_again(backend):
    publish(backend, "prices", "a")
    with backend.messenger.channel("metrics", ["prices"], "metrics") as channel:
        pulled = backend.pull(channel, 1)
        broken = Message(b"", {"x": object()})
        with pytest.raises(TypeError):
            channel.commit(Commit(taken=pulled, outgoing=[("metrics", note("A")), ("metrics", broken)], state=b"s"))
        assert channel.recover().state is None
        assert backend.messenger.end("metrics") == 0
        channel.commit(Commit(taken=pulled, outgoing=[("metrics", note("A"))], state=b"s"))
    assert texts(backend.messenger.read("metrics")) == ["A"]


def test_one_channel_a_pipeline(backend):
    channel = backend.messenger.channel("metrics", ["prices"], "metrics")
    with pytest.raises(BusyError, match="metrics"):
        backend.messenger.channel("metrics", ["prices"], "metrics")
    backend.messenger.channel("infer", ["metrics"], "reconerr").close()
    channel.close()
    channel.close()
    backend.messenger.channel("metrics", ["prices"], "metrics").close()


def test_inputs_get_equal_shares(backend):
    publish(backend, "prices", *(f"p{n}" for n in range(100)))
    publish(backend, "metrics", *(f"m{n}" for n in range(4)))
    with backend.messenger.channel("sink", ["prices", "metrics"], "reconerr") as channel:
        first = backend.pull(channel, 8)
        assert sorted(item.topic for item in first) == ["metrics"] * 4 + ["prices"] * 4
        assert {item.topic for item in backend.pull(channel, 8)} == {"prices"}


def test_with_room_for_one_every_input_has_its_turn(backend):
    publish(backend, "prices", *"abcd")
    publish(backend, "metrics", *"wxyz")
    with backend.messenger.channel("sink", ["prices", "metrics"], "reconerr") as channel:
        assert {backend.pull(channel, 1)[0].topic for _ in range(2)} == {"prices", "metrics"}


def test_dead_letters_are_nobodys_input_or_output(backend):
    with pytest.raises(InputError, match="dead-letter"):
        backend.messenger.channel("metrics", ["prices", "dead-letter"], "metrics")
    with pytest.raises(InputError, match="dead-letter"):
        backend.messenger.channel("metrics", ["prices"], "dead-letter")


def backlog(backend, pipeline):
    """What waits, by topic; Pub/Sub leaves that to Cloud Monitoring."""
    return {} if backend.is_cloud else dict(backend.messenger.progress(pipeline).backlog)


def test_progress_tells_counters_time_and_backlog(backend):
    assert backend.messenger.progress("metrics") is None
    publish(backend, "prices", *"abc")
    with backend.messenger.channel("metrics", ["prices", "jobs"], "metrics") as channel:
        if not backend.is_cloud:
            assert backend.messenger.progress("metrics").committed_ms is None
            assert backlog(backend, "metrics") == {"prices": 3, "jobs": 0}
        backend.clock.sleep(7)
        pulled = backend.pull(channel, 2)
        channel.commit(Commit(taken=pulled, counters={"rows": 2}))
        progress = backend.messenger.progress("metrics")
    assert (progress.name, dict(progress.counters)) == ("metrics", {"rows": 2})
    assert dict(progress.backlog) == ({} if backend.is_cloud else {"prices": 1, "jobs": 0})
    assert progress.committed_ms == backend.clock.now_ms()


def test_the_sinks_progress_is_found_too(backend):
    publish(backend, "prices", "a", "b")
    with backend.warehouse.sink("sink", ["prices", "metrics"]) as channel:
        channel.commit(Commit(taken=backend.pull(channel, 1), counters={"rows": 1}))
    assert dict(backend.messenger.progress("sink").counters) == {"rows": 1}
    assert backlog(backend, "sink") == ({} if backend.is_cloud else {"prices": 1, "metrics": 0})


# --------------------------------------------------------------------------------------- dead letters


def test_dead_letters_of_publishers_and_pipelines_are_one_topic(backend):
    backend.messenger.publish([("dead-letter", dead("file.csv:1")), ("prices", note("a"))])
    backend.clock.sleep(1)
    backend.messenger.publish([("dead-letter", dead("file.csv:2"))])
    backend.clock.sleep(1)
    with backend.messenger.channel("metrics", ["prices"], "metrics") as channel:
        channel.commit(Commit(outgoing=[("dead-letter", dead("prices/1", reason="late"))]))
    backend.clock.sleep(1)
    with backend.warehouse.sink("sink", ["prices"]) as channel:
        channel.commit(Commit(outgoing=[("dead-letter", dead("prices/2"))]))
    letters = backend.messenger.read("dead-letter")
    origins = ["file.csv:1", "file.csv:2", "prices/1", "prices/2"]
    assert [item.message.attributes["origin"] for item in letters] == origins
    assert {item.topic for item in letters} == {"dead-letter"}
    assert backend.messenger.end("dead-letter") == 4
    assert texts(backend.messenger.read("prices")) == ["a"]


def test_what_two_pipelines_say_of_one_message_is_one_dead_letter(backend):
    with (
        backend.messenger.channel("metrics", ["prices"], "metrics") as metrics,
        backend.warehouse.sink("sink", ["prices"]) as sink,
    ):
        for n in range(5):
            for channel in (metrics, sink) if n % 2 else (sink, metrics):
                backend.clock.sleep(1)
                channel.commit(Commit(outgoing=[("dead-letter", dead(f"prices/{n}"))]))
        metrics.commit(Commit(outgoing=[("dead-letter", dead("prices/1", reason="late"))]))
        sink.commit(Commit(outgoing=[("dead-letter", dead("prices/1", data=b"other"))]))
    letters = backend.messenger.read("dead-letter")
    assert sorted(item.message.attributes["origin"] for item in letters) == sorted(
        ["prices/0", "prices/1", "prices/1", "prices/1", "prices/2", "prices/3", "prices/4"]
    )
    assert backend.messenger.end("dead-letter") == 7


def test_dead_letters_without_an_origin_are_all_different(backend):
    letter = Message(b"?", {"timestamp": "1", "symbol": ""})
    backend.messenger.publish([("dead-letter", letter), ("dead-letter", letter)])
    assert len(backend.messenger.read("dead-letter")) == backend.messenger.end("dead-letter") == 2


@pytest.mark.parametrize("page", [1, 2, 3, 100])
def test_dead_letters_page_by_page_are_all_of_them_once(backend, page):
    with (
        backend.messenger.channel("metrics", ["prices"], "metrics") as metrics,
        backend.warehouse.sink("sink", ["prices"]) as sink,
    ):
        for n in range(6):  # several in one millisecond
            backend.clock.sleep(n % 2 / 1000)
            metrics.commit(Commit(outgoing=[("dead-letter", dead(f"prices/{n}")), ("dead-letter", dead(f"m/{n}"))]))
            sink.commit(Commit(outgoing=[("dead-letter", dead(f"prices/{n}")), ("dead-letter", dead(f"s/{n}"))]))
    found, after = [], None
    while letters := backend.messenger.read("dead-letter", after=after, limit=page):
        assert len(letters) <= page
        found += letters
        after = letters[-1].id
    assert found == backend.messenger.read("dead-letter")
    assert len({item.message.attributes["origin"] for item in found}) == len(found) == 18


def test_dropped_dead_letters_are_gone(backend):
    backend.messenger.publish([("dead-letter", dead(f"file.csv:{n}")) for n in (1, 2, 2, 3)])
    letters = backend.messenger.read("dead-letter")
    assert backend.messenger.drop([letters[1].id, "nonsense/1"]) == 1
    left = backend.messenger.read("dead-letter")
    assert [item.message.attributes["origin"] for item in left] == ["file.csv:1", "file.csv:3"]
