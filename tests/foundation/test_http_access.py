"""Who may enter: closed by default, on every route, for machines and for people."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import flask
import pytest
from flask import Flask

from foundation.access import (
    Principal,
    PrincipalKind,
    ScopeNotYours,
    ScopeUnknown,
    access_changed,
    allow,
    client_names,
    create_client,
    find_client,
    list_clients,
    move_client,
    remove_login,
    replace_secret,
    revoke_client,
    set_login,
)
from foundation.access.passwords import PasswordTooWeak
from foundation.access.people import UsernameTaken, change_password, end_sessions, log_in
from foundation.access.permissions import PermissionUndeclared
from foundation.access.recognition import recognition
from foundation.access.tokens import forget_expired
from foundation.clock import FixedClock
from foundation.database import Database
from foundation.http import Blueprint, Room, create_app
from foundation.http.guard import access_of_all
from foundation.settings import Settings
from tests.foundation import web_room
from tests.foundation.conftest import PASSWORD, Machine, SignedIn, basic
from tests.foundation.test_http_problems import problem_of

# ------------------------------------------------------------------------------------------------ closed by default


def test_an_application_with_a_view_that_names_no_permission_does_not_start(
    web_settings: Settings, database: Database
) -> None:
    careless = Blueprint("careless", __name__)

    @careless.route("/careless")
    def forgot() -> str:
        return "open"

    with pytest.raises(PermissionUndeclared, match="careless"):
        create_app([Room("careless", [careless])], web_settings, database)


def test_an_application_with_a_permission_that_nobody_declared_does_not_start(
    web_settings: Settings, database: Database
) -> None:
    mistaken = Blueprint("mistaken", __name__)

    @mistaken.route("/mistaken")
    @allow("test.raed")
    def misspelt() -> str:
        return ""

    with pytest.raises(PermissionUndeclared, match=r"test\.raed"):
        create_app([Room("mistaken", [mistaken])], web_settings, database)


def test_without_token_only_the_open_routes_answer(web: Flask) -> None:
    adapter = web.url_map.bind("localhost")
    opened = set()
    for rule in web.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            path = adapter.build(rule.endpoint, dict.fromkeys(rule.arguments, 1), method=method)
            if web.test_client().open(path, method=method).status_code not in (401, 404):
                opened.add(rule.rule)
    pages = {"/", "/login", "/language", "/docs", "/favicon.ico"}
    assert opened == pages | {"/openapi.json", "/healthz", "/readyz", "/metrics"}


def test_every_route_of_the_whole_house_declares_who_may_call_it(app: Flask) -> None:
    assert access_of_all(app).keys() == app.view_functions.keys()


# ------------------------------------------------------------------------------------------------ machines


def test_a_machine_gets_a_token_and_is_known_by_it(machine: Machine) -> None:
    assert machine.get("/v1/who").json == {
        "id": machine.client.client_id,
        "kind": "machine",
        "permissions": ["test.read", "test.write"],
        "places": None,
        "bindings": {},
    }


def test_a_bound_machine_sees_its_store_only(make_machine: Callable[..., Machine]) -> None:
    till = make_machine(bindings={"store": "S01", "terminal": "T1"})
    answer: Any = till.get("/v1/who").json
    assert answer["places"] == ["store/S01"]
    assert answer["bindings"] == {"store": "S01", "terminal": "T1"}


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"grant_type": "client_credentials"}, 200, None),
        ({"grant_type": "client_credentials", "scope": "test.read"}, 200, None),
        ({"grant_type": "client_credentials", "scope": "test.read clients.write"}, 400, "invalid_scope"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({}, 400, "invalid_request"),
        ({"grant_type": ["client_credentials", "client_credentials"]}, 400, "invalid_request"),
        ({"grant_type": "client_credentials", "client_secret": "x"}, 400, "invalid_request"),
    ],
)
def test_the_token_request_is_answered_as_rfc_6749_says(
    web: Flask, machine: Machine, form: dict[str, Any], status: int, error: str | None
) -> None:
    headers = basic(machine.client.client_id, machine.client.client_secret)
    answer = web.test_client().post("/oauth/token", data=form, headers=headers)
    document = answer.get_json(force=True)
    assert answer.status_code == status
    assert answer.headers["Cache-Control"] == "no-store"
    assert document.get("error") == error
    if status == 200:
        assert document["token_type"] == "Bearer"
        assert document["expires_in"] == 3600
        assert document["scope"] == form.get("scope", "test.read test.write")


def test_wrong_credentials_are_refused_alike(web: Flask, machine: Machine) -> None:
    calls = web.test_client()
    form = {"grant_type": "client_credentials"}
    tries = [
        basic(machine.client.client_id, "wrong"),
        basic("c_nobody", machine.client.client_secret),
        {"Authorization": "Basic !!!"},
        {"Authorization": "Bearer x"},
        {},
    ]
    for headers in tries:
        answer = calls.post("/oauth/token", data=form, headers=headers)
        document = problem_of(answer, 401, "client_rejected")
        assert document["error"] == "invalid_client"
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
    in_body = {**form, "client_id": machine.client.client_id, "client_secret": machine.client.client_secret}
    assert calls.post("/oauth/token", data=in_body).status_code == 200


def test_a_token_with_fewer_scopes_may_do_less(web: Flask, machine: Machine) -> None:
    form = {"grant_type": "client_credentials", "scope": "test.read"}
    headers = basic(machine.client.client_id, machine.client.client_secret)
    token = web.test_client().post("/oauth/token", data=form, headers=headers).get_json()["access_token"]
    narrow = replace(machine, token=token)
    assert narrow.get("/v1/who").status_code == 200
    document = problem_of(narrow.post("/v1/notes", {"text": "a"}, "k"), 403, "permission_missing")
    assert document["permission"] == "test.write"


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer wrong", "Basic eA==", "Token x", "bearer \xff"])
def test_a_header_that_carries_no_good_token_is_a_401(web: Flask, header: str) -> None:
    answer = web.test_client().get("/v1/who", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_ends_after_an_hour(machine: Machine, clock: FixedClock) -> None:
    assert machine.get("/v1/who").status_code == 200
    clock.advance(timedelta(minutes=59, seconds=59))
    assert machine.get("/v1/who").status_code == 200
    clock.advance(timedelta(seconds=1))
    problem_of(machine.get("/v1/who"), 401, "token_rejected")


def test_a_machine_can_end_its_token(web: Flask, machine: Machine) -> None:
    assert machine.get("/v1/who").status_code == 200
    headers = basic(machine.client.client_id, machine.client.client_secret)
    assert web.test_client().post("/oauth/revoke", data={"token": machine.token}, headers=headers).status_code == 200
    assert machine.get("/v1/who").status_code == 401
    assert web.test_client().post("/oauth/revoke", data={"token": "unknown"}, headers=headers).status_code == 200


def test_a_revoked_client_is_out_at_once_and_gets_no_new_token(
    web: Flask, machine: Machine, database: Database
) -> None:
    assert machine.get("/v1/who").status_code == 200
    with database.transaction() as tx:
        revoke_client(tx, machine.client.client_id)
        revoke_client(tx, machine.client.client_id)
    problem_of(machine.get("/v1/who"), 401, "token_rejected")
    headers = basic(machine.client.client_id, machine.client.client_secret)
    answer = web.test_client().post("/oauth/token", data={"grant_type": "client_credentials"}, headers=headers)
    problem_of(answer, 401, "client_rejected")
    with database.transaction() as tx:
        assert find_client(tx, machine.client.client_id).revoked_at is not None


def test_a_moved_till_acts_at_its_new_place_with_its_old_token(
    make_machine: Callable[..., Machine], database: Database
) -> None:
    till = make_machine(bindings={"store": "S01", "terminal": "T1"})
    assert till.get("/v1/who").get_json()["places"] == ["store/S01"]
    with database.transaction() as tx:
        move_client(tx, till.client.client_id, {"store": "S02", "terminal": "T9"})
    assert till.get("/v1/who").get_json()["bindings"] == {"store": "S02", "terminal": "T9"}


def test_a_change_that_is_rolled_back_changes_nothing(machine: Machine, database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction() as tx:
        revoke_client(tx, machine.client.client_id)
        raise ZeroDivisionError
    assert machine.get("/v1/who").status_code == 200


def test_a_new_secret_ends_the_old_one_and_its_tokens(web: Flask, machine: Machine, database: Database) -> None:
    with database.transaction() as tx:
        new = replace_secret(tx, machine.client.client_id)
    assert machine.get("/v1/who").status_code == 401
    form = {"grant_type": "client_credentials"}
    calls = web.test_client()
    assert calls.post("/oauth/token", data=form, headers=basic(new.client_id, new.client_secret)).status_code == 200
    old = basic(machine.client.client_id, machine.client.client_secret)
    assert calls.post("/oauth/token", data=form, headers=old).status_code == 401


def test_nobody_gives_a_client_more_than_they_have(database: Database) -> None:
    manager = Principal(PrincipalKind.PERSON, "m", "Manager", frozenset({"test.read"}), frozenset({"store/S01"}))
    here, there = {"store": "S01", "terminal": "T1"}, {"store": "S02", "terminal": "T1"}
    with database.transaction() as tx:
        with pytest.raises(ScopeNotYours):
            create_client(tx, manager, "till", ["test.read", "test.write"], here)
        with pytest.raises(ScopeNotYours):
            create_client(tx, manager, "till", ["test.read"], there)
        with pytest.raises(ScopeNotYours):
            create_client(tx, manager, "head office", ["test.read"], {})
        with pytest.raises(ScopeUnknown):
            create_client(tx, None, "till", ["no.such"], here)
        made = create_client(tx, manager, "till", ["test.read"], here)
        assert [client.client_id for client in list_clients(tx, store="S01")] == [made.client_id]
        assert find_client(tx, made.client_id).created_by == "person:m"


def test_what_clients_are_called_is_known_also_of_those_that_have_ended(database: Database) -> None:
    with database.transaction() as tx:
        till, kiosk = (create_client(tx, None, name, ["test.read"], {}).client_id for name in ("Till 1", "Kiosk"))
        revoke_client(tx, kiosk)
        assert client_names(tx, [till, kiosk, "c_nobody"]) == {till: "Till 1", kiosk: "Kiosk"}
        assert client_names(tx, []) == {}


def test_expired_tokens_and_sessions_are_cleared_away(
    machine: Machine, sign_in: Callable[..., SignedIn], database: Database, clock: FixedClock
) -> None:
    sign_in()
    assert forget_expired(database) == 0
    clock.advance(timedelta(hours=13))
    assert forget_expired(database) == 2


def test_a_secret_is_nowhere_in_the_database(machine: Machine, database: Database) -> None:
    with database.transaction() as tx:
        rows = tx.execute("SELECT c::text || t::text FROM foundation.client c, foundation.access_token t").scalars()
        text = "".join(rows)
    assert machine.token not in text
    assert machine.client.client_secret not in text


def test_a_principal_read_before_a_change_is_not_kept_after_it(machine: Machine, database: Database) -> None:
    # The reading begins, the change is heard, the reading ends: what was read is old and must not stay.
    recognition.forget()
    generation = recognition._generation
    recognition.forget("somebody else")
    assert recognition._generation == generation + 1
    assert machine.get("/v1/who").status_code == 200


def test_a_known_token_costs_no_query(machine: Machine, database: Database) -> None:
    machine.get("/v1/who")
    database.engine.dispose()
    with database.engine.connect() as guard:
        before = guard.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        ).scalar_one()
        for _ in range(5):
            assert machine.get("/v1/who").status_code == 200
        after = guard.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        ).scalar_one()
    assert before == after


# ------------------------------------------------------------------------------------------------ people


def test_a_person_logs_in_and_out(web: Flask, sign_in: Callable[..., SignedIn]) -> None:
    signed_in = sign_in()
    assert signed_in.calls.get("/v1/who").get_json()["kind"] == "person"
    answer = signed_in.calls.post("/logout", data={"csrf_token": signed_in.csrf})
    assert answer.status_code == 303
    assert signed_in.calls.get("/v1/who").status_code == 401


def test_the_session_cookie_is_closed_to_scripts_and_other_sites(web: Flask, sign_in: Callable[..., SignedIn]) -> None:
    sign_in()
    calls = web.test_client()
    form = {"username": "p1", "password": PASSWORD}
    plain = calls.post("/login", data=form).headers["Set-Cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=Lax" in plain
    assert "Secure" not in plain
    secure = calls.post("/login", data=form, base_url="https://localhost").headers["Set-Cookie"]
    assert "Secure" in secure


def test_a_wrong_password_and_an_unknown_name_look_the_same(web: Flask, sign_in: Callable[..., SignedIn]) -> None:
    sign_in()
    calls = web.test_client()
    wrong = calls.post("/login", data={"username": "p1", "password": "wrong"})
    nobody = calls.post("/login", data={"username": "p2", "password": "wrong"})
    assert wrong.status_code == nobody.status_code == 401
    assert wrong.text.replace('"p1"', "") == nobody.text.replace('"p2"', "")


def test_user_names_do_not_mind_case_or_width(web: Flask, sign_in: Callable[..., SignedIn]) -> None:
    sign_in()
    answer = web.test_client().post("/login", data={"username": " Ｐ１ ", "password": PASSWORD})
    assert answer.status_code == 303


def test_after_five_failures_even_the_right_password_waits(
    web: Flask, sign_in: Callable[..., SignedIn], clock: FixedClock
) -> None:
    sign_in()
    calls = web.test_client()
    for _ in range(5):
        assert calls.post("/login", data={"username": "p1", "password": "wrong"}).status_code == 401
    right = {"username": "p1", "password": PASSWORD}
    assert calls.post("/login", data=right).status_code == 401
    clock.advance(timedelta(seconds=31))
    assert calls.post("/login", data={"username": "p1", "password": "wrong"}).status_code == 401
    clock.advance(timedelta(seconds=31))
    assert calls.post("/login", data=right).status_code == 401  # the second wait is twice as long
    clock.advance(timedelta(seconds=30))
    assert calls.post("/login", data=right).status_code == 303


def test_a_success_forgets_the_failures_before_it(web: Flask, sign_in: Callable[..., SignedIn]) -> None:
    sign_in()
    calls = web.test_client()
    for _ in range(3):
        for _ in range(4):
            assert calls.post("/login", data={"username": "p1", "password": "wrong"}).status_code == 401
        assert calls.post("/login", data={"username": "p1", "password": PASSWORD}).status_code == 303


def test_attempts_side_by_side_cannot_outrun_the_lock(sign_in: Callable[..., SignedIn], database: Database) -> None:
    sign_in()
    outcomes: list[bool] = []

    def guess(password: str) -> None:
        try:
            log_in(database, "p1", password)
            outcomes.append(True)
        except Exception:
            outcomes.append(False)

    threads = [threading.Thread(target=guess, args=(f"guess number {n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [False] * 6
    with database.transaction() as tx:
        count, locked = tx.execute("SELECT failed_count, locked_until FROM foundation.login").one()
    assert count == 5  # the sixth was not even looked at
    assert locked is not None


def test_a_session_ends_when_idle_and_at_the_end_of_the_day(
    sign_in: Callable[..., SignedIn], clock: FixedClock
) -> None:
    signed_in = sign_in()
    clock.advance(timedelta(hours=1, minutes=59))
    assert signed_in.calls.get("/v1/who").status_code == 200
    clock.advance(timedelta(hours=2))
    assert signed_in.calls.get("/v1/who").status_code == 401
    signed_in = sign_in("p2")
    for _ in range(11):
        clock.advance(timedelta(hours=1))
        recognition.forget()
        assert signed_in.calls.get("/v1/who").status_code == 200
    clock.advance(timedelta(hours=1))
    assert signed_in.calls.get("/v1/who").status_code == 401


def test_somebody_who_leaves_is_out_at_once(sign_in: Callable[..., SignedIn], database: Database) -> None:
    signed_in = sign_in()
    assert signed_in.calls.get("/v1/who").status_code == 200
    with database.transaction() as tx:
        remove_login(tx, "p1")
    assert signed_in.calls.get("/v1/who").status_code == 401


def test_somebody_whose_role_changes_has_the_new_one_at_once(
    sign_in: Callable[..., SignedIn], database: Database
) -> None:
    signed_in = sign_in()
    assert signed_in.post("/v1/notes", {"text": "a"}).status_code == 201
    web_room.a_person("p1", frozenset({"test.read"}))
    with database.transaction() as tx:
        access_changed(tx, "p1")
    problem_of(signed_in.post("/v1/notes", {"text": "b"}, key="k2"), 403, "permission_missing")
    del web_room.PEOPLE["p1"]
    with database.transaction() as tx:
        access_changed(tx)
    assert signed_in.calls.get("/v1/who").status_code == 401


def test_logging_out_everywhere_ends_every_session(
    web: Flask, sign_in: Callable[..., SignedIn], database: Database
) -> None:
    first = sign_in()
    other = web.test_client()
    assert other.post("/login", data={"username": "p1", "password": PASSWORD}).status_code == 303
    with database.transaction() as tx:
        assert end_sessions(tx, "p1") == 2
    assert first.calls.get("/v1/who").status_code == other.get("/v1/who").status_code == 401


@pytest.mark.parametrize("weak", ["short", "a" * 129, "aaaaaaaaaaaa", "my name is lin.mei"])
def test_weak_passwords_are_refused(database: Database, weak: str) -> None:
    with pytest.raises(PasswordTooWeak), database.transaction() as tx:
        set_login(tx, "p1", "Lin.Mei", weak)


def test_a_user_name_belongs_to_one_person(database: Database) -> None:
    with database.transaction() as tx:
        set_login(tx, "p1", "lin", PASSWORD)
        with pytest.raises(UsernameTaken):
            set_login(tx, "p2", "LIN", PASSWORD)


def test_changing_the_password_needs_the_old_one_and_ends_the_other_sessions(
    web: Flask, sign_in: Callable[..., SignedIn], database: Database
) -> None:
    signed_in = sign_in()
    other = web.test_client()
    other.post("/login", data={"username": "p1", "password": PASSWORD})
    form = {"csrf_token": signed_in.csrf, "new_password": "a quite new one", "new_password_again": "a quite new one"}
    wrong = signed_in.calls.post("/account/password", data={**form, "old_password": "wrong"})
    assert wrong.status_code == 422
    weak = {**form, "old_password": PASSWORD, "new_password": "x", "new_password_again": "x"}
    assert signed_in.calls.post("/account/password", data=weak).status_code == 422
    differ = {**form, "old_password": PASSWORD, "new_password_again": "another"}
    assert signed_in.calls.post("/account/password", data=differ).status_code == 422
    done = signed_in.calls.post("/account/password", data={**form, "old_password": PASSWORD})
    assert done.status_code == 200
    assert signed_in.calls.get("/v1/who").status_code == 200
    assert other.get("/v1/who").status_code == 401
    with database.transaction() as tx:
        change_password(tx, "p1", "a quite new one", PASSWORD)


# ------------------------------------------------------------------------------------------------ CSRF


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, 201),
        ({"X-CSRF-Token": ""}, 403),
        ({"X-CSRF-Token": "0" * 64}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://localhost"}, 201),
    ],
)
def test_a_session_writes_only_with_its_own_csrf_token_from_its_own_site(
    sign_in: Callable[..., SignedIn], more: dict[str, str], status: int
) -> None:
    signed_in = sign_in()
    assert signed_in.post("/v1/notes", {"text": "a"}, **more).status_code == status


def test_the_csrf_token_of_another_session_is_worth_nothing(sign_in: Callable[..., SignedIn]) -> None:
    mine, theirs = sign_in("p1"), sign_in("p2")
    problem_of(mine.post("/v1/notes", {"text": "a"}, csrf=theirs.csrf), 403, "csrf_rejected")


def test_a_machine_needs_no_csrf_token_and_a_session_beside_it_does_not_count(
    machine: Machine, sign_in: Callable[..., SignedIn]
) -> None:
    assert machine.post("/v1/notes", {"text": "a"}, "k").status_code == 201
    signed_in = sign_in()
    answer = signed_in.calls.get("/v1/who", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401


def test_a_log_in_from_another_site_is_refused(web: Flask, sign_in: Callable[..., SignedIn]) -> None:
    sign_in()
    form = {"username": "p1", "password": PASSWORD}
    answer = web.test_client().post("/login", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("where", "goes"),
    [
        ("/notes?q=1", "/notes?q=1"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x=1", "/"),
    ],
)
def test_nobody_is_sent_to_another_site_after_the_log_in(
    web: Flask, sign_in: Callable[..., SignedIn], where: str, goes: str
) -> None:
    sign_in()
    answer = web.test_client().post("/login", data={"username": "p1", "password": PASSWORD, "next": where})
    assert answer.headers["Location"] == goes


def test_a_stranger_is_sent_to_the_log_in_and_back(web: Flask) -> None:
    answer = web.test_client().get("/notes?q=1", headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/login?next=%2Fnotes%3Fq%3D1"


def test_a_page_that_is_not_theirs_says_so(sign_in: Callable[..., SignedIn]) -> None:
    signed_in = sign_in(permissions=frozenset({"test.read"}))
    answer = signed_in.calls.get("/notes/secret", headers={"Accept": "text/html"})
    assert answer.status_code == 403
    assert "You may not see this" in answer.text
    page = signed_in.calls.get("/notes", headers={"Accept": "text/html"})
    assert 'href="/notes"' in page.text
    assert 'href="/notes/secret"' not in page.text.replace('<a href="/notes/secret">Secret</a>', "")


# ------------------------------------------------------------------------------------------------ headers


def test_pages_and_data_carry_the_security_headers(
    web: Flask, machine: Machine, sign_in: Callable[..., SignedIn]
) -> None:
    data = machine.get("/v1/who").headers
    page = web.test_client().get("/login").headers
    for headers in (data, page):
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert "Strict-Transport-Security" not in headers
    assert "script-src 'self'" in page["Content-Security-Policy"]
    secure = web.test_client().get("/login", base_url="https://localhost").headers
    assert secure["Strict-Transport-Security"].startswith("max-age=31536000")


def test_no_page_has_inline_script_or_style(web: Flask, sign_in: Callable[..., SignedIn]) -> None:
    signed_in = sign_in()
    for path in ("/notes", "/account", "/docs", "/nowhere"):
        text = signed_in.calls.get(path, headers={"Accept": "text/html"}).text
        assert " style=" not in text
        assert " onclick=" not in text
        assert all("src=" in tag.partition(">")[0] for tag in text.split("<script")[1:])


def test_the_current_principal_does_not_leak_into_the_next_request(web: Flask, machine: Machine) -> None:
    assert machine.get("/v1/who").status_code == 200
    assert web.test_client().get("/v1/who").status_code == 401


def test_flask_sees_no_session_of_its_own(web: Flask) -> None:
    with web.test_request_context("/"):
        assert not flask.session
