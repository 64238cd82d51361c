"""Pages of staff: the list, one person; hire, move, give a role, let log in, let go."""

from datetime import date
from typing import Any

import flask
from marshmallow import ValidationError
from werkzeug.utils import redirect

from foundation.access import Principal, allow, current_principal, declared_permissions
from foundation.database import Tx
from foundation.errors import DomainError
from foundation.http import Pages, make_cursor, transactional
from foundation.pages import gettext, render
from organisation.changes.operations import Subject
from organisation.changes.words import shown_changes
from organisation.devices.operations import list_devices
from organisation.facts import StaffStatus
from organisation.forms import Form, Typed, read_form, typed_form
from organisation.lists import PAGE_SIZE, Listing, choice, listing, search_words, text_cursor
from organisation.locking import lock_master_data
from organisation.names.operations import regions
from organisation.permissions import READ, STAFF
from organisation.staff.http import StaffIn, wish_of
from organisation.staff.listing import Employment, find_staff, list_staff, people_today
from organisation.staff.operations import issue_password, put_staff
from organisation.staff.roles import Role, Scope, permissions_of
from organisation.staff.rules import StaffWish
from organisation.staff.storage import load_people
from organisation.staff.words import ROLE_HINTS, ROLE_WORDS, SCOPE_WORDS, role_words, where_words
from organisation.stores.operations import store_choices
from organisation.words import STAFF_STATUS

staff_pages = Pages("staff", __name__, url_prefix="/organisation/staff")

HERE = "/organisation/staff"
FIELDS = {
    "number": Typed.WORDS,
    "name": Typed.WORDS,
    "username": Typed.OPTIONAL,
    "joined_on": Typed.OPTIONAL,
    "home_store": Typed.OPTIONAL,
    "role": Typed.OPTIONAL,
    "scope": Typed.WORDS,
    "region": Typed.OPTIONAL,
}
PERSON = {"name": Typed.WORDS, "username": Typed.OPTIONAL, "joined_on": Typed.OPTIONAL, "counters": Typed.LIST}
MOVE = {"home_store": Typed.OPTIONAL, "effective_from": Typed.WORDS}
ROLE = {"role": Typed.OPTIONAL, "scope": Typed.WORDS, "region": Typed.OPTIONAL, "effective_from": Typed.WORDS}


@staff_pages.route("")
@allow(READ)
@transactional
def staff_page(tx: Tx) -> str:
    """The staff of the stores the viewer may see."""
    viewer, search = current_principal(), search_words()
    store = flask.request.args.get("store", "").strip()
    status = choice(StaffStatus, "status")
    found = list_staff(
        tx,
        viewer,
        after=text_cursor(),
        limit=PAGE_SIZE + 1,
        search=search,
        store_code=store or None,
        status=status,
    )
    page = listing(found, lambda employment: make_cursor(employment.person.number))
    rows = [(employment, role_words(employment.role)) for employment in page.items]
    return render(
        "staff/list.html",
        page=Listing(rows, page.next, page.first),
        search=search,
        store=store,
        stores=store_choices(tx, current_principal()),
        status=status.value if status else "",
        status_words=STAFF_STATUS,
        may_write=viewer.may(STAFF),
    )


# ---------------------------------------------------------------------------------------------- hire


@staff_pages.route("/new")
@allow(STAFF)
@transactional
def new_staff_page(tx: Tx) -> str:
    """A form for somebody new."""
    store = flask.request.args.get("store", "")
    return _new_page(tx, Form({**dict.fromkeys(FIELDS, ""), "home_store": store}))


@staff_pages.route("/new", methods=["POST"])
@allow(STAFF)
@transactional
def hire(tx: Tx) -> Any:
    """Make a member of staff; with a user name they get a password that is shown this once."""
    form = typed_form(FIELDS)
    lock_master_data(tx)
    if load_people(tx, [form.values["number"]]):
        return _new_page(tx, Form(form.values, {"number": gettext("Somebody has this number already.")})), 422
    try:
        wish = wish_of(_read(form, FIELDS))
    except ValidationError as error:
        return _new_page(tx, form.unreadable(error)), 422
    outcome = put_staff(tx, current_principal(), [wish])[0]
    if isinstance(outcome, DomainError):
        return _new_page(tx, form.refused(outcome)), outcome.treatment.status
    if wish.username is None:
        return redirect(f"{HERE}/{wish.number}?done=created", 303)
    password = issue_password(tx, current_principal(), wish.number)
    return _person_page(tx, wish.number, password=password)


def _read(form: Form, names: dict[str, Typed], **more: Any) -> dict[str, Any]:
    """What a form of a person asks for: a role's scope and region count only with a role."""
    read = read_form(StaffIn(), form, names, **({} if "number" in names else {"number": "0"}), **more)
    if "role" in names and read.get("role") is None:
        read.pop("scope", None)
        read.pop("region", None)
        if "number" in names:
            read.pop("role")
    elif read.get("scope") is not Scope.REGION and not read.get("region"):
        read.pop("region", None)
    return read


def _new_page(tx: Tx, form: Form) -> str:
    return render(
        "staff/new.html",
        form=form,
        stores=store_choices(tx, current_principal()),
        **_role_choices(tx, current_principal()),
    )


def _role_choices(tx: Tx, viewer: Principal) -> dict[str, Any]:
    """What roles and scopes the viewer may give; the operation checks again."""
    declared = declared_permissions()
    given = [role for role in Role if permissions_of(role, declared) <= viewer.permissions]
    scopes = list(Scope) if viewer.places is None else [Scope.REGION, Scope.STORE]
    return {
        "role_options": [(role.value, f"{ROLE_WORDS[role]}: {ROLE_HINTS[role]}") for role in given],
        "scope_options": [("", gettext("As usual for the role"))]
        + [(scope.value, SCOPE_WORDS[scope]) for scope in scopes],
        "regions": regions(tx),
    }


# ---------------------------------------------------------------------------------------------- one person


@staff_pages.route("/<number>")
@allow(READ)
@transactional
def person_page(tx: Tx, number: str) -> str:
    """One person: where, in which role, what lies ahead, what was changed, and what can be done."""
    return _person_page(tx, number)


def _person_page(
    tx: Tx,
    number: str,
    *,
    move: Form | None = None,
    role: Form | None = None,
    fault: str = "",
    password: str = "",
) -> str:
    viewer = current_principal()
    employment = find_staff(tx, viewer, number)
    today = people_today(tx)
    may_write = viewer.may(STAFF) and employment.person.status is StaffStatus.ACTIVE
    held = employment.role
    role_form = Form(
        {
            "role": held.role.value if held else "",
            "scope": held.scope.value if held else "",
            "region": (held.region or "") if held else "",
            "effective_from": "",
        }
    )
    move_form = Form({"home_store": employment.home_store or "", "effective_from": ""})
    return render(
        "staff/person.html",
        it=employment,
        counters=employment.person.counters_on(today),
        role_words=role_words(held),
        where=where_words(held),
        ahead=_ahead(employment, today),
        devices=list_devices(tx, viewer, limit=50, living=True, staff_number=number),
        changes=shown_changes(tx, Subject.STAFF, employment.id),
        status_words=STAFF_STATUS,
        stores=store_choices(tx, current_principal()),
        move=move or move_form,
        role=role or role_form,
        today=today,
        fault=fault,
        password=password,
        may_write=may_write,
        done=flask.request.args.get("done"),
        **_role_choices(tx, viewer),
    )


def _ahead(employment: Employment, today: date) -> list[tuple[date, str]]:
    """What will change, and when."""
    person = employment.person
    moves = [
        (day, gettext("moves to %(store)s", store=store or gettext("no store")))
        for day, store in person.homes.items()
        if day > today
    ]
    roles = [(day, role_words(held)) for day, held in person.roles.items() if day > today]
    return sorted(moves + roles)


@staff_pages.route("/<number>/edit")
@allow(STAFF)
@transactional
def edit_person_page(tx: Tx, number: str) -> str:
    """The form of a person who is there."""
    employment = find_staff(tx, current_principal(), number)
    person = employment.person
    values = {
        "name": person.name,
        "username": person.username or "",
        "joined_on": person.joined_on or "",
        "counters": ", ".join(person.counters_on(people_today(tx))),
    }
    return _edit_page(employment, Form(values))


@staff_pages.route("/<number>/edit", methods=["POST"])
@allow(STAFF)
@transactional
def change_person(tx: Tx, number: str) -> Any:
    """Change who somebody is; faults come back at their fields."""
    employment = find_staff(tx, current_principal(), number)
    form = typed_form(PERSON)
    try:
        wish = wish_of({**_read(form, PERSON), "number": number})
    except ValidationError as error:
        return _edit_page(employment, form.unreadable(error)), 422
    outcome = put_staff(tx, current_principal(), [wish])[0]
    if isinstance(outcome, DomainError):
        return _edit_page(employment, form.refused(outcome)), outcome.treatment.status
    return redirect(f"{HERE}/{number}?done=changed", 303)


def _edit_page(employment: Employment, form: Form) -> str:
    return render("staff/edit.html", form=form, person=employment.person)


@staff_pages.route("/<number>/move", methods=["POST"])
@allow(STAFF)
@transactional
def move_person(tx: Tx, number: str) -> Any:
    """Send somebody to another store, from a day on."""
    find_staff(tx, current_principal(), number)
    form = typed_form(MOVE)
    try:
        wish = wish_of({**_read(form, MOVE), "number": number})
    except ValidationError as error:
        return _person_page(tx, number, move=form.unreadable(error)), 422
    outcome = put_staff(tx, current_principal(), [wish])[0]
    if isinstance(outcome, DomainError):
        return _person_page(tx, number, move=form.refused(outcome)), outcome.treatment.status
    return _back(number, tx)


@staff_pages.route("/<number>/role", methods=["POST"])
@allow(STAFF)
@transactional
def give_role(tx: Tx, number: str) -> Any:
    """Give somebody a role, or end it, from a day on."""
    find_staff(tx, current_principal(), number)
    form = typed_form(ROLE)
    try:
        wish = wish_of({**_read(form, ROLE), "number": number})
    except ValidationError as error:
        return _person_page(tx, number, role=form.unreadable(error)), 422
    outcome = put_staff(tx, current_principal(), [wish])[0]
    if isinstance(outcome, DomainError):
        return _person_page(tx, number, role=form.refused(outcome)), outcome.treatment.status
    return _back(number, tx)


@staff_pages.route("/<number>/password", methods=["POST"])
@allow(STAFF)
@transactional
def new_password_for(tx: Tx, number: str) -> Any:
    """Give somebody a new password, shown this once."""
    find_staff(tx, current_principal(), number)
    return _person_page(tx, number, password=issue_password(tx, current_principal(), number))


@staff_pages.route("/<number>/leave", methods=["POST"])
@allow(STAFF)
@transactional
def let_go(tx: Tx, number: str) -> Any:
    """Somebody leaves now: sessions, role and devices end."""
    find_staff(tx, current_principal(), number)
    outcome = put_staff(tx, current_principal(), [StaffWish(number, status=StaffStatus.LEFT)])[0]
    if isinstance(outcome, DomainError):
        return _person_page(tx, number, fault=gettext(outcome.detail)), outcome.treatment.status
    return _back(number, tx)


def _back(number: str, tx: Tx) -> Any:
    """To the person, or to the list if they are no longer the viewer's to see."""
    seen = load_people(tx, [number])[number].person.home_on(people_today(tx))
    viewer = current_principal()
    visible = viewer.places is None or (seen is not None and f"store/{seen}" in viewer.places)
    return redirect(f"{HERE}/{number}?done=changed" if visible else HERE, 303)
