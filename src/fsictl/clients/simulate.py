"""Simulated clients who trade: seeded, and the same however long they are watched and however many others there are.

Clients come one after the other, trade at a rate of their own at independent times, and leave for good one day: the
world of the Pareto/NBD model (Schmittlein, Morrison and Colombo, Management Science 33, 1987), in which recency and
frequency tell who is still there.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fsictl.errors import InputError
from fsictl.records.arrow import table_of
from fsictl.records.schemas import TRANSACTIONS

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 20_000

_DAY_MS = 86_400_000
_MEAN_ARRIVAL_DAYS = 10.0  # from the start to a client's first trade
_MEAN_STAY_DAYS = 60.0
_RATE_SHAPE, _RATE_SCALE = 0.8, 0.6  # gamma, trades a day: many trade seldom, few trade often
_LOT = 1000
_CANCELLED = 0.02
_MOST_MINUTES_TO_CANCEL = 30


def simulate_clients(
    clients: int, worth: Mapping[str, float], *, seed: int, start_ms: int, duration: float
) -> Iterator[pa.Table]:
    """Tables of ``transactions`` of that many clients in ``duration`` seconds from ``start_ms`` on.

    ``worth`` is the value of one unit of what each symbol trades, in the account currency; clients trade whole
    thousands of units. One trade in fifty is cancelled within half an hour: a second transaction takes the amount
    back. Prices are left empty. Raises ``InputError`` for no clients or no symbols.

    >>> (table,) = simulate_clients(3, {"EURUSD": 1.18}, seed=1, start_ms=0, duration=30 * 86_400.0)
    >>> longer = next(simulate_clients(4, {"EURUSD": 1.18}, seed=1, start_ms=0, duration=40 * 86_400.0))
    >>> set(table.column("transaction_id").to_pylist()) < set(longer.column("transaction_id").to_pylist())
    True
    """
    if clients < 1 or not worth:
        message = "nobody trades" if clients < 1 else "there is no symbol to trade"
        raise InputError(message, hint="Give at least one client and one symbol.")
    series = hashlib.sha256(f"{seed} {start_ms} {sorted(worth.items())}".encode()).hexdigest()[:8]
    waiting: list[dict[str, Any]] = []
    for number in range(clients):
        random = np.random.default_rng(np.random.SeedSequence((seed, number)))
        waiting += _trades(f"C{number + 1:05d}", series, random, worth, start_ms, start_ms + round(duration * 1000))
        if len(waiting) >= ROWS_AT_ONCE:
            yield _table(waiting)
            waiting = []
    if waiting:
        yield _table(waiting)


def _trades(
    client: str, series: str, random: np.random.Generator, worth: Mapping[str, float], start_ms: int, end_ms: int
) -> Iterator[dict[str, Any]]:
    symbols = list(worth)
    rate = max(random.gamma(_RATE_SHAPE, _RATE_SCALE), 1e-3)
    typical = random.normal(math.log(20 * _LOT), 0.8)  # of the logarithm of units
    at = start_ms + round(random.exponential(_MEAN_ARRIVAL_DAYS) * _DAY_MS)
    leaves = min(end_ms, at + 1 + round(random.exponential(_MEAN_STAY_DAYS) * _DAY_MS))
    number = 0
    while at < leaves:
        symbol = symbols[int(random.integers(len(symbols)))]
        lots = max(1, round(math.exp(random.normal(typical, 0.5)) / _LOT))
        amount = round(lots * _LOT * worth[symbol], 2)
        trade = {
            "symbol": symbol,
            "timestamp": at,
            "transaction_id": f"{series}-{client}-{number}",
            "client_id": client,
            "amount": amount,
            "side": "buy" if random.random() < 0.5 else "sell",
            "price": None,
        }
        yield trade
        cancelled, after = random.random() < _CANCELLED, int(random.integers(1, _MOST_MINUTES_TO_CANCEL * 60_000))
        if cancelled and at + after < end_ms:
            again = {"timestamp": at + after, "transaction_id": f"{trade['transaction_id']}-cancelled"}
            yield {**trade, **again, "amount": -amount}
        at += 1 + round(random.exponential(1 / rate) * _DAY_MS)
        number += 1


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    return table_of(TRANSACTIONS, {name: [row[name] for row in rows] for name in TRANSACTIONS.names})
