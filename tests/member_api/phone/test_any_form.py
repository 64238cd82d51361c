"""Whatever is typed or sent to a member's pages, nothing answers with a fault of ours, and nobody gets in by it."""

from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation.access.permissions import access_of
from foundation.database import Database
from tests.member_api.people import a_member
from tests.member_api.phone.phones import CSRF, PAGE, Phone

FIELDS = (
    "phone", "i", "next", "code", "name", "birthday", "channels", "wording", "channel", "purpose", "granted", "pin",
    "again", "old", "said", "cursor", "store", "counter", "staff", "part", "new", "done",
)  # fmt: skip
ANYTHING = st.one_of(
    st.text(max_size=60),
    st.binary(max_size=40).map(lambda sent: sent.decode("utf-8", "surrogateescape")),
    st.sampled_from(
        ["", "0", "-1", "9" * 30, "null", "sms", "any", "profiling", "true", "123456", "RG1234567890123456"]
    ),
)
FORMS = st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=6)


def sent(form: dict[str, str]) -> dict[str, bytes]:
    return {name: value.encode("utf-8", "surrogateescape") for name, value in form.items()}


@pytest.mark.parametrize("signed_in", [False, True])
def test_no_form_is_a_fault_of_ours(app: Flask, database: Database, signed_in: bool) -> None:
    a_member(database)
    phone = Phone(app, database)
    token = ""
    if signed_in:
        phone.logs_in()
        found = CSRF.search(phone.get("/m/me").text)
        assert found is not None
        token = found[1]
    rules: list[tuple[str, str]] = [
        (rule.rule.replace("<receipt>", "x").replace("<settlement>", "x"), method)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(("/m/", "/join")) or rule.rule == "/m"
        for method in (rule.methods or set()) & {"GET", "POST"}
        if rule.rule != "/m/logout"
    ]
    assert len(rules) > 20

    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(rules), FORMS)
    def send(rule: tuple[str, str], form: dict[str, str]) -> None:
        path, method = rule
        words: dict[str, Any] = {"query_string" if method == "GET" else "data": sent(form | {"csrf_token": token})}
        answer = phone.browser.open(path, method=method, headers=PAGE, **words)
        assert answer.status_code < 500, (path, form)
        if not signed_in and method == "GET":
            view = app.view_functions[app.url_map.bind("localhost").match(path, method=method)[0]]
            access = access_of(view)
            assert access is not None
            assert access.is_open or answer.status_code == 303 or answer.status_code == 400, (path, form)

    send()
