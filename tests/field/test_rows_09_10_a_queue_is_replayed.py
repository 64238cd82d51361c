"""Row 9: offline sale, sync retried, double points. Row 10: the server's answer was lost and the order came twice, or
two tabs sent the same queue. Here the device makes the number, and replaying a queue changes nothing."""

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from foundation.database import Database
from pos_adapter.sales.incoming import incoming
from pos_adapter.sales.operations import post_batch
from tests.member_api.people import PHONE, a_member
from tests.organisation.factories import committed_store
from tests.pos_adapter.sales.factories import anywhere, post, receipt, return_of

PHONE_REF = {"kind": "phone", "value": PHONE}


def state(database: Database) -> list[Any]:
    with database.transaction() as tx:
        return [
            [tuple(row) for row in tx.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3")]
            for table in ("pos.sale", "pos.sale_line", "pos.tender", "member.lot", "member.account", "member.entry")
        ]


def test_a_device_queue_replayed_any_number_of_times_changes_nothing(database: Database) -> None:
    committed_store(database, currency="CNY")
    a_member(database)
    sold = [receipt(amount, member=PHONE_REF) for amount in (990, 1_990, 12_345)]
    queue = [*sold, return_of(sold[1], (1, 1_990)), receipt(50)]
    for item in queue:
        post(database, item)
    before = state(database)
    generator = random.Random(9)
    for _ in range(5):
        replay = [generator.choice(queue) for _ in range(7)]
        items = [incoming(item) for item in replay]
        post_batch(database, anywhere(), items)
        assert {item.outcome.status for item in items if item.outcome} == {200}
        for item in replay:
            assert post(database, item).status == 200
    assert state(database) == before


def test_two_tabs_send_the_same_queue_at_the_same_time(database: Database) -> None:
    committed_store(database, currency="CNY")
    a_member(database)
    queue = [receipt(1_000 + n, member=PHONE_REF) for n in range(12)]

    def send(_: int) -> list[int]:
        return [post(database, item).status for item in queue]

    with ThreadPoolExecutor(4) as tabs:
        answers = list(tabs.map(send, range(4)))
    for n in range(len(queue)):
        assert sorted(answer[n] for answer in answers) == [200, 200, 200, 201]
    with database.transaction() as tx:
        assert tx.execute("SELECT count(*), sum(amount) FROM pos.sale").one() == (12, sum(1_000 + n for n in range(12)))
        assert tx.execute("SELECT balance FROM member.account").scalar_one() == sum(1_000 + n for n in range(12)) // 100
