"""The RFM mart against plain Python, on transactions of every kind."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sql.conftest import DAY, MIDNIGHT, RUN_DATE
from tests.sql.reference import Transaction, rfm

COLUMNS = (
    "days_since_last",
    "purchases",
    "monetary",
    "refunds",
    "frequency",
    "recency",
    "T",
    "r_score",
    "f_score",
    "m_score",
    "segment",
)

TRANSACTIONS = st.builds(
    Transaction,
    st.sampled_from([f"c{number}" for number in range(12)]),
    st.integers(-40, 2).flatmap(
        lambda day: st.sampled_from([0, 1, DAY // 2, DAY - 1]).map(lambda at: MIDNIGHT + day * DAY + at)
    ),
    st.integers(-2_000, 20_000).map(lambda cents: Decimal(cents) / 100),
)


def _sql_rfm(compiled: dict[str, str], transactions: list[Transaction], reverse: bool = False) -> dict[str, dict]:
    import duckdb

    with duckdb.connect() as database:
        database.sql("attach ':memory:' as marts")
        database.sql(
            "create table marts.main.stg_transactions "
            "(client_id text, timestamp_ms bigint, amount decimal(38, 9), day date)"
        )
        for one in reversed(transactions) if reverse else transactions:
            database.execute(
                "insert into marts.main.stg_transactions values (?, ?, ?, cast(epoch_ms(?) as date))",
                [one.client, one.timestamp, one.amount, one.timestamp],
            )
        found = database.sql(compiled["rfm_customers"])
        names = found.columns
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    assert all(row["run_date"] == RUN_DATE for row in rows)
    return {row["client_id"]: {name: row[name] for name in COLUMNS} for row in rows}


@settings(max_examples=60, deadline=None)
@given(transactions=st.lists(TRANSACTIONS, max_size=60))
def test_the_mart_is_what_plain_python_says(compiled: dict[str, str], transactions: list[Transaction]) -> None:
    expected = rfm(transactions, RUN_DATE)
    assert _sql_rfm(compiled, transactions) == expected
    assert _sql_rfm(compiled, transactions, reverse=True) == expected


def test_clients_who_are_equal_have_equal_scores(compiled: dict[str, str]) -> None:
    found = _sql_rfm(compiled, [Transaction(f"c{number}", MIDNIGHT, Decimal(5)) for number in range(7)])
    assert {(row["r_score"], row["f_score"], row["m_score"]) for row in found.values()} == {(3, 3, 3)}


def test_ten_different_clients_are_two_a_fifth(compiled: dict[str, str]) -> None:
    found = _sql_rfm(
        compiled, [Transaction(f"c{number}", MIDNIGHT - number * DAY, Decimal(number)) for number in range(10)]
    )
    assert [found[f"c{number}"]["m_score"] for number in range(10)] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert [found[f"c{number}"]["r_score"] for number in range(10)] == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]


def test_a_refund_takes_money_and_is_no_purchase(compiled: dict[str, str]) -> None:
    found = _sql_rfm(
        compiled,
        [
            Transaction("a", MIDNIGHT - 5 * DAY, Decimal(100)),
            Transaction("a", MIDNIGHT, Decimal("-30.5")),
            Transaction("only refunds", MIDNIGHT, Decimal(-1)),
        ],
    )
    assert set(found) == {"a"}
    row = found["a"]
    assert (row["purchases"], row["refunds"], row["monetary"], row["days_since_last"]) == (1, 1, Decimal("69.5"), 5)


def test_what_comes_after_the_run_date_does_not_count(compiled: dict[str, str]) -> None:
    last = Transaction("a", MIDNIGHT + DAY - 1, Decimal(1))
    assert _sql_rfm(compiled, [last])["a"]["days_since_last"] == 0
    assert _sql_rfm(compiled, [last._replace(timestamp=MIDNIGHT + DAY)]) == {}
