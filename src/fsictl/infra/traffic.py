"""How many bytes a month of prices is, on its way and in the tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fsictl.records.schemas import METRICS, PRICES, RECONERR, Kind, Schema

SECONDS_A_MONTH = 730 * 3600
"""A twelfth of a year."""

LEAST_BILLED = 1000
"""Bytes that Pub/Sub counts for a request, however small it is (cloud.google.com/pubsub/pricing)."""

_MESSAGE = {PRICES.name: (640, 34.0), METRICS.name: (3500, 235.0), RECONERR.name: (1700, 100.0)}
"""Bytes of a message of our Arrow encoding: for itself, and for each row; a test holds it against the encoder."""

_COLUMN = {Kind.INTEGER: 8.0, Kind.FLOAT: 8.0, Kind.TIMESTAMP: 8.0, Kind.BOOLEAN: 1.0}
_SYMBOL_BYTES = 8.0  # two and the letters
_TEXT_BYTES = 40.0


def message_bytes(table: str, rows: float) -> float:
    """Bytes that Pub/Sub counts for one message with so many rows of a table.

    >>> message_bytes("prices", 2), message_bytes("prices", 100)
    (1000.0, 4040.0)
    """
    itself, each = _MESSAGE[table]
    return float(max(LEAST_BILLED, itself + each * rows))


def row_bytes(schema: Schema) -> float:
    """Bytes of a row in BigQuery's logical storage.

    >>> row_bytes(PRICES)
    32.0
    """
    return sum(
        _COLUMN.get(field.kind, _SYMBOL_BYTES if field.name == "symbol" else _TEXT_BYTES) for field in schema.fields
    )


@dataclass(frozen=True, slots=True)
class Traffic:
    """What flows in a month: bytes published to each topic, and bytes that reach each table."""

    published: Mapping[str, float]
    stored: Mapping[str, float]


def traffic(symbols: int, hz: float, *, batch: int, linger: float, extreme_share: float) -> Traffic:
    """A month of ``symbols`` with ``hz`` ticks a second each, in messages of at most ``batch`` ticks or ``linger``
    seconds; ``extreme_share`` of the seconds have a verdict.

    >>> month = traffic(17, 10.0, batch=1000, linger=0.1, extreme_share=0.5)
    >>> {topic: round(size / 1e9) for topic, size in month.published.items()}
    {'prices': 32, 'metrics': 20, 'reconerr': 7}
    """
    ticks = symbols * hz
    in_one = min(float(batch), max(1.0, ticks * linger)) if ticks else 1.0
    verdicts = symbols * extreme_share
    published = {
        PRICES.name: ticks / in_one * message_bytes(PRICES.name, in_one),
        METRICS.name: message_bytes(METRICS.name, symbols) if symbols else 0.0,  # one message a second
        RECONERR.name: message_bytes(RECONERR.name, verdicts) if verdicts else 0.0,
    }
    stored = {
        PRICES.name: ticks * row_bytes(PRICES),
        METRICS.name: symbols * row_bytes(METRICS),
        RECONERR.name: verdicts * row_bytes(RECONERR),
    }
    return Traffic(
        {topic: size * SECONDS_A_MONTH for topic, size in published.items()},
        {table: size * SECONDS_A_MONTH for table, size in stored.items()},
    )
