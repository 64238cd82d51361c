"""Freezing, lost cards and forgetting: what they do, what they wait for, and what they leave."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from foundation.database import Database, Tx
from member_api.contract.members import (
    Identifier,
    IdentifierBlocked,
    MemberStatus,
    MemberUnknown,
    masked_names,
    resolve_member,
)
from member_api.identifiers.operations import read
from member_api.members.operations import (
    CardUnknown,
    MemberChange,
    change,
    forget,
    freeze,
    replace_lost_card,
    status_history,
    unfreeze,
)
from member_api.members.rules import IdentifierTaken, StatusForbids
from member_api.members.views import read_members
from member_api.vault.operations import open_keys
from member_api.vault.rules import PersonalDataUnreadable, new_key
from tests.member_api.people import PHONE, a_member, enrolled
from tests.member_api.test_enrolment import count, outbox

CARD = Identifier("card", "A1")


def test_a_frozen_member_earns_and_cannot_spend(tx: Tx) -> None:
    member = enrolled(tx)
    facts = freeze(tx, member, reason="stolen phone", by="person:1")
    assert (facts.may_earn, facts.may_spend) == (True, False)
    assert resolve_member(tx, member).status == MemberStatus.FROZEN
    facts = unfreeze(tx, member, reason="found", by="person:1")
    assert (facts.may_earn, facts.may_spend) == (True, True)
    tx.flush()
    told = status_history(tx, open_keys(tx, [member])[member])
    assert [(step.before, step.after, step.reason) for step in told] == [
        ("frozen", "active", "found"),
        ("active", "frozen", "stolen phone"),
    ]
    assert [facts["by"] for facts in outbox(tx, "member.frozen")] == ["person:1"]


def test_freezing_waits_for_postings_under_way_and_postings_wait_for_freezing(database: Database) -> None:
    member = a_member(database)
    posting, order = threading.Event(), []

    def post() -> None:
        with database.transaction() as tx:
            resolve_member(tx, member, lock="share")
            posting.set()
            time.sleep(0.3)
            order.append("posted")

    def freeze_it() -> None:
        posting.wait(5)
        with database.transaction() as tx:
            freeze(tx, member, reason="x", by="test")
            order.append("frozen")

    with ThreadPoolExecutor(2) as pool:
        for done in (pool.submit(post), pool.submit(freeze_it)):
            done.result()
    assert order == ["posted", "frozen"]


def test_postings_and_changes_of_the_profile_do_not_wait_for_each_other(database: Database) -> None:
    member = a_member(database)
    with database.transaction() as posting:
        resolve_member(posting, member, lock="share")
        with database.transaction() as desk:
            desk.execute("SET LOCAL lock_timeout = '1s'")
            change(desk, member, MemberChange(name="李四"), by="test", source="test")


def test_a_lost_card_leads_to_nobody_and_its_number_stays_taken(tx: Tx) -> None:
    member, other = enrolled(tx, others={"card": "A1"}), enrolled(tx, "13900000001")
    outcome = replace_lost_card(tx, member, lost=None, new=read(tx, Identifier("card", "A2")), by="person:1")
    with pytest.raises(IdentifierBlocked):
        resolve_member(tx, CARD)
    assert resolve_member(tx, Identifier("card", "A2")).id == member
    with pytest.raises(IdentifierTaken):
        change(tx, other, MemberChange(identifiers={"card": read(tx, CARD)}), by="x", source="x")
    held = {h.identifier.value: h for h in read_members(tx, [member])[member].identifiers}
    assert held["A1"].replaced_by == outcome.new == held["A2"].id
    assert outbox(tx, "member.card_lost") == [
        {"member": str(member), "identifiers": [str(held["A1"].id)], "by": "person:1"}
    ]


def test_only_the_card_that_was_lost_is_blocked(tx: Tx) -> None:
    member = enrolled(tx, others={"card": "A1"})
    with pytest.raises(CardUnknown):
        replace_lost_card(tx, member, lost=read(tx, Identifier("card", "A9")), new=None, by="x")
    with pytest.raises(CardUnknown):
        replace_lost_card(tx, member, lost=None, new=read(tx, CARD), by="x")
    assert resolve_member(tx, CARD).id == member


def test_two_desks_that_replace_the_same_card_replace_it_once(database: Database) -> None:
    member = a_member(database, others={"card": "A1"})
    barrier = threading.Barrier(2)

    def desk(n: int) -> str:
        barrier.wait()
        try:
            with database.transaction() as tx:
                replace_lost_card(tx, member, lost=read(tx, CARD), new=read(tx, Identifier("card", f"B{n}")), by="x")
            return "done"
        except IdentifierBlocked:
            return "blocked"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(desk, range(2))) == ["blocked", "done"]
    with database.transaction() as tx:
        held = {h.identifier.value: h.status.value for h in read_members(tx, [member])[member].identifiers}
    assert sorted(held.values()) == ["active", "active", "lost"]  # the phone, one new card, the lost one


def test_a_forgotten_member_leaves_nothing_that_could_be_read_and_the_number_is_free(tx: Tx) -> None:
    member = enrolled(tx, others={"card": "A1"})
    freeze(tx, member, reason="called from 13800138000", by="x")
    tx.flush()
    sealed_reason = tx.execute("SELECT reason FROM member.status_change").scalar_one()
    forget(tx, member, by="person:1")
    forget(tx, member, by="person:1")
    assert open_keys(tx, [member]) == {}
    with pytest.raises(PersonalDataUnreadable):
        new_key(member).open("status/reason", bytes(sealed_reason))
    shown = read_members(tx, [member])[member]
    assert (shown.status, shown.name, shown.identifiers, shown.birthday.text) == ("erased", None, (), "-")
    assert masked_names(tx, [member]) == {}
    with pytest.raises(MemberUnknown):
        resolve_member(tx, Identifier("phone", PHONE))
    with pytest.raises(StatusForbids):
        change(tx, member, MemberChange(name="x"), by="x", source="x")
    assert enrolled(tx) != member
    assert count(tx, "member") == 2  # the books keep the number of the one who is gone
    assert len(outbox(tx, "member.erased")) == 1


def test_names_are_masked_for_tills(tx: Tx) -> None:
    member, nameless = enrolled(tx), enrolled(tx, "13900000001", name=None)
    assert masked_names(tx, [member, nameless]) == {member: "张*"}
