"""A small room with one route of each kind, for the tests of the web layer."""

from datetime import datetime
from typing import Annotated, Any

import flask
import msgspec
from marshmallow import fields

from foundation.access import Principal, PrincipalKind, allow, declare_permission
from foundation.database import Tx
from foundation.errors import Conflict, FieldError, Invalid, Unavailable
from foundation.http import (
    Blueprint,
    Keyed,
    MenuItem,
    PageArguments,
    Pages,
    Room,
    Schema,
    idempotent,
    keep,
    keyed,
    make_cursor,
    msgspec_answer,
    msgspec_body,
    page_of,
    paged,
    read_cursor,
    transactional,
)
from foundation.idempotency import Answer
from foundation.pages import lazy, render

READ = declare_permission("test.read", "See the things of the tests")
WRITE = declare_permission("test.write", "Change the things of the tests")


class NoteIn(Schema):
    """A note as it is sent."""

    text = fields.String(required=True)
    amount = fields.Integer(strict=True)
    tags = fields.List(fields.Nested(Schema.from_dict({"name": fields.String(required=True)})))


class NoteOut(Schema):
    """A note as it is answered."""

    id = fields.String(required=True)
    text = fields.String()


class BasketLine(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    line: int
    amount: Annotated[int, msgspec.Meta(ge=0, le=10**12)]


class Basket(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    store: str
    occurred_at: datetime
    lines: list[BasketLine]


class BasketOut(msgspec.Struct, frozen=True):
    total: int


# Of the same name as the marshmallow schema above, as happens between packages.
FastNote = msgspec.defstruct("NoteIn", [("fast", bool)], module=__name__)


class NoteClash(Conflict):
    """There is such a note."""

    code = "note_clash"


notes = Blueprint("notes", __name__, description="Notes of the tests")
pages = Pages("notes", __name__, template_folder="web_templates")
times_done = 0


@notes.route("/notes")
@allow(READ)
@transactional
@notes.arguments(PageArguments, location="query")
@notes.response(200, page_of(NoteOut))
def list_notes(tx: Tx, arguments: dict[str, Any]) -> Any:
    """Seven notes, page by page."""
    start = read_cursor(arguments["cursor"], int)[0] if arguments["cursor"] else 1
    last = min(start + arguments["limit"] - 1, 7)
    items = [{"id": str(n), "text": f"note {n}"} for n in range(start, last + 1)]
    return paged(items, make_cursor(last + 1) if last < 7 else None)


@notes.route("/notes", methods=["POST"])
@allow(WRITE)
@idempotent
@notes.arguments(NoteIn)
@notes.response(201, NoteOut)
def add_note(tx: Tx, body: dict[str, Any]) -> dict[str, Any]:
    """Add a note."""
    global times_done
    match body["text"]:
        case "clash":
            raise NoteClash("there is such a note")
        case "books":
            raise Invalid("it does not add up", errors=[FieldError("/amount", "too much")], expected=7)
        case "bug":
            raise RuntimeError("secret words of a bug")
        case "away":
            raise Unavailable("the printer is away", retry_after_s=9)
        case "overflow":
            tx.execute("SELECT CAST(:n AS smallint)", {"n": body["amount"]})
        case "slow":
            tx.execute("SET LOCAL statement_timeout = 20")
            tx.execute("SELECT pg_sleep(1)")
        case "deadlock":
            tx.execute("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$")
        case "twin":
            tx.execute("CREATE TEMP TABLE twins (id int PRIMARY KEY) ON COMMIT DROP")
            tx.execute("INSERT INTO twins VALUES (1), (1)")
        case "wait":
            tx.execute("SELECT pg_sleep(1)")
    times_done += 1
    return {"id": str(times_done), "text": body["text"]}


def _read_again(tx: Tx, kept: Any) -> dict[str, Any]:
    return {"id": kept["id"], "text": "read again"}


@notes.route("/notes/personal", methods=["POST"])
@allow(WRITE)
@idempotent(again=_read_again)
@notes.arguments(NoteIn)
@notes.response(201, NoteOut)
def add_personal_note(tx: Tx, body: dict[str, Any]) -> dict[str, Any]:
    """Add a note whose text must not be kept with the answer."""
    keep({"id": "5"})
    return {"id": "5", "text": body["text"]}


@notes.route("/notes/<int:note>/tick", methods=["POST"])
@allow(WRITE)
@idempotent
def tick_note(tx: Tx, note: int) -> Any:
    """Tick a note off; takes no body."""
    return flask.jsonify(id=str(note))


@notes.route("/notes/<string:note>")
@allow(READ)
@transactional
@notes.response(200, NoteOut)
def show_note(tx: Tx, note: str) -> dict[str, Any]:
    """One note, by way of the database."""
    return {"id": note, "text": str(tx.execute("SELECT CAST(:note AS text)", {"note": note}).scalar_one())}


@notes.route("/notes/<string:note>", methods=["PUT"])
@allow(READ)
@transactional
def write_in_a_read_route(tx: Tx, note: str) -> Any:
    """Change a note."""
    tx.execute("CREATE TEMP TABLE changed (id text) ON COMMIT DROP")
    return flask.jsonify(ok=True)


@notes.route("/baskets", methods=["POST"])
@allow(WRITE)
@idempotent
@msgspec_body(Basket)
@msgspec_answer(201, BasketOut)
def add_basket(tx: Tx, basket: Basket) -> BasketOut:
    """Add up a basket."""
    return BasketOut(sum(line.amount for line in basket.lines))


@notes.route("/baskets/hot", methods=["POST"])
@allow(WRITE)
@keyed
@msgspec_body(Basket)
@msgspec_answer(201, BasketOut)
def add_hot_basket(request: Keyed, basket: Basket) -> Answer:
    """Add up a basket with the key in hand."""
    return Answer(201, {"total": len(basket.lines), "key": request.key, "client": request.client})


@notes.route("/notes/fast", methods=["POST"])
@allow(WRITE)
@msgspec_body(FastNote)
def add_fast_note(note: Any) -> flask.Response:
    """A route without key and transaction."""
    return flask.jsonify(fast=note.fast)


@notes.route("/who")
@allow(READ)
def who() -> flask.Response:
    """Who asks."""
    from foundation.access import current_principal

    principal = current_principal()
    return flask.jsonify(
        id=principal.id,
        kind=principal.kind,
        permissions=sorted(principal.permissions),
        places=None if principal.places is None else sorted(principal.places),
        bindings=dict(principal.bindings),
    )


@pages.route("/notes")
@allow(READ)
def notes_page() -> str:
    return render("web/notes.html")


@pages.route("/notes/secret")
@allow("test.write")
def secret_page() -> str:
    return render("web/notes.html")


PEOPLE: dict[str, Principal] = {}


def resolve_test_person(tx: Tx, person: str) -> Principal | None:
    """People of the tests, by id; absent means that they have left."""
    return PEOPLE.get(person)


def a_person(person: str = "p1", permissions: frozenset[str] = frozenset({READ, WRITE}), **more: Any) -> Principal:
    """Make somebody known to resolve_test_person."""
    PEOPLE[person] = Principal(PrincipalKind.PERSON, person, "Lin Mei", permissions, more.pop("places", None), **more)
    return PEOPLE[person]


room = Room(
    "notes",
    blueprints=[notes],
    pages=[pages],
    menu=[
        MenuItem(lazy("Notes"), "/notes", READ, "list", 10),
        MenuItem(lazy("Secrets"), "/notes/secret", WRITE, "key", 20),
    ],
)
