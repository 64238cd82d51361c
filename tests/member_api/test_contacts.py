"""How members are reached: standing and word of many at once, the number at the moment of writing, a no in return."""

from datetime import timedelta

from foundation.database import Tx
from member_api.consents.operations import consents_of, history
from member_api.consents.rules import ConsentWord, Purpose
from member_api.contract.contacts import Channel, MemberStatus, contacts, opted_out, reach
from member_api.members.operations import MemberChange, change
from member_api.members.rules import MemberStatus as Status
from tests.member_api.people import enrolled, new_member


def yes(tx: Tx, channel: Channel = Channel.SMS) -> ConsentWord:
    return ConsentWord(channel, Purpose.MARKETING, granted=True, at=tx.now)


def test_reach_answers_by_the_id_that_was_asked_for_with_the_survivor(tx: Tx) -> None:
    first = enrolled(tx, "13800138001")
    second = enrolled(tx, "13800138002", consents=(yes(tx),))
    third = enrolled(tx, None, others={"card": "VIP1"})
    tx.flush()
    tx.ask("UPDATE member.member SET status = 'merged', merged_into = %s WHERE id = %s", (second, first))
    found = reach(tx, [first, second, third, 4711], [Channel.SMS, Channel.APP])
    assert found.keys() == {first, second, third}
    assert (found[first].id, found[first].words) == (second, {Channel.SMS: True})
    assert found[third].words == {}
    assert found[second].addresses == frozenset({Channel.SMS, Channel.APP})
    assert found[third].addresses == frozenset({Channel.APP})
    assert found[second].status == MemberStatus.ACTIVE


def test_a_contact_is_the_newest_number_and_hides_itself(tx: Tx) -> None:
    member = enrolled(tx, "13800138001", name="Secretive")
    tx.flush()
    change(
        tx,
        member,
        MemberChange(identifiers={"phone": new_member(tx, "13900139009").identifiers[0]}),
        by="t",
        source="t",
    )
    tx.flush()
    found = contacts(tx, [member], Channel.SMS)[member]
    assert (found.name, found.address) == ("Secretive", "+8613900139009")
    assert "Secretive" not in repr(found)
    assert "139" not in repr(found)


def test_a_no_is_recorded_with_its_proof_and_a_later_yes_stands(tx: Tx) -> None:
    member = enrolled(tx, consents=(yes(tx),))
    tx.flush()
    earlier = tx.now - timedelta(hours=1)
    assert not opted_out(tx, member, Channel.SMS, at=earlier, proof="SMS answer 1: TD", heard_from="gateway:sms")
    assert consents_of(tx, [member])[member][0].granted
    assert opted_out(tx, member, Channel.SMS, at=tx.now, proof="SMS answer 2: TD", heard_from="gateway:sms")
    assert not consents_of(tx, [member])[member][0].granted
    assert history(tx, member, with_proof=True)[0].proof == "SMS answer 2: TD"


def test_nobody_says_no_for_who_is_gone(tx: Tx) -> None:
    member = enrolled(tx)
    tx.flush()
    tx.ask("UPDATE member.member SET status = %s WHERE id = %s", (Status.CLOSED, member))
    assert not opted_out(tx, member, Channel.SMS, at=tx.now, proof="x", heard_from="gateway:sms")
    assert not opted_out(tx, 4711, Channel.SMS, at=tx.now, proof="x", heard_from="gateway:sms")
