"""Row 19: an id collision answered 200 with an empty body; a retry made a second wallet.

Here the ids of what a request makes follow from its client and key: past whatever door it comes a second time, the
database refuses it, and what refuses is never a success.
"""

from datetime import timedelta

import pytest
import sqlalchemy.exc
from flask.testing import FlaskClient
from psycopg.errors import UniqueViolation

from foundation.database import Database
from foundation.database_errors import RecordedMeanwhile, translate
from member_api.contract.ledger import Grant, Kind, Taking, grant, place_hold
from tests.field.shop import a_shop, prove
from tests.member_api.callers import Caller
from tests.member_api.ledger.callers import ERP, balance, everything, given, step

REFUSED = (UniqueViolation, sqlalchemy.exc.IntegrityError)


def test_the_same_step_behind_the_door_posts_once(database: Database) -> None:
    member = a_shop(database)
    given(database, member, 100, key="k1")
    before = everything(database)
    with pytest.raises(REFUSED) as refusal, database.transaction() as tx:
        grant(tx, member, Grant(Kind.POINTS, 100, "welcome"), step("k1"))
    assert isinstance(translate(refusal.value), RecordedMeanwhile)
    assert everything(database) == before


def test_the_same_request_sets_aside_once(database: Database) -> None:
    member = a_shop(database)
    given(database, member, 100)
    for again in (False, True):
        if not again:
            with database.transaction() as tx:
                place_hold(tx, member, Taking(Kind.POINTS, 10), timedelta(minutes=5), step("h1"))
        else:
            with pytest.raises(REFUSED), database.transaction() as tx:
                place_hold(tx, member, Taking(Kind.POINTS, 10), timedelta(minutes=5), step("h1"))
    assert balance(database, member) == (100, 90)
    prove(database)


def test_a_hold_sent_again_is_the_same_hold(database: Database, http: FlaskClient) -> None:
    member = a_shop(database)
    given(database, member, 100)
    erp = Caller(http, database, ERP)
    asks = {"member": str(member), "kind": "points", "amount": 10}
    first, again = erp.post("/v1/holds", asks, key="h1"), erp.post("/v1/holds", asks, key="h1")
    assert first.status_code == again.status_code == 201
    assert first.json == again.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert balance(database, member) == (100, 90)


def test_no_failure_is_answered_as_a_success(database: Database, http: FlaskClient) -> None:
    member = a_shop(database)
    erp = Caller(http, database, ERP)
    for path, body in (
        (f"/v1/members/{member}/redemptions", {"kind": "points", "amount": 1, "reason": "a mug"}),
        ("/v1/holds", {"member": str(member), "kind": "points", "amount": 1}),
        ("/v1/holds/1/capture", {"amount": 1}),
        ("/v1/members/99/grants", {"kind": "points", "amount": 1, "source": "x"}),
    ):
        answer = erp.post(path, body)
        assert answer.status_code >= 400
        assert answer.json["code"]
