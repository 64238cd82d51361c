"""The routes of organisation over HTTP: as the contract writes them, and closed to everybody else."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation.database import Database
from organisation.staff.roles import Role
from tests.organisation.callers import Caller, a_machine, a_person_at_the_screen
from tests.organisation.factories import a_counter, a_device, a_person, a_person_with_login, a_store

EVERYTHING = ("organisation.read", "organisation.write", "staff.write", "clients.write")
STORE = {
    "code": "S01",
    "name": "Main",
    "format": "supermarket",
    "region": "EAST",
    "area_m2": 1200.5,
    "currency": "CNY",
    "timezone": "Asia/Shanghai",
}


@pytest.fixture
def erp(http: FlaskClient, database: Database) -> Caller:
    return a_machine(http, database, EVERYTHING)


def results(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["results"]
    return found


# ---------------------------------------------------------------------------------------------- as written


def test_a_store_is_made_changed_and_left_alone(erp: Caller) -> None:
    first, again = (results(erp.put("/v1/stores/batch", {"stores": [STORE]}))[0] for _ in range(2))
    assert (first["status"], again["status"]) == (201, 200)
    assert first["body"] == again["body"]
    assert {name: first["body"][name] for name in STORE} == STORE
    assert results(erp.put("/v1/stores/batch", {"stores": [{"code": "S01", "region": None}]}))[0]["body"] == {
        **first["body"],
        "region": None,
    }
    assert erp.get("/v1/stores/S01").json["area_m2"] == 1200.5


def test_a_bad_store_is_refused_with_its_place_and_blocks_nobody(erp: Caller) -> None:
    stores = [
        STORE,
        {"code": "S02", "name": "B", "currency": "XYZ", "timezone": "Mars/Olympus"},
        {"code": "S 3", "name": "C"},
        {"name": "no code"},
        "not even an object",
        {"code": "S06", "name": "F", "colour": "red"},
        {"code": "S07"},
        {"code": "S08", "name": "H"},
    ]
    found = results(erp.put("/v1/stores/batch", {"stores": stores}))
    assert [each["status"] for each in found] == [201, 422, 422, 422, 422, 422, 422, 201]
    assert {fault["pointer"] for fault in found[1]["problem"]["errors"]} == {
        "/stores/1/currency",
        "/stores/1/timezone",
    }
    assert found[2]["problem"]["errors"][0]["pointer"] == "/stores/2/code"
    assert found[4]["problem"]["errors"][0]["pointer"] == "/stores/4"
    assert found[6]["problem"]["code"] == "store_incomplete"
    assert found[6]["problem"]["errors"][0]["pointer"] == "/stores/6/name"
    assert [store["code"] for store in erp.get("/v1/stores").json["items"]] == ["S01", "S08"]


def test_a_counter_is_made_in_its_store(erp: Caller) -> None:
    erp.put("/v1/stores/batch", {"stores": [STORE]})
    counter = {
        "store": "S01",
        "code": "C12",
        "name": "Watches",
        "mode": "concession",
        "rate": "0.25",
        "guaranteed_minimum": 5000000,
        "supplier": "V1",
        "legal_unit": "LU2",
        "category": ["JEWELLERY", "WATCHES"],
        "brand": "Tik",
        "floor": "2F",
        "area_m2": 30.5,
        "takes_coupons": False,
        "promotion_rates": [{"promotion": "P7", "rate": "0.18"}],
    }
    first = results(erp.put("/v1/counters/batch", {"counters": [counter, {**counter, "store": "S99"}]}))
    assert [each["status"] for each in first] == [201, 422]
    assert {name: first[0]["body"][name] for name in counter} == counter
    assert erp.get("/v1/stores/S01/counters/C12").json == first[0]["body"]
    assert results(erp.put("/v1/counters/batch", {"counters": [counter]}))[0]["status"] == 200


def test_staff_are_made_with_home_store_and_role(erp: Caller) -> None:
    erp.put("/v1/stores/batch", {"stores": [STORE]})
    person = {"number": "E7", "name": "Li", "home_store": "S01", "counters": [], "status": "active"}
    first = results(erp.put("/v1/staff/batch", {"staff": [person, {"number": "E8"}]}))
    assert [each["status"] for each in first] == [201, 422]
    assert {name: first[0]["body"][name] for name in person} == person
    assert erp.get("/v1/staff/E7").json == first[0]["body"]
    assert erp.get("/v1/staff/E8").status_code == 404


def test_a_device_gets_a_secret_that_opens_its_own_spot_only(erp: Caller, http: FlaskClient) -> None:
    erp.put("/v1/stores/batch", {"stores": [STORE]})
    wish = {"name": "Till 1", "scopes": ["organisation.read"], "store": "S01", "terminal": "T1"}
    made = erp.post("/v1/clients", wish, key="k1")
    assert made.status_code == 201
    again = erp.post("/v1/clients", wish, key="k1")
    assert (again.status_code, again.json, again.headers["Idempotency-Replayed"]) == (201, made.json, "true")
    shown = erp.get(f"/v1/clients/{made.json['client_id']}").json
    assert (shown["store"], shown["terminal"], shown["counter"]) == ("S01", "T1", None)
    token: Any = http.post(
        "/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(made.json["client_id"], made.json["client_secret"]),
    )
    till = Caller(http, {"Authorization": f"Bearer {token.json['access_token']}"})
    assert till.get("/v1/stores/S01").status_code == 200
    assert till.put("/v1/stores/batch", {"stores": [STORE]}).status_code == 403


def test_the_secret_of_a_device_lies_nowhere_in_the_clear(erp: Caller, database: Database) -> None:
    made = erp.post("/v1/clients", {"name": "Office", "scopes": ["organisation.read"]})
    with database.transaction() as tx:
        kept = str(tx.execute("SELECT answer FROM foundation.idempotency").all())
        kept += str(tx.execute("SELECT * FROM foundation.client").all())
        kept += str(tx.execute("SELECT * FROM organisation.device").all())
    assert made.json["client_id"] in kept
    assert made.json["client_secret"] not in kept


def test_a_revoked_device_is_out_at_once(erp: Caller, http: FlaskClient) -> None:
    made = erp.post("/v1/clients", {"name": "Office", "scopes": ["organisation.read"]}).json
    login = (made["client_id"], made["client_secret"])
    token: Any = http.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=login).json
    office = Caller(http, {"Authorization": f"Bearer {token['access_token']}"})
    assert office.get("/v1/stores").status_code == 200
    revoked = erp.post(f"/v1/clients/{made['client_id']}/revoke")
    assert revoked.status_code == 200
    assert revoked.json["revoked_at"] is not None
    assert office.get("/v1/stores").status_code == 401
    assert http.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=login).status_code == 401
    assert erp.post(f"/v1/clients/{made['client_id']}/revoke").json == revoked.json


NOT_THERE: list[dict[str, Any]] = [
    {"name": "A", "scopes": ["organisation.read"], "store": "S99"},
    {"name": "A", "scopes": ["organisation.read"], "store": "S01", "counter": "C99"},
    {"name": "A", "scopes": ["organisation.read"], "store": "S01", "counter": "C1", "terminal": "T1"},
    {"name": "A", "scopes": ["organisation.read"], "terminal": "T1"},
    {"name": "A", "scopes": ["organisation.read"], "store": "S01", "staff": "E99"},
    {"name": "A", "scopes": ["no.such"], "store": "S01"},
    {"name": "A", "scopes": []},
    {"name": " ", "scopes": ["organisation.read"]},
    {"scopes": ["organisation.read"]},
]


def test_a_device_for_a_spot_that_is_not_there_is_refused(erp: Caller, database: Database) -> None:
    with database.transaction() as tx:
        a_store(tx)
        a_counter(tx)
    for wish in NOT_THERE:
        assert erp.post("/v1/clients", wish).status_code == 422, wish
    assert erp.get("/v1/clients").json["items"] == []


def test_what_came_into_being_by_its_code_gets_a_name(erp: Caller) -> None:
    erp.put("/v1/stores/batch", {"stores": [STORE]})
    assert erp.get("/v1/regions").json["items"] == [{"code": "EAST", "name": "EAST"}]
    named = {"regions": [{"code": "EAST", "name": "华东"}, {"code": "WEST", "name": "West"}, {"code": "X"}]}
    assert [each["status"] for each in results(erp.put("/v1/regions/batch", named))] == [200, 201, 422]
    assert erp.get("/v1/regions?search=华").json["items"] == [{"code": "EAST", "name": "华东"}]
    for path in ("legal-units", "formats", "suppliers"):
        body = {path.replace("-", "_"): [{"code": "N1", "name": "One"}]}
        assert [results(erp.put(f"/v1/{path}/batch", body))[0]["status"] for _ in range(2)] == [201, 200]
        assert {"code": "N1", "name": "One"} in erp.get(f"/v1/{path}?limit=1000").json["items"]


def test_lists_are_paged_to_the_end_without_loss_or_repeat(erp: Caller, database: Database) -> None:
    with database.transaction() as tx:
        for number in range(7):
            a_store(tx, f"S{number}")
            a_counter(tx, f"S{number}", "C1")
            a_counter(tx, f"S{number}", "C2")
            a_person(tx, f"E{number}")
            a_device(tx, f"S{number}")
    for path, expected in (("stores", 7), ("counters", 14), ("staff", 7), ("clients", 7)):
        seen, address = [], f"/v1/{path}?limit=3"
        while address:
            page = erp.get(address)
            assert page.status_code == 200, page.text
            seen += [tuple(sorted(map(str, item.items()))) for item in page.json["items"]]
            link = page.headers.get("Link")
            assert (link is None) == (page.json["next_cursor"] is None)
            address = link.split(">")[0][1:] if link else ""
        assert len(seen) == len(set(seen)) == expected


# ---------------------------------------------------------------------------------------------- closed by default

#: method, path, body: every route of the package, as a call that would work for who may.
ROUTES: list[tuple[str, str, Any, str]] = [
    ("PUT", "/v1/stores/batch", {"stores": [{"code": "S02", "name": "Taken over"}]}, "organisation.write"),
    ("GET", "/v1/stores", None, "organisation.read"),
    ("GET", "/v1/stores/S02", None, "organisation.read"),
    (
        "PUT",
        "/v1/counters/batch",
        {"counters": [{"store": "S02", "code": "C1", "name": "Taken over"}]},
        "organisation.write",
    ),
    ("GET", "/v1/counters", None, "organisation.read"),
    ("GET", "/v1/stores/S02/counters/C1", None, "organisation.read"),
    ("PUT", "/v1/staff/batch", {"staff": [{"number": "E2", "name": "Taken over"}]}, "staff.write"),
    ("GET", "/v1/staff", None, "organisation.read"),
    ("GET", "/v1/staff/E2", None, "organisation.read"),
    (
        "POST",
        "/v1/clients",
        {"name": "Mine", "scopes": ["organisation.read"], "store": "S02", "terminal": "T9"},
        "clients.write",
    ),
    ("GET", "/v1/clients", None, "organisation.read"),
    ("GET", "/v1/clients/{device}", None, "organisation.read"),
    ("POST", "/v1/clients/{device}/revoke", None, "clients.write"),
    *[
        (
            "PUT",
            f"/v1/{path}/batch",
            {path.replace("-", "_"): [{"code": "N1", "name": "Taken over"}]},
            "organisation.write",
        )
        for path in ("legal-units", "regions", "formats", "suppliers")
    ],
    *[("GET", f"/v1/{path}", None, "organisation.read") for path in ("legal-units", "regions", "formats", "suppliers")],
]


@pytest.fixture
def two_stores(app: Any, database: Database) -> str:
    """Two stores with a counter, a person and a device each; the client id of the second store's device."""
    device = ""
    with database.transaction() as tx:
        for number in ("1", "2"):
            a_store(tx, f"S0{number}", region="EAST" if number == "1" else "WEST")
            a_counter(tx, f"S0{number}", "C1")
            a_person(tx, f"E{number}", home_store=f"S0{number}")
            device = a_device(tx, f"S0{number}")
        a_person_with_login(tx, "MANAGER1", home_store="S01", role=Role.STORE_MANAGER)
        a_person_with_login(tx, "REGION1", role=Role.HEAD_OFFICE, region="EAST")
        a_person_with_login(tx, "NOBODY", home_store="S02")
        a_person_with_login(tx, "AUDITOR", role=Role.AUDITOR)
    return device


def snapshot(database: Database) -> str:
    """Everything that a call could have changed."""
    tables = [
        "store",
        "counter",
        "counter_terms",
        "staff",
        "staff_home",
        "staff_role",
        "device",
        "change",
        "legal_unit",
        "region",
        "format",
        "supplier",
    ]
    with database.transaction() as tx:
        rows = [str(tx.execute(f"SELECT * FROM organisation.{table} ORDER BY 1, 2").all()) for table in tables]
        return "\n".join(rows) + str(tx.execute("SELECT count(*), count(revoked_at) FROM foundation.client").all())


def call(caller: Caller, route: tuple[str, str, Any, str], device: str) -> Any:
    method, path, body, _ = route
    path = path.format(device=device)
    if method == "GET":
        return caller.get(path)
    return caller.put(path, body) if method == "PUT" else caller.post(path, body)


def test_the_matrix_knows_every_route_of_the_package(app: Any) -> None:
    known = {(method, path.replace("{device}", "<client_id>")) for method, path, _, _ in ROUTES}
    known = {
        (method, path.replace("/S02", "/<code>").replace("/<code>/counters/C1", "/<store>/counters/<code>"))
        for method, path in known
    }
    known = {(method, path.replace("/E2", "/<number>")) for method, path in known}
    served = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.split(".")[0] in ("stores", "counters", "staff", "clients", "names")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert served == known


def test_a_stranger_is_let_nowhere(two_stores: str, http: FlaskClient, database: Database) -> None:
    before = snapshot(database)
    for route in ROUTES:
        assert call(Caller(http), route, two_stores).status_code == 401, route
    assert snapshot(database) == before


def test_without_its_permission_a_route_is_closed(two_stores: str, http: FlaskClient, database: Database) -> None:
    person = a_person_at_the_screen(http, database, "nobody")
    without = {
        permission: a_machine(http, database, [name for name in EVERYTHING if name != permission])
        for permission in EVERYTHING
    }
    before = snapshot(database)
    for route in ROUTES:
        for caller in (without[route[3]], person):
            answer = call(caller, route, two_stores)
            assert (answer.status_code, answer.json["code"]) == (403, "permission_missing"), route
    assert snapshot(database) == before


@pytest.mark.parametrize("who", ["manager1", "region1", "till of S01"])
def test_who_acts_in_another_store_sees_and_changes_nothing_here(
    two_stores: str, http: FlaskClient, database: Database, who: str
) -> None:
    if who == "till of S01":
        caller = a_machine(http, database, EVERYTHING, {"store": "S01", "terminal": "T1"})
    else:
        caller = a_person_at_the_screen(http, database, who)
    before = snapshot(database)
    for route in ROUTES:
        answer = call(caller, route, two_stores)
        if route[0] == "GET" and answer.status_code == 200:
            assert "S02" not in answer.text, route
            assert two_stores not in answer.text, route
        elif answer.status_code == 200:
            assert [each["status"] for each in answer.json["results"]] == [403], route
        else:
            assert answer.status_code in (403, 404), route
    assert snapshot(database) == before


def test_the_auditor_reads_every_list_and_changes_nothing(
    two_stores: str, http: FlaskClient, database: Database
) -> None:
    auditor = a_person_at_the_screen(http, database, "auditor")
    before = snapshot(database)
    for route in ROUTES:
        assert call(auditor, route, two_stores).status_code == (200 if route[0] == "GET" else 403)
    assert snapshot(database) == before


def test_a_manager_makes_devices_for_the_own_store_with_no_more_than_the_own_permissions(
    two_stores: str, http: FlaskClient, database: Database
) -> None:
    manager = a_person_at_the_screen(http, database, "manager1")
    till = {"name": "T", "scopes": ["sales.post", "members.read"], "store": "S01", "terminal": "T2"}
    assert manager.post("/v1/clients", till).status_code == 201
    assert manager.post("/v1/clients", {**till, "scopes": ["organisation.write"]}).status_code == 403
    assert manager.post("/v1/clients", {**till, "store": None, "terminal": None}).status_code == 403
    assert manager.post("/v1/clients", {**till, "store": "S02"}).status_code == 403


# ---------------------------------------------------------------------------------------------- bad input

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcdefg_", max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = {
    "stores": "code name format region legal_unit currency timezone opened_on closed_on status area_m2 category_areas"
    " effective_from",
    "counters": "store code name mode rate guaranteed_minimum promotion_rates supplier legal_unit format category brand"
    " floor area_m2 takes_points opened_on closed_on status effective_from",
    "staff": "number name username home_store counters status role scope region joined_on effective_from",
}


@pytest.mark.parametrize("kind", FIELDS)
def test_whatever_comes_in_a_batch_is_answered_and_never_breaks(erp: Caller, database: Database, kind: str) -> None:
    with database.transaction() as tx:
        a_store(tx)
    likely = st.sampled_from(
        ["S01", "C1", "E1", "Name", "concession", "company", "region", "left", "closed", "administrator", "CNY",
         "Asia/Tokyo", "2026-01-01", "0001-01-01", "9999-12-31", "0.5", 1e300, -1, 0, 2**62, [], ["A"], None,
         "\x00", "ꭰ"]
    )  # fmt: skip
    item = st.dictionaries(st.sampled_from(FIELDS[kind].split()), likely | JSON, max_size=8)
    base = {"stores": {"code": "S01"}, "counters": {"store": "S01", "code": "C1"}, "staff": {"number": "E1"}}[kind]

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(st.lists(item | JSON, max_size=4), st.booleans())
    def anything(items: list[Any], based: bool) -> None:
        sent = [{**base, "name": "X", **each} if based and isinstance(each, dict) else each for each in items]
        answer = erp.put(f"/v1/{kind}/batch", {kind: sent})
        assert answer.status_code < 500, answer.text
        if answer.status_code == 200:
            assert len(answer.json["results"]) == len(sent)
            assert all(each["status"] in (200, 201, 403, 409, 422) for each in answer.json["results"])

    anything()


UNANSWERABLE = (
    "/v1/stores?limit=0",
    "/v1/stores?limit=1001",
    "/v1/stores?cursor=!!!",
    "/v1/stores?cursor=WyJcdTAwMDAiXQ",
    "/v1/stores?status=sold",
    "/v1/stores?colour=red",
    "/v1/counters?cursor=WzFd",
    "/v1/counters?store=a%20b",
    "/v1/staff?search=%00",
    "/v1/staff?cursor=WyJcdWQ4MDAiXQ",
    "/v1/clients?cursor=WyJ4IiwiYyJd",
    "/v1/clients?living=perhaps",
    "/v1/stores/%00",
    "/v1/stores/%ff",
)


def test_a_question_that_cannot_be_is_refused(erp: Caller) -> None:
    for address in UNANSWERABLE:
        assert erp.get(address).status_code in (400, 404, 422), address


def test_a_batch_needs_one_to_a_thousand_items(erp: Caller) -> None:
    bodies: list[Any] = [{}, {"stores": []}, {"stores": {}}, {"stores": [STORE] * 1001}, {"stores": None}, []]
    for body in bodies:
        assert erp.put("/v1/stores/batch", body).status_code == 422, str(body)[:50]
