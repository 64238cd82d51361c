"""A refused receipt is kept with its reason, corrected, and posted again as its till would."""

from datetime import timedelta
from typing import Any

import pytest

from foundation.access import PlaceForbidden
from foundation.clock import FixedClock
from foundation.database import Database
from foundation.errors import DomainError, Invalid
from pos_adapter.repairs.boards import list_parked, to_repair
from pos_adapter.repairs.reposting import ParkedNotOpen, find_parked, post_again
from pos_adapter.repairs.rules import ParkedState
from pos_adapter.sales.attaching import sweep
from tests.member_api.people import PHONE, a_member
from tests.organisation.factories import committed_store
from tests.pos_adapter.events import deliver
from tests.pos_adapter.repairs.factories import changed, refuse, rows, somebody
from tests.pos_adapter.sales.factories import line, post, receipt, till

PHONE_REF = {"kind": "phone", "value": PHONE}
DESK = somebody("desk")


@pytest.fixture
def house(database: Database) -> Database:
    committed_store(database, format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    return database


def short(**more: Any) -> Any:
    """A receipt whose tenders are 10 short of its lines."""
    return receipt(1000, 500, **{"tenders": [{"kind": "card", "amount": 1490}]} | more)


def test_a_refused_receipt_is_kept_with_what_was_sent_and_why(house: Database) -> None:
    wrong = short()
    parked = refuse(house, wrong)

    with house.transaction() as tx:
        found = find_parked(tx, DESK, parked)
    assert found.state == "open"
    assert found.problem["code"] == "receipt_contradicts_itself"
    assert [each["amount"] for each in found.content["lines"]] == [1000, 500]


def test_the_same_receipt_refused_again_updates_what_is_kept(house: Database, clock: FixedClock) -> None:
    wrong = short()
    first = refuse(house, wrong)
    clock.advance(timedelta(minutes=1))
    again = refuse(house, changed(wrong, currency="JPY"))

    assert first == again
    with house.transaction() as tx:
        found = find_parked(tx, DESK, again)
    assert (found.attempts, found.problem["code"]) == (2, "wrong_currency")
    assert found.refused_at - found.parked_at == timedelta(minutes=1)


def test_no_personal_data_and_no_card_number_is_kept(house: Database) -> None:
    card = {"kind": "card", "amount": 1490, "reference": "4111 1111 1111 1111"}
    refuse(house, short(member=PHONE_REF, tenders=[card]))

    kept = str(rows(house, "SELECT content::text, problem::text FROM pos.parked_receipt"))
    assert PHONE[-8:] not in kept
    assert "4111 1111" not in kept
    assert "****1111" in kept
    assert '"claim"' in kept


def test_a_receipt_that_is_accepted_later_is_parked_no_more(house: Database, clock: FixedClock) -> None:
    wrong = short()
    refuse(house, wrong)
    clock.advance(timedelta(seconds=5))
    answer = post(house, changed(wrong, tenders=receipt(1000, 500).tenders))
    deliver(house)

    assert rows(house, "SELECT state, sale_id::text FROM pos.parked_receipt") == [
        ("accepted", answer.body["sale"]["id"])
    ]


def test_a_corrected_receipt_is_posted_as_its_till_would_have_posted_it(house: Database) -> None:
    wrong = short()
    parked = refuse(house, wrong)
    answer = post_again(house, DESK, parked, {"tenders": [{"n": 1, "amount": 1500}]})

    assert answer.status == 201
    assert rows(house, "SELECT terminal, sequence, amount, state FROM pos.sale") == [
        ("T1", wrong.sequence, 1500, "posted")
    ]
    assert rows(house, "SELECT state FROM pos.parked_receipt") == [("accepted",)]
    assert rows(house, "SELECT action, actor, detail->'corrected' FROM pos.repair") == [
        ("posted_again", "person:desk", {"/tenders/1/amount": [1490, 1500]})
    ]


def test_a_correction_that_does_not_mend_it_changes_nothing(house: Database) -> None:
    parked = refuse(house, short())

    with pytest.raises(Invalid):
        post_again(house, DESK, parked, {"tenders": [{"n": 1, "amount": 1499}]})

    assert rows(house, "SELECT count(*) FROM pos.sale") == [(0,)]
    assert rows(house, "SELECT state, attempts FROM pos.parked_receipt") == [("open", 1)]
    assert rows(house, "SELECT count(*) FROM pos.repair") == [(0,)]


def test_lines_are_corrected_added_and_taken_away_by_their_number(house: Database) -> None:
    parked = refuse(house, short())
    changes = {
        "lines": [{"line": 1, "amount": 990}, {"line": 2, "remove": True}, line(3, 500, product="P")],
    }
    post_again(house, DESK, parked, changes)

    assert rows(house, "SELECT line, amount, product_code FROM pos.sale_line ORDER BY line") == [
        (1, 990, None),
        (3, 500, "P"),
    ]


def test_a_parked_receipt_is_posted_once(house: Database) -> None:
    parked = refuse(house, short())
    post_again(house, DESK, parked, {"tenders": [{"n": 1, "amount": 1500}]})

    with pytest.raises(ParkedNotOpen):
        post_again(house, DESK, parked, {"tenders": [{"n": 1, "amount": 1500}]})
    assert rows(house, "SELECT count(*) FROM pos.sale") == [(1,)]


def test_a_till_that_goes_on_sending_what_was_corrected_here_opens_nothing_again(house: Database) -> None:
    wrong = short()
    parked = refuse(house, wrong)
    post_again(house, DESK, parked, {"tenders": [{"n": 1, "amount": 1500}]})

    refuse(house, wrong)
    assert rows(house, "SELECT state, attempts FROM pos.parked_receipt") == [("accepted", 2)]


def test_another_receipt_under_a_number_that_is_taken_is_posted_under_a_free_one(house: Database) -> None:
    first = receipt(1000, sequence=1)
    post(house, first)
    parked = refuse(house, receipt(2000, sequence=1))
    with house.transaction() as tx:
        assert find_parked(tx, DESK, parked).problem["code"] == "receipt_number_taken"
    deliver(house)
    assert rows(house, "SELECT state FROM pos.parked_receipt") == [("open",)]

    post_again(house, DESK, parked, {"sequence": 2})
    assert rows(house, "SELECT sequence, amount FROM pos.sale ORDER BY 1") == [(1, 1000), (2, 2000)]


def test_the_member_of_a_parked_receipt_gets_the_points_when_it_is_posted(house: Database) -> None:
    member = a_member(house)
    parked = refuse(house, short(member=PHONE_REF))
    post_again(house, DESK, parked, {"tenders": [{"n": 1, "amount": 1500}]})

    assert rows(house, "SELECT member_id, member_part FROM pos.sale") == [(member, "done")]
    assert rows(house, "SELECT balance FROM member.account") == [(15,)]


def test_an_unknown_member_of_a_parked_receipt_still_gets_the_points_when_they_enrol(house: Database) -> None:
    parked = refuse(house, short(member=PHONE_REF))
    answer = post_again(house, DESK, parked, {"tenders": [{"n": 1, "amount": 1500}]})
    assert "unknown_member" in answer.body.flags

    member = a_member(house)
    assert sweep(house) == 1
    assert rows(house, "SELECT member_id, member_part FROM pos.sale") == [(member, "done")]


def test_another_member_can_be_named_for_a_parked_receipt(house: Database) -> None:
    member = a_member(house)
    parked = refuse(house, short())
    post_again(house, DESK, parked, {"member": PHONE_REF, "tenders": [{"n": 1, "amount": 1500}]})

    assert rows(house, "SELECT member_id FROM pos.sale") == [(member,)]
    assert PHONE not in str(rows(house, "SELECT detail::text FROM pos.repair"))


def test_staff_of_another_store_neither_see_nor_repair_it(house: Database) -> None:
    parked = refuse(house, short())
    stranger = somebody("stranger", store="S02")

    with house.transaction() as tx, pytest.raises(PlaceForbidden):
        find_parked(tx, stranger, parked)
    with pytest.raises(PlaceForbidden):
        post_again(house, stranger, parked, {"tenders": [{"n": 1, "amount": 1500}]})
    assert rows(house, "SELECT count(*) FROM pos.sale") == [(0,)]


def test_boards_list_what_is_open_the_newest_first(house: Database) -> None:
    ids = [refuse(house, short()) for _ in range(3)]

    with house.transaction() as tx:
        store_id = tx.execute("SELECT id FROM organisation.store").scalar_one()
        found = list_parked(tx, [store_id], state=ParkedState.OPEN, before=None, limit=2)
        rest = list_parked(tx, [store_id], state=ParkedState.OPEN, before=found[-1].id, limit=2)
        counts = to_repair(tx, [store_id])[store_id]
    assert [each.id for each in (*found, *rest)] == sorted(ids, reverse=True)
    assert counts.parked == 3


def test_what_a_till_may_not_post_is_not_kept(house: Database) -> None:
    from pos_adapter.sales.incoming import incoming
    from pos_adapter.sales.operations import post_batch

    item = incoming(short(terminal="T9"))
    post_batch(house, till(terminal="T1"), [item])
    assert item.outcome is not None
    assert isinstance(item.outcome.error, DomainError)
    assert rows(house, "SELECT count(*) FROM pos.parked_receipt") == [(0,)]
