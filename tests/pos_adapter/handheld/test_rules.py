"""Who may settle what at a handheld."""

import pytest

from foundation.access import Principal, PrincipalKind
from pos_adapter.handheld.rules import CashNotHere, DeskOnly, check_checkout, is_handheld, terminal_of


def somebody(*permissions: str) -> Principal:
    return Principal(PrincipalKind.PERSON, "1", "Wang Fang", frozenset(permissions), None)


def test_a_counter_settles_under_a_terminal_of_its_own() -> None:
    assert terminal_of("C12") == "H-C12"
    assert is_handheld(terminal_of("C12"))
    assert len(terminal_of("C" * 64)) == 64


def test_cash_is_paid_at_the_desk_unless_the_company_says_otherwise() -> None:
    with pytest.raises(CashNotHere):
        check_checkout(somebody(), "H-C1", ["card", "cash"], takes_cash=False)
    check_checkout(somebody(), "H-C1", ["card", "cash"], takes_cash=True)
    check_checkout(somebody(), "H-C1", ["card"], takes_cash=False)
    check_checkout(somebody("desk.use"), "D1", ["cash"], takes_cash=False)


def test_people_of_the_counter_do_not_settle_at_the_desk_s_terminal() -> None:
    with pytest.raises(DeskOnly):
        check_checkout(somebody("settlements.write"), "D1", ["card"], takes_cash=False)
