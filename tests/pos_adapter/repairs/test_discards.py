"""A receipt is discarded by two people, and everything about it is kept."""

from uuid import UUID

import pytest

from foundation.access import PermissionMissing, PlaceForbidden, Principal, PrincipalKind
from foundation.database import Database
from pos_adapter.repairs.discards import (
    AlreadyProposed,
    DiscardDecided,
    NothingToDiscard,
    confirm,
    decline,
    propose,
)
from pos_adapter.repairs.rules import AccountsMoved, NotByMachine, SamePerson, Subject
from pos_adapter.sales.attaching import sweep
from tests.member_api.people import PHONE, a_member
from tests.organisation.factories import committed_store
from tests.pos_adapter.repairs.factories import DESK, MANAGER, refuse, rows, somebody
from tests.pos_adapter.sales.factories import post, receipt, return_of

ANNA, BO = somebody("anna"), somebody("bo")
PHONE_REF = {"kind": "phone", "value": PHONE}


@pytest.fixture
def house(database: Database) -> Database:
    committed_store(database, format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    return database


@pytest.fixture
def parked(house: Database) -> int:
    """A receipt that was refused."""
    return refuse(house, receipt(1000, tenders=[{"kind": "card", "amount": 1}]))


def proposed(house: Database, parked: int, by: Principal = ANNA) -> int:
    with house.transaction() as tx:
        return propose(tx, by, Subject.PARKED, parked, None, "a test receipt").id


def test_one_proposes_and_another_confirms(house: Database, parked: int) -> None:
    discard = proposed(house, parked)
    assert rows(house, "SELECT state FROM pos.parked_receipt") == [("open",)]
    with house.transaction() as tx:
        confirm(tx, BO, discard)

    assert rows(house, "SELECT state FROM pos.parked_receipt") == [("discarded",)]
    assert rows(house, "SELECT action, actor, detail->>'reason' FROM pos.repair ORDER BY id") == [
        ("discard_proposed", "person:anna", "a test receipt"),
        ("discarded", "person:bo", "a test receipt"),
    ]


def test_the_same_person_is_refused(house: Database, parked: int) -> None:
    discard = proposed(house, parked)

    with pytest.raises(SamePerson), house.transaction() as tx:
        confirm(tx, ANNA, discard)
    assert rows(house, "SELECT state FROM pos.parked_receipt") == [("open",)]
    assert rows(house, "SELECT state FROM pos.discard") == [("proposed",)]


def test_who_confirms_needs_the_permission_and_the_store_and_is_a_person(house: Database, parked: int) -> None:
    discard = proposed(house, parked)
    machine = Principal(PrincipalKind.MACHINE, "erp", "erp", MANAGER, None)

    for actor, refusal in (
        (somebody("clerk", DESK), PermissionMissing),
        (somebody("stranger", store="S02"), PlaceForbidden),
        (machine, NotByMachine),
    ):
        with pytest.raises(refusal), house.transaction() as tx:
            confirm(tx, actor, discard)
    assert rows(house, "SELECT state FROM pos.discard") == [("proposed",)]


def test_a_proposal_is_made_once_and_decided_once(house: Database, parked: int) -> None:
    discard = proposed(house, parked)
    with pytest.raises(AlreadyProposed):
        proposed(house, parked, BO)
    with house.transaction() as tx:
        confirm(tx, BO, discard)
    with pytest.raises(DiscardDecided), house.transaction() as tx:
        decline(tx, BO, discard)
    with pytest.raises(NothingToDiscard):
        proposed(house, parked)


def test_another_refuses_and_the_one_who_proposed_withdraws(house: Database, parked: int) -> None:
    for by, state in ((BO, "refused"), (ANNA, "withdrawn")):
        discard = proposed(house, parked)
        with house.transaction() as tx:
            assert decline(tx, by, discard).state == state
    assert rows(house, "SELECT state FROM pos.parked_receipt") == [("open",)]


def sale_of_nobody(house: Database) -> UUID:
    return UUID(post(house, receipt(3000, member=PHONE_REF)).body["sale"]["id"])


def discarded(house: Database, subject: Subject, sale: UUID) -> None:
    with house.transaction() as tx:
        made = propose(tx, ANNA, subject, None, sale, "rung up twice")
    with house.transaction() as tx:
        confirm(tx, BO, made.id)


def test_a_discarded_sale_never_moves_an_account(house: Database) -> None:
    sale = sale_of_nobody(house)
    discarded(house, Subject.SALE, sale)
    a_member(house)

    assert sweep(house) == 0
    assert rows(house, "SELECT state, member_part, open_flags FROM pos.sale") == [("discarded", "discarded", [])]
    assert rows(house, "SELECT count(*) FROM member.account") == [(0,)]


def test_the_waiting_part_alone_is_discarded_and_the_sale_stands(house: Database) -> None:
    sale = sale_of_nobody(house)
    discarded(house, Subject.MEMBER_PART, sale)

    assert rows(house, "SELECT state, member_part, open_flags FROM pos.sale") == [("posted", "discarded", [])]
    with pytest.raises(NothingToDiscard), house.transaction() as tx:
        propose(tx, ANNA, Subject.MEMBER_PART, None, sale, "again")


def test_a_sale_that_has_moved_accounts_is_voided_and_not_discarded(house: Database) -> None:
    a_member(house)
    content = receipt(3000, member=PHONE_REF, tenders=[{"kind": "moonstones", "amount": 3000}])
    sale = UUID(post(house, content).body["sale"]["id"])

    with pytest.raises(AccountsMoved), house.transaction() as tx:
        propose(tx, ANNA, Subject.SALE, None, sale, "rung up twice")


def test_a_sale_that_goods_were_returned_on_is_not_discarded(house: Database) -> None:
    content = receipt(3000, member=PHONE_REF)
    sale = UUID(post(house, content).body["sale"]["id"])
    post(house, return_of(content, (1, 1000)))

    with pytest.raises(AccountsMoved), house.transaction() as tx:
        propose(tx, ANNA, Subject.SALE, None, sale, "rung up twice")
