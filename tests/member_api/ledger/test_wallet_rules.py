"""What a wallet decides, with values: no database, no clock but the one handed in."""

from datetime import date, timedelta

import pytest

from member_api.ledger.rules import (
    CaptureTooLarge,
    HoldEnded,
    HoldState,
    InsufficientBalance,
    Kind,
    Lot,
    System,
    Wallet,
)
from tests.member_api.ledger.factories import (
    NOW,
    TODAY,
    a_draft,
    a_wallet,
    claws_back,
    earns,
    gets_back,
    granted,
    holds,
    must_hold,
    spends,
)

SOON, LATER = TODAY + timedelta(days=10), TODAY + timedelta(days=100)
TOMORROW = TODAY + timedelta(days=1)


def left(_wallet: Wallet, *lots: Lot) -> list[int]:
    return [lot.remaining for lot in lots]


# ------------------------------------------------------------------------------------------------ spending
def test_spending_takes_the_soonest_expiry_first_then_the_oldest() -> None:
    wallet = a_wallet()
    never = granted(wallet, 50)
    later = granted(wallet, 30, expires_on=LATER)
    soon = granted(wallet, 20, expires_on=SOON)
    also_soon = granted(wallet, 20, expires_on=SOON)

    taken = spends(wallet, 75)

    assert taken == [(soon.id, 20), (also_soon.id, 20), (later.id, 30), (never.id, 5)]
    assert wallet.balance("points") == (45, 45)
    must_hold(wallet)


def test_spending_more_than_there_is_is_refused_and_changes_nothing() -> None:
    wallet = a_wallet()
    lot = granted(wallet, 20)
    journals = len(wallet.drafts)

    with pytest.raises(InsufficientBalance) as refusal:
        spends(wallet, 21)

    assert refusal.value.facts == {"available": 20, "asked": 21, "unit": "points"}
    assert lot.remaining == 20
    assert [len(draft.legs) for draft in wallet.drafts[journals:]] == [0]


def test_what_is_set_aside_cannot_be_spent() -> None:
    wallet = a_wallet()
    granted(wallet, 100)
    holds(wallet, 80, NOW + timedelta(minutes=5))
    with pytest.raises(InsufficientBalance):
        spends(wallet, 21)
    assert spends(wallet, 20)
    assert wallet.balance("points") == (80, 0)
    must_hold(wallet)


def test_a_debt_counts_against_what_other_lots_hold() -> None:
    wallet = a_wallet()
    earned = earns(wallet, 100)
    spends(wallet, 100)
    claws_back(wallet, earned, 100)
    granted_elsewhere = wallet.account(Kind.POINTS, "market", None)
    earns(wallet, 130, format="market")
    assert granted_elsewhere.debt == 0
    assert wallet.balance("points") == (30, 30)
    with pytest.raises(InsufficientBalance):
        spends(wallet, 31)
    must_hold(wallet)


def test_a_condition_that_is_not_met_leaves_the_lot_alone() -> None:
    wallet = a_wallet()
    here = granted(wallet, 10, expires_on=LATER)
    elsewhere = granted(wallet, 90, expires_on=SOON)
    with pytest.raises(InsufficientBalance):
        wallet.require(Kind.POINTS, None, 11, usable=lambda lot: lot is not elsewhere)
    taken = wallet.spend(
        a_draft(wallet), Kind.POINTS, None, 10, System.REDEEMED, usable=lambda lot: lot is not elsewhere
    )
    assert taken == [(here.id, 10)]


# ------------------------------------------------------------------------------------------------ expiring
def test_an_overdue_lot_expires_but_for_what_is_held() -> None:
    wallet = a_wallet()
    lot = granted(wallet, 100, expires_on=SOON)
    hold = holds(wallet, 40, NOW + timedelta(days=99))
    wallet.today = SOON + timedelta(days=1)

    wallet.expire_overdue()

    assert (lot.remaining, lot.held, lot.expired) == (40, 40, 60)
    wallet.release_hold(hold)
    wallet.expire_overdue()
    assert (lot.remaining, lot.held, lot.expired) == (0, 0, 100)
    must_hold(wallet)


def test_a_lot_is_good_until_the_end_of_its_last_day() -> None:
    wallet = a_wallet()
    granted(wallet, 100, expires_on=SOON)
    wallet.today = SOON
    assert wallet.expire_overdue() is None
    wallet.today = SOON + timedelta(days=1)
    assert wallet.expire_overdue() is not None


def test_a_lot_that_expires_in_parts_on_one_day_makes_two_journals_with_ids_of_their_own() -> None:
    wallet = a_wallet()
    lot = earns(wallet, 100, expires_on=SOON)
    hold = holds(wallet, 50, NOW + timedelta(days=99))
    wallet.today = SOON + timedelta(days=1)
    wallet.expire_overdue()
    claws_back(wallet, lot, 50)  # what expired pays the clawback: `expired` is back where it was
    wallet.release_hold(hold)
    wallet.expire_overdue()
    expiries = [draft.id for draft in wallet.drafts if draft.kind == "expire"]
    assert len(expiries) == 2
    assert len(set(expiries)) == 2
    must_hold(wallet)


# ------------------------------------------------------------------------------------------------ holds
def test_a_captured_part_is_spent_and_the_rest_is_free_again() -> None:
    wallet = a_wallet()
    soon, later = granted(wallet, 30, expires_on=SOON), granted(wallet, 70, expires_on=LATER)
    hold = holds(wallet, 60, NOW + timedelta(minutes=5))
    assert hold.lots == [(soon.id, 30), (later.id, 30)]
    assert wallet.balance("points") == (100, 40)

    wallet.capture_hold(hold, 45, store="S01")

    assert (hold.state, hold.captured) == (HoldState.CAPTURED, 45)
    assert (soon.remaining, soon.held, later.remaining, later.held) == (0, 0, 55, 0)
    assert wallet.balance("points") == (55, 55)
    must_hold(wallet)


@pytest.mark.parametrize("end", ["captured", "released", "expired"])
def test_a_hold_that_has_ended_can_never_be_captured_or_released(end: str) -> None:
    wallet = a_wallet()
    granted(wallet, 100)
    hold = holds(wallet, 60, NOW + timedelta(minutes=5))
    if end == "captured":
        wallet.capture_hold(hold, 60, store=None)
    elif end == "released":
        wallet.release_hold(hold)
    else:
        wallet.now = NOW + timedelta(minutes=5)
        wallet.end_overdue_holds()
    before = wallet.balance("points")
    for again in (lambda: wallet.capture_hold(hold, 1, store=None), lambda: wallet.release_hold(hold)):
        with pytest.raises(HoldEnded) as refusal:
            again()
        assert refusal.value.facts["state"] == end
    assert wallet.balance("points") == before
    must_hold(wallet)


def test_a_hold_whose_time_is_over_cannot_be_captured_even_before_anybody_ended_it() -> None:
    wallet = a_wallet()
    granted(wallet, 100)
    hold = holds(wallet, 60, NOW + timedelta(minutes=5))
    wallet.now = NOW + timedelta(minutes=5)
    with pytest.raises(HoldEnded):
        wallet.capture_hold(hold, 60, store=None)
    assert wallet.balance("points") == (100, 40)


def test_no_more_is_captured_than_was_held() -> None:
    wallet = a_wallet()
    granted(wallet, 100)
    hold = holds(wallet, 60, NOW + timedelta(minutes=5))
    with pytest.raises(CaptureTooLarge):
        wallet.capture_hold(hold, 61, store=None)
    assert hold.state == HoldState.OPEN
    assert wallet.balance("points") == (100, 40)


def test_what_a_hold_lets_go_goes_first_to_those_who_paid_a_clawback_for_it() -> None:
    wallet = a_wallet()
    earned = earns(wallet, 100, expires_on=SOON)
    hold = holds(wallet, 100, NOW + timedelta(minutes=5))
    other = granted(wallet, 30, expires_on=LATER)
    claws_back(wallet, earned, 100)
    assert other.remaining == 0
    assert wallet.balance("points") == (30, -70)

    wallet.release_hold(hold)

    assert left(wallet, earned, other) == [0, 30]
    assert wallet.balance("points") == (30, 30)
    assert wallet.account("points", None, None).debt == 0
    must_hold(wallet)


# ------------------------------------------------------------------------------------------------ taking back
def test_a_clawback_takes_the_purchases_own_lot_first() -> None:
    wallet = a_wallet()
    other, earned = granted(wallet, 50, expires_on=SOON), earns(wallet, 60, expires_on=LATER)
    assert claws_back(wallet, earned, 60) == 0
    assert left(wallet, other, earned) == [50, 0]
    must_hold(wallet)


def test_what_was_spent_already_comes_from_other_lots_and_then_becomes_a_debt() -> None:
    wallet = a_wallet()
    earned = earns(wallet, 100, expires_on=SOON)
    spends(wallet, 100)
    other = granted(wallet, 30)
    assert claws_back(wallet, earned, 100) == 0
    account = wallet.account("points", None, None)
    assert (other.remaining, account.balance, account.debt) == (0, -70, 70)
    assert wallet.balance("points") == (-70, -70)
    must_hold(wallet)


def test_later_earnings_repay_a_debt_first() -> None:
    wallet = a_wallet()
    earned = earns(wallet, 100)
    spends(wallet, 100)
    claws_back(wallet, earned, 100)
    later = earns(wallet, 130)
    assert later.remaining == 30
    assert wallet.account("points", None, None).debt == 0
    must_hold(wallet)


def test_when_what_was_spent_comes_back_the_debt_goes_first() -> None:
    wallet = a_wallet()
    earned = earns(wallet, 100)
    spends(wallet, 100)
    claws_back(wallet, earned, 100)
    gets_back(wallet, earned.id, 100)
    assert earned.remaining == 0
    assert wallet.balance("points") == (0, 0)
    must_hold(wallet)


@pytest.mark.parametrize("first", ["the repaying purchase", "the purchase that was paid with points"])
def test_a_repayment_is_undone_whichever_comes_back_first(first: str) -> None:
    wallet = a_wallet()
    earned = earns(wallet, 100)
    spends(wallet, 100)
    claws_back(wallet, earned, 100)
    repaying = earns(wallet, 60)
    if first == "the repaying purchase":
        claws_back(wallet, repaying, 60)
        gets_back(wallet, earned.id, 100)
    else:
        gets_back(wallet, earned.id, 100)
        claws_back(wallet, repaying, 60)
    assert all(lot.remaining == 0 for lot in wallet.lots.values())
    assert wallet.balance("points") == (0, 0)
    must_hold(wallet)


def test_what_has_expired_meanwhile_counts_as_taken_back() -> None:
    wallet = a_wallet()
    earned = earns(wallet, 100, expires_on=SOON)
    wallet.today = SOON + timedelta(days=1)
    wallet.expire_overdue()
    other = granted(wallet, 50)
    claws_back(wallet, earned, 100)
    assert left(wallet, earned, other) == [0, 50]
    assert earned.expired == 0
    must_hold(wallet)


def test_e_coins_spent_already_are_not_borrowed_but_told() -> None:
    wallet = a_wallet()
    gift = earns(wallet, 60, kind=Kind.ECOIN, currency="CNY", source="300 gives 60")
    other = granted(wallet, 500, kind=Kind.ECOIN)
    assert spends(wallet, 60, Kind.ECOIN) == [(gift.id, 60)]
    short = claws_back(wallet, gift, 60, borrow=False)
    assert short == 60
    draft = a_draft(wallet, "withhold")
    wallet.withhold(draft, "ecoin:CNY", short)
    assert other.remaining == 500
    assert [(leg.system, leg.amount) for leg in draft.legs] == [("withheld", -60), ("clawed_back", 60)]
    must_hold(wallet)


# ------------------------------------------------------------------------------------------------ giving back
def test_what_comes_back_into_an_expired_lot_lasts_for_the_days_of_grace() -> None:
    wallet = a_wallet()
    lot = granted(wallet, 80, expires_on=SOON)
    spends(wallet, 80)
    wallet.today = SOON + timedelta(days=5)
    grace = wallet.today + timedelta(days=30)

    [revived] = gets_back(wallet, lot.id, 80, grace)

    assert (revived.parent, revived.remaining, revived.expires_on) == (lot.id, 80, grace)
    assert (revived.origin, revived.source, revived.funder) == (lot.origin, lot.source, lot.funder)
    assert lot.remaining == 0
    must_hold(wallet)


def test_a_clawback_finds_what_came_back_by_grace() -> None:
    wallet = a_wallet()
    earned = earns(wallet, 100, expires_on=SOON)
    spends(wallet, 100)
    wallet.today = SOON + timedelta(days=5)
    [revived] = gets_back(wallet, earned.id, 100, wallet.today + timedelta(days=30))
    claws_back(wallet, earned, 100)
    assert revived.remaining == 0
    assert wallet.account("points", None, None).debt == 0
    must_hold(wallet)


def test_a_pair_that_was_settled_may_come_to_owe_again() -> None:
    wallet = a_wallet()
    earned = earns(wallet, 100, expires_on=SOON)
    other = granted(wallet, 100, expires_on=LATER)
    spends(wallet, 60)
    claws_back(wallet, earned, 50)  # 40 of its own, 10 of the other's
    gets_back(wallet, earned.id, 10)
    assert left(wallet, earned, other) == [0, 100]
    claws_back(wallet, earned, 50)
    assert left(wallet, earned, other) == [0, 50]
    gets_back(wallet, earned.id, 50)
    assert left(wallet, earned, other) == [0, 100]
    assert len(wallet.substitutions) == 1
    must_hold(wallet)


def test_the_next_expiry_is_never_a_day_that_has_passed() -> None:
    wallet = a_wallet()
    wallet.complete = False
    earns(wallet, 10, expires_on=date(2020, 1, 31))
    assert wallet.soonest_points() is None
    earns(wallet, 5, expires_on=SOON)
    assert wallet.soonest_points() == (SOON, 5)
