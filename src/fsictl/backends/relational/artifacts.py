"""Files of versions in any store, and what is known of them in a database: cards, aliases, and every move of those."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from fsictl.backends.relational.database import RelationalDatabase
from fsictl.clock import Clock
from fsictl.errors import InputError
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.names import check_name

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData

CARD_FILE = "card.json"


@cache
def version_tables() -> MetaData:
    """The tables of versions and aliases.

    ``model_versions``: when each was registered (ms), and its card as JSON. ``model_aliases``: the version that each
    alias names, and since when. ``model_alias_moves``: every move, with what the alias named before.
    """
    from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Identity, Integer, MetaData, String, Table

    metadata = MetaData()
    name = String(128)
    Table(
        "model_versions",
        metadata,
        Column("version", name, primary_key=True),
        Column("registered_at", BigInteger, nullable=False),
        Column("card", JSON),
    )
    Table(
        "model_aliases",
        metadata,
        Column("alias", name, primary_key=True),
        Column("version", ForeignKey("model_versions.version"), nullable=False),
        Column("moved_at", BigInteger, nullable=False),
    )
    Table(
        "model_alias_moves",
        metadata,
        Column("id", Integer, Identity(), primary_key=True),
        Column("alias", name, nullable=False),
        Column("previous", name),
        Column("version", name),
        Column("moved_at", BigInteger, nullable=False),
    )
    return metadata


class RegisteredArtifacts:
    """:class:`~fsictl.ports.artifacts.Artifacts` whose files are in ``files`` and whose aliases are in a database.

    An alias moves in one transaction with the record of its move; of several that swap at once one succeeds, on
    whatever machine they run. Versions that are in ``files`` already are registered when an alias is to name them.
    What :meth:`aliases` gives may be ``fresh_for`` seconds old, so that a stream can ask before every batch.
    """

    def __init__(self, files: Artifacts, database: RelationalDatabase, clock: Clock, *, fresh_for: float = 0.0) -> None:
        self._files, self._database, self._clock = files, database, clock
        self._fresh_for = fresh_for
        self._known: tuple[float, dict[str, str]] | None = None

    def put(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Store the files, then register the version."""
        self._files.put(folder, files)
        self._register(folder, files.get)

    def get(self, folder: str, file: str) -> bytes:
        """The bytes of one file."""
        return self._files.get(folder, file)

    def folders(self) -> list[str]:
        """The names of all folders, sorted."""
        return self._files.folders()

    def point(self, alias: str, folder: str) -> None:
        """Let the alias name that folder, whatever it names now."""
        for _ in range(3):
            if self.swap(alias, self.resolve(alias), folder):
                return
        message = f"the alias {alias!r} is moved by others all the time"
        raise InputError(message, hint="Look at `fsictl model list`, then try again.")

    def swap(self, alias: str, expected: str | None, folder: str) -> bool:
        """Let the alias name that folder if it names ``expected`` now."""
        from sqlalchemy.exc import IntegrityError

        check_name("alias", alias)
        self._register(folder, lambda file: self._files.get(folder, file))
        aliases, now = version_tables().tables["model_aliases"], self._clock.now_ms()
        values = {"version": folder, "moved_at": now}
        try:
            with self._database.transaction() as connection:
                if expected is None:
                    connection.execute(aliases.insert().values(alias=alias, **values))  # fails if there is one
                else:
                    mine = (aliases.c.alias == alias) & (aliases.c.version == expected)
                    if connection.execute(aliases.update().where(mine).values(**values)).rowcount != 1:
                        return False
                self._note(connection, alias, expected, folder, now)
        except IntegrityError:
            return False
        self._known = None
        return True

    def forget(self, alias: str) -> None:
        """Let the alias name nothing."""
        check_name("alias", alias)
        aliases = version_tables().tables["model_aliases"]
        with self._database.transaction() as connection:
            found = connection.execute(aliases.select().where(aliases.c.alias == alias).with_for_update()).first()
            if found is not None:
                connection.execute(aliases.delete().where(aliases.c.alias == alias))
                self._note(connection, alias, found.version, None, self._clock.now_ms())
        self._known = None

    def resolve(self, alias: str) -> str | None:
        """The folder that the alias names, or ``None``."""
        from sqlalchemy import select

        check_name("alias", alias)
        aliases = version_tables().tables["model_aliases"]
        with self._database.transaction() as connection:
            found = connection.execute(select(aliases.c.version).where(aliases.c.alias == alias)).scalar()
        return None if found is None else str(found)

    def aliases(self) -> dict[str, str]:
        """Every alias with the folder it names, as it was at most ``fresh_for`` seconds ago."""
        now = self._clock.monotonic()
        if self._known is None or now - self._known[0] >= self._fresh_for:
            aliases = version_tables().tables["model_aliases"]
            with self._database.transaction() as connection:
                rows = connection.execute(aliases.select().order_by(aliases.c.alias)).all()
            self._known = (now, {str(row.alias): str(row.version) for row in rows})
        return dict(self._known[1])

    def moves(self, alias: str) -> list[dict[str, Any]]:
        """Every move of an alias, the oldest first: ``previous``, ``version`` (null: forgotten), ``moved_at`` (ms)."""
        moves = version_tables().tables["model_alias_moves"]
        with self._database.transaction() as connection:
            rows = connection.execute(moves.select().where(moves.c.alias == alias).order_by(moves.c.id)).all()
        return [{"previous": row.previous, "version": row.version, "moved_at": row.moved_at} for row in rows]

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def _register(self, folder: str, read: Callable[[str], bytes | None]) -> None:
        from sqlalchemy import select
        from sqlalchemy.exc import IntegrityError

        check_name("folder", folder)
        versions = version_tables().tables["model_versions"]
        with self._database.transaction() as connection:
            if connection.execute(select(versions.c.version).where(versions.c.version == folder)).scalar() is not None:
                return
        if folder not in self._files.folders():
            message = f"there is no folder {folder!r} for the alias"
            raise InputError(message, hint="Store the folder first.")
        row = {"version": folder, "registered_at": self._clock.now_ms(), "card": _card(read)}
        try:
            with self._database.transaction() as connection:
                connection.execute(versions.insert().values(**row))
        except IntegrityError:
            return  # somebody else registered it meanwhile

    @staticmethod
    def _note(connection: Connection, alias: str, previous: str | None, version: str | None, now: int) -> None:
        moves = version_tables().tables["model_alias_moves"]
        connection.execute(moves.insert().values(alias=alias, previous=previous, version=version, moved_at=now))


def _card(read: Callable[[str], bytes | None]) -> Any:
    """The card as JSON, if there is one that is: what is wrong with it is said by those who load it."""
    try:
        data = read(CARD_FILE)
        return None if data is None else json.loads(data)
    except (InputError, ValueError):
        return None
