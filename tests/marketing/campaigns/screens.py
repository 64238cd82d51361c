"""Marketers at their screens, for browser tests: a server with members on a list, logging in, looking."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.serving import make_server

from foundation.database import Database
from organisation.staff.roles import Role
from tests.foundation.page_checks import complaints_about
from tests.marketing.campaigns.factories import a_list, many_members
from tests.organisation.factories import PASSWORD, a_person_with_login

if TYPE_CHECKING:
    from playwright.sync_api import Page

SHOTS = os.environ.get("SHOTS")


@contextmanager
def marketers_at_work(app: Flask, database: Database) -> Iterator[str]:
    """600 members on a list; Anna and Bo do marketing. Gives the address."""
    with database.transaction() as tx:
        many_members(tx, 600)
        a_list(tx, "Came last month")
        for number in ("anna", "bo"):
            a_person_with_login(tx, number, name=number.title(), role=Role.MARKETER)
    with served(app) as address:
        yield address


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The application on a port of its own, in this process, by the clock of the test."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def log_in(page: "Page", address: str, who: str, where: str = "/campaigns") -> list[str]:
    """Log in; returns what the browser complains about, as it comes."""
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{address}/login?next={where}")
    page.fill("[name=username]", who)
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"{address}{where}")
    return complaints


def look(page: "Page", name: str) -> None:
    """What is wrong with the page; and a picture of it where SHOTS names a folder."""
    if SHOTS:
        size = page.viewport_size
        page.screenshot(path=Path(SHOTS) / f"{name}_{size and size['width']}.png", full_page=True)
    assert complaints_about(page) == []
