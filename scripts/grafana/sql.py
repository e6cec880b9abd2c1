"""The views of the page in BigQuery's SQL, with Grafana's macros and variables in it.

``$__timeFilter`` and ``$__interval_ms`` are Grafana's. Variables are always written with ``:sqlstring``, which quotes
them, so what a viewer types stays a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fsictl.dashboard.views import MOST_LATEST, Column, How, Latest, Series
from fsictl.records.schemas import METRICS, PROMOTIONS, RECONERR

STEP = "TIMESTAMP_MILLIS(DIV(UNIX_MILLIS(timestamp), $__interval_ms) * $__interval_ms)"
THRESHOLD = "SAFE_CAST(${threshold:sqlstring} AS FLOAT64)"

PAIRS = """
WITH rows_now AS (
  SELECT symbol, timestamp, LAST AS price, RELATIVE_STRENGTH_INDICATOR AS rsi
  FROM {metrics}
  WHERE $__timeFilter(timestamp)
  QUALIFY ROW_NUMBER() OVER (PARTITION BY symbol ORDER BY timestamp DESC) = 1
), verdicts AS (
{verdicts}
)
SELECT rows_now.symbol, rows_now.timestamp AS time, rows_now.price, rows_now.rsi, verdicts.unreliable
FROM rows_now LEFT JOIN verdicts USING (symbol, timestamp)
ORDER BY symbol
""".strip()


def table(name: str) -> str:
    """A table of the dataset that the dashboard's variable names, in the data source's project."""
    return f"`${{dataset}}.{name}`"


def series(view: Series, fields: Sequence[str], symbol: str) -> str:
    """These columns of a series in steps of Grafana's interval; ``symbol`` is the variable that names the symbol."""
    view = replace(view, columns=tuple(column for column in view.columns if column.name in fields))
    where = ["$__timeFilter(timestamp)"]
    if view.of_symbol:
        where.append(f"symbol = ${{{symbol}:sqlstring}}")
    columns = [f"{STEP} AS time", *(f"{_column(column)} AS {column.name}" for column in view.columns)]
    chosen = ",\n  ".join(columns)
    if not view.of_versions:
        return (
            f"SELECT\n  {chosen}\nFROM {table(view.table)}\nWHERE {' AND '.join(where)}\nGROUP BY time\nORDER BY time"
        )
    judged = one_verdict_each(view.table, view.sources, where)
    limit = ""
    if view.name == "verdicts" and "unreliable" in view.sources:
        judged = one_verdict_each(view.table, list(dict.fromkeys([*view.sources, "reconstruction_error"])), where)
        changed = f"IF({THRESHOLD} IS NULL, unreliable, reconstruction_error > {THRESHOLD}) AS unreliable"
        limit = f", limited AS (\n  SELECT * REPLACE ({changed}) FROM judged\n)"
    source = "limited" if limit else "judged"
    return f"WITH judged AS (\n{judged}\n){limit}\nSELECT\n  {chosen}\nFROM {source}\nGROUP BY time\nORDER BY time"


def one_verdict_each(name: str, columns: list[str], where: list[str]) -> str:
    """One row per symbol and time: that of the symbol's champion where it scored, else the last version's."""
    promotions = table(PROMOTIONS.name)
    shared = "SELECT ANY_VALUE(model_version HAVING MAX `at`) AS version"
    own = "SELECT symbol AS of_symbol, ANY_VALUE(IF(action = 'share', NULL, model_version) HAVING MAX `at`) AS version"
    order = "COALESCE(model_version = COALESCE(own.version, shared.version), FALSE) DESC, model_version DESC"
    return (
        f"  SELECT {', '.join(columns)}\n"
        f"  FROM {table(name)}\n"
        f"  CROSS JOIN ({shared} FROM {promotions} WHERE COALESCE(symbol, '*') = '*') AS shared\n"
        f"  LEFT JOIN ({own} FROM {promotions} WHERE symbol != '*' GROUP BY symbol) AS own ON own.of_symbol = symbol\n"
        f"  WHERE {' AND '.join(where)}\n"
        f"  QUALIFY ROW_NUMBER() OVER (PARTITION BY symbol, timestamp ORDER BY {order}) = 1"
    )


def pairs() -> str:
    """The newest row of every symbol with its verdict."""
    columns = ["symbol", "timestamp", "model_version", "unreliable"]
    verdicts = one_verdict_each(RECONERR.name, columns, ["$__timeFilter(timestamp)"])
    return PAIRS.format(metrics=table(METRICS.name), verdicts=verdicts)


def latest(view: Latest) -> str:
    """The newest rows of a table."""
    columns = ", ".join([f"`{view.time}` AS time", *(f"{name} AS {short}" for short, name in view.columns)])
    return f"SELECT {columns}\nFROM {table(view.table)}\nORDER BY time DESC\nLIMIT {MOST_LATEST}"


def newest(name: str) -> str:
    """How old the newest row of a table is, in seconds."""
    age = "TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), MAX(timestamp), SECOND)"
    return f"SELECT {age} AS {name}_age\nFROM {table(name)}\nWHERE $__timeFilter(timestamp)"


def _column(column: Column) -> str:
    value = column.source
    if column.above is not None:
        value = f"CAST({value} > {column.above:g} AS INT64)"
    elif column.below is not None:
        value = f"CAST({value} < {column.below:g} AS INT64)"
    elif column.how in (How.ANY, How.SUM) and column.unless is None:
        value = f"CAST({value} AS INT64)"
    if column.unless is not None:
        value = f"IF({column.unless}, 0, {value})"
    match column.how:
        case How.LAST:
            return f"ANY_VALUE({value} HAVING MAX timestamp)"
        case How.RATIO:
            return f"SAFE_DIVIDE(SUM({value}), SUM({column.per}))"
        case How.MEAN:
            return f"AVG({value})"
        case How.ANY:
            return f"MAX({value})"
        case _:
            return f"{column.how.value.upper()}({value})"
