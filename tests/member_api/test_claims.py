"""A sale of somebody unknown waits for its member, whoever comes first: the sale or the enrolment."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from foundation.database import Database, Tx
from member_api.contract.members import (
    Claim,
    Identifier,
    IdentifierKindUnknown,
    IdentifierNotALookUp,
    IdentifierStatus,
    IdentifierUnreadable,
    MemberFacts,
    NotFound,
    claim_identifier,
    claim_identifiers,
    claims,
    resolve_members,
)
from member_api.identifiers.operations import read
from member_api.members.operations import MemberChange, change, enrol, replace_lost_card
from tests.member_api.people import PHONE, a_member, enrolled, new_member
from tests.member_api.test_enrolment import count, outbox

MET = Identifier("phone", PHONE)


def test_a_claim_is_made_once_however_the_number_is_typed_and_names_nobody_yet(tx: Tx) -> None:
    claim = claim_identifier(tx, "phone", "138 0013 8000")
    assert claim_identifier(tx, "phone", "+8613800138000") == claim
    assert resolve_members(tx, [MET]) == {MET: NotFound.UNKNOWN}
    assert claims(tx, [claim]) == {claim: Claim(claim, "phone", None, IdentifierStatus.UNCLAIMED, "138****8000")}


def test_when_the_member_appears_the_claims_are_announced_and_name_the_member(tx: Tx) -> None:
    phone, card = claim_identifier(tx, "phone", PHONE), claim_identifier(tx, "card", "A1")
    member = enrolled(tx, others={"card": "a1", "email": "a@example.com"})
    told = outbox(tx, "member.claimed")
    assert [(facts["member_id"], sorted(facts["claim_ids"])) for facts in told] == [(member, sorted([phone, card]))]
    assert {claim.member_id for claim in claims(tx, [phone, card]).values()} == {member}
    assert claims(tx, [phone])[phone].shown == "138****8000"


def test_a_card_given_later_claims_too(tx: Tx) -> None:
    claim = claim_identifier(tx, "card", "A1")
    member = enrolled(tx)
    card = read(tx, Identifier("card", "A1"))
    change(tx, member, MemberChange(identifiers={"card": card}), by="test", source="test")
    assert outbox(tx, "member.claimed") == [{"member": str(member), "member_id": member, "claim_ids": [claim]}]


def test_whoever_is_enrolled_by_now_is_named_instead_of_waited_for(tx: Tx) -> None:
    member = enrolled(tx)
    unknown = Identifier("card", "A1")
    met = claim_identifiers(tx, [MET, unknown])
    assert met[MET].member_id == member
    assert met[unknown].member_id is None


def test_what_cannot_be_an_identifier_cannot_be_claimed(tx: Tx) -> None:
    with pytest.raises(IdentifierUnreadable):
        claim_identifier(tx, "phone", "1")
    with pytest.raises(IdentifierNotALookUp):
        claim_identifier(tx, "national_id", "11010519491231002X")
    with pytest.raises(IdentifierKindUnknown):
        claim_identifier(tx, "no_such_kind", "1")
    assert count(tx, "identifier") == 0


@pytest.mark.parametrize("first", ["sale", "enrolment"])
def test_a_sale_and_an_enrolment_that_overlap_always_find_each_other(database: Database, first: str) -> None:
    """Whoever starts second waits for the first and sees it: points never wait for a member who is there."""
    begun, second_started = threading.Event(), threading.Event()

    def one() -> None:
        with database.transaction() as tx:
            claim_identifier(tx, "phone", PHONE) if first == "sale" else enrolled(tx)
            begun.set()
            second_started.wait(5)
            time.sleep(0.1)

    def other() -> None:
        begun.wait(5)
        with database.transaction() as tx:
            second_started.set()
            if first == "sale":
                enrol(tx, [new_member(tx)], by="test", source="test")
            else:
                assert claim_identifiers(tx, [MET])[MET].member_id is not None

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(one), pool.submit(other)]:
            done.result()
    with database.transaction() as tx:
        found = resolve_members(tx, [MET])[MET]
        assert isinstance(found, MemberFacts)
        told = outbox(tx, "member.claimed")
        assert [facts["member_id"] for facts in told] == ([found.id] if first == "sale" else [])


def test_sales_and_enrolments_of_the_same_people_never_wait_in_a_ring(database: Database) -> None:
    barrier = threading.Barrier(6)
    cards = [f"R{n:03d}" for n in range(40)]

    def work(n: int) -> None:
        barrier.wait()
        mine = cards if n % 2 else list(reversed(cards))
        with database.transaction() as tx:
            if n < 3:
                claim_identifiers(tx, [Identifier("card", card) for card in mine])
            else:
                enrol(tx, [new_member(tx, None, others={"card": card}) for card in mine], by="t", source="t")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    with database.transaction() as tx:
        assert (count(tx, "identifier"), count(tx, "member")) == (40, 40)
        assert tx.execute("SELECT count(*) FROM member.identifier WHERE status = 'unclaimed'").scalar() == 0


def test_a_lost_card_on_a_sale_leads_to_nobody(database: Database) -> None:
    member = a_member(database, others={"card": "A1"})
    with database.transaction() as tx:
        replace_lost_card(tx, member, lost=None, new=None, by="test")
    card = Identifier("card", "A1")
    with database.transaction() as tx:
        assert resolve_members(tx, [card]) == {card: NotFound.BLOCKED}
        met = claim_identifiers(tx, [card])[card]
        assert (met.status, met.member_id) == (IdentifierStatus.LOST, None)
        assert claims(tx, [met.claim_id])[met.claim_id].member_id is None
