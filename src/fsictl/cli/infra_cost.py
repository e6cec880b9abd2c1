"""What ``fsictl infra cost`` and the plan show of money."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fsictl.cli.output import Output
from fsictl.cli.pipelines import NAMES
from fsictl.cli.session import Session
from fsictl.errors import UsageError
from fsictl.infra.cost import Estimate, estimate
from fsictl.infra.deployment import Deployment, Option, standard
from fsictl.infra.machines import machine
from fsictl.infra.price_list import PriceList, price_list
from fsictl.infra.traffic import Traffic, traffic


def prices_of(session: Session) -> PriceList:
    """The list, with the workers that the settings ask for."""
    listed, gcp = price_list(), session.settings.gcp
    assumed = {**listed.assumed, "workers": float(gcp.workers)}
    known = machine(gcp.machine_type)
    if known is not None:
        assumed["worker_vcpus"], assumed["worker_memory_gib"] = known
    return replace(listed, assumed=assumed)


def streams_of(session: Session) -> list[str]:
    """The pipelines that are streaming jobs."""
    return [name for name in NAMES if name != "sink" or session.settings.gcp.sink == "dataflow"]


def month_of(session: Session, prices: PriceList) -> Traffic:
    """A month of the prices that the settings describe."""
    of = session.settings.prices
    share = prices.assumed["extreme_share"]
    return traffic(len(of.symbols), of.hz, batch=of.batch, linger=of.linger, extreme_share=share)


def cost_of(session: Session, deployment: Deployment) -> Estimate:
    """What a deployment costs with the prices of the settings."""
    prices = prices_of(session)
    return estimate(deployment, month_of(session, prices), streams_of(session), prices)


def standard_cost(session: Session, wanted: list[str]) -> Estimate:
    """What the packaged configuration costs, with what it makes only when asked."""
    for name in wanted:
        if name not in list(Option):
            message = f"there is no part {name}"
            raise UsageError(message, hint=f"Give --with {', --with '.join(Option)}.")
    return cost_of(session, standard(session.settings.gcp.prefix, [Option(name) for name in wanted]))


def cost_document(found: Estimate) -> dict[str, Any]:
    """The estimate as plain values."""
    prices = price_list()
    return {
        "estimate": True,
        "currency": "USD",
        "prices_of": prices.date,
        "region_of_prices": prices.region,
        "idle_usd_per_month": round(found.idle, 2),
        "running_usd_per_month": round(found.running, 2),
        "lines": [
            {
                "service": line.service,
                "what": line.what,
                "idle_usd_per_month": round(line.idle, 2),
                "running_usd_per_month": round(line.running, 2),
                "amount": line.amount,
            }
            for line in found.lines
        ],
    }


def show_cost(output: Output, found: Estimate, *, short: bool = False, parked: bool = False) -> None:
    """The estimate as a table, by service alone when ``short``; nothing with ``--json``.

    What is ``parked`` cannot run, so that there is one column.
    """
    if output.as_json or not found.lines:
        return
    rows: list[dict[str, object]] = []
    if short:
        for service in dict.fromkeys(line.service for line in found.lines):
            of = Estimate(tuple(line for line in found.lines if line.service == service))
            rows.append({"service": service, "idle": dollars(of.idle), "running": dollars(of.running)})
        rows.append({"service": "all", "idle": dollars(found.idle), "running": dollars(found.running)})
    else:
        rows = [
            {
                "service": line.service,
                "what": line.what,
                "idle": dollars(line.idle),
                "running": dollars(line.running),
                "amount": line.amount,
            }
            for line in found.lines
        ]
        total = {"service": "all", "what": "", "idle": dollars(found.idle), "running": dollars(found.running)}
        rows.append({**total, "amount": ""})
    columns = {"service": "service", "what": "what", "idle": "idle", "running": "running", "amount": "amount"}
    shown = {key: heading for key, heading in columns.items() if key in rows[0]}
    if parked:
        shown = {"service": "service", "idle": "parked"}
        rows = [row for row in rows if row["idle"] != "–"]
    prices = price_list()
    output.rows(rows, shown, title="Estimate, US dollars a month", money=("idle", "running"))
    output.say(f"List prices of {prices.region}, {prices.when}; without free tiers, network, logs and taxes.")


def dollars(amount: float) -> str:
    """US dollars for people.

    >>> dollars(1234.5), dollars(0.004), dollars(0.0)
    ('1,234.50', '< 0.01', '–')
    """
    if not amount:
        return "–"
    return f"{amount:,.2f}" if amount >= 0.01 else "< 0.01"
