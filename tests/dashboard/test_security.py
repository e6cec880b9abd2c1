from __future__ import annotations

import pytest

from fsictl.dashboard.security import may_ask


@pytest.mark.parametrize(
    "header",
    ["localhost", "LocalHost:8050", "127.0.0.1:1", "127.9.9.9", "[::1]:8050", "[::1]", "::1", "dash.bank.example:80"],
)
def test_own_names_are_answered(header: str) -> None:
    assert may_ask(header, "dash.bank.example")


@pytest.mark.parametrize(
    "header",
    [
        "",
        ":8050",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:80",
        "10.0.0.7",
        "[",
        "localhost:1:2",
    ],
)
def test_foreign_names_are_refused(header: str) -> None:
    assert not may_ask(header, "127.0.0.1")


def test_a_server_on_every_interface_answers_under_any_address_but_no_other_name() -> None:
    everywhere = "0.0.0.0"  # noqa: S104 - nothing is bound here
    assert may_ask("10.0.0.7:8050", everywhere)
    assert may_ask("[fd00::7]:8050", "::")
    assert not may_ask("evil.example", everywhere)
