"""Row 24: a frequency cap was ignored, then applied to receipts; the same mail went twice. Here one gate knows the
class of a message, and the send ledger has a unique key."""

from pathlib import Path

import pytest
from psycopg.errors import UniqueViolation

from foundation.database import Database, Tx
from foundation.queues import configure_queue
from marketing.messages.gate import pass_gate
from marketing.messages.operations import queue_messages
from marketing.messages.rules import Cap, Channel, MessageClass
from marketing.messages.sending import send_texts
from tests.marketing.messages.factories import a_reader, a_template, a_wish, rules_of_sending
from tests.marketing.messages.phones import phones

pytestmark = pytest.mark.field


@pytest.fixture(autouse=True)
def _queue(database: Database) -> None:
    configure_queue()


def test_the_cap_holds_back_marketing_and_never_a_receipt(database: Database, tmp_path: Path) -> None:
    rules_of_sending(database, caps=(Cap(MessageClass.MARKETING, Channel.SMS, 7, 1),))
    receipts = {"message_class": MessageClass.TRANSACTIONAL, "campaign_id": None}
    with database.transaction() as tx:
        member = a_reader(tx)
        news = a_template(tx, "News")
        receipt = a_template(tx, "Receipt", message_class=MessageClass.TRANSACTIONAL)
        queue_messages(tx, [a_wish(news, member, step=f"news/{n}") for n in range(3)])
        queue_messages(tx, [a_wish(receipt, member, step=f"sale/{n}", **receipts) for n in range(3)])
    with phones(tmp_path / "book") as running:
        send_texts(database, running.gateway())
        texts = [got["text"] for got in running.got()]
    assert sum("News" in text for text in texts) == 1
    assert sum("Receipt" in text for text in texts) == 3


def test_the_same_send_wished_for_twice_leaves_once(database: Database, tmp_path: Path) -> None:
    rules_of_sending(database)
    with phones(tmp_path / "book") as running:
        for _ in range(2):
            with database.transaction() as tx:
                template = a_template(tx, "News")
                queue_messages(tx, [a_wish(template, member) for member in _readers(tx)])
            send_texts(database, running.gateway())
        assert len(running.got()) == 2


def _readers(tx: Tx) -> list[int]:
    known = [id_ for (id_,) in tx.ask("SELECT id FROM member.member ORDER BY id")]
    return known or [a_reader(tx, 1), a_reader(tx, 2)]


def test_the_database_itself_refuses_a_second_send(database: Database) -> None:
    rules_of_sending(database)
    with database.transaction() as tx:
        first, second, template = a_reader(tx, 1), a_reader(tx, 2), a_template(tx)
        queue_messages(tx, [a_wish(template, first), a_wish(template, second)])
    with database.transaction() as tx:
        pass_gate(tx, Channel.SMS)
    with pytest.raises(UniqueViolation), database.transaction() as tx:
        tx.ask("UPDATE marketing.message SET recipient_id = %s", (first,))
