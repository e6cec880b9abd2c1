"""Point by point what may go wrong between us and Google, and that nothing is lost or doubled by it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.backends.samples import prices

from fsictl.clock import ManualClock
from fsictl.errors import BusyError, FsictlError, InputError, PreconditionError, ServiceError
from fsictl.ports.messenger import Commit
from fsictl.records.message import Message

pytest.importorskip("google.pubsub_v1", reason="no Google libraries: pip install 'fsictl[gcp]'")

from tests.backends.conftest import CloudBackend

NOW_MS = 1_577_836_800_000


@pytest.fixture
def backend(emulators: Any) -> CloudBackend:
    return CloudBackend(emulators)


def note(text: str) -> Message:
    return Message(text.encode(), {"timestamp": "1577836800000", "symbol": "EURUSD"})


def texts(received: Any) -> list[str]:
    return sorted(item.message.data.decode() for item in received)


# ------------------------------------------------------------------- redelivery and duplicates, on the emulator


def test_a_message_of_which_pubsub_never_heard_is_not_given_again_after_its_commit(backend, monkeypatch):
    """The process ends between its commit and the acknowledgement."""
    from fsictl.backends.gcp.subscription import Subscription

    backend.messenger.publish([("prices", note(word)) for word in "abc"])
    with backend.messenger.channel("metrics", ["prices"], "metrics") as channel:
        taken = backend.pull(channel, 2)
        with monkeypatch.context() as broken:
            broken.setattr(Subscription, "acknowledge", _die)
            with pytest.raises(KeyboardInterrupt):
                channel.commit(Commit(taken=taken, state=b"two"))
        for source in channel._inputs:  # its messages come again
            source._held.update({"x": list(source._done)})
    done = texts(taken)
    with backend.messenger.channel("metrics", ["prices"], "metrics") as channel:
        assert channel.recover().state == b"two"
        again = texts(backend.pull(channel, 10, 1))
        assert sorted(again + done) == ["a", "b", "c"]
        assert channel.pull(10, 0) == []


def _die(*_: Any) -> None:
    raise KeyboardInterrupt


def test_what_was_published_before_the_crash_comes_again_and_the_tables_show_it_once(backend, monkeypatch):
    """The process ends after the rows were written and before the commit: they are written twice, and seen once."""
    from fsictl.backends.gcp.places import Places

    backend.messenger.publish([("prices", note("one"))])
    rows = {"prices": prices(("A", NOW_MS, 1.5), ("A", NOW_MS + 1, 2.5))}
    with backend.warehouse.sink("sink", ["prices"]) as sink:
        taken = backend.pull(sink, 1)
        with monkeypatch.context() as broken:
            broken.setattr(Places, "commit", _die)
            with pytest.raises(KeyboardInterrupt):
                sink.commit(Commit(taken=taken, rows=rows, counters={"prices": 2}))
    with backend.warehouse.sink("sink", ["prices"]) as sink:
        assert dict(sink.recover().counters) == {}
        again = backend.pull(sink, 1)
        assert [item.id for item in again] == [item.id for item in taken]
        sink.commit(Commit(taken=again, rows=rows, counters={"prices": 2}))
    place = backend.place
    stored = place.bigquery.query(f"SELECT COUNT(*) FROM `{place.dataset}.prices`").result()
    assert next(iter(stored))[0] == 4
    assert backend.warehouse.read("prices").equals(rows["prices"])
    assert [(one.rows, one.first) for one in backend.warehouse.extents("prices")] == [(2, NOW_MS)]


def test_a_message_that_is_published_twice_because_the_answer_was_lost_is_given_once(backend, monkeypatch):
    from google.api_core.exceptions import ServiceUnavailable

    messenger = backend.messenger
    real, calls = messenger._publisher.publish, []

    def lossy(**given: Any) -> Any:
        answer = real(**given)
        calls.append(answer.message_ids)
        if len(calls) == 1:
            cut = "the connection was cut"
            raise ServiceUnavailable(cut)
        return answer

    monkeypatch.setattr(messenger._publisher, "publish", lossy)
    messenger.publish([("prices", note("a")), ("prices", note("b"))])
    assert len(set(calls[0]) | set(calls[1])) == 4  # Pub/Sub has four messages
    with messenger.channel("metrics", ["prices"], "metrics") as channel:
        first = backend.pull(channel, 2)
        assert texts(first) == ["a", "b"]
        channel.commit(Commit(taken=first, state=b"s"))
        assert [channel.pull(10, 0) for _ in range(3)] == [[], [], []]
    with messenger.channel("metrics", ["prices"], "metrics") as channel:
        assert channel.pull(10, 0) == []


def test_a_delivery_that_comes_again_while_its_message_is_worked_on_is_not_given_twice(backend):
    backend.messenger.publish([("prices", note("a"))])
    with backend.messenger.channel("metrics", ["prices"], "metrics") as channel:
        (one,) = backend.pull(channel, 1)
        source = channel._inputs[0]
        source._hold(source._held.values(), 0)  # as if its time was up
        assert channel.pull(10, 0) == []
        assert len(source._held[one.id]) == 2
        channel.commit(Commit(taken=[one], state=b"s"))
        assert channel.pull(10, 0) == []


def test_messages_out_of_order_are_given_in_the_order_of_their_publication(backend):
    words = [f"{n:03d}" for n in range(50)]
    for word in words:
        backend.messenger.publish([("prices", note(word))])
    with backend.messenger.channel("metrics", ["prices"], "metrics") as channel:
        source = channel._inputs[0]
        real = source._pull
        source._pull = lambda limit: real(limit)[::-1]
        found = []
        while len(found) < 50:
            part = [item.message.data.decode() for item in channel.pull(50, 0)]
            assert part == sorted(part)
            found += part
    assert sorted(found) == words


def test_a_pipeline_that_another_process_took_over_cannot_commit(backend):
    backend.messenger.publish([("prices", note("a"))])
    channel = backend.messenger.channel("metrics", ["prices"], "metrics")
    taken = backend.pull(channel, 1)
    backend.clock.sleep(61)  # silent for too long
    other = backend.place.open_messenger().channel("metrics", ["prices"], "metrics")
    with pytest.raises(BusyError, match="metrics"):
        channel.commit(Commit(taken=taken, state=b"old"))
    assert other.recover().state is None
    channel.close()
    assert texts(backend.pull(other, 1)) == ["a"]
    other.close()


# ------------------------------------------------------------------------------------ a network that is cut


@dataclass
class Cutting:
    """A way to a server, which may be cut after some bytes of what the server answers, or of what it is told."""

    target: tuple[str, int]
    port: int = 0
    cuts: list[int] = field(default_factory=list)  # bytes of request after which each next connection is cut
    connections: int = 0

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            left = self.cuts.pop(0) if self.cuts else None
            threading.Thread(target=self._join, args=(client, left), daemon=True).start()

    def _join(self, client: socket.socket, left: int | None) -> None:
        server = socket.create_connection(self.target)
        threading.Thread(target=self._copy, args=(server, client, None), daemon=True).start()
        self._copy(client, server, left)

    @staticmethod
    def _copy(source: socket.socket, sink: socket.socket, left: int | None) -> None:
        try:
            while data := source.recv(4096):
                if left is not None and len(data) >= left:
                    sink.sendall(data[:left])
                    break
                left = None if left is None else left - len(data)
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextmanager
def cutting(address: str) -> Iterator[Cutting]:
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        way = Cutting((host, int(port)), listener.getsockname()[1])
        threading.Thread(target=way.serve, args=(listener,), daemon=True).start()
        yield way


def test_rows_that_are_cut_off_in_the_middle_are_all_there_once(emulators):
    with cutting(emulators["BIGQUERY_EMULATOR_HOST"]) as way:
        backend = CloudBackend({**emulators, "BIGQUERY_EMULATOR_HOST": f"http://127.0.0.1:{way.port}"})
        warehouse = backend.warehouse
        assert len(warehouse.read("prices")) == 0
        rows = prices(*(("A", NOW_MS + n, 1.0 + n) for n in range(1200)))  # three requests
        backend.place.bigquery._http.close()
        way.cuts = [30_000]
        warehouse.write("prices", rows)
        assert way.cuts == []
        assert backend.clock.monotonic() > 0  # it waited before it tried again
        assert warehouse.read("prices").equals(rows)


def test_messages_that_are_cut_off_are_published_once(emulators):
    with cutting(emulators["PUBSUB_EMULATOR_HOST"]) as way:
        backend = CloudBackend({**emulators, "PUBSUB_EMULATOR_HOST": f"127.0.0.1:{way.port}"})
        plain = CloudBackend(emulators)
        plain.place.prefix, plain.place.bucket = backend.place.prefix, backend.place.bucket
        plain.place.make_topics()
        way.cuts = [20_000]
        words = [f"{n:04d}" * 100 for n in range(200)]
        backend.place.open_messenger().publish([("prices", note(word)) for word in words])
        assert way.cuts == []
        assert way.connections >= 2
        with backend.place.open_messenger().channel("metrics", ["prices"], "metrics") as channel:
            assert texts(backend.pull(channel, 1000, 200)) == words
            assert channel.pull(1000, 0) == []


# ---------------------------------------------------------------------------- what Google says when it refuses


@dataclass
class Refusing:
    """A server that gives these answers, one after the other: (status, headers, JSON)."""

    answers: list[tuple[int, dict[str, str], dict[str, Any]]]
    asked: list[str] = field(default_factory=list)
    address: str = ""


@contextmanager
def refusing(*answers: tuple[int, dict[str, str], dict[str, Any]]) -> Iterator[Refusing]:
    stub = Refusing(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            stub.asked.append(f"{self.command} {self.path}")
            status, headers, body = stub.answers.pop(0) if len(stub.answers) > 1 else stub.answers[0]
            data = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "content-type": "application/json", "content-length": len(data)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - names of the standard library

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        stub.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield stub
        server.shutdown()


def problem(status: int, message: str, reason: str = "", **info: str) -> dict[str, Any]:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "metadata": info}]
    return {"error": {"code": status, "message": message, "errors": [{"reason": reason}], "details": details}}


def table_with(fields: list[dict[str, str]]) -> tuple[int, dict[str, str], dict[str, Any]]:
    """What BigQuery says of a table with these columns."""
    reference = {"projectId": "proj-x", "datasetId": "forex", "tableId": "prices"}
    return 200, {}, {"kind": "bigquery#table", "tableReference": reference, "schema": {"fields": fields}}


DISABLED = "BigQuery API has not been used in project 1 before or it is disabled."
REFUSALS = {
    "permission": (403, "Access Denied: Table p:d.prices", "accessDenied", PreconditionError, "you may not", 1),
    "disabled": (403, DISABLED, "SERVICE_DISABLED", PreconditionError, "not enabled", 1),
    "project": (404, "Not found: Project proj-y", "notFound", PreconditionError, "nothing of that name", 1),
    "quota": (429, "Quota exceeded: too many requests", "quotaExceeded", ServiceError, "quota", 5),
    "quota by 403": (403, "Exceeded rate limits: quota", "rateLimitExceeded", ServiceError, "quota", 5),
    "away": (503, "The service is currently unavailable", "backendError", ServiceError, "not available", 5),
}


def bigquery_at(address: str, clock: ManualClock) -> Any:
    from tests.cloud import Place

    from fsictl.backends.gcp.warehouse import BigQueryWarehouse

    place = Place({"BIGQUERY_EMULATOR_HOST": address, "STORAGE_EMULATOR_HOST": address}, clock)
    return BigQueryWarehouse(place.access, place.bigquery, "forex")


def objects_at(address: str, clock: ManualClock) -> Any:
    from tests.cloud import Place

    from fsictl.backends.gcp.objects import Objects

    place = Place({"STORAGE_EMULATOR_HOST": address}, clock)
    return Objects.of(place.access, "bucket", place.environment)


CALLS: dict[str, Callable[[str, ManualClock], Any]] = {
    "read a table": lambda address, clock: bigquery_at(address, clock).read("prices"),
    "write a table": lambda address, clock: bigquery_at(address, clock).write("prices", prices(("A", NOW_MS, 1.0))),
    "ask": lambda address, clock: bigquery_at(address, clock).query("SELECT 1"),
    "read an object": lambda address, clock: objects_at(address, clock).read("models/aliases/champion"),
    "write an object": lambda address, clock: objects_at(address, clock).write("a", b"b"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_is_one_sentence_and_tried_again_only_when_that_can_help(call, refusal):
    status, said, reason, kind, words, tries = REFUSALS[refusal]
    if refusal == "project" and call == "read an object":
        pytest.skip("an object that is not there is no error")
    clock = ManualClock(NOW_MS)
    answer = (status, {}, problem(status, said, reason, service="bigquery.googleapis.com"))
    with refusing(answer) as stub, pytest.raises(FsictlError) as refused:
        CALLS[call](stub.address, clock)
    if not (refusal == "project" and call == "ask"):  # a table that is not there is a mistake in the SQL
        assert isinstance(refused.value, kind)
        assert words in str(refused.value)
    assert len(stub.asked) == tries, stub.asked
    for text in (str(refused.value), refused.value.hint):
        assert text
        assert "\n" not in text
        assert "127.0.0.1" not in text
    assert (clock.monotonic() > 0) == (tries > 1)


@pytest.mark.parametrize("status", [429, 503])
def test_it_waits_as_long_as_it_is_asked_to(status):
    clock = ManualClock(NOW_MS)
    refusal = (status, {"Retry-After": "17"}, problem(status, "busy", "backendError"))
    good = table_with([])
    with refusing(refusal, good) as stub, pytest.raises(PreconditionError, match="no column symbol"):
        bigquery_at(stub.address, clock).read("prices")
    assert clock.monotonic() == 17
    assert len(stub.asked) == 2


def test_a_server_that_is_not_there_is_one_sentence():
    clock = ManualClock(NOW_MS)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ServiceError, match="cannot be reached"):
        objects_at(f"http://127.0.0.1:{port}", clock).read("a")
    assert clock.monotonic() > 0


PUBSUB = {
    "permission": ("PermissionDenied", "User not authorized to perform this action.", PreconditionError, 1),
    "topic": ("NotFound", "Resource not found (resource=fsictl-prices).", PreconditionError, 1),
    "too large": ("InvalidArgument", "The value for message is too large.", PreconditionError, 1),
    "quota": ("ResourceExhausted", "Quota exceeded for quota metric.", ServiceError, 5),
    "away": ("ServiceUnavailable", "The service was unable to fulfill your request.", ServiceError, 5),
    "slow": ("DeadlineExceeded", "Deadline Exceeded", ServiceError, 5),
}


@pytest.mark.parametrize("refusal", PUBSUB)
def test_what_pubsub_refuses_is_one_sentence_too(refusal):
    from google.api_core import exceptions
    from tests.cloud import Place

    from fsictl.backends.gcp.pubsub import PubSubMessenger

    name, said, kind, tries = PUBSUB[refusal]
    clock, calls = ManualClock(NOW_MS), []

    class Publisher:
        def publish(self, **given: Any) -> Any:
            calls.append(given)
            raise getattr(exceptions, name)(said)

    access = Place({"PUBSUB_EMULATOR_HOST": "127.0.0.1:1"}, clock).access
    messenger = PubSubMessenger(access, Publisher(), None, None, prefix="fsictl")
    with pytest.raises(kind) as refused:
        messenger.publish([("prices", note("a"))])
    assert len(calls) == tries
    assert all(each["messages"] == calls[0]["messages"] for each in calls)  # with the same identifiers
    assert refused.value.hint
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", ["Unauthenticated", "RefreshError"])
def test_credentials_that_are_no_longer_good_are_one_sentence(kind):
    from google.api_core import exceptions
    from google.auth.exceptions import RefreshError
    from tests.cloud import Place

    error = RefreshError("invalid_grant: Bad Request") if kind == "RefreshError" else exceptions.Unauthenticated("no")
    calls = []

    def call() -> None:
        calls.append(1)
        raise error

    access = Place({"PUBSUB_EMULATOR_HOST": "127.0.0.1:1"}, ManualClock(NOW_MS)).access
    with pytest.raises(PreconditionError) as refused:
        access.call(call, "publish")
    assert len(calls) == 1
    assert "gcloud auth application-default login" in refused.value.hint


def test_without_credentials_it_says_how_to_log_in(monkeypatch, tmp_path):
    import google.auth

    from fsictl.backends.gcp.clients import bigquery_client
    from fsictl.backends.gcp.control import Access

    def nobody(**_: Any) -> Any:
        none = "none found"
        raise google.auth.exceptions.DefaultCredentialsError(none)

    monkeypatch.setattr(google.auth, "default", nobody)
    with pytest.raises(PreconditionError, match="no credentials") as refused:
        bigquery_client(Access.of("my-project", {}, ManualClock(NOW_MS)), {})
    assert "gcloud auth application-default login" in refused.value.hint


# ------------------------------------------------------------------------------- a schema that differs from ours


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda fields: [one for one in fields if one["name"] != "sequence"], "it has no column sequence"),
        (
            lambda fields: [{**one, "type": "INTEGER"} if one["name"] == "timestamp" else one for one in fields],
            "its column timestamp is INTEGER, not TIMESTAMP",
        ),
        (
            lambda fields: [*fields, {"name": "venue", "type": "STRING", "mode": "REQUIRED"}],
            "it needs a column venue, which we do not have",
        ),
        (
            lambda fields: [{**one, "mode": "REQUIRED"} if one["name"] == "written_us" else one for one in fields],
            "its column written_us is REQUIRED, not NULLABLE",
        ),
    ],
)
def test_a_table_that_differs_is_told_in_one_sentence(change, told):
    from fsictl.backends.gcp.schemas import columns
    from fsictl.records.schemas import PRICES

    other = table_with(change(columns(PRICES)))
    for use in (lambda tables: tables.read("prices"), lambda tables: tables.write("prices", prices(("A", 1, 1.0)))):
        with refusing(other) as stub, pytest.raises(PreconditionError, match=told) as refused:
            use(bigquery_at(stub.address, ManualClock(NOW_MS)))
        assert len(stub.asked) == 1
        assert refused.value.hint


def test_a_table_with_more_columns_that_may_be_empty_is_taken():
    from fsictl.backends.gcp.schemas import columns
    from fsictl.records.schemas import PRICES

    fields = [*columns(PRICES), {"name": "venue", "type": "STRING", "mode": "NULLABLE"}]
    good = table_with(fields)
    with refusing(good, (200, {}, {"kind": "bigquery#tableDataInsertAllResponse"})) as stub:
        bigquery_at(stub.address, ManualClock(NOW_MS)).write("prices", prices(("A", NOW_MS, 1.0)))
    assert stub.asked[-1].startswith("POST")


def test_a_row_that_bigquery_refuses_is_told_with_its_column():
    from fsictl.backends.gcp.schemas import columns
    from fsictl.records.schemas import PRICES

    good = table_with(columns(PRICES))
    errors = [
        {"index": 0, "errors": [{"reason": "stopped", "message": ""}]},
        {"index": 1, "errors": [{"reason": "invalid", "location": "value", "message": "no such field: value."}]},
    ]
    with refusing(good, (200, {}, {"insertErrors": errors})) as stub, pytest.raises(InputError, match="value: no such"):
        bigquery_at(stub.address, ManualClock(NOW_MS)).write("prices", prices(("A", NOW_MS, 1.0), ("A", NOW_MS + 1, 1)))
    assert len(stub.asked) == 2  # what is wrong is not tried again
