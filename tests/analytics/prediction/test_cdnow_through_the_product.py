"""CDNOW as a retailer nobody has seen: posted by a till, scored by a run, read from the API, held against what came."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from sklearn.metrics import roc_auc_score

from analytics.prediction.trials import spearman
from analytics.runs.scoring import score
from analytics.runs.working import work_on_runs
from analytics.scores.reading import latest_scores, scores_of
from foundation.clock import FixedClock
from foundation.database import Database
from foundation.events import move_batch
from tests.analytics.prediction import cdnow
from tests.member_api.callers import Caller

pytestmark = pytest.mark.slow

AS_OF = cdnow.FIT_UNTIL
BATCH = 500
SCOPES = ("members.read", "members.write", "sales.post", "organisation.write", "scores.run", "scores.read")


@pytest.fixture
def shop(http: FlaskClient, database: Database, clock: FixedClock, redis_url: str) -> Caller:
    assert redis_url  # tasks are sent somewhere
    clock.at = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)
    caller = Caller(http, database, SCOPES)
    store = {"code": "CDNOW", "name": "CDNOW", "format": "online", "currency": "USD", "timezone": "America/New_York"}
    answers(caller.put("/v1/stores/batch", {"stores": [store]}))
    return caller


def answers(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    results: list[dict[str, Any]] = response.get_json()["results"]
    assert {result["status"] for result in results} <= {200, 201}, results[0]
    return results


def in_batches(items: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(items, BATCH)):
        yield batch


def card(customer: int) -> str:
    return f"CD{customer:06d}"


def sale(sequence: int, purchase: cdnow.Purchase) -> dict[str, Any]:
    day = (purchase.day).isoformat()
    return {
        "store": "CDNOW",
        "terminal": "T1",
        "business_date": day,
        "sequence": sequence,
        "type": "sale",
        "occurred_at": f"{day}T12:00:00-05:00",
        "currency": "USD",
        "member": {"kind": "card", "value": card(purchase.customer)},
        "lines": [{"line": 1, "quantity": f"{purchase.quantity}.000", "amount": purchase.amount}],
        "tenders": [{"kind": "card", "amount": purchase.amount}] if purchase.amount else [],
    }


def enrol(shop: Caller, customers: Sequence[int]) -> dict[str, int]:
    """The customer of each member's id."""
    found: dict[str, int] = {}
    for batch in in_batches({"card": card(customer)} for customer in customers):
        for person, result in zip(batch, answers(shop.post("/v1/members/batch", {"members": batch})), strict=True):
            found[result["body"]["id"]] = int(person["card"][2:])
    return found


def run_to_the_end(shop: Caller, database: Database) -> dict[str, Any]:
    body = {"as_of": AS_OF.isoformat(), "horizon_days": cdnow.HORIZON_DAYS}
    asked = shop.post("/v1/scoring-runs", body)
    assert asked.status_code == 202, asked.text
    with database.transaction() as tx:
        while move_batch(tx):
            pass
    work_on_runs(database, score)
    run: dict[str, Any] = shop.get(f"/v1/scoring-runs/{asked.get_json()['id']}").get_json()
    assert run["state"] == "done", run
    return run


def scores(shop: Caller) -> Iterator[dict[str, Any]]:
    cursor = None
    while True:
        page = shop.get("/v1/scores", as_of=AS_OF.isoformat(), limit=1000, **({"cursor": cursor} if cursor else {}))
        assert page.status_code == 200, page.text
        yield from page.get_json()["items"]
        cursor = page.get_json()["next_cursor"]
        if cursor is None:
            return


def test_cdnow_is_fitted_as_published_and_its_second_half_predicted(shop: Caller, database: Database) -> None:
    purchases = sorted(cdnow.purchases(), key=lambda each: each.day)
    customers = enrol(shop, sorted({each.customer for each in purchases}))
    for batch in in_batches(sale(sequence, each) for sequence, each in enumerate(purchases, start=1)):
        answers(shop.post("/v1/sales/batch", {"sales": batch}))

    run = run_to_the_end(shop, database)

    (life,) = run["findings"]["life"]
    assert [round(life[name], 3) for name in ("r", "alpha", "a", "b")] == [0.243, 4.414, 0.793, 2.426]
    found = list(scores(shop))
    of_member = [customers[item["member"]] for item in found]
    assert len(of_member) == len(set(of_member)) == cdnow.CUSTOMERS
    spend, days = outcome(purchases)
    actual = np.array([spend[customer] for customer in of_member], dtype=np.float64)
    visits = np.array([len(days[customer]) for customer in of_member])
    came = visits > 0
    chance = np.array([item["potential"]["probability_alive"] for item in found])
    predicted = np.array([item["potential"]["predicted_spend"] for item in found], dtype=np.float64)
    expected = visits_of(database, [item["member"] for item in found])
    figures = {
        "correlation of visits": np.corrcoef(expected, visits)[0, 1],
        "auc": roc_auc_score(came, chance),
        "brier": ((chance - came) ** 2).mean(),
        "mean chance": chance.mean(),
        "spearman": spearman(predicted, actual),
        "mae": np.abs(predicted - actual).mean() / 100,
        "total": predicted.sum() / actual.sum(),
    }
    print(figures)
    assert figures["correlation of visits"] >= 0.626
    assert figures["auc"] > 0.75
    assert figures["brier"] < 0.165
    assert abs(figures["mean chance"] - came.mean()) < 0.06
    assert figures["spearman"] > 0.45


def outcome(purchases: Sequence[cdnow.Purchase]) -> tuple[dict[int, int], dict[int, set[date]]]:
    """Spend in cents and days of purchase of each customer in the second half."""
    spend: dict[int, int] = defaultdict(int)
    days: dict[int, set[date]] = defaultdict(set)
    for each in purchases:
        if each.day >= cdnow.FIT_UNTIL:
            spend[each.customer] += each.amount
            days[each.customer].add(each.day)
    return spend, days


def visits_of(database: Database, members: Sequence[str]) -> list[float]:
    """Expected visits as the run kept them; the API shows them member by member."""
    with database.transaction(read_only=True) as tx:
        kept = scores_of(latest_scores(tx), [int(member) for member in members])
    return [kept[int(member)][0].potential.predicted_visits or 0.0 for member in members]
