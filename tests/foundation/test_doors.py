"""Ways in of one's own: who comes in by a door is known behind it and nowhere else."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from foundation.access import Door, NotSignedIn, Principal, PrincipalKind, allow_by, current_principal, doors, open_door
from foundation.access.permissions import PermissionUndeclared
from foundation.database import Database
from foundation.http import Pages, Room, create_app
from foundation.settings import Settings

PAGE = {"Accept": "text/html"}


def recognise(cookie: str) -> Principal:
    if cookie != "the-key":
        raise NotSignedIn("no such guest")
    return Principal(PrincipalKind.MEMBER, "7", "", frozenset())


@pytest.fixture
def garden() -> Iterator[Door]:
    yield open_door(Door("garden", "garden_key", "/garden/gate", "/garden", recognise))
    del doors._doors["garden"]


@pytest.fixture
def pages(garden: Door) -> Pages:
    pages = Pages("garden", __name__)

    @pages.route("/garden")
    @allow_by(garden.name)
    def inside() -> str:
        return current_principal().actor

    @pages.route("/garden/flowers", methods=["POST"])
    @allow_by(garden.name)
    def pick() -> str:
        return "picked"

    return pages


def with_cookie(app: Flask, cookie: str, value: str) -> FlaskClient:
    browser = app.test_client()
    browser.set_cookie(cookie, value)
    return browser


def test_the_cookie_of_the_door_opens_it_and_nothing_else_does(
    pages: Pages, web_settings: Settings, database: Database
) -> None:
    garden = create_app([Room("garden", pages=[pages])], web_settings, database)
    stranger = garden.test_client().get("/garden", headers=PAGE)
    assert (stranger.status_code, stranger.headers["Location"]) == (303, "/garden/gate?next=%2Fgarden")
    assert garden.test_client().get("/garden", headers={"Authorization": "Bearer the-key"}).status_code == 401
    answers = {
        (cookie, value): with_cookie(garden, cookie, value).get("/garden")
        for cookie, value in (("regulars_session", "the-key"), ("garden_key", "another"), ("garden_key", "the-key"))
    }
    assert [answer.status_code for answer in answers.values()] == [401, 401, 200]
    assert answers["garden_key", "the-key"].text == "member:7"
    assert with_cookie(garden, "garden_key", "the-key").get("/account").status_code == 401


def test_whoever_is_inside_writes_only_with_the_token_of_their_page(
    pages: Pages, web_settings: Settings, database: Database
) -> None:
    garden = create_app([Room("garden", pages=[pages])], web_settings, database)
    refused = with_cookie(garden, "garden_key", "the-key").post("/garden/flowers")
    assert (refused.status_code, refused.get_json()["code"]) == (403, "csrf_rejected")


def test_an_application_with_a_door_that_nobody_opened_does_not_start(
    web_settings: Settings, database: Database
) -> None:
    pages = Pages("walled", __name__)

    @pages.route("/walled")
    @allow_by("nowhere")
    def walled() -> str:
        return ""

    with pytest.raises(PermissionUndeclared, match="nowhere"):
        create_app([Room("walled", pages=[pages])], web_settings, database)


def test_two_doors_of_one_name_are_a_mistake(garden: Door) -> None:
    assert open_door(garden) == garden
    with pytest.raises(ValueError, match="twice"):
        open_door(Door("garden", "other", "/", "/", recognise))
