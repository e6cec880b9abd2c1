"""RFM as plain Python, to hold the SQL against."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple


class Transaction(NamedTuple):
    client: str
    timestamp: int
    amount: Decimal


SEGMENTS = {
    # by score of frequency and money together: the segments of recency 1, 2, 3, 4, 5
    5: ("cannot_lose", "at_risk", "loyal", "champions", "champions"),
    4: ("cannot_lose", "at_risk", "loyal", "champions", "champions"),
    3: ("hibernating", "about_to_sleep", "need_attention", "potential_loyalists", "potential_loyalists"),
    2: ("lost", "hibernating", "about_to_sleep", "promising", "new"),
    1: ("lost", "hibernating", "about_to_sleep", "promising", "new"),
}


def day_of(timestamp: int) -> date:
    return datetime.fromtimestamp(timestamp / 1000, UTC).date()


def score(values: Sequence[Any], value: Any) -> int:
    below, equal = sum(one < value for one in values), sum(one == value for one in values)
    return 1 + 5 * (2 * below + equal) // (2 * len(values))


def rfm(transactions: Sequence[Transaction], run_date: date) -> dict[str, dict[str, Any]]:
    """Every client's row, by the client."""
    of: dict[str, list[Transaction]] = defaultdict(list)
    for one in transactions:
        if day_of(one.timestamp) <= run_date:
            of[one.client].append(one)
    rows = {}
    for client, mine in of.items():
        days = sorted({day_of(one.timestamp) for one in mine if one.amount >= 0})
        if days:
            rows[client] = {
                "days_since_last": (run_date - days[-1]).days,
                "purchases": sum(one.amount >= 0 for one in mine),
                "monetary": sum(one.amount for one in mine),
                "refunds": sum(one.amount < 0 for one in mine),
                "frequency": len(days) - 1,
                "recency": (days[-1] - days[0]).days,
                "T": (run_date - days[0]).days,
            }
    scores = (("r_score", "days_since_last", -1), ("f_score", "purchases", 1), ("m_score", "monetary", 1))
    for name, column, sign in scores:
        values = [sign * row[column] for row in rows.values()]
        for row in rows.values():
            row[name] = score(values, sign * row[column])
    for row in rows.values():
        row["segment"] = SEGMENTS[(row["f_score"] + row["m_score"] + 1) // 2][row["r_score"] - 1]
    return rows
