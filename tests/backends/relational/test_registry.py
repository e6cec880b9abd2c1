"""What a registry must do, on SQLite and on PostgreSQL: the port's words on aliases, and what it keeps besides."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from tests.backends.relational.race import race
from tests.memory import MemoryArtifacts, MemoryWarehouse

from fsictl.backends.local.artifacts import LocalArtifacts
from fsictl.backends.relational.artifacts import RegisteredArtifacts, version_tables
from fsictl.backends.relational.database import parsed
from fsictl.backends.relational.registry import registry
from fsictl.backends.relational.warehouse import REGISTERED, RegisteredWarehouse
from fsictl.clock import ManualClock, SystemClock
from fsictl.errors import InputError, ServiceError, SettingsError
from fsictl.model.promotion import promote, promotion, rollback
from fsictl.records.arrow import table_of
from fsictl.records.schemas import METRICS, SCORECARDS, TRAINING_RUNS, Kind

FILES = {"card.json": b'{"version": "v1", "gate": {"passed": true}}', "model.onnx": b"\x08"}


@pytest.fixture
def artifacts(url: str) -> Iterator[RegisteredArtifacts]:
    store = RegisteredArtifacts(MemoryArtifacts(), registry(url), ManualClock(1000))
    for name in ("v1", "v2", "v3"):
        store.put(name, FILES)
    yield store
    store.close()


def test_every_move_of_an_alias_is_kept_with_what_it_named_before(artifacts: RegisteredArtifacts) -> None:
    assert artifacts.swap("champion", None, "v1")
    assert not artifacts.swap("champion", None, "v2")
    assert not artifacts.swap("champion", "v3", "v2")
    assert artifacts.swap("champion", "v1", "v2")
    artifacts.point("champion", "v3")
    artifacts.forget("champion")
    artifacts.forget("champion")
    assert artifacts.resolve("champion") is None
    assert [(move["previous"], move["version"]) for move in artifacts.moves("champion")] == [
        (None, "v1"),
        ("v1", "v2"),
        ("v2", "v3"),
        ("v3", None),
    ]


def test_cards_can_be_asked_for_in_sql(artifacts: RegisteredArtifacts, url: str) -> None:
    artifacts.put("bare", {"model.onnx": b""})
    artifacts.put("broken", {"card.json": b"{"})
    artifacts.point("spare", "bare")
    artifacts.point("other", "broken")
    versions = version_tables().tables["model_versions"]
    database = registry(url)
    with database.transaction() as connection:
        rows = {row.version: row.card for row in connection.execute(versions.select())}
    database.close()
    assert rows["v1"] == json.loads(FILES["card.json"])
    assert (rows["bare"], rows["broken"]) == (None, None)


def test_versions_that_were_stored_before_there_was_a_registry_can_be_named(url: str) -> None:
    files = MemoryArtifacts()
    files.put("old", FILES)
    store = RegisteredArtifacts(files, registry(url), ManualClock())
    assert store.folders() == ["old"]
    assert store.swap("champion", None, "old")
    with pytest.raises(InputError, match="gone"):
        store.point("champion", "gone")
    assert store.aliases() == {"champion": "old"}
    store.close()


def test_what_a_stream_is_told_is_as_fresh_as_was_asked_for(url: str) -> None:
    clock, files = ManualClock(), MemoryArtifacts()
    files.put("v1", FILES)
    stream = RegisteredArtifacts(files, registry(url), clock, fresh_for=1.0)
    other = RegisteredArtifacts(files, registry(url), clock)
    assert stream.aliases() == {}
    other.point("champion", "v1")
    assert stream.aliases() == {}
    assert stream.resolve("champion") == "v1"
    clock.sleep(1.0)
    assert stream.aliases() == {"champion": "v1"}
    stream.forget("champion")
    assert stream.aliases() == {}  # its own moves are known at once
    stream.close()
    other.close()


def test_of_several_processes_that_swap_at_once_in_a_new_database_one_succeeds(url: str, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, won = context.Barrier(3), context.Queue()
    names = [f"v{number}" for number in range(3)]
    racers = [context.Process(target=race, args=(url, str(tmp_path), name, start, won)) for name in names]
    for racer in racers:
        racer.start()
    results = dict(won.get(timeout=120) for _ in racers)
    for racer in racers:
        racer.join()
    assert list(results.values()).count(True) == 1
    store = RegisteredArtifacts(LocalArtifacts(tmp_path), registry(url), SystemClock())
    assert results[store.resolve("champion")]
    assert len(store.moves("champion")) == 1
    store.close()


def test_of_many_threads_that_swap_one_succeeds(artifacts: RegisteredArtifacts) -> None:
    artifacts.point("champion", "v1")
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda name: artifacts.swap("champion", "v1", name), ["v2", "v3"] * 8))
    assert won.count(True) == 1


def _rows(table: str, *, version: str, at: int) -> pa.Table:
    schema = REGISTERED[table]
    values = {Kind.TEXT: version, Kind.INTEGER: 7, Kind.FLOAT: 0.1, Kind.BOOLEAN: True, Kind.TIMESTAMP: at}
    return table_of(schema, {field.name: [values[field.kind]] for field in schema.fields})


@pytest.mark.parametrize("table", sorted(REGISTERED))
def test_rows_come_back_as_they_were_written_and_replace_those_of_the_same_key(url: str, table: str) -> None:
    database, beside = registry(url), MemoryWarehouse()
    warehouse = RegisteredWarehouse(beside, database)
    first, second = _rows(table, version="v1", at=5), _rows(table, version="v2", at=9)
    for rows in (second, first, first.slice(0, 0), second):
        warehouse.write(table, rows)
    expected = pa.concat_tables([first, second]).sort_by([(name, "ascending") for name in REGISTERED[table].key])
    assert warehouse.read(table).equals(expected.combine_chunks()) or warehouse.read(table).equals(expected)
    assert warehouse.read(table, newest=1)["at"].to_pylist() == [9]
    assert warehouse.read(table, start=5, end=9, columns=["at"]).to_pydict() == {"at": [5]}
    assert beside.read(table).num_rows == 2  # SQL and Grafana find them there
    with pytest.raises(InputError, match="nothing"):
        warehouse.read(table, columns=["nothing"])
    database.close()


def test_numbers_are_kept_to_the_bit_and_nulls_are_kept(url: str) -> None:
    database = registry(url)
    warehouse = RegisteredWarehouse(MemoryWarehouse(), database)
    row = {field.name: [None if field.nullable else "x"] for field in SCORECARDS.fields}
    row |= {"at": [2**40], "ordinary_windows": [2**40], "windows": [0], "events": [1]}
    row |= {"flagged_1": [0.1 + 0.2], "flagged_10": [5e-324]}
    rows = table_of(SCORECARDS, row)
    warehouse.write("scorecards", rows)
    assert warehouse.read("scorecards").equals(rows)
    database.close()


def test_other_tables_are_those_of_the_warehouse(url: str) -> None:
    beside = MemoryWarehouse()
    warehouse = RegisteredWarehouse(beside, registry(url))
    assert warehouse.read(METRICS.name).equals(beside.read(METRICS.name))
    assert warehouse.extents(METRICS.name) == []
    assert TRAINING_RUNS.name in REGISTERED


def test_promotion_and_rollback_work_from_the_registry_alone(url: str) -> None:
    """What became champion when is read from the database, whatever the warehouse beside it has."""
    from dataclasses import replace

    from tests.model.versions_of_chance import random_card, random_graph

    from fsictl.model.versions import store_version

    database = registry(url)
    artifacts = RegisteredArtifacts(MemoryArtifacts(), database, ManualClock())
    for name in ("first", "second"):
        card = replace(random_card(name), gate={"passed": True, "reason": "", "checks": []})
        store_version(artifacts, card, keras_file=b"", graphs={"autoencoder": random_graph()})
    for at, (name, symbol) in enumerate([("first", None), ("second", None), ("first", "EURUSD"), ("second", "EURUSD")]):
        promote(artifacts, RegisteredWarehouse(MemoryWarehouse(), database), name, at=at, symbol=symbol)
    forgetful = RegisteredWarehouse(MemoryWarehouse(), database)
    assert rollback(artifacts, forgetful, at=10, symbol="EURUSD") == "first"
    assert rollback(artifacts, forgetful, at=11, symbol="EURUSD") == "second"  # the shared one
    assert rollback(artifacts, forgetful, at=12) == "first"
    assert artifacts.aliases() == {"champion": "first"}
    assert promotion("first", "second", action="rollback", at=12).num_rows == 1
    database.close()


@pytest.mark.parametrize(
    "url",
    ["", "not a url", "mysql://root:hunter2@db/x", "http://hunter2@db", "postgresql+asyncpg//hunter2"],
)
def test_a_url_that_is_none_is_refused_without_saying_it(url: str) -> None:
    with pytest.raises(SettingsError) as raised:
        registry(url)
    assert "hunter2" not in str(raised.value) + raised.value.hint


def test_a_database_that_does_not_answer_is_a_service_error_without_the_password(unused: int) -> None:
    store = RegisteredArtifacts(
        MemoryArtifacts(), registry(f"postgresql://me:hunter2@127.0.0.1:{unused}/fsictl"), ManualClock()
    )
    with pytest.raises(ServiceError) as raised:
        store.resolve("champion")
    assert "postgresql+psycopg://me:***@127.0.0.1" in str(raised.value)
    assert "hunter2" not in str(raised.value) + raised.value.hint + repr(raised.value.__cause__)


def test_a_wrong_password_is_not_said(postgres: str) -> None:
    user, address = postgres.split("@")
    wrong = f"{user.rsplit(':', 1)[0]}:hunter2@{address}"
    with pytest.raises(ServiceError, match="password authentication failed") as raised:
        RegisteredArtifacts(MemoryArtifacts(), registry(wrong), ManualClock()).aliases()
    assert "hunter2" not in str(raised.value)


def test_a_file_of_sqlite_is_for_its_owner_alone_and_lies_in_the_workspace(tmp_path: Path) -> None:
    database = registry("sqlite:///registry.db", folder=tmp_path)
    RegisteredArtifacts(MemoryArtifacts(), database, ManualClock()).aliases()
    assert (tmp_path / "registry.db").stat().st_mode & 0o777 == 0o600
    database.close()
    with pytest.raises(ServiceError, match="registry"):
        RegisteredArtifacts(
            MemoryArtifacts(), registry("sqlite:///no/such/folder/x.db", folder=tmp_path), ManualClock()
        ).aliases()


def test_the_driver_is_chosen_for_the_user() -> None:
    assert parsed("postgres://u@h/d").drivername == "postgresql+psycopg"
    assert parsed("postgresql://u@/d?host=/cloudsql/p:r:i").query["host"] == "/cloudsql/p:r:i"


@pytest.fixture
def unused() -> int:
    """A port where nobody listens."""
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_the_commands_use_the_registry_that_is_set(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from fsictl.cli.main import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FSICTL_MODEL_REGISTRY", url)
    assert main(["model", "bootstrap", "--json"]) == 0
    version = json.loads(capsys.readouterr().out)["model_version"]
    assert main(["model", "promote", version, "--symbol", "EURUSD"]) == 0
    assert not (tmp_path / ".fsictl" / "models" / "aliases").exists()
    capsys.readouterr()
    assert main(["model", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["alias"] == "champion, champion.EURUSD"
    assert main(["model", "rollback", "--symbol", "EURUSD"]) == 0
    assert main(["doctor"]) == 0
    said = capsys.readouterr()
    assert "model.registry from FSICTL_MODEL_REGISTRY" in said.out
    assert url not in said.out + said.err
    store = RegisteredArtifacts(MemoryArtifacts(), registry(url), ManualClock())
    assert [move["version"] for move in store.moves("champion.EURUSD")] == [version, None]
    store.close()
    written = b"".join(file.read_bytes() for file in (tmp_path / ".fsictl").rglob("*") if file.is_file())
    assert url.split("@", maxsplit=1)[0].encode() not in written  # neither user nor password
