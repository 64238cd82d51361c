"""What is asked of a member's lots is answered by an index, however many lots others have."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from foundation.database import Tx
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


@pytest.mark.parametrize("question", [OPEN_LOTS, DEBTS], ids=["open lots", "debts"])
def test_lots_of_a_member_are_found_by_their_account(many_lots: Tx, question: str) -> None:
    answer = many_lots.raw.execute("EXPLAIN (FORMAT JSON) " + question, ([77],)).fetchone()  # type: ignore[arg-type]
    assert answer is not None
    found = answer[0] if isinstance(answer[0], list) else json.loads(answer[0])
    lots = [node for node in nodes(found[0]["Plan"]) if node.get("Relation Name") == "lot"]
    assert [(node["Index Name"], "account_id" in node["Index Cond"]) for node in lots] == [("lot_of_account", True)]
