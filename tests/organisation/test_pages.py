"""The pages of organisation: forms with faults at their fields, secrets shown once, closed to who may not."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from foundation.access.people import log_in
from foundation.database import Database
from foundation.http.guard import SESSION_COOKIE
from organisation.counters.operations import load_counters
from organisation.facts import StaffStatus
from organisation.staff.roles import Role
from organisation.staff.storage import load_people
from organisation.stores.operations import load_stores
from tests.organisation.callers import Caller, a_person_at_the_screen
from tests.organisation.factories import PASSWORD, a_counter, a_device, a_person, a_person_with_login, a_store

HERE = "/organisation"
ORGANISATION = Path(__file__).parents[2] / "organisation"


def send(caller: Caller, path: str, **fields: Any) -> TestResponse:
    """A form sent from a page."""
    caller.http.set_cookie(SESSION_COOKIE, caller.cookie or "")
    return caller.http.post(HERE + path, data={"csrf_token": caller.headers.get("X-CSRF-Token", ""), **fields})


def faults(answer: TestResponse) -> Mapping[str, str]:
    """The words of each field that has a fault."""
    found = re.findall(r'<p class="fault[^"]*" id="e-(\w+)"[^>]*>([^<]+)</p>', answer.text)
    return dict(found)


@pytest.fixture
def house(app: Any, database: Database) -> None:
    with database.transaction() as tx:
        for number in ("1", "2"):
            a_store(tx, f"S0{number}", region="EAST" if number == "1" else "WEST")
            a_counter(tx, f"S0{number}", "C1")
            a_person(tx, f"E{number}", home_store=f"S0{number}", username=f"e{number}")
        a_person_with_login(tx, "ADMIN", role=Role.ADMINISTRATOR)
        a_person_with_login(tx, "MANAGER1", home_store="S01", role=Role.STORE_MANAGER)


@pytest.fixture
def admin(house: None, http: FlaskClient, database: Database) -> Caller:
    return a_person_at_the_screen(http, database, "admin")


@pytest.fixture
def manager(house: None, http: FlaskClient, database: Database) -> Caller:
    return a_person_at_the_screen(http, database, "manager1")


STORE = {
    "code": "S09",
    "name": "南京东路店",
    "format": "supermarket",
    "legal_unit": "LU1",
    "status": "open",
    "currency": "CNY",
    "timezone": "Asia/Shanghai",
    "area_m2": "1200.5",
}


def test_a_store_is_made_on_the_page_and_shown(admin: Caller) -> None:
    made = send(admin, "/stores/new", **STORE)
    assert (made.status_code, made.headers["Location"]) == (303, "/organisation/stores/S09?done=created")
    shown = admin.get("/organisation/stores/S09")
    assert "南京东路店" in shown.text
    assert "1,200.5 m²" in shown.text


def test_a_faulty_store_form_comes_back_as_typed_with_the_fault_at_the_field(admin: Caller, database: Database) -> None:
    answer = send(
        admin,
        "/stores/new",
        **{**STORE, "code": "S 9", "currency": "XYZ", "area_m2": "many", "closed_on": "31.12.2026", "timezone": ""},
    )
    assert answer.status_code == 422
    assert set(faults(answer)) == {"code", "currency", "area_m2", "closed_on"}
    assert 'value="many"' in answer.text
    with database.transaction() as tx:
        assert load_stores(tx, ["S 9", "S09"]) == {}


def test_a_store_is_not_made_over_another(admin: Caller, database: Database) -> None:
    answer = send(admin, "/stores/new", **{**STORE, "code": "S01"})
    assert (answer.status_code, set(faults(answer))) == (422, {"code"})
    with database.transaction() as tx:
        assert load_stores(tx, ["S01"])["S01"].store.name == "Store S01"


def test_a_store_is_changed_and_an_emptied_field_is_taken_away(admin: Caller, database: Database) -> None:
    fields = {name: value for name, value in STORE.items() if name != "code"}
    assert send(admin, "/stores/S01/edit", **fields, region="").status_code == 303
    with database.transaction() as tx:
        store = load_stores(tx, ["S01"])["S01"].store
    assert (store.name, store.region, store.format) == ("南京东路店", None, "supermarket")


def test_the_area_of_a_category_is_set(admin: Caller) -> None:
    assert send(admin, "/stores/S01/areas", category="FOOD / DAIRY", area_m2="40").status_code == 303
    assert "FOOD / DAIRY" in admin.get("/organisation/stores/S01").text
    assert faults(send(admin, "/stores/S01/areas", category="", area_m2="40")).keys() == {"category"}
    assert faults(send(admin, "/stores/S01/areas", category="A", area_m2="x")).keys() == {"area_m2"}


COUNTER = {
    "store": "S01",
    "code": "C9",
    "name": "Watches",
    "status": "open",
    "mode": "concession",
    "rate": "25",
    "guaranteed_minimum": "50,000.00",
    "category": "JEWELLERY / WATCHES",
    "takes_points": "true",
}


def test_a_counter_is_made_with_a_rate_in_percent_and_a_minimum_in_money(admin: Caller, database: Database) -> None:
    assert send(admin, "/counters/new", **COUNTER).status_code == 303
    with database.transaction() as tx:
        counter = load_counters(tx, [("S01", "C9")])["S01", "C9"].counter
    terms = next(iter(counter.terms.values()))
    assert (str(terms.rate), terms.guaranteed_minimum) == ("0.25", 5_000_000)
    assert counter.category == ("JEWELLERY", "WATCHES")
    assert (counter.takes_points, counter.takes_ecoins) == (True, False)
    shown = admin.get("/organisation/counters/S01/C9")
    assert "¥50,000.00" in shown.text
    form = admin.get("/organisation/counters/S01/C9/edit").text
    assert 'value="25"' in form
    assert 'value="50000.00"' in form


def test_saving_a_counter_as_it_is_changes_nothing(admin: Caller, database: Database) -> None:
    send(admin, "/counters/new", **COUNTER)
    with database.transaction() as tx:
        before = tx.execute("SELECT count(*) FROM organisation.change").scalar_one()
    again = {name: value for name, value in COUNTER.items() if name not in ("store", "code")}
    assert send(admin, "/counters/S01/C9/edit", **again).status_code == 303
    with database.transaction() as tx:
        assert tx.execute("SELECT count(*) FROM organisation.change").scalar_one() == before


FAULTY = (
    ("rate", "250"),
    ("rate", "a quarter"),
    ("guaranteed_minimum", "-1"),
    ("guaranteed_minimum", "1.001"),
    ("guaranteed_minimum", "1e40"),
    ("guaranteed_minimum", "NaN"),
    ("store", "S99"),
    ("name", ""),
    ("name", "\x07"),
    ("category", "A/" * 9 + "A"),
    ("opened_on", "yesterday"),
    ("mode", "borrowed"),
)


def test_a_faulty_counter_form_says_so_at_the_field(admin: Caller) -> None:
    for name, typed in FAULTY:
        answer = send(admin, "/counters/new", **{**COUNTER, name: typed})
        assert answer.status_code == 422, typed
        assert name in faults(answer), typed


def test_who_is_hired_with_a_user_name_gets_a_password_that_is_shown_once(
    admin: Caller, database: Database, http: FlaskClient
) -> None:
    made = send(
        admin, "/staff/new", number="E9", name="Wang Fang", username="wang", home_store="S01", role="service_desk"
    )
    assert made.status_code == 200
    password = re.search(r"<code>((?:\w{4}-){3}\w{4})</code>", made.text)
    assert password is not None
    log_in(database, "wang", password[1])
    admin = a_person_at_the_screen(http, database, "admin")
    assert password[1] not in admin.get("/organisation/staff/E9").text


@pytest.mark.parametrize("page", ["/organisation/staff/new", "/organisation/staff/E1"])
def test_a_browser_lets_through_that_a_role_counts_where_it_usually_does(admin: Caller, page: str) -> None:
    scope = re.search(r'<select[^>]* name="scope"[^>]*>\s*<option value=""', admin.get(page).text)
    assert scope is not None
    assert "required" not in scope[0], "browsers refuse an empty choice of a required list"


def test_a_person_moves_changes_role_and_leaves(admin: Caller, database: Database) -> None:
    assert send(admin, "/staff/E1/move", home_store="S02").status_code == 303
    assert send(admin, "/staff/E1/role", role="store_manager", scope="").status_code == 303
    shown = admin.get("/organisation/staff/E1").text
    assert "Store manager · Home store" in shown
    assert send(admin, "/staff/E1/role", role="store_manager", scope="region", region="EAST").status_code == 303
    assert send(admin, "/staff/E1/role", role="", scope="").status_code == 303
    assert send(admin, "/staff/E1/leave").status_code == 303
    with database.transaction() as tx:
        person = load_people(tx, ["E1"])["E1"].person
    assert person.status is StaffStatus.LEFT
    assert "Leaves now" not in admin.get("/organisation/staff/E1").text


def test_faults_of_a_person_stand_at_their_fields(admin: Caller) -> None:
    assert faults(send(admin, "/staff/new", number="E1", name="X")).keys() == {"number"}
    assert faults(send(admin, "/staff/new", number="E9", name="X", username="E1")).keys() == {"username"}
    assert faults(send(admin, "/staff/new", number="E9", name="X", role="store_manager")).keys() == {"home_store"}
    assert faults(send(admin, "/staff/E1/role", role="auditor", scope="region", region="MARS")).keys() == {"region"}
    assert faults(send(admin, "/staff/E1/edit", name="X", counters="C1, C7")).keys() == {"counters"}
    assert faults(send(admin, "/staff/E1/move", home_store="S99")).keys() == {"home_store"}


def test_the_last_administrator_is_told_why_they_stay(admin: Caller) -> None:
    answer = send(admin, "/staff/ADMIN/leave")
    assert answer.status_code == 409
    assert "nobody could administer the company any more" in answer.text


def test_a_device_is_let_in_with_a_secret_shown_once_and_revoked(admin: Caller) -> None:
    fields = {"name": "Till 3", "store": "S01", "terminal": "T3", "scopes": ["sales.post", "members.read"]}
    made = send(admin, "/devices/new", **fields)
    assert made.status_code == 200
    client_id = re.search(r"c_[0-9a-f]{24}", made.text)
    secret = re.search(r"<code>(rgs_[\w-]+)</code>", made.text)
    assert client_id is not None
    assert secret is not None
    shown = admin.get(f"/organisation/devices/{client_id[0]}").text
    assert secret[1] not in shown
    assert "In use" in shown
    assert send(admin, f"/devices/{client_id[0]}/revoke").status_code == 303
    assert "Revoked" in admin.get(f"/organisation/devices/{client_id[0]}").text
    assert faults(send(admin, "/devices/new", **{**fields, "scopes": []})).keys() == {"scopes"}
    assert faults(send(admin, "/devices/new", **{**fields, "counter": "C1"})).keys() == {"counter"}
    assert faults(send(admin, "/devices/new", **{**fields, "staff": "E99"})).keys() == {"staff"}


def test_a_name_is_shown_as_it_is_and_never_runs(admin: Caller) -> None:
    name = '<script>alert("x")</script>' * 5
    send(admin, "/stores/new", **{**STORE, "name": name})
    for page in ("/organisation/stores", "/organisation/stores/S09", "/organisation/staff/new"):
        assert "<script>alert" not in admin.get(page).text


def test_an_empty_list_says_what_to_do(app: Any, http: FlaskClient, database: Database) -> None:
    with database.transaction() as tx:
        a_person_with_login(tx, "ADMIN", role=Role.ADMINISTRATOR)
    admin = a_person_at_the_screen(http, database, "admin")
    for page in ("stores", "counters", "staff", "devices"):
        shown = admin.get(f"/organisation/{page}?search=nothing-like-this")
        assert shown.status_code == 200
        assert "Show all" in shown.text
        assert f'href="/organisation/{page}/new"' in admin.get(f"/organisation/{page}").text


def test_a_long_list_has_a_next_page_that_keeps_the_search(admin: Caller, database: Database) -> None:
    with database.transaction() as tx:
        for number in range(60):
            a_store(tx, f"N{number:02d}", name=f"Northern {number}")
            a_person(tx, f"N{number:02d}", name=f"Northern {number}")
            a_counter(tx, "S01", f"N{number:02d}", name=f"Northern {number}")
            a_device(tx, name=f"Northern {number}")
    for page in ("stores", "staff", "counters", "devices"):
        first = admin.get(f"/organisation/{page}?search=northern").text
        following = re.search(r'href="([^"]+)" rel="next"', first)
        assert following is not None
        assert first.count("<tr>") == 51
        second = admin.get(following[1].replace("&amp;", "&")).text
        assert second.count("<tr>") == 11
        assert 'rel="next"' not in second


# ---------------------------------------------------------------------------------------------- closed by default

GETS = (
    "/stores /stores/new /stores/S02 /stores/S02/edit /counters /counters/new /counters/S02/C1 /counters/S02/C1/edit"
    " /staff /staff/new /staff/E2 /staff/E2/edit /devices /devices/new /devices/{device}"
)
POSTS = (
    "/stores/new /stores/S02/edit /stores/S02/areas /counters/new /counters/S02/C1/edit /staff/new /staff/E2/edit"
    " /staff/E2/move /staff/E2/role /staff/E2/password /staff/E2/leave /devices/new /devices/{device}/revoke"
)
ROUTES = [("GET", path) for path in GETS.split()] + [("POST", path) for path in POSTS.split()]
TAKEN_OVER = {
    **STORE,
    **COUNTER,
    "store": "S02",
    "number": "E8",
    "home_store": "S02",
    "role": "",
    "scope": "",
    "terminal": "T8",
    "scopes": ["members.read"],
    "category": "A",
}


def test_the_matrix_knows_every_page_of_the_package(app: Any) -> None:
    served = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(HERE + "/")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert len(served) == len(set(ROUTES))


def test_pages_are_closed_to_strangers(house: None, http: FlaskClient) -> None:
    for method, path in ROUTES:
        address = HERE + path.format(device="c_1")
        answer = http.open(
            address, method=method, data={} if method == "POST" else None, headers={"Accept": "text/html"}
        )
        assert answer.status_code in (303, 401, 403), path
        assert "Store S0" not in answer.text


def test_a_manager_of_another_store_sees_and_changes_nothing_on_any_page(manager: Caller, database: Database) -> None:
    with database.transaction() as tx:
        device = a_device(tx, "S02")
    tables = ("store", "counter", "counter_terms", "staff", "staff_home", "staff_role", "device", "change")

    def snapshot() -> str:
        with database.transaction() as tx:
            return str([tx.execute(f"SELECT * FROM organisation.{table} ORDER BY 1, 2").all() for table in tables])

    before = snapshot()
    for method, path in ROUTES:
        path = path.format(device=device)
        if method == "GET":
            answer = manager.get(HERE + path)
            if answer.status_code == 200:
                assert "Store S02" not in answer.text, path
                assert device not in answer.text, path
            else:
                assert answer.status_code in (403, 404), path
        else:
            assert send(manager, path, **TAKEN_OVER).status_code in (403, 404), path
    assert snapshot() == before


def test_a_form_without_its_token_changes_nothing(admin: Caller, database: Database) -> None:
    assert send(admin, "/staff/E1/leave", csrf_token="").status_code == 403
    with database.transaction() as tx:
        assert load_people(tx, ["E1"])["E1"].person.status is StaffStatus.ACTIVE


# ---------------------------------------------------------------------------------------------- two languages


def test_every_word_of_the_pages_is_there_in_chinese() -> None:
    known: set[str] = set()
    for package in (ORGANISATION, ORGANISATION.parent / "foundation" / "pages"):
        with (package / "translations" / "zh" / "LC_MESSAGES" / "messages.po").open("rb") as file:
            known |= {str(message.id) for message in read_po(file) if message.id and message.string}
    methods = [("**/templates/**.html", "jinja2"), ("**.py", "python")]
    keywords = {"_": None, "gettext": None, "lazy": None}
    used = {str(message) for _, _, message, _, _ in extract_from_dir(ORGANISATION, methods, keywords=keywords)}
    assert used - known == set()


def test_pages_speak_chinese(admin: Caller) -> None:
    admin.http.set_cookie("regulars_language", "zh")
    assert "新建门店" in admin.get("/organisation/stores").text
    answer = send(admin, "/stores/new", **{**STORE, "currency": "XYZ"})
    assert faults(answer) == {"currency": "须为 ISO 4217 币种代码"}


def test_a_log_in_that_was_taken_away_is_out(admin: Caller, database: Database, http: FlaskClient) -> None:
    manager = a_person_at_the_screen(http, database, "manager1")
    assert manager.get("/organisation/staff").status_code == 200
    assert send(admin, "/staff/MANAGER1/leave").status_code == 303
    assert manager.get("/organisation/staff").status_code in (303, 401)
    assert PASSWORD
