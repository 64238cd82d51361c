"""Pages of stores: the list, one store, make and change."""

from typing import Any
from zoneinfo import available_timezones

import flask
from marshmallow import ValidationError
from werkzeug.utils import redirect

from foundation.access import allow, current_principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import DomainError
from foundation.http import Pages, make_cursor, transactional
from foundation.pages import gettext, render
from foundation.settings import get_settings
from organisation.changes.operations import Subject
from organisation.changes.words import shown_changes
from organisation.counters.operations import count_counters
from organisation.facts import StoreStatus
from organisation.forms import Form, Typed, area_words, path_words, read_form, typed_form
from organisation.lists import PAGE_SIZE, Listing, choice, listing, search_words, text_cursor
from organisation.locking import lock_master_data
from organisation.names.operations import DEFAULT_FORMAT, DEFAULT_LEGAL_UNIT, formats, legal_units, regions
from organisation.permissions import READ, WRITE
from organisation.stores.http import CategoryAreaSchema, StoreIn, wish_of
from organisation.stores.operations import KeptStore, find_store, list_stores, load_stores, put_stores
from organisation.stores.rules import StoreWish
from organisation.words import STORE_STATUS, format_words

stores_pages = Pages("stores", __name__, url_prefix="/organisation/stores")

HERE = "/organisation/stores"
FIELDS = {
    "code": Typed.WORDS,
    "name": Typed.WORDS,
    "format": Typed.WORDS,
    "region": Typed.OPTIONAL,
    "legal_unit": Typed.WORDS,
    "currency": Typed.WORDS,
    "timezone": Typed.WORDS,
    "status": Typed.WORDS,
    "opened_on": Typed.OPTIONAL,
    "closed_on": Typed.OPTIONAL,
    "area_m2": Typed.OPTIONAL,
    "effective_from": Typed.WORDS,
}
AREA_FIELDS = {"category": Typed.PATH, "area_m2": Typed.OPTIONAL, "effective_from": Typed.WORDS}


@stores_pages.route("")
@allow(READ)
@transactional
def stores_page(tx: Tx) -> str:
    """The stores the viewer may see."""
    viewer, search = current_principal(), search_words()
    status = choice(StoreStatus, "status")
    found = list_stores(tx, viewer, after=text_cursor(), limit=PAGE_SIZE + 1, search=search, status=status)
    return render(
        "stores/list.html",
        format_words=format_words,
        page=_listing(tx, found),
        search=search,
        status=status.value if status else "",
        status_words=STORE_STATUS,
        may_write=viewer.may(WRITE) and viewer.places is None,
    )


def _listing(tx: Tx, found: Any) -> Listing:
    page = listing(found, lambda kept: make_cursor(kept.store.code))
    rows = [
        (kept.store, area_words(kept.store.area_on(local_date(tx.now, kept.store.timezone)))) for kept in page.items
    ]
    return Listing(rows, page.next, page.first)


@stores_pages.route("/new")
@allow(WRITE)
@transactional
def new_store_page(tx: Tx) -> str:
    """A form for a new store, filled with what the company usually has."""
    settings = get_settings()
    usual = {
        "format": DEFAULT_FORMAT,
        "legal_unit": DEFAULT_LEGAL_UNIT,
        "currency": settings.company_currency,
        "timezone": settings.company_timezone,
        "status": StoreStatus.OPEN.value,
    }
    return _form_page(tx, Form(dict.fromkeys(FIELDS, "") | usual), None)


@stores_pages.route("/new", methods=["POST"])
@allow(WRITE)
@transactional
def make_store(tx: Tx) -> Any:
    """Make a store; faults come back at their fields."""
    form = typed_form(FIELDS)
    lock_master_data(tx)
    if load_stores(tx, [form.values["code"]]):
        taken = Form(form.values, {"code": gettext("There is a store with this code already.")})
        return _form_page(tx, taken, None), 422
    return _put(tx, form, None)


@stores_pages.route("/<code>")
@allow(READ)
@transactional
def store_page(tx: Tx, code: str) -> str:
    """One store: what it is, its areas, and what was changed."""
    return _store_page(tx, code, Form(dict.fromkeys(AREA_FIELDS, "")))


def _store_page(tx: Tx, code: str, area_form: Form) -> str:
    viewer = current_principal()
    kept = find_store(tx, viewer, code)
    today = local_date(tx.now, kept.store.timezone)
    areas = [(path_words(category), area_words(area)) for category, area in kept.store.category_areas_on(today).items()]
    return render(
        "stores/store.html",
        format_words=format_words,
        store=kept.store,
        area=area_words(kept.store.area_on(today)),
        ahead=sorted((day, area_words(area)) for day, area in kept.store.areas.items() if day > today),
        category_areas=areas,
        area_form=area_form,
        counter_count=count_counters(tx, kept.id),
        changes=shown_changes(tx, Subject.STORE, kept.id),
        status_words=STORE_STATUS,
        may_write=viewer.may(WRITE, f"store/{code}"),
        done=flask.request.args.get("done"),
    )


@stores_pages.route("/<code>/edit")
@allow(WRITE)
@transactional
def edit_store_page(tx: Tx, code: str) -> str:
    """The form of a store that is there."""
    kept = find_store(tx, current_principal(), code)
    return _form_page(tx, Form(_values(tx, kept)), kept)


@stores_pages.route("/<code>/edit", methods=["POST"])
@allow(WRITE)
@transactional
def change_store(tx: Tx, code: str) -> Any:
    """Change a store; faults come back at their fields."""
    kept = find_store(tx, current_principal(), code)
    form = typed_form(FIELDS)
    return _put(tx, Form({**form.values, "code": code}), kept)


@stores_pages.route("/<code>/areas", methods=["POST"])
@allow(WRITE)
@transactional
def set_category_area(tx: Tx, code: str) -> Any:
    """Say how much of the store's area a category has."""
    find_store(tx, current_principal(), code)
    form = typed_form(AREA_FIELDS)
    if not form.values["category"]:
        return _store_page(tx, code, Form(form.values, {"category": gettext("Missing data for required field.")})), 422
    try:
        part = read_form(CategoryAreaSchema(), form, {"category": Typed.PATH, "area_m2": Typed.WORDS})
        dated = read_form(StoreIn(), form, {"effective_from": Typed.WORDS}, code=code)
    except ValidationError as error:
        return _store_page(tx, code, form.unreadable(error)), 422
    wish = StoreWish(
        code,
        category_areas={tuple(part["category"]): part["area_m2"]},
        effective_from=dated.get("effective_from"),
    )
    outcome = put_stores(tx, current_principal(), [wish])[0]
    if isinstance(outcome, DomainError):
        return _store_page(tx, code, form.refused(outcome)), outcome.treatment.status
    return redirect(f"{HERE}/{code}?done=changed", 303)


def _put(tx: Tx, form: Form, kept: KeptStore | None) -> Any:
    try:
        wish = wish_of(read_form(StoreIn(), form, FIELDS))
    except ValidationError as error:
        return _form_page(tx, form.unreadable(error), kept), 422
    outcome = put_stores(tx, current_principal(), [wish])[0]
    if isinstance(outcome, DomainError):
        return _form_page(tx, form.refused(outcome), kept), outcome.treatment.status
    return redirect(f"{HERE}/{wish.code}?done={'created' if outcome.created else 'changed'}", 303)


def _values(tx: Tx, kept: KeptStore) -> dict[str, Any]:
    store = kept.store
    area = store.area_on(local_date(tx.now, store.timezone))
    return {
        "code": store.code,
        "name": store.name,
        "format": store.format,
        "region": store.region or "",
        "legal_unit": store.legal_unit,
        "currency": store.currency,
        "timezone": store.timezone,
        "status": store.status.value,
        "opened_on": store.opened_on or "",
        "closed_on": store.closed_on or "",
        "area_m2": "" if area is None else format(area.normalize(), "f"),
        "effective_from": "",
    }


def _form_page(tx: Tx, form: Form, kept: KeptStore | None) -> str:
    return render(
        "stores/form.html",
        form=form,
        store=kept.store if kept else None,
        formats=formats(tx),
        regions=regions(tx),
        legal_units=legal_units(tx),
        timezones=sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/")),
        status_options=[(status.value, words) for status, words in STORE_STATUS.items()],
    )
