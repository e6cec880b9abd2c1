"""What ``fsictl infra cost --now`` and ``fsictl status`` say of money on Google Cloud."""

from __future__ import annotations

from pathlib import Path

from fsictl.cli.infra_cloud import FOLDER, opened
from fsictl.cli.infra_cost import dollars
from fsictl.cli.session import Session


def is_known_here(session: Session) -> bool:
    """Whether Terraform was used in this workspace; elsewhere it would first have to get its provider."""
    return (session.root / FOLDER / ".terraform").exists()


def bill_now(
    session: Session, configuration: Path | None = None, *, without_jobs: bool = False
) -> list[dict[str, object]]:
    """What costs money on Google Cloud at this moment, dearest first, as US dollars a month at this rate."""
    with opened(session, None, configuration) as cloud:
        return [
            {"service": one.service, "what": one.what, "usd_per_month": round(one.idle, 2), "amount": one.amount}
            for one in cloud.bill(without_jobs=without_jobs)
        ]


def show_bill(session: Session, rows: list[dict[str, object]]) -> None:
    """The bill as a table; with ``--json`` as an array."""
    output = session.output
    if not output.as_json:
        rows = [{**row, "usd_per_month": dollars(float(str(row["usd_per_month"])))} for row in rows]
    columns = {"service": "service", "what": "what", "usd_per_month": "US dollars a month", "amount": "amount"}
    title = "What costs money now (estimate)"
    output.rows(rows, columns, title=title, empty="Nothing is there that costs money.", money=("usd_per_month",))
