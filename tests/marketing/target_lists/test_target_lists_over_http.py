"""Target lists over HTTP: counted live, frozen with reasons, read by page, explained, within one's scope."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from analytics.conditions.lake_session import close_lake_session
from foundation.database import Database
from tests.analytics.lake_factory import LineFacts, write_lake
from tests.marketing.target_lists.members_and_sales import TODAY, Shop, a_shop
from tests.member_api.callers import Caller
from tests.organisation.factories import a_store

SPENT = {"measure": "spend", "op": ">=", "value": 50_000, "within_days": 90}
EVERYBODY: dict[str, Any] = {"all": []}
LISTS = ("lists.read", "lists.write")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_lake_session()


@pytest.fixture
def shop(database: Database) -> Shop:
    return a_shop(database)


@pytest.fixture
def office(http: FlaskClient, database: Database, shop: Shop) -> Caller:
    return Caller(http, database, LISTS)


@pytest.fixture
def store(http: FlaskClient, database: Database, shop: Shop) -> Caller:
    return Caller(http, database, LISTS, store="S02")


def preview(caller: Caller, filter_: Any, **more: Any) -> Any:
    answer = caller.http.post("/v1/target-lists/preview", json={"filter": filter_} | more, headers=caller.headers)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def frozen(caller: Caller, filter_: Any, **more: Any) -> Any:
    answer = caller.post("/v1/target-lists", {"name": "Big ones", "filter": filter_} | more)
    assert answer.status_code == 201, answer.text
    return answer.get_json()


def ids(items: Any) -> list[int]:
    return [int(item["member"]) for item in items]


# ------------------------------------------------------------------------------------------------ counting live
def test_an_amount_without_a_currency_is_in_that_of_the_stores_it_is_narrowed_to(
    office: Caller, shop: Shop, database: Database
) -> None:
    with database.transaction() as tx:
        a_store(tx, "T01", format="depato", currency="JPY")
    sold = LineFacts(TODAY - timedelta(5), 60_000, shop.small, format="depato", currency="JPY", store_id=3)
    write_lake(database, [sold])
    in_format, in_store = (SPENT | {"where": where} for where in ({"format": ["depato"]}, {"store": ["T01"]}))
    for narrowed in (in_format, in_store):
        found = preview(office, narrowed)
        assert ids(found["sample"]) == [shop.small]
        assert found["sample"][0]["why"][0]["shown"] == "¥60,000"
    # The list keeps what was meant, whatever stores open later.
    kept = frozen(office, {"all": [in_format]})
    assert kept["filter"] == {"all": [in_format | {"currency": "JPY"}]}
    # Not narrowed, or to stores of several currencies, it is the company's.
    assert preview(office, SPENT)["sample"][0]["member"] == str(shop.big)
    both = SPENT | {"where": {"format": ["depato", "supermarket"]}}
    assert ids(preview(office, both)["sample"]) == [shop.big]


def test_a_live_count_names_who_why_and_who_not(office: Caller, shop: Shop) -> None:
    found = preview(office, SPENT)
    assert found["count"] == 1
    assert found["lake_position"] == 6
    (sample,) = found["sample"]
    assert (int(sample["member"]), sample["name"]) == (shop.big, "张*")
    (why,) = sample["why"]
    assert why["value"] == 90_000
    assert "900.00" in why["shown"]
    assert why["words"].startswith("Spend at least")
    assert "in the last 90 days" in why["words"]
    assert found["breakdown"]["store"] == [{"code": "S01", "words": "Store S01", "count": 1}]


def test_whoever_refused_profiling_is_left_out_of_what_is_computed_and_named(office: Caller, shop: Shop) -> None:
    near = {miss["reason"]: miss for miss in preview(office, SPENT)["near_misses"]}
    assert (near["no_profiling"]["count"], near["no_profiling"]["left_out"]) == (1, True)
    assert ids(near["no_profiling"]["sample"]) == [shop.private]
    at_home = {"measure": "home_store", "op": "in", "value": ["S01"]}
    found = preview(office, at_home)
    assert found["count"] == 2
    assert "no_profiling" not in {miss["reason"] for miss in found["near_misses"]}


def test_near_misses_are_counted_and_left_out_only_if_asked(office: Caller, shop: Shop) -> None:
    everybody: Any = {"all": []}
    found = preview(office, everybody, channel="sms")
    near = {miss["reason"]: miss for miss in found["near_misses"]}
    assert found["count"] == 5
    assert (near["no_consent"]["count"], near["no_consent"]["left_out"]) == (4, False)
    assert {"no_consent", "capped", "held_out", "complaint"} <= near.keys()
    assert preview(office, everybody, channel="sms", leave_out=["no_consent"])["count"] == 1
    assert preview(office, everybody, leave_out=["no_consent"])["count"] == 1


@pytest.mark.parametrize(
    ("filter_", "names"),
    [
        ({"all": [SPENT, {"not": {"measure": "home_store", "op": "in", "value": ["S02"]}}]}, {"big"}),
        ({"any": [SPENT, {"measure": "home_store", "op": "in", "value": ["S02"]}]}, {"big", "small", "away"}),
        ({"not": SPENT}, {"small", "away", "silent"}),
        ({"measure": "spend", "op": "<", "value": 6_000, "within_days": 90}, {"small", "away", "silent"}),
        ({"measure": "days_since_last", "op": ">", "value": 90}, {"away"}),
        ({"all": [SPENT, {"any": [{"not": {"all": [{"measure": "visits", "op": ">=", "value": 4}]}}]}]}, {"big"}),
        ({"measure": "spend", "op": ">=", "value": 1, "where": {"format": ["supermarket"]}}, {"big"}),
    ],
)
def test_and_or_not_nest(office: Caller, shop: Shop, filter_: Any, names: set[str]) -> None:
    found = frozen(office, filter_)
    listed = office.get(f"/v1/target-lists/{found['id']}/members").get_json()["items"]
    assert set(ids(listed)) == {getattr(shop, name) for name in names}
    assert found["count"] == len(names) == preview(office, filter_)["count"]


def test_a_name_that_nothing_is_called_is_noted(office: Caller) -> None:
    found = preview(office, SPENT | {"where": {"category": ["LOVE"]}})
    assert found["count"] == 0
    assert found["notes"] == [{"pointer": "/filter/where/category", "detail": "nothing is called LOVE"}]


def test_faults_of_a_filter_point_into_the_body(office: Caller) -> None:
    body = {"filter": {"all": [{"measure": "spend", "op": "~", "value": 1}, {"measure": "nothing"}]}}
    answer = office.http.post("/v1/target-lists/preview", json=body, headers=office.headers)
    assert answer.status_code == 422
    assert answer.get_json()["code"] == "filter_unreadable"
    assert [e["pointer"] for e in answer.get_json()["errors"]] == ["/filter/all/0/op", "/filter/all/1/measure"]
    for wrong in ({}, {"filter": SPENT, "model": "sleeping"}, {"filter": SPENT, "leave_out": ["love"]}):
        assert office.http.post("/v1/target-lists/preview", json=wrong, headers=office.headers).status_code == 422


# ------------------------------------------------------------------------------------------------ freezing
def test_a_frozen_list_says_the_same_after_sales_went_on(office: Caller, shop: Shop, database: Database) -> None:
    found = frozen(office, SPENT)
    write_lake(database, [LineFacts(TODAY, 1_000_00, shop.small), LineFacts(TODAY, -900_00, shop.big, type="return")])
    assert preview(office, SPENT)["count"] == 1
    assert office.get(f"/v1/target-lists/{found['id']}").get_json()["count"] == 1
    (listed,) = office.get(f"/v1/target-lists/{found['id']}/members").get_json()["items"]
    assert int(listed["member"]) == shop.big
    assert [why["value"] for why in listed["why"]] == [90_000]
    with pytest.raises(Exception, match=r"(?i)append|change|refuse"), database.transaction() as tx:
        tx.execute("UPDATE marketing.target_list SET name = 'other'")


def test_freezing_again_with_the_same_key_is_the_same_list(office: Caller) -> None:
    body = {"name": "Once", "filter": SPENT}
    first = office.post("/v1/target-lists", body, key="one")
    again = office.post("/v1/target-lists", body, key="one")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.get_json()["id"] == again.get_json()["id"]
    assert len(office.get("/v1/target-lists").get_json()["items"]) == 1


def test_a_filter_that_chooses_nobody_freezes_nothing(office: Caller) -> None:
    answer = office.post("/v1/target-lists", {"name": "Nobody", "filter": SPENT | {"value": 10**9}})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "target_list_empty")
    assert office.get("/v1/target-lists").get_json()["items"] == []


def test_members_come_by_page_in_order(office: Caller, shop: Shop) -> None:
    found = frozen(office, {"all": []})
    seen, cursor = [], None
    for _ in range(5):
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = office.get(f"/v1/target-lists/{found['id']}/members", **query).get_json()
        seen += ids(page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted({shop.big, shop.small, shop.away, shop.private, shop.silent})


def test_lists_come_by_page_and_archived_ones_by_themselves(office: Caller) -> None:
    made = [frozen(office, SPENT, name=f"List {n}")["id"] for n in range(3)]
    page = office.get("/v1/target-lists", limit=2).get_json()
    assert [item["id"] for item in page["items"]] == made[:0:-1]
    assert office.get("/v1/target-lists", limit=2, cursor=page["next_cursor"]).get_json()["items"][0]["id"] == made[0]
    assert office.post(f"/v1/target-lists/{made[1]}/archive", {}).status_code == 200
    assert [i["id"] for i in office.get("/v1/target-lists").get_json()["items"]] == [made[2], made[0]]
    assert [i["id"] for i in office.get("/v1/target-lists", archived=True).get_json()["items"]] == [made[1]]
    assert office.get(f"/v1/target-lists/{made[1]}").get_json()["archived_at"]
    assert [i["id"] for i in office.get("/v1/target-lists", search="LIST 2").get_json()["items"]] == [made[2]]


# ------------------------------------------------------------------------------------------------ explaining
def test_one_member_is_explained_in_a_list_and_beside_a_filter(office: Caller, shop: Shop) -> None:
    filter_ = {"all": [SPENT, {"not": {"measure": "visits", "op": ">=", "value": 9}}]}
    found = frozen(office, filter_)
    inside = office.get(f"/v1/target-lists/{found['id']}/members/{shop.big}").get_json()
    assert (inside["in"], inside["measured"]) == (True, "frozen")
    assert [part["holds"] for part in inside["why"]["parts"]] == [True, True]
    outside = office.get(f"/v1/target-lists/{found['id']}/members/{shop.small}").get_json()
    assert (outside["in"], outside["measured"]) == (False, "now")
    assert outside["why"]["parts"][0]["holds"] is False
    assert outside["why"]["parts"][0]["value"] == 5_000
    body = {"filter": filter_, "member": {"kind": "phone", "value": "13800138004"}}
    refused = office.http.post("/v1/target-lists/explain", json=body, headers=office.headers).get_json()
    assert (refused["in"], refused["left_out_for"], refused["why"]["holds"]) == (False, ["no_profiling"], True)


# ------------------------------------------------------------------------------------------------ scope
def test_a_store_sees_members_of_its_own_only(office: Caller, store: Caller, shop: Shop) -> None:
    assert preview(store, {"all": []})["count"] == 2
    assert preview(store, SPENT)["count"] == 0
    of_all = frozen(office, {"all": []})
    shown = store.get(f"/v1/target-lists/{of_all['id']}").get_json()
    assert shown["count"] == 2
    assert ids(store.get(f"/v1/target-lists/{of_all['id']}/members").get_json()["items"]) == sorted(
        {shop.small, shop.away}
    )
    assert store.get(f"/v1/target-lists/{of_all['id']}/members/{shop.big}").status_code == 404
    own = frozen(store, {"all": []})
    assert own["count"] == 2
    assert office.get(f"/v1/target-lists/{own['id']}").get_json()["count"] == 2


def test_a_store_s_lists_and_those_of_everywhere_are_listed(
    http: FlaskClient, database: Database, office: Caller, store: Caller
) -> None:
    made = [
        frozen(office, EVERYBODY)["id"],
        frozen(store, EVERYBODY)["id"],
        frozen(Caller(http, database, LISTS, store="S01"), EVERYBODY)["id"],
    ]
    for _ in range(2):
        assert [item["id"] for item in store.get("/v1/target-lists").get_json()["items"]] == [made[1], made[0]]
        with database.transaction() as tx:  # as an earlier release wrote it
            tx.execute("SET LOCAL session_replication_role = replica")
            tx.execute("UPDATE marketing.target_list SET places = 'null' WHERE places IS NULL")
    assert [item["id"] for item in office.get("/v1/target-lists").get_json()["items"]] == made[::-1]


def test_a_list_of_another_place_is_not_there(http: FlaskClient, database: Database, store: Caller) -> None:
    own = frozen(store, {"all": []})
    other = Caller(http, database, LISTS, store="S01")
    assert other.get(f"/v1/target-lists/{own['id']}").status_code == 404
    assert other.get("/v1/target-lists").get_json()["items"] == []
    assert other.post(f"/v1/target-lists/{own['id']}/archive", {}).status_code == 404


def test_a_store_neither_puts_away_nor_adds_up_a_list_that_reaches_beyond_it(
    office: Caller, store: Caller, shop: Shop
) -> None:
    everybody = office.post("/v1/target-lists", {"name": "All", "filter": {"all": []}}).get_json()
    address = f"/v1/target-lists/{everybody['id']}"
    seen = store.get(address).get_json()
    assert everybody["breakdown"]
    assert (seen["breakdown"], seen["near_misses"]) == ({}, {})
    refused = store.post(f"{address}/archive", {})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "place_forbidden")
    own = store.post("/v1/target-lists", {"name": "Ours", "filter": {"all": []}}).get_json()
    assert own["breakdown"]
    assert store.post(f"/v1/target-lists/{own['id']}/archive", {}).status_code == 200
    assert office.post(f"{address}/archive", {}).get_json()["archived_at"] is not None


def test_who_may_only_read_counts_nothing(http: FlaskClient, database: Database, shop: Shop) -> None:
    reader = Caller(http, database, ["lists.read"])
    answer = http.post("/v1/target-lists/preview", json={"filter": SPENT}, headers=reader.headers)
    assert answer.status_code == 403
    assert reader.post("/v1/target-lists", {"name": "x", "filter": SPENT}).status_code == 403
    assert reader.get("/v1/target-lists").status_code == 200


# ------------------------------------------------------------------------------------------------ catalogue, models
def test_the_catalogue_says_everything_in_both_languages(office: Caller) -> None:
    measures = {item["name"]: item for item in office.get("/v1/filters/measures").get_json()["items"]}
    assert measures["spend"]["words"]["en"] == "Spend"
    assert measures["spend"]["words"]["zh"] != "Spend"
    assert measures["spend"]["where"] == ["category", "brand", "format", "store", "promotion"]
    for measure in measures.values():
        for part in ("words", "group"):
            assert measure[part]["en"] != measure[part]["zh"], measure["name"]
        for choice in measure["choices"]:
            assert choice["words"]["en"]


def test_every_ready_made_filter_counts_and_takes_its_numbers(office: Caller, shop: Shop) -> None:
    models = office.get("/v1/filters/models").get_json()["items"]
    assert len(models) >= 7
    for model in models:
        body = {"model": model["name"], "parameters": {p["name"]: p["default"] for p in model["parameters"]}}
        answer = office.http.post("/v1/target-lists/preview", json=body, headers=office.headers)
        assert answer.status_code == 200, answer.text
        assert preview(office, model["filter"])["count"] == answer.get_json()["count"]
    body = {"model": "recent_spend", "parameters": {"amount": 1_000, "days": 30}}
    found = office.http.post("/v1/target-lists/preview", json=body, headers=office.headers).get_json()
    assert found["count"] == 2
    wrong = body | {"parameters": {"amount": -1, "love": 1}}
    answer = office.http.post("/v1/target-lists/preview", json=wrong, headers=office.headers)
    assert {e["pointer"] for e in answer.get_json()["errors"]} == {"/parameters/amount", "/parameters/love"}


def test_options_are_found_by_part_of_their_words(office: Caller) -> None:
    found = office.get("/v1/filters/options", kind="store", search="s02").get_json()["items"]
    assert found == [{"code": "S02", "words": "Store S02"}]
    assert office.get("/v1/filters/options", kind="love").status_code == 422


def test_what_marketing_did_can_be_asked(office: Caller, shop: Shop) -> None:
    found = frozen(office, SPENT)
    was = {"measure": "in_list", "op": "in", "value": [found["id"]]}
    assert preview(office, was)["count"] == 1
    assert preview(office, {"not": was})["count"] == 4
    for measure in ("in_campaign", "in_control", "redeemed"):
        assert preview(office, {"measure": measure, "op": "in", "value": ["1", "x"]})["count"] == 0
    assert preview(office, {"measure": "messages", "op": "=", "value": 0, "within_days": 30})["count"] == 5
    assert preview(office, {"measure": "messages", "op": ">=", "value": 1})["count"] == 0
    assert preview(office, {"measure": "open_complaint"})["count"] == 0
    assert preview(office, {"measure": "open_task", "op": "=", "value": False})["count"] == 5


def test_before_the_first_scores_nobody_has_one(office: Caller) -> None:
    found = preview(office, {"measure": "contribution", "op": "in", "value": ["gold"]})
    assert (found["count"], found["scores_as_of"]) == (0, None)
