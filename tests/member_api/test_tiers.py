"""Tiers: given by hand with a reason, brought along, or earned by spending; always with dates."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database, Tx
from foundation.events import Event
from foundation.partitions import ensure_months
from member_api.contract.members import Identifier, TierSource, resolve_member, tiers_of
from member_api.purchases import tables as purchases
from member_api.tiers.operations import count_earned, publish_rule, put_tiers, set_by_hand, sweep
from member_api.tiers.rules import SpendBasis, Threshold, Tier, TierRule
from member_api.tiers.subscribers import count_after_purchases
from member_api.vault.operations import open_keys
from tests.member_api.callers import OFFICE, Caller
from tests.member_api.people import PHONE, a_member, enrolled
from tests.member_api.test_enrolment import outbox

TIERS = [Tier("SILVER", "Silver", 10), Tier("GOLD", "Gold", 20), Tier("PLATINUM", "Platinum", 30)]


def rule(tx: Tx, **changes: object) -> TierRule:
    facts = {
        "version": 0,
        "valid_from": tx.now,
        "basis": SpendBasis.NET_AMOUNT,
        "currency": "CNY",
        "window_days": 365,
        "valid_months": 12,
        "thresholds": (Threshold("SILVER", 100_00), Threshold("GOLD", 1_000_00)),
    }
    return TierRule(**facts | changes)  # type: ignore[arg-type]


def bought(
    database: Database, member: int, amount: int, *, days_ago: int = 1, currency: str = "CNY", points: int = 0
) -> None:
    """A purchase as the ledger records it."""
    at = database.clock.now() - timedelta(days=days_ago)
    ensure_months(database, [at.date()])
    with database.transaction() as tx:
        tx.rows.add(
            purchases.WRITE_PURCHASE,
            purchases.PurchaseRow(
                at.date(), uuid4(), member, "S01", None, currency, at, None, 1, None, 0, points, 0, amount, [], []
            ),
        )


def tier_of(database: Database, member: int) -> str | None:
    with database.transaction() as tx:
        return resolve_member(tx, member).tier


@pytest.fixture
def programme(database: Database) -> Database:
    with database.transaction() as tx:
        put_tiers(tx, TIERS)
        publish_rule(tx, rule(tx), by="test")
    return database


def count(database: Database, *members: int) -> int:
    with database.transaction() as tx:
        return count_earned(tx, members)


def test_a_tier_set_by_hand_counts_at_once_and_is_told(tx: Tx) -> None:
    put_tiers(tx, TIERS)
    member = enrolled(tx)
    key = open_keys(tx, [member])[member]
    held = set_by_hand(tx, key, "GOLD", valid_to=tx.now + timedelta(days=30), reason="VIP of the mayor", by="person:1")
    assert (held.tier.code, held.source, held.until) == ("GOLD", TierSource.MANUAL, tx.now + timedelta(days=30))
    assert resolve_member(tx, Identifier("phone", PHONE)).tier == "GOLD"
    assert tiers_of(tx, [member], tx.now + timedelta(days=30)) == {}
    assert outbox(tx, "member.tier_changed") == [{"member": str(member), "tier": "GOLD", "source": "manual"}]


def test_an_imported_tier_is_brought_along_at_enrolment(tx: Tx) -> None:
    put_tiers(tx, TIERS)
    member = enrolled(tx, tier="SILVER", tier_valid_to=tx.now + timedelta(days=10))
    assert tiers_of(tx, [member], tx.now)[member].source == TierSource.IMPORTED


def test_spending_enough_earns_a_tier_for_twelve_months_and_counting_twice_gives_it_once(
    programme: Database, clock: FixedClock
) -> None:
    member, other = a_member(programme), a_member(programme, "13900000001")
    bought(programme, member, 600_00)
    bought(programme, member, 400_00, days_ago=364)
    bought(programme, other, 99_99)
    assert count(programme, member, other) == 1
    assert count(programme, member, other) == 0
    assert (tier_of(programme, member), tier_of(programme, other)) == ("GOLD", None)
    clock.advance(timedelta(days=364))
    assert tier_of(programme, member) == "GOLD"
    clock.advance(timedelta(days=1))
    assert tier_of(programme, member) is None


def test_what_is_too_old_of_another_currency_or_given_back_does_not_count(programme: Database) -> None:
    member = a_member(programme)
    bought(programme, member, 60_00)
    bought(programme, member, 500_00, days_ago=366)
    bought(programme, member, 500_00, currency="USD")
    bought(programme, member, -10_00)
    assert count(programme, member) == 0
    bought(programme, member, 50_00)
    assert count(programme, member) == 1
    assert tier_of(programme, member) == "SILVER"


def test_points_can_be_counted_instead_of_money(programme: Database) -> None:
    member = a_member(programme)
    with programme.transaction() as tx:
        points = rule(tx, basis=SpendBasis.POINTS, currency=None, thresholds=(Threshold("GOLD", 500),))
        assert publish_rule(tx, points, by="test").version == 2
    bought(programme, member, 1, points=499)
    assert count(programme, member) == 0
    bought(programme, member, 1, points=1)
    assert count(programme, member) == 1


def test_a_rule_of_tomorrow_does_not_count_today(programme: Database, clock: FixedClock) -> None:
    member = a_member(programme)
    with programme.transaction() as tx:
        cheap = rule(tx, valid_from=tx.now + timedelta(days=1), thresholds=(Threshold("PLATINUM", 1),))
        publish_rule(tx, cheap, by="test")
    bought(programme, member, 50_00)
    assert count(programme, member) == 0
    clock.advance(timedelta(days=1))
    assert count(programme, member) == 1
    assert tier_of(programme, member) == "PLATINUM"


def test_a_tier_is_renewed_without_a_hole_while_the_spending_goes_on(programme: Database, clock: FixedClock) -> None:
    member = a_member(programme)
    bought(programme, member, 1_000_00)
    count(programme, member)
    clock.advance(timedelta(days=364))
    bought(programme, member, 1_000_00)
    assert count(programme, member) == 1
    clock.advance(timedelta(days=2))
    assert tier_of(programme, member) == "GOLD"


def test_a_tier_taken_by_hand_is_not_given_back_by_the_next_count(programme: Database, clock: FixedClock) -> None:
    member = a_member(programme)
    bought(programme, member, 1_000_00)
    count(programme, member)
    with programme.transaction() as tx:
        key = open_keys(tx, [member])[member]
        assert set_by_hand(tx, key, "SILVER", valid_to=None, reason="resold goods", by="person:1").tier.code == "SILVER"
    assert count(programme, member) == 0
    assert tier_of(programme, member) == "SILVER"
    clock.advance(timedelta(days=2))
    bought(programme, member, 1_000_00)
    assert count(programme, member) == 1
    assert tier_of(programme, member) == "GOLD"


def test_the_sweep_walks_through_everybody_in_batches(programme: Database) -> None:
    members = [a_member(programme, f"1390000000{n}") for n in range(5)]
    for member in members:
        bought(programme, member, 100_00)
    after: int | None = 0
    turns = 0
    while after is not None:
        with programme.transaction() as tx:
            after = sweep(tx, after, limit=2)
        turns += 1
    assert turns == 3
    assert {tier_of(programme, member) for member in members} == {"SILVER"}


def test_counts_of_one_member_at_the_same_moment_give_one_tier(programme: Database) -> None:
    member = a_member(programme)
    bought(programme, member, 1_000_00)
    barrier = threading.Barrier(6)

    def once(_: int) -> int:
        barrier.wait()
        return count(programme, member)

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(once, range(6))) == 1


def test_whoever_just_bought_is_counted_without_waiting_for_the_night(programme: Database) -> None:
    member = a_member(programme)
    bought(programme, member, 100_00)
    events = [
        Event(1, "sale.recorded", {"member": str(member)}, programme.clock.now()),
        Event(2, "sale.recorded", {"member": None}, programme.clock.now()),
    ]
    with programme.transaction() as tx:
        count_after_purchases(tx, events)
    assert tier_of(programme, member) == "SILVER"


def test_a_retired_tier_is_kept_to_its_end_and_given_no_more(programme: Database) -> None:
    member, other = a_member(programme), a_member(programme, "13900000001")
    bought(programme, member, 100_00)
    bought(programme, other, 100_00)
    count(programme, member)
    with programme.transaction() as tx:
        kept = put_tiers(tx, [Tier("GOLD", "Gold", 10), Tier("PLATINUM", "Platinum", 20)])
        assert [(tier.code, tier.retired_at is None) for tier in kept] == [
            ("SILVER", False),
            ("GOLD", True),
            ("PLATINUM", True),
        ]
    assert tier_of(programme, member) == "SILVER"
    assert count(programme, other) == 0


def test_ranks_can_be_swapped_in_one_go(programme: Database) -> None:
    with programme.transaction() as tx:
        swapped = put_tiers(tx, [Tier("SILVER", "Silver", 20), Tier("GOLD", "Gold", 10), Tier("PLATINUM", "Pt", 30)])
        assert [tier.code for tier in swapped] == ["GOLD", "SILVER", "PLATINUM"]


def test_tiers_over_http(http: FlaskClient, database: Database) -> None:
    office = Caller(http, database, OFFICE)
    wanted = {"tiers": [{"code": tier.code, "name": tier.name, "rank": tier.rank} for tier in TIERS]}
    assert [tier["code"] for tier in office.put("/v1/tiers", wanted).json["items"]] == ["SILVER", "GOLD", "PLATINUM"]
    member = office.post("/v1/members", {"phone": PHONE}).json["id"]

    answer = office.post(f"/v1/members/{member}/tier", {"tier": "GOLD", "reason": "VIP"})
    assert (answer.status_code, answer.json["tier"]["code"]) == (200, "GOLD")
    assert office.get(f"/v1/members/{member}").json["tier"]["name"] == "Gold"
    assert office.get(f"/v1/members/{member}/tiers").json["items"][0]["reason"] == "VIP"
    assert office.post(f"/v1/members/{member}/tier", {"tier": "LEAD", "reason": "x"}).json["code"] == "tier_unknown"
    past = {"tier": "GOLD", "reason": "x", "valid_to": "2020-01-01T00:00:00Z"}
    assert office.post(f"/v1/members/{member}/tier", past).status_code == 422
    thresholds = [{"tier": "GOLD", "amount": 100_000}]
    published = office.post(
        "/v1/tier-rules", {"currency": "CNY", "window_days": 365, "valid_months": 12, "thresholds": thresholds}
    )
    assert (published.status_code, published.json["version"]) == (201, 1)
    assert office.get("/v1/tier-rules").json["items"][0]["thresholds"] == thresholds
    no_currency = office.post("/v1/tier-rules", {"window_days": 1, "valid_months": 1, "thresholds": thresholds})
    assert no_currency.json["errors"][0]["pointer"] == "/currency"


def test_a_day_is_needed_by_the_partition_only(programme: Database) -> None:
    """A sale after midnight of the business day before still counts (2017-09-30 sold at 2017-10-01T02:02)."""
    member = a_member(programme)
    at = programme.clock.now()
    ensure_months(programme, [date(2026, 1, 4)])
    with programme.transaction() as tx:
        tx.rows.add(
            purchases.WRITE_PURCHASE,
            purchases.PurchaseRow(
                date(2026, 1, 4), uuid4(), member, "S01", None, "CNY", at, None, 1, None, 0, 0, 0, 100_00, [], []
            ),
        )
    assert count(programme, member) == 1


def test_rules_of_the_company_are_for_whoever_acts_everywhere(http: FlaskClient, database: Database) -> None:
    here = Caller(http, database, OFFICE, store="S01")
    for refused in (
        here.put("/v1/tiers", {"tiers": [{"code": "gold", "name": "Gold", "rank": 1}]}),
        here.put("/v1/consent-wordings", {"version": "9", "text_en": "Yes", "text_zh": "好"}),
        here.put("/v1/identifier-kinds", {"kinds": [{"code": "badge", "name": "Badge"}]}),
    ):
        assert (refused.status_code, refused.get_json()["code"]) == (403, "place_forbidden"), refused.text
