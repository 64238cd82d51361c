"""Members' phones in tests: a browser of its own each, and a stand-in for the network that brings text messages."""

import re
from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from foundation.database import Database
from member_api.contract.one_time_codes import codes_sent, codes_to_send

PAGE = {"Accept": "text/html"}
CSRF = re.compile(r'name="csrf_token" value="([0-9a-f]+)"')


def texts(database: Database) -> dict[str, str]:
    """What phones get now, by number: the code. What was sent is not sent again."""
    with database.transaction() as tx:
        codes = codes_to_send(tx, 100)
        codes_sent(tx, [code.id for code in codes], [], [])
    return {code.address: code.code for code in codes}


class Phone:
    """One phone with a browser."""

    def __init__(self, app: Flask, database: Database, number: str = "13800138000") -> None:
        self.browser: FlaskClient = app.test_client()
        self.database = database
        self.number = number

    @property
    def e164(self) -> str:
        return f"+86{self.number}"

    def get(self, path: str, **query: Any) -> Any:
        return self.browser.get(path, headers=PAGE, query_string=query)

    def post(self, path: str, form: Mapping[str, Any], **headers: str) -> Any:
        return self.browser.post(path, data=form, headers=PAGE | headers)

    def act(self, page: str, path: str, **form: Any) -> Any:
        """Send a form of a page of the member's own, with the page's CSRF token."""
        found = CSRF.search(self.get(page).text)
        assert found is not None, f"{page} has no form"
        return self.post(path, form | {"csrf_token": found[1]})

    def asks(self, **form: str) -> Any:
        return self.post("/m/login", {"phone": self.number, "i": "", "next": ""} | form)

    def types(self, code: str, where: str = "") -> Any:
        return self.post("/m/login/code", {"code": code, "next": where})

    def logs_in(self, **form: str) -> Any:
        """Ask for a code, get it, type it; the last response."""
        asked = self.asks(**form)
        assert asked.status_code == 303, asked.text
        return self.types(texts(self.database)[self.e164])
