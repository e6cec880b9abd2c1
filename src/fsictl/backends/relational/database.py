"""One database by its URL: opened, its errors in our words, and its password never said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsictl.errors import MissingExtraError, ServiceError, SettingsError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine, MetaData

DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg", "sqlite": "sqlite"}
"""The databases that are tested, and what SQLAlchemy reaches each by."""

BUSY_SECONDS = 30


class RelationalDatabase:
    """A database with the tables of ``metadata``, which are made when they are not there.

    The file of a SQLite database is looked for in ``folder`` unless its path is absolute.
    """

    def __init__(self, url: str, *metadata: MetaData, folder: Path = Path()) -> None:
        self._url = parsed(url)
        if self.dialect == "sqlite" and self._url.database not in {None, "", ":memory:"}:
            self._url = self._url.set(database=str(folder / str(self._url.database)))
        self._metadata = metadata
        self._engine: Engine | None = None
        self.name = self._url.render_as_string(hide_password=True)

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._url.get_backend_name()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """What is done inside is kept as a whole or not at all; ``ServiceError`` when the database cannot be used."""
        from sqlalchemy.exc import IntegrityError, SQLAlchemyError

        try:
            with self._opened().begin() as connection:
                yield connection
        except IntegrityError:
            raise  # the caller expects it
        except SQLAlchemyError as error:
            raise self._unusable(error) from error

    def close(self) -> None:
        """Give the connections back."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _opened(self) -> Engine:
        if self._engine is None:
            engine = _engine(self._url)
            self._make_tables(engine)
            self._engine = engine
        return self._engine

    def _make_tables(self, engine: Engine) -> None:
        """Make the tables that are missing; several programs may do so at once."""
        from sqlalchemy.exc import SQLAlchemyError

        for metadata in self._metadata:
            try:
                metadata.create_all(engine)
            except SQLAlchemyError:  # somebody else was faster with one of them, or it cannot be used at all
                metadata.create_all(engine)

    def _unusable(self, error: Exception) -> ServiceError:
        """The error without the statement and its values, which may be long."""
        said = str(getattr(error, "orig", None) or error).strip().splitlines()
        message = f"the registry {self.name} cannot be used: {said[0] if said else type(error).__name__}"
        return ServiceError(message, hint="See whether the database runs and whether model.registry is right.")


def parsed(url: str) -> URL:
    """The URL with the driver that is used; ``SettingsError`` for one that is none, or of another database.

    >>> parsed("postgresql://me:secret@db/fsictl").render_as_string(hide_password=True)
    'postgresql+psycopg://me:***@db/fsictl'
    """
    sqlalchemy = _sqlalchemy()
    hint = "Write postgresql://USER@HOST/DATABASE or sqlite:///FILE."
    try:
        found = sqlalchemy.make_url(url)
        driver = DRIVERS.get(found.drivername.split("+")[0])
    except (sqlalchemy.exc.ArgumentError, ValueError):
        message = "model.registry is not the URL of a database"
        raise SettingsError(message, hint=hint) from None  # the error would say the URL, password included
    if driver is None:
        message = f"model.registry names a database of the kind {found.drivername!r}, which is not supported"
        raise SettingsError(message, hint=hint)
    known: URL = found.set(drivername=driver)
    return known


def _sqlalchemy() -> Any:
    try:
        import sqlalchemy
    except ModuleNotFoundError as error:
        raise MissingExtraError(library="SQLAlchemy", extra="postgres") from error
    return sqlalchemy


def _engine(url: URL) -> Engine:
    from sqlalchemy import create_engine

    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    try:
        # A connection that the server or a proxy closed meanwhile is noticed before it is used.
        return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10}, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise MissingExtraError(library="psycopg", extra="postgres") from error


def _sqlite(url: URL) -> Engine:
    """SQLite as one expects a database to be: foreign keys hold, and a transaction is one from its first statement."""
    from sqlalchemy import create_engine, event

    if url.database and url.database != ":memory:":
        _make_private(Path(url.database))
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _make_private(file: Path) -> None:
    """Make the file, for this user alone; what is wrong with its folder is said when it is opened."""
    try:
        file.touch(mode=0o600, exist_ok=True)
    except OSError:
        return
