"""Row 19: a retry made a second wallet, a collision answered 200 with nothing. Here a retry is answered the same."""

import pytest
from flask.testing import FlaskClient

from foundation.database import Database
from foundation.idempotency import KeyReused
from tests.member_api.callers import OFFICE, Caller
from tests.member_api.people import ZHANG
from tests.organisation.factories import a_store


@pytest.fixture
def office(http: FlaskClient, database: Database) -> Caller:
    with database.transaction() as tx:
        a_store(tx, "S01")
    return Caller(http, database, OFFICE)


pytestmark = pytest.mark.field


def test_a_retry_never_makes_a_second_member(office: Caller) -> None:
    first = office.post("/v1/members", ZHANG, key="k1")
    replayed = office.post("/v1/members", ZHANG, key="k1")
    other_key = office.post("/v1/members", ZHANG, key="k2")
    other_content = office.post("/v1/members", ZHANG | {"name": "李四"}, key="k1")

    assert (first.status_code, replayed.status_code, other_key.status_code) == (201, 201, 200)
    assert first.json == replayed.json == other_key.json
    assert replayed.headers["Idempotency-Replayed"] == "true"
    assert (other_content.status_code, other_content.json["code"]) == (422, KeyReused.code)
