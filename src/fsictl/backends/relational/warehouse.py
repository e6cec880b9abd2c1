"""The tables about versions in a database that keeps what it said, beside a warehouse for all others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from fsictl.backends.relational.database import RelationalDatabase
from fsictl.ports.messenger import Channel
from fsictl.ports.warehouse import Extent, Warehouse, chosen_columns
from fsictl.records.schemas import PROMOTIONS, SCORECARDS, TRAINING_RUNS, Kind, Schema

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import MetaData

REGISTERED = {schema.name: schema for schema in (TRAINING_RUNS, PROMOTIONS, SCORECARDS)}
"""Tables that tell what became of versions: small, and asked right after they were written."""


@cache
def run_tables() -> MetaData:
    """These tables, made from the same schemas as everywhere."""
    from sqlalchemy import BigInteger, Boolean, Column, Float, MetaData, Table, Text

    types: dict[Kind, Any] = {
        Kind.TEXT: Text,
        Kind.INTEGER: BigInteger,
        Kind.FLOAT: Float(53),
        Kind.BOOLEAN: Boolean,
        Kind.TIMESTAMP: BigInteger,
    }
    metadata = MetaData()
    for schema in REGISTERED.values():
        columns = [
            Column(field.name, types[field.kind], nullable=field.nullable, primary_key=field.name in schema.key)
            for field in schema.fields
        ]
        Table(schema.name, metadata, *columns)
    return metadata


class RegisteredWarehouse:
    """A :class:`~fsictl.ports.warehouse.Warehouse` whose tables about versions are read from a database.

    They are written to both: the database decides, and SQL, Grafana and exports find the same rows in the warehouse.
    """

    def __init__(self, warehouse: Warehouse, database: RelationalDatabase) -> None:
        self._warehouse, self._database = warehouse, database

    def write(self, table: str, rows: pa.Table) -> None:
        """Write rows of that table's schema; those about versions to the database first."""
        if table in REGISTERED:
            self._write(REGISTERED[table], rows)
        self._warehouse.write(table, rows)

    def _write(self, schema: Schema, rows: pa.Table) -> None:
        from sqlalchemy.dialects import postgresql, sqlite

        values = rows.select(list(schema.names)).to_pylist()
        with self._database.transaction() as connection:
            if not values:
                return
            dialect = sqlite if self._database.dialect == "sqlite" else postgresql
            insert = dialect.insert(run_tables().tables[schema.name])
            others = {name: insert.excluded[name] for name in schema.names if name not in schema.key}
            connection.execute(insert.on_conflict_do_update(index_elements=list(schema.key), set_=others), values)

    def read(
        self,
        table: str,
        *,
        symbols: Sequence[str] | None = None,
        start: int | None = None,
        end: int | None = None,
        columns: Sequence[str] | None = None,
        newest: int | None = None,
    ) -> pa.Table:
        """Rows as the port says."""
        if table not in REGISTERED:
            return self._warehouse.read(table, symbols=symbols, start=start, end=end, columns=columns, newest=newest)
        schema = REGISTERED[table]
        chosen = chosen_columns(schema, columns)
        return self._read(schema, symbols, start, end, newest).select(chosen)

    def _read(
        self, schema: Schema, symbols: Sequence[str] | None, start: int | None, end: int | None, newest: int | None
    ) -> pa.Table:
        from fsictl.records.arrow import table_of

        rows = run_tables().tables[schema.name]
        time = rows.c["at"]
        query = rows.select()
        for bound in ([time >= start] if start is not None else []) + ([time < end] if end is not None else []):
            query = query.where(bound)
        if symbols is not None:
            query = query.where(rows.c["symbol"].in_(list(symbols)))
        if newest is not None:
            query = query.order_by(time.desc(), *(rows.c[name].desc() for name in schema.key)).limit(newest)
        with self._database.transaction() as connection:
            found = [dict(row) for row in connection.execute(query).mappings()]
        table = table_of(schema, {name: [row[name] for row in found] for name in schema.names})
        return table.sort_by([(name, "ascending") for name in schema.key])

    def extents(self, table: str) -> list[Extent]:
        """Per symbol, how much the table holds."""
        return self._warehouse.extents(table)

    def query(self, sql: str, limit: int | None = None) -> pa.Table:
        """Read-only SQL of the warehouse."""
        return self._warehouse.query(sql, limit)

    def sink(self, pipeline: str, inputs: Sequence[str]) -> Channel:
        """The channel of the pipeline that writes tables."""
        return self._warehouse.sink(pipeline, inputs)
