"""Counters and desks hear of every step of a red ticket."""

from foundation.live import Message
from pos_adapter.returns.rules import TOPICS as STEPS
from pos_adapter.tickets.live import TOPICS, told


def test_every_step_of_a_red_ticket_is_told_to_the_store_s_pages() -> None:
    assert set(STEPS.values()) <= set(TOPICS)


def test_a_page_is_told_which_red_ticket_moved_and_where_it_is() -> None:
    facts = {"return": "r", "number": 7, "state": "refunded", "store": 1, "counter": "C1", "amount": 100}
    frame = told(Message(5, "return.refunded", facts))
    assert b"event: return.refunded" in frame
    assert b'"return":{"id":"r","number":7,"state":"refunded","counter":"C1","amount":100}' in frame
