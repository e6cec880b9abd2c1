"""SQLite files that are missing, foreign, damaged, newer, full, read-only or busy."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import pytest

import fsictl
from fsictl.backends.local import database as database_module
from fsictl.backends.local.database import VERSION, Database, storage_errors
from fsictl.errors import FsictlError, StorageError, StorageUnavailableError

TABLES = "CREATE TABLE t (x BLOB)"
SOURCE = Path(fsictl.__file__).parents[1]


def run_child(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_reading_creates_nothing(tmp_path):
    assert Database.for_reading(tmp_path / "no" / "file.db") is None
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_just_being_made_has_no_tables_yet(tmp_path):
    path = tmp_path / "file.db"
    path.touch()
    assert Database.for_reading(path) is None


def test_readers_see_whole_commits_while_somebody_writes(tmp_path):
    path = tmp_path / "file.db"
    with Database.for_writing(path, TABLES) as writer, Database.for_reading(path) as reader:
        with writer.transaction():
            writer.all("INSERT INTO t VALUES (1)")
            assert reader.all("SELECT count(*) FROM t") == [(0,)]
        with reader.snapshot():
            assert reader.all("SELECT count(*) FROM t") == [(1,)]
            with writer.transaction():
                writer.all("INSERT INTO t VALUES (2)")
            assert reader.all("SELECT count(*) FROM t") == [(1,)]
        assert reader.all("SELECT count(*) FROM t") == [(2,)]


def test_a_failed_transaction_leaves_nothing(tmp_path):
    with Database.for_writing(tmp_path / "file.db", TABLES) as file:

        def interrupted() -> None:
            with file.transaction():
                file.all("INSERT INTO t VALUES (1)")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert file.all("SELECT count(*) FROM t") == [(0,)]
        with file.transaction():
            file.all("INSERT INTO t VALUES (1)")
        assert file.all("SELECT count(*) FROM t") == [(1,)]


def test_a_reader_cannot_write(tmp_path):
    Database.for_writing(tmp_path / "file.db", TABLES).close()
    with Database.for_reading(tmp_path / "file.db") as file, pytest.raises(StorageError):
        file.all("INSERT INTO t VALUES (1)")


@pytest.mark.parametrize("open_file", [Database.for_reading, lambda path: Database.for_writing(path, TABLES)])
def test_a_newer_file_says_to_upgrade(tmp_path, open_file):
    path = tmp_path / "file.db"
    with Database.for_writing(path, TABLES) as file:
        file.all(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StorageError, match="newer fsictl") as error:
        open_file(path)
    assert "Upgrade" in error.value.hint


@pytest.mark.parametrize("open_file", [Database.for_reading, lambda path: Database.for_writing(path, TABLES)])
def test_a_file_that_is_not_sqlite(tmp_path, open_file):
    path = tmp_path / "file.db"
    path.write_text("symbol,timestamp,value\n" * 100)
    with pytest.raises(StorageError, match=r"file\.db is not a database"):
        open_file(path)
    assert path.read_text() == "symbol,timestamp,value\n" * 100


def test_a_damaged_file(tmp_path):
    path = tmp_path / "file.db"
    with Database.for_writing(path, TABLES) as file, file.transaction():
        file.run_many("INSERT INTO t VALUES (?)", [(b"x" * 1000,) for _ in range(100)])
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    with Database.for_reading(path) as file, pytest.raises(StorageError, match="damaged"):
        file.all("SELECT * FROM t")


def test_a_writer_that_waits_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_MS", 10)
    path = tmp_path / "file.db"
    with Database.for_writing(path, TABLES) as one, Database.for_writing(path, TABLES) as other:
        with one.transaction():
            one.all("INSERT INTO t VALUES (1)")
            with pytest.raises(StorageUnavailableError, match=r"file\.db"), other.transaction():
                pytest.fail("two writers at once")
        with other.transaction():
            other.all("INSERT INTO t VALUES (2)")
        assert one.all("SELECT count(*) FROM t") == [(2,)]


def test_many_may_make_open_and_close_the_same_file_at_once(tmp_path):
    people, files = 6, 30
    together = threading.Barrier(people, timeout=60)

    def work(_person: int) -> None:
        for n in range(files):
            together.wait()
            try:
                with Database.for_writing(tmp_path / f"{n}.db", TABLES) as file, file.transaction():
                    file.all("INSERT INTO t VALUES (1)")
            except FsictlError:
                together.abort()  # nobody waits for one who has failed
                raise

    with ThreadPoolExecutor(people) as pool:
        list(pool.map(work, range(people)))
    for n in range(files):
        with Database.for_reading(tmp_path / f"{n}.db") as file:
            assert file.all("SELECT count(*) FROM t") == [(people,)]


def test_a_full_disk_undoes_the_commit_and_the_file_stays_good(tmp_path):
    # The limit on the size of files stands in for a full disk.
    path = tmp_path / "file.db"
    child = run_child(
        """
        import resource, signal, sys
        from pathlib import Path
        from fsictl.backends.local.database import Database
        from fsictl.errors import StorageError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with Database.for_writing(Path(sys.argv[1]), "CREATE TABLE t (x BLOB)") as file:
            with file.transaction():
                file.all("INSERT INTO t VALUES (zeroblob(1000))")
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
            try:
                with file.transaction():
                    file.run_many("INSERT INTO t VALUES (zeroblob(?))", [(50_000,)] * 100)
            except StorageError as error:
                print(f"{error}|{error.hint}")
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            with file.transaction():
                file.all("INSERT INTO t VALUES (zeroblob(1000))")
        """,
        path,
    )
    assert child.returncode == 0, child.stderr
    assert "file.db" in child.stdout
    with Database.for_reading(path) as file:
        assert file.all("SELECT count(*) FROM t") == [(2,)]
        assert file.all("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("error", [apsw.FullError("database or disk is full"), OSError(28, "No space left on device")])
def test_no_space_is_said_so(error):
    with pytest.raises(StorageError, match="no space") as raised, storage_errors(Path("file.db")):
        raise error
    assert raised.value.__cause__ is error


def test_errors_that_are_bugs_stay_what_they_are(tmp_path):
    with Database.for_writing(tmp_path / "file.db", TABLES) as file, pytest.raises(apsw.SQLError):
        file.all("SELECT nothing FROM nowhere")


pytestmark = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")  # JAX, if another test imported it

NOBODY = 65534


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory that every user can reach."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        (Path(name) / "workspace").mkdir()
        yield Path(name) / "workspace"
        (Path(name) / "workspace").chmod(0o755)


def without_privileges(function: Callable[[], object]) -> str:
    """What the function returns, or the error of ours that it raises, when an ordinary user calls it."""
    ours, theirs = os.pipe()
    child = os.fork()  # a new interpreter might not be readable for that user
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            answer = str(function())
        except StorageError as error:
            answer = f"StorageError: {error}"
        except BaseException as error:
            answer = repr(error)
        os.write(theirs, answer.encode())
        os._exit(0)
    os.close(theirs)
    os.waitpid(child, 0)
    with os.fdopen(ours) as pipe:
        return pipe.read()


def count(path: Path) -> object:
    with Database.for_reading(path) as file:
        return file.all("SELECT count(*) FROM t")


def write(path: Path) -> None:
    with Database.for_writing(path, TABLES) as file, file.transaction():
        file.all("INSERT INTO t VALUES (1)")


def test_a_read_only_directory_can_be_read_and_not_written(directory):
    path = directory / "file.db"
    write(path)
    path.chmod(0o444)
    directory.chmod(0o555)
    assert without_privileges(lambda: count(path)) == "[(1,)]"
    for refused in (path, directory / "new.db", directory / "new" / "new.db"):
        assert without_privileges(lambda refused=refused: write(refused)).startswith("StorageError")
    assert [entry.name for entry in directory.iterdir()] == ["file.db"]


def test_a_read_only_directory_can_be_read_while_its_owner_writes(directory):
    path = directory / "file.db"
    with Database.for_writing(path, TABLES) as file:
        with file.transaction():
            file.all("INSERT INTO t VALUES (1)")
        for entry in directory.iterdir():
            entry.chmod(0o444)
        directory.chmod(0o555)
        assert without_privileges(lambda: count(path)) == "[(1,)]"


def test_a_file_that_may_not_be_read(directory):
    path = directory / "file.db"
    write(path)
    path.chmod(0)
    assert without_privileges(lambda: count(path)).startswith("StorageError")
