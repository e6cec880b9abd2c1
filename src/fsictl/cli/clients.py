"""What ``fsictl generate`` does about clients: simulate their transactions, or load those of files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fsictl.cli import times
from fsictl.cli.output import counted, time_text
from fsictl.cli.session import Session
from fsictl.errors import UsageError
from fsictl.records.schemas import DEAD_LETTER_TOPIC

if TYPE_CHECKING:
    import pyarrow as pa


def simulate(session: Session, clients: int, start: str | None, length: float | None) -> None:
    """Simulate that many clients who trade from ``start`` on for ``length`` seconds."""
    from fsictl.clients.quotes import with_prices
    from fsictl.clients.simulate import simulate_clients
    from fsictl.prices.pairs import dollars

    prices, now = session.settings.prices, session.clock.now_ms()
    if length is None:
        message = "clients would trade for ever"
        raise UsageError(message, hint="Say how long: --duration 30d.")
    start_ms = times.moment(start, now) if start is not None else now - round(length * 1000)
    if not 0 <= start_ms <= times.MAX_MS - 1000 * length:
        message = "the transactions would not lie between the years 1970 and 9999"
        raise UsageError(message, hint="Choose another --start, or a shorter --duration.")
    worth = {symbol: dollars(symbol) for symbol in prices.symbols}
    session.make_workspace()
    written, seen, priced = 0, 0, 0
    with session.output.progress("trading", clients) as bar:
        for table in simulate_clients(clients, worth, seed=prices.seed, start_ms=start_ms, duration=length):
            known = with_prices(table, session.warehouse)
            session.warehouse.write("transactions", known)
            ids = known.column("client_id").unique().to_pylist()
            written, seen = written + known.num_rows, seen + len(ids)
            priced += known.num_rows - known.column("price").null_count
            bar.at(int(max(ids).removeprefix("C")), note=counted(written, "transaction"))
    end = start_ms + round(length * 1000)
    session.output.say(
        f"Stored {counted(written, 'transaction')} of {counted(seen, 'client')}, from {time_text(start_ms)} to"
        f" {time_text(end)} UTC; the prices of {priced:,} are known."
    )
    if not written:
        session.output.say("Clients arrive over some ten days and trade every few: use a longer --duration, say 60d.")
    session.output.document({"transactions": written, "clients": seen, "priced": priced, "rejects": 0})


def load_transactions(session: Session, files: list[Path]) -> None:
    """Load the transactions of files; what cannot be used becomes dead letters."""
    from fsictl.clients.files import read_transactions

    written, rejected, newest = 0, 0, None
    clients: set[str] = set()
    made = False
    for file in files:
        for table, rejects in read_transactions(file):
            if not made:
                session.make_workspace()
                made = True
            if table.num_rows:
                session.warehouse.write("transactions", table)
                clients.update(table.column("client_id").unique().to_pylist())
                newest = max(newest or 0, _newest(table))
            if rejects:
                now = session.clock.now_ms()
                letters = [(DEAD_LETTER_TOPIC, reject.to_message(timestamp_ms=now)) for reject in rejects]
                session.messenger.publish(letters)
            written, rejected = written + table.num_rows, rejected + len(rejects)
    said = (
        f"Stored {counted(written, 'transaction')} of {counted(len(clients), 'client')}, up to {time_text(newest)} UTC."
    )
    if rejected:
        said += f" {counted(rejected, 'row')} could not be used: see `fsictl dead-letter list`."
    session.output.say(said)
    session.output.document({"transactions": written, "clients": len(clients), "rejects": rejected, "newest": newest})


def _newest(table: pa.Table) -> int:
    return int(table.column("timestamp").to_numpy().max())
