"""What is asked of a member's lots, or of a store's journals, is answered by an index, however many others have."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from foundation.database import Database, Tx
from foundation.partitions import ensure_months
from member_api.ledger.days import JOURNALS, JOURNALS_MAX, ONE_DAY
from member_api.ledger.wallets import DEBTS, OPEN_LOTS

MEMBERS, LOTS = 2_000, 20_000


@pytest.fixture
def many_lots(tx: Tx) -> Tx:
    tx.execute(
        "INSERT INTO member.account (id, member_id, kind, opened_at)"
        " SELECT n, n, 'points', now() FROM generate_series(1, :members) AS n",
        {"members": MEMBERS},
    )
    tx.execute(
        "INSERT INTO member.lot (id, account_id, member_id, origin, source, funder, expires_on, amount, remaining, at)"
        " SELECT n, n % :members + 1, n % :members + 1, 'grant', 'welcome', 'company', current_date, 10, n % 10, now()"
        " FROM generate_series(1, :lots) AS n",
        {"members": MEMBERS, "lots": LOTS},
    )
    tx.execute("ANALYZE member.account, member.lot")
    return tx


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def plan_of(tx: Tx, question: str, values: Any) -> list[dict[str, Any]]:
    answer = tx.raw.execute("EXPLAIN (FORMAT JSON) " + question, values).fetchone()  # type: ignore[arg-type]
    assert answer is not None
    found = answer[0] if isinstance(answer[0], list) else json.loads(answer[0])
    return list(nodes(found[0]["Plan"]))


@pytest.mark.parametrize("question", [OPEN_LOTS, DEBTS], ids=["open lots", "debts"])
def test_lots_of_a_member_are_found_by_their_account(many_lots: Tx, question: str) -> None:
    lots = [node for node in plan_of(many_lots, question, ([77],)) if node.get("Relation Name") == "lot"]
    assert [(node["Index Name"], "account_id" in node["Index Cond"]) for node in lots] == [("lot_of_account", True)]


def test_journals_of_a_store_s_day_are_found_by_their_store(database: Database, tx: Tx) -> None:
    day = tx.now.date()
    ensure_months(database, [day])
    tx.execute(
        "INSERT INTO member.journal (day, id, kind, member_id, store, actor, at)"
        " SELECT :day, gen_random_uuid(), 'earn', n, 'S' || n % 30, 'machine:1', now()"
        " FROM generate_series(1, :journals) AS n",
        {"day": day, "journals": LOTS},
    )
    tx.execute("ANALYZE member.journal")
    asked = {
        "store": "S7", "since": day, "until": day, "timezone": "Asia/Shanghai", "limit": JOURNALS_MAX,
        "made_since": None, "first": day - ONE_DAY, "last": day + ONE_DAY,
    }  # fmt: skip
    conditions = [node["Index Cond"] for node in plan_of(tx, JOURNALS, asked) if "Index Cond" in node]
    assert conditions
    assert all("store = 'S7'" in condition and "day" in condition for condition in conditions)
