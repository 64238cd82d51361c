"""What is over the limit needs two people, on the page and through the API."""

from typing import Any

import pytest
from flask import Flask

from foundation.access import Principal, PrincipalKind
from foundation.database import Database
from foundation.errors import DomainError
from member_api.approvals.operations import (
    Proposed,
    adjust_or_propose,
    approve,
    grant_or_propose,
    list_approvals,
    read_approval,
    refuse,
    set_limit,
    withdraw,
)
from member_api.approvals.rules import (
    Action,
    ActorKind,
    AlreadyDecided,
    ApprovalState,
    ApprovalUnknown,
    Limit,
    NotYours,
    SecondPersonNeeded,
    limit_for,
    needs_second_person,
)
from member_api.ledger.operations import Adjustment, Grant, Posted
from member_api.ledger.rules import InsufficientBalance, Kind
from organisation.staff.roles import Role
from tests.member_api.ledger.callers import a_person, balance, everything, given, step
from tests.member_api.people import a_member
from tests.member_api.test_member_pages import Browser, hire
from tests.organisation.factories import a_store

ANN, BOB = a_person("1"), a_person("2")
MACHINE = Principal(PrincipalKind.MACHINE, "erp", "erp", frozenset({"accounts.adjust", "accounts.approve"}), None)


@pytest.fixture
def member(database: Database) -> int:
    with database.transaction() as tx:
        a_store(tx, "S01", currency="CNY")
    return a_member(database, home_store="S01")


def proposed(database: Database, member: int, amount: int, by: Principal = ANN) -> int:
    """An adjustment over the limit; the id of what waits."""
    with database.transaction() as tx:
        done = adjust_or_propose(
            tx, by, member, Adjustment(Kind.POINTS, amount, "张三 lost his receipt"), step_of(by)
        )  # fmt: skip
    assert isinstance(done, Proposed)
    return done.approval


def step_of(by: Principal) -> Any:
    from dataclasses import replace

    return replace(step(), actor=f"{by.kind.value}:{by.id}")


def decide(database: Database, who: Principal, approval: int, how: str = "approve") -> Any:
    actor = f"{who.kind.value}:{who.id}"
    with database.transaction() as tx:
        if how == "approve":
            return approve(tx, who, approval, None, actor)
        return refuse(tx, who, approval, "no", actor) if how == "refuse" else withdraw(tx, who, approval, actor)


@pytest.mark.parametrize("amount", [10_000, -10_000])
def test_up_to_the_limit_one_is_enough(database: Database, member: int, amount: int) -> None:
    given(database, member, 20_000)
    with database.transaction() as tx:
        done = adjust_or_propose(tx, ANN, member, Adjustment(Kind.POINTS, amount, "a mistake"), step_of(ANN))
    assert isinstance(done, Posted)
    assert balance(database, member) == (20_000 + amount, 20_000 + amount)


def test_over_the_limit_nothing_moves_until_a_second_person_approves(database: Database, member: int) -> None:
    approval = proposed(database, member, 10_001)
    assert balance(database, member) == (0, 0)
    row, posted = decide(database, BOB, approval)
    assert (row.state, row.journal_id, row.decided_by) == (ApprovalState.APPROVED, posted.journal, "person:2")
    assert balance(database, member) == (10_001, 10_001)


@pytest.mark.parametrize("how", ["approve", "refuse"])
@pytest.mark.parametrize("who", [ANN, MACHINE], ids=["the same person", "a machine"])
def test_nobody_is_two_people(database: Database, member: int, who: Principal, how: str) -> None:
    approval = proposed(database, member, 10_001)
    before = everything(database)
    with pytest.raises(SecondPersonNeeded):
        decide(database, who, approval, how)
    assert everything(database) == before


@pytest.mark.parametrize("first", ["approve", "refuse"])
def test_what_was_decided_is_decided(database: Database, member: int, first: str) -> None:
    approval = proposed(database, member, 10_001)
    decide(database, BOB, approval, first)
    before = everything(database)
    for again in ("approve", "refuse"):
        with pytest.raises(AlreadyDecided):
            decide(database, a_person("3"), approval, again)
    assert everything(database) == before


def test_an_approval_that_cannot_be_done_stays_open(database: Database, member: int) -> None:
    given(database, member, 10_001)
    approval = proposed(database, member, -10_001)
    with database.transaction() as tx:
        adjust_or_propose(tx, ANN, member, Adjustment(Kind.POINTS, -1, "meanwhile"), step_of(ANN))
    before = everything(database)
    with pytest.raises(InsufficientBalance):
        decide(database, BOB, approval)
    assert everything(database) == before


def test_only_whoever_proposed_it_withdraws_it(database: Database, member: int) -> None:
    approval = proposed(database, member, 10_001)
    with pytest.raises(NotYours):
        decide(database, BOB, approval, "withdraw")
    assert decide(database, ANN, approval, "withdraw").state is ApprovalState.WITHDRAWN


def test_a_person_of_another_store_neither_sees_nor_decides_it(database: Database, member: int) -> None:
    approval = proposed(database, member, 10_001)
    elsewhere = a_person("4", "S02")
    with pytest.raises(ApprovalUnknown):
        decide(database, elsewhere, approval)
    with database.transaction() as tx:
        assert list_approvals(tx, elsewhere, None, None, 10) == []
        assert len(list_approvals(tx, a_person("5", "S01"), None, None, 10)) == 1
        with pytest.raises(ApprovalUnknown):
            read_approval(tx, elsewhere, approval)


def test_the_reason_is_sealed_and_shown_to_who_decides(database: Database, member: int) -> None:
    approval = proposed(database, member, 10_001)
    with database.transaction() as tx:
        assert read_approval(tx, BOB, approval).reason == "张三 lost his receipt"
        kept = str(tuple(tx.execute("SELECT * FROM member.approval").one()))
    assert "张三" not in kept


def test_a_grant_by_a_person_is_limited_too_and_by_a_machine_is_not(database: Database, member: int) -> None:
    wanted = Grant(Kind.POINTS, 10_001, "campaign")
    for who, expected in ((ANN, Proposed), (MACHINE, Posted)):
        with database.transaction() as tx:
            assert isinstance(grant_or_propose(tx, who, member, wanted, step_of(who)), expected)


def test_a_new_limit_holds_from_its_date(database: Database, member: int) -> None:
    with database.transaction() as tx:
        set_limit(tx, Limit(Action.ADJUSTMENT, ActorKind.PERSON, Kind.POINTS, None, 50, tx.now), "person:1")
    proposed(database, member, 51)


def test_the_currencys_own_limit_comes_before_the_general_one() -> None:
    from datetime import UTC, datetime, timedelta

    now = datetime(2026, 1, 1, tzinfo=UTC)

    def limit(amount: int | None, currency: str | None = None, days: int = 0) -> Limit:
        since = now + timedelta(days=days)
        return Limit(Action.GRANT, ActorKind.PERSON, Kind.ECOIN, currency, amount, since)

    limits = [limit(100), limit(5, "JPY"), limit(200, days=1), limit(None, "KWD")]

    def found(currency: str, days: int = 0) -> int | None:
        return limit_for(limits, Action.GRANT, ActorKind.PERSON, Kind.ECOIN, currency, now + timedelta(days=days))

    assert [found("CNY"), found("JPY"), found("KWD"), found("CNY", 1)] == [100, 5, None, 200]
    assert found("CNY", -1) == 0
    assert [needs_second_person(n, 100) for n in (100, 101, -101)] == [False, True, True]
    assert not needs_second_person(10**12, None)


# ------------------------------------------------------------------------------------------------ on the page
@pytest.fixture
def house(database: Database, member: int) -> Database:
    hire(database, "desk", Role.SERVICE_DESK, "林静")
    hire(database, "manager", Role.STORE_MANAGER, "Bob")
    hire(database, "office", Role.HEAD_OFFICE, "Eve")
    return database


def says(browser: Browser, path: str, body: dict[str, Any], key: str) -> Any:
    browser.get("/members")
    return browser.http.post(path, json=body, headers={"X-CSRF-Token": browser.token, "Idempotency-Key": key})


def test_the_desk_adjusts_and_the_manager_approves_on_a_page(app: Flask, house: Database, member: int) -> None:
    desk, manager = Browser(app, "desk"), Browser(app, "manager")
    asked = says(
        desk,
        f"/v1/members/{member}/adjustments",
        {"kind": "points", "amount": 12_345, "reason": "a year of receipts"},
        "1",
    )
    assert asked.status_code == 202, asked.text
    assert "Waits for a second person" in desk.get(f"/members/{member}/accounts")
    page = manager.get("/approvals")
    assert "+12,345" in page
    assert "林静" in page
    path = f"/v1/approvals/{asked.json['approval']}/approve"
    done = says(manager, path, {}, "2")
    assert (done.status_code, done.json["state"]) == (200, "approved")
    assert "12,345" in manager.get(f"/members/{member}/accounts")
    assert "Nothing waits" in manager.get("/approvals")
    statement = desk.get(f"/members/{member}/statement")
    assert "Adjusted by hand" in statement
    assert "12,345" in statement


def test_the_pages_speak_chinese(app: Flask, house: Database, member: int) -> None:
    given(house, member, 120)
    office = Browser(app, "office", "zh")
    accounts = office.get(f"/members/{member}/accounts")
    assert "积分" in accounts
    assert "120 可用" in accounts
    assert "对账单" in office.get(f"/members/{member}/statement")
    assert "审批" in office.get("/approvals")
    assert "积分规则" in office.get("/earning-rules")


def test_the_rules_are_shown_in_words(app: Flask, house: Database) -> None:
    page = Browser(app, "office").get("/earning-rules")
    assert "In force" in page
    assert "Points for each ¥1.00: 1" in page
    assert "24 months, to the end of the month" in page


def test_a_refused_approval_is_a_problem_that_says_why(app: Flask, house: Database, member: int) -> None:
    manager = Browser(app, "manager")
    asked = says(manager, f"/v1/members/{member}/adjustments", {"kind": "points", "amount": 12_345, "reason": "x"}, "1")
    answer = says(manager, f"/v1/approvals/{asked.json['approval']}/approve", {}, "2")
    assert (answer.status_code, answer.json["code"]) == (403, "second_person_needed")
    assert issubclass(SecondPersonNeeded, DomainError)
