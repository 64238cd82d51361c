"""What a till posts is in the next count; what a run scored can be asked, broken down by, and given as the reason."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from analytics.conditions.lake_session import close_lake_session
from analytics.contract.scores import in_classes, in_directions, latest_scores, scores_of, with_predicted_spend
from analytics.runs.operations import request_run
from analytics.runs.rules import Origin
from analytics.runs.scoring import score
from analytics.runs.working import work_on_runs
from foundation.database import Database, Tx
from foundation.events import move_batch
from foundation.queues import configure_queue
from marketing.target_lists.catalogue import MEASURES
from marketing.target_lists.choosing import Question
from marketing.target_lists.filters import read_filter
from marketing.target_lists.operations import freeze, preview
from tests.analytics.lake_factory import write_lake
from tests.analytics.runs.shop import AS_OF, MEMBERS, purchases
from tests.field.shop import a_shop, sells
from tests.marketing.target_lists.members_and_sales import TODAY
from tests.member_api.callers import Caller


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_lake_session()


def deliver(database: Database) -> None:
    """What the relay does."""
    with database.transaction() as tx:
        move_batch(tx)


def test_a_sale_of_the_till_is_in_the_next_count(http: FlaskClient, database: Database) -> None:
    member = a_shop(database)
    office = Caller(http, database, ("lists.read", "lists.write"))
    body = {"filter": {"measure": "spend", "op": ">=", "value": 10_000, "within_days": 1}}

    def counted() -> int:
        deliver(database)
        return int(http.post("/v1/target-lists/preview", json=body, headers=office.headers).get_json()["count"])

    assert counted() == 0
    sells(database, 6_000)
    assert counted() == 0
    sells(database, 4_000)
    assert counted() == 1
    found = office.post("/v1/target-lists", body | {"name": "Today"}).get_json()
    (listed,) = office.get(f"/v1/target-lists/{found['id']}/members").get_json()["items"]
    assert (int(listed["member"]), listed["why"][0]["value"]) == (member, 10_000)


@pytest.fixture
def scored(database: Database, redis_url: str) -> Database:
    assert redis_url
    configure_queue()
    write_lake(database, purchases())
    with database.transaction() as tx:
        tx.execute(
            "INSERT INTO member.member (id, status, joined_at, created_at, updated_at) "
            "SELECT n, 'active', :now, :now, :now FROM generate_series(1, :members) AS n",
            {"now": tx.now, "members": MEMBERS},
        )
        request_run(tx, AS_OF, 28, Origin.REQUEST, "person:1")
    deliver(database)
    assert work_on_runs(database, score) == 1
    return database


def members(tx: Tx, body: object) -> set[int]:
    return set(preview(tx, Question(read_filter(body, MEASURES), TODAY)).chosen.members)


def test_scores_are_conditions_reasons_and_parts(scored: Database) -> None:
    with scored.transaction() as tx:
        scores = latest_scores(tx)
        gold = in_classes(scores, ["gold", "platinum"])
        assert members(tx, {"measure": "contribution", "op": "in", "value": ["gold", "platinum"]}) == set(gold)
        rising = in_directions(scores, ["rising"])
        assert members(tx, {"measure": "potential", "op": "=", "value": "rising"}) == set(rising) != set()
        assert members(tx, {"measure": "predicted_spend", "op": ">=", "value": 5_000}) == set(
            with_predicted_spend(scores, least=5_000)
        )
        everybody = set(range(1, MEMBERS + 1))
        assert members(tx, {"not": {"measure": "potential", "op": "=", "value": "rising"}}) == everybody - set(rising)
        high = {"measure": "contribution_value", "op": ">=", "value": 1}
        question = Question(read_filter(high, MEASURES), TODAY)
        found = preview(tx, question)
        assert found.chosen.told.scores_as_of == AS_OF
        assert sum(found.breakdown["class"].values()) == len(found.chosen.members)
        known = scores_of(scores, [seen.member_id for seen in found.sample])
        for seen in found.sample:
            assert seen.values == (known[seen.member_id][0].contribution.value,)
        assert freeze(tx, "The best", question, by="test").scoring_run == scores.run_id


def test_whoever_refused_profiling_after_the_scores_is_left_out_all_the_same(scored: Database) -> None:
    with scored.transaction() as tx:
        body = {"measure": "potential", "op": "=", "value": "rising"}
        before = members(tx, body)
        one = min(before)
        tx.execute(
            "INSERT INTO member.consent (member_id, channel, purpose, granted, since) "
            "VALUES (:one, 'any', 'profiling', false, :now)",
            {"one": one, "now": tx.now},
        )
        assert members(tx, body) == before - {one}
