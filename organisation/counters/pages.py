"""Pages of counters: the list, one counter, make and change."""

from decimal import Decimal, InvalidOperation
from typing import Any

import flask
from marshmallow import ValidationError
from werkzeug.utils import redirect

from foundation.access import allow, current_principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import DomainError
from foundation.http import Pages, make_cursor, read_cursor, transactional
from foundation.money import exponent
from foundation.pages import gettext, render
from organisation.changes.operations import Subject
from organisation.changes.words import shown_changes
from organisation.counters.http import CounterIn, wish_of
from organisation.counters.operations import KeptCounter, find_counter, list_counters, load_counters, put_counters
from organisation.facts import CounterMode, CounterStatus
from organisation.forms import Form, Typed, area_words, path_words, percent_of, read_form, typed_form
from organisation.lists import PAGE_SIZE, Listing, choice, listing, search_words
from organisation.locking import lock_master_data
from organisation.names.operations import formats, legal_units, suppliers
from organisation.permissions import READ, WRITE
from organisation.places import place_of
from organisation.stores.operations import find_store, list_stores, store_choices
from organisation.words import COUNTER_STATUS, MODES, format_words

counters_pages = Pages("counters", __name__, url_prefix="/organisation")

HERE = "/organisation/counters"
FIELDS = {
    "store": Typed.WORDS,
    "code": Typed.WORDS,
    "name": Typed.WORDS,
    "status": Typed.WORDS,
    "category": Typed.PATH,
    "brand": Typed.OPTIONAL,
    "floor": Typed.OPTIONAL,
    "mode": Typed.WORDS,
    "rate": Typed.PERCENT,
    "guaranteed_minimum": Typed.OPTIONAL,
    "supplier": Typed.OPTIONAL,
    "legal_unit": Typed.OPTIONAL,
    "format": Typed.OPTIONAL,
    "area_m2": Typed.OPTIONAL,
    "takes_points": Typed.FLAG,
    "takes_ecoins": Typed.FLAG,
    "takes_coupons": Typed.FLAG,
    "opened_on": Typed.OPTIONAL,
    "closed_on": Typed.OPTIONAL,
    "effective_from": Typed.WORDS,
}
USUAL = {
    "mode": CounterMode.OWN.value,
    "status": CounterStatus.OPEN.value,
    "takes_points": True,
    "takes_ecoins": True,
    "takes_coupons": True,
}


@counters_pages.route("/counters")
@allow(READ)
@transactional
def counters_page(tx: Tx) -> str:
    """The counters of the stores the viewer may see."""
    viewer, search = current_principal(), search_words()
    store = flask.request.args.get("store", "").strip()
    status = choice(CounterStatus, "status")
    cursor = flask.request.args.get("cursor")
    after = read_cursor(cursor, str, str) if cursor else None
    found = list_counters(
        tx,
        viewer,
        after=(after[0], after[1]) if after else None,
        limit=PAGE_SIZE + 1,
        search=search,
        store_code=store or None,
        status=status,
    )
    page = listing(found, lambda kept: make_cursor(kept.counter.store, kept.counter.code))
    rows = [_row(tx, kept) for kept in page.items]
    return render(
        "counters/list.html",
        page=Listing(rows, page.next, page.first),
        search=search,
        store=store,
        stores=store_choices(tx, current_principal()),
        status=status.value if status else "",
        status_words=COUNTER_STATUS,
        mode_words=MODES,
        may_write=viewer.may(WRITE),
    )


def _row(tx: Tx, kept: KeptCounter) -> dict[str, Any]:
    today = local_date(tx.now, kept.timezone)
    return {
        "counter": kept.counter,
        "mode": kept.counter.terms_on(today).mode,
        "category": path_words(kept.counter.category),
        "area": area_words(kept.counter.area_on(today)),
    }


@counters_pages.route("/counters/new")
@allow(WRITE)
@transactional
def new_counter_page(tx: Tx) -> str:
    """A form for a new counter."""
    store = flask.request.args.get("store", "")
    return _form_page(tx, Form({**dict.fromkeys(FIELDS, ""), **USUAL, "store": store}), None)


@counters_pages.route("/counters/new", methods=["POST"])
@allow(WRITE)
@transactional
def make_counter(tx: Tx) -> Any:
    """Make a counter; faults come back at their fields."""
    form = _sent()
    lock_master_data(tx)
    if load_counters(tx, [(form.values["store"], form.values["code"])]):
        taken = Form(form.values, {"code": gettext("There is a counter with this code in the store already.")})
        return _form_page(tx, taken, None), 422
    return _put(tx, form, None)


@counters_pages.route("/counters/<store>/<code>")
@allow(READ)
@transactional
def counter_page(tx: Tx, store: str, code: str) -> str:
    """One counter: what it is, its terms by date, and what was changed."""
    viewer = current_principal()
    kept = find_counter(tx, viewer, store, code)
    today = local_date(tx.now, kept.timezone)
    return render(
        "counters/counter.html",
        format_words=format_words,
        counter=kept.counter,
        store=find_store(tx, viewer, store).store,
        currency=kept.currency,
        terms=kept.counter.terms_on(today),
        rate=percent_of(kept.counter.terms_on(today).rate),
        history=[
            (day, terms.mode, percent_of(terms.rate), terms.guaranteed_minimum)
            for day, terms in sorted(kept.counter.terms.items(), reverse=True)
        ],
        promotion_rates=[
            (promotion, f"{percent_of(share)} %")
            for promotion, share in kept.counter.promotion_rates_on(today).items()
            if share is not None
        ],
        category=path_words(kept.counter.category),
        area=area_words(kept.counter.area_on(today)),
        today=today,
        changes=shown_changes(tx, Subject.COUNTER, kept.id, kept.currency),
        mode_words=MODES,
        status_words=COUNTER_STATUS,
        may_write=viewer.may(WRITE, place_of(store)),
        done=flask.request.args.get("done"),
    )


@counters_pages.route("/counters/<store>/<code>/edit")
@allow(WRITE)
@transactional
def edit_counter_page(tx: Tx, store: str, code: str) -> str:
    """The form of a counter that is there."""
    kept = find_counter(tx, current_principal(), store, code)
    return _form_page(tx, Form(_values(tx, kept)), kept)


@counters_pages.route("/counters/<store>/<code>/edit", methods=["POST"])
@allow(WRITE)
@transactional
def change_counter(tx: Tx, store: str, code: str) -> Any:
    """Change a counter; faults come back at their fields."""
    kept = find_counter(tx, current_principal(), store, code)
    form = _sent()
    return _put(tx, Form({**form.values, "store": store, "code": code}), kept)


def _sent() -> Form:
    """The form as it was sent; ticks as what they mean."""
    form = typed_form(FIELDS)
    ticks = {name: form.values[name] == "true" for name, kind in FIELDS.items() if kind is Typed.FLAG}
    return Form({**form.values, **ticks})


def _put(tx: Tx, form: Form, kept: KeptCounter | None) -> Any:
    viewer = current_principal()
    try:
        currency = kept.currency if kept else _currency(tx, form)
        minimum = _minor_units(form.values["guaranteed_minimum"], currency)
        wish = wish_of(read_form(CounterIn(), Form({**form.values, "guaranteed_minimum": minimum}), FIELDS))
    except ValidationError as error:
        return _form_page(tx, form.unreadable(error), kept), 422
    outcome = put_counters(tx, viewer, [wish])[0]
    if isinstance(outcome, DomainError):
        return _form_page(tx, form.refused(outcome), kept), outcome.treatment.status
    done = "created" if outcome.created else "changed"
    return redirect(f"{HERE}/{wish.store}/{wish.code}?done={done}", 303)


def _currency(tx: Tx, form: Form) -> str:
    found = list_stores(tx, current_principal(), search=form.values["store"], limit=1000)
    return next((kept.store.currency for kept in found if kept.store.code == form.values["store"]), "CNY")


def _minor_units(text: str, currency: str) -> Any:
    """An amount as people type it, in minor units; what is none is left for the schema to refuse."""
    try:
        amount = Decimal(text.replace(",", "")).scaleb(exponent(currency))
    except InvalidOperation:
        return text
    return int(amount) if amount.is_finite() and amount == amount.to_integral_value() else text


def _values(tx: Tx, kept: KeptCounter) -> dict[str, Any]:
    counter, today = kept.counter, local_date(tx.now, kept.timezone)
    terms, area = counter.terms_on(today), counter.area_on(today)
    minimum = terms.guaranteed_minimum
    plain = {name: getattr(counter, name) or "" for name in FIELDS if hasattr(counter, name)}
    return {
        **plain,
        "status": counter.status.value,
        "category": path_words(counter.category),
        "mode": terms.mode.value,
        "rate": percent_of(terms.rate),
        "guaranteed_minimum": "" if minimum is None else str(Decimal(minimum).scaleb(-exponent(kept.currency))),
        "area_m2": "" if area is None else format(area.normalize(), "f"),
        "effective_from": "",
    }


def _form_page(tx: Tx, form: Form, kept: KeptCounter | None) -> str:
    return render(
        "counters/form.html",
        form=form,
        counter=kept.counter if kept else None,
        currency=kept.currency if kept else "",
        stores=store_choices(tx, current_principal()),
        formats=formats(tx),
        legal_units=legal_units(tx),
        suppliers=suppliers(tx),
        mode_options=[(mode.value, words) for mode, words in MODES.items()],
        status_options=[(status.value, words) for status, words in COUNTER_STATUS.items()],
    )
