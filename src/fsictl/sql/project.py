"""Where the SQL runs: the folder of its state, what dbt connects to, and which rows it must be given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsictl.ports.warehouse import Warehouse

MODELS = Path(__file__).parent / "dbt_project"
"""The dbt project: models, macros and tests, as they come with the package."""

_MEMORY = "1GB"
_THREADS = 2


@dataclass(frozen=True, slots=True)
class SqlProject:
    """The dbt project on one target.

    ``folder`` keeps what dbt writes, logs included, and nothing is made by asking. ``connection`` is dbt's description
    of the database. Rows of ``exported`` are given to the models as Parquet files; it is ``None`` where the models
    read the tables themselves. ``database`` is the file of the results, if it is a file. ``alone`` is entered for as
    long as dbt runs: two runs at once would meet in the same files.
    """

    folder: Path
    connection: Mapping[str, object]
    exported: Warehouse | None = None
    database: Path | None = None
    dataset: str = "forex"
    alone: Callable[[], AbstractContextManager[object]] = nullcontext

    @property
    def sources(self) -> Path:
        """The folder of the Parquet files."""
        return self.folder / "sources"

    @property
    def target(self) -> Path:
        """The folder of what dbt makes: compiled SQL, the results of the last run, the lineage graph."""
        return self.folder / "target"

    @property
    def log(self) -> Path:
        """Everything that dbt said and did, run after run."""
        return self.folder / "logs" / "dbt.log"


def duckdb_project(
    folder: Path, warehouse: Warehouse, *, alone: Callable[[], AbstractContextManager[object]] = nullcontext
) -> SqlProject:
    """The project on this machine: rows of ``warehouse`` in, the file ``marts.duckdb`` out; nothing is downloaded."""
    database = folder / "marts.duckdb"
    connection = {
        "type": "duckdb",
        "path": str(database),
        "threads": 1,
        "settings": {
            "memory_limit": _MEMORY,
            "threads": _THREADS,
            "temp_directory": str(folder / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    }
    return SqlProject(folder, connection, exported=warehouse, database=database, alone=alone)


def bigquery_project(folder: Path, *, project: str, dataset: str, location: str) -> SqlProject:
    """The project on BigQuery, as whoever the machine is signed in as; the tables are read where they are.

    >>> made = bigquery_project(Path("sql"), project="p", dataset="forex", location="europe-west1")
    >>> made.connection["method"], made.exported
    ('oauth', None)
    """
    connection = {
        "type": "bigquery",
        "method": "oauth",
        "project": project,
        "dataset": dataset,
        "location": location,
        "threads": 4,
    }
    return SqlProject(folder, connection, dataset=dataset)
