"""What ends by itself: lots whose last day has passed, holds whose time is over.

In batches of bounded size, each its own transaction, by members whose accounts nobody else is using at the moment:
a busy member is passed over and looked at again at the end, so that the job never makes a till wait for long and
never waits for one. It can be stopped and begun again anywhere; what is done is done.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

import structlog

from foundation.database import Database, Tx
from foundation.partitions import ensure_months
from member_api.ledger.wallets import ask_wallets, complete_wallets, record, today

log = structlog.get_logger(__name__)
BATCH = 500
BATCHES_MAX = 100_000
BUSY_MAX = 10_000
ROUNDS_MAX = 3
PAUSE_S = 0.5
ACTOR = "system:endings"

OVERDUE_LOTS: LiteralString = """
SELECT DISTINCT member_id FROM (
    SELECT member_id FROM member.lot
    WHERE remaining > 0 AND expires_on < %(today)s AND remaining > held AND member_id <> ALL(%(busy)s)
    ORDER BY expires_on LIMIT %(batch)s
) AS due ORDER BY member_id
"""
OVERDUE_HOLDS: LiteralString = """
SELECT DISTINCT member_id FROM (
    SELECT member_id FROM member.hold
    WHERE state = 'open' AND expires_at <= %(now)s AND member_id <> ALL(%(busy)s)
    ORDER BY expires_at LIMIT %(batch)s
) AS due ORDER BY member_id
"""
# Members all of whose accounts are free; the others' are let go with the transaction.
LOCK_FREE: LiteralString = """
WITH free AS (
    SELECT id, member_id FROM member.account WHERE member_id = ANY(%(members)s) ORDER BY id FOR UPDATE SKIP LOCKED
)
SELECT a.member_id FROM member.account AS a LEFT JOIN free AS f ON f.id = a.id
WHERE a.member_id = ANY(%(members)s) GROUP BY a.member_id HAVING count(*) = count(f.id) ORDER BY a.member_id
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a run came to: members whose lots expired or whose holds ended, batches, and members still in use."""

    members: int
    batches: int
    left: int


def expire_lots(database: Database, batch: int = BATCH) -> Ended:
    """Let every lot expire whose last day has passed, by the company's calendar; announces `lots.expired` a member."""
    return _end(database, OVERDUE_LOTS, batch)


def end_holds(database: Database, batch: int = BATCH) -> Ended:
    """End every hold whose time is over; announces `hold.ended` each."""
    return _end(database, OVERDUE_HOLDS, batch)


def _end(database: Database, due: LiteralString, batch: int) -> Ended:
    members = batches = 0
    busy: list[int] = []
    rounds = 0
    for _ in range(BATCHES_MAX):
        found, done = _end_batch(database, due, batch, busy)
        batches += 1
        members += len(done)
        busy += sorted(set(found) - set(done))
        if found and len(busy) < BUSY_MAX:
            continue
        rounds += 1
        if not busy or rounds >= ROUNDS_MAX:
            break
        busy = []
        time.sleep(PAUSE_S)
    if busy:
        log.warning("members_in_use", members=len(busy))
    return Ended(members, batches, len(busy))


def _end_batch(database: Database, due: LiteralString, batch: int, busy: Sequence[int]) -> tuple[list[int], list[int]]:
    """The members found due, and those of them that were done."""
    with database.transaction() as tx:
        day = today(tx)
        ensure_months(database, [day])
        asked = {"today": day, "now": tx.now, "busy": list(busy), "batch": batch}
        found = [member for (member,) in tx.ask(due, asked)]
        free = _free(tx, found)
        if not free:
            return found, []
        with tx.round_trip() as trip:
            asked_wallets = ask_wallets(tx, trip, free, day)
        wallets = asked_wallets.wallets()
        complete_wallets(tx, list(wallets.values()))
        record(tx, wallets.values(), ACTOR)
    return found, free


def _free(tx: Tx, members: Sequence[int]) -> list[int]:
    return [member for (member,) in tx.ask(LOCK_FREE, {"members": list(members)})] if members else []
