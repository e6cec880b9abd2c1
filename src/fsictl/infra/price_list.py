"""The dated list of public prices that estimates are made from; it is in the package, and nothing is asked for live."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for one unit of something, the page that says so, and when it was last seen there, if it was."""

    name: str
    usd: float
    unit: str
    meaning: str
    page: str
    seen: str | None


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices by name, and how much is assumed to be used where no setting says so."""

    date: str
    region: str
    prices: Mapping[str, Price]
    assumed: Mapping[str, float]
    assumptions: Mapping[str, str]

    @property
    def when(self) -> str:
        """How old the prices are, in words."""
        seen = sorted(price.seen for price in self.prices.values() if price.seen is not None)
        unseen = len(self.prices) - len(seen)
        return f"put together on {self.date} from pages seen between {seen[0]} and {seen[-1]}, {unseen} of them undated"


@cache
def price_list() -> PriceList:
    """The list of this package.

    >>> price_list().prices["pubsub_throughput"].usd, price_list().prices["pubsub_throughput"].unit
    (40.0, 'TiB')
    """
    found = tomllib.loads(files("fsictl.infra").joinpath("price_list.toml").read_text(encoding="utf-8"))
    prices = {
        name: Price(name, float(one["usd"]), one["unit"], one["meaning"], one["page"], one.get("seen"))
        for name, one in found["prices"].items()
    }
    return PriceList(
        found["date"],
        found["region"],
        prices,
        {name: float(one["value"]) for name, one in found["assumed"].items()},
        {name: one["meaning"] for name, one in found["assumed"].items()},
    )
