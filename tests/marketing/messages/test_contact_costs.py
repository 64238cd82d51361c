"""What reaching a member by message cost comes off the member's contribution: told once, for what a gateway took."""

from datetime import timedelta

from foundation.clock import FixedClock
from foundation.database import Database
from marketing.messages.gate import gateway_id
from marketing.messages.operations import queue_messages
from marketing.messages.reports import Report, hear_reports
from marketing.messages.sending import ask_about_left, send_texts
from tests.marketing.messages.factories import a_reader, a_template, a_wish, rules_of_sending
from tests.marketing.messages.phones import Phones


def told(database: Database) -> list[tuple[object, ...]]:
    with database.transaction(read_only=True) as tx:
        rows = tx.ask(
            "SELECT reference, member_id, currency, amount, day::text FROM analytics.contact_cost ORDER BY member_id"
        )
        return rows.fetchall()


def queued(database: Database, **words: bool) -> int:
    with database.transaction() as tx:
        member = a_reader(tx, 1, **({"words": {}} if words else {}))
        queue_messages(tx, [a_wish(a_template(tx), member)])
        return member


def test_a_message_that_was_taken_counts_once_whoever_tells(
    database: Database, the_phones: Phones, clock: FixedClock
) -> None:
    rules_of_sending(database, segment_cost_milli=4_500, cost_currency="CNY")
    member = queued(database)
    send_texts(database, the_phones.gateway())
    with database.transaction() as tx:
        id_, key = tx.ask("SELECT id, gateway_key FROM marketing.message").fetchone() or (0, None)
        assert key is not None
        hear_reports(tx, [Report(gateway_id(id_, key), True, tx.now)])
    expected = (f"message/{id_}", member, "CNY", 5, str(clock.now().date()))  # half a fen is rounded up
    assert told(database) == [expected]
    clock.advance(timedelta(days=1))
    ask_about_left(database, the_phones.gateway())
    assert told(database) == [expected]


def test_what_was_refused_costs_nothing(database: Database, the_phones: Phones) -> None:
    rules_of_sending(database, segment_cost_milli=4_500, cost_currency="CNY")
    queued(database, none=True)
    send_texts(database, the_phones.gateway())
    assert told(database) == []
