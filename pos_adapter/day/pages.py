"""The day on a screen: shifts and their slips, days before and after they are closed, counters' statements."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import flask
from flask_babel import gettext

from foundation.access import Principal, allow, current_principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import DomainError
from foundation.http import Pages, make_cursor, read_cursor, transactional
from foundation.pages import render
from foundation.settings import get_settings
from organisation.contract import (
    StoreFacts,
    counters_of,
    place_of,
    staff_by_number,
    staff_names,
    stores_by_code,
    stores_by_id,
    stores_within,
)
from pos_adapter.day.http import day_in, shift_id
from pos_adapter.day.operations import Day, days_of, read_day
from pos_adapter.day.posting import books_of, earlier_open
from pos_adapter.day.rolling import accounts_between
from pos_adapter.day.rules import About, Difference
from pos_adapter.day.shifts import (
    CASH,
    NOT_IN_A_DRAWER,
    Shift,
    ShiftState,
    list_shifts,
    own_number,
    pending_link,
    read_shift,
    shift_is_needed,
)
from pos_adapter.day.statements import Statement, statement_of
from pos_adapter.day.words import (
    ABOUT_WORDS,
    ACCOUNT_KINDS,
    BOOK_WORDS,
    DAY_STATES,
    DIFFERENCE_WORDS,
    LINE_WORDS,
    MODE_WORDS,
    OBSTACLE_WORDS,
    SHIFT_STATES,
    WARNING_WORDS,
)
from pos_adapter.permissions import DAY_CLOSE, DAY_READ, SHIFTS_WORK
from pos_adapter.places import stores_to_show
from pos_adapter.sales.words import TENDER_WORDS
from pos_adapter.tenders.operations import tender_kinds
from pos_adapter.tenders.rules import TenderRole

day_pages = Pages("day", __name__)

ROWS = 50
TERMINALS_MAX = 50
ONE_DAY = timedelta(days=1)
FIRST_COUNTED = (CASH, "card", "code", "cheque")
LINKS: Mapping[About, str] = {
    About.RECEIPT: "/receipts/{id}",
    About.SETTLEMENT: "/settlements/{id}",
}


def _stores(tx: Tx, permission: str) -> tuple[list[StoreFacts], StoreFacts | None]:
    """The stores where the viewer may do this, and the one that was asked for, else the first."""
    viewer = current_principal()
    stores = [store for store in stores_within(tx, viewer) if viewer.may(permission, place_of(store.code))]
    asked = flask.request.args.get("store")
    chosen = next((store for store in stores if store.code == asked), None)
    return stores, chosen or (stores[0] if stores else None)


def _who(tx: Tx, actors: Iterable[str | None]) -> dict[str | None, str]:
    """What people call who acted; a device is a device."""
    known = {actor for actor in actors if actor}
    ids = {actor: int(id) for actor in known if (id := actor.removeprefix("person:")) != actor and id.isdigit()}
    names = staff_names(tx, sorted(ids.values())) if ids else {}
    return {actor: names.get(ids.get(actor, -1)) or gettext("a device") for actor in known} | {None: "–"}


def _cashiers(tx: Tx, numbers: Iterable[str | None]) -> dict[str, str]:
    """Names of cashiers by their staff numbers."""
    found = staff_by_number(tx, {number for number in numbers if number})
    names = staff_names(tx, [facts.id for facts in found.values()])
    return {number: f"{names[facts.id]} ({number})" for number, facts in found.items() if facts.id in names}


# ------------------------------------------------------------------------------------------------ days


@day_pages.route("/days")
@allow(DAY_READ)
@transactional
def days_page(tx: Tx) -> str:
    """A store's days: the one that wants to be closed, today, and those that are closed."""
    stores, store = _stores(tx, DAY_READ)
    if store is None:
        return render("day/days.html", stores=stores, store=None)
    cursor = flask.request.args.get("cursor")
    before = read_cursor(cursor, date)[0] if cursor else None
    found = days_of(tx, store, before=before, limit=ROWS + 1)
    following = make_cursor(found[ROWS - 1].day) if len(found) > ROWS else None
    asked = {"store": store.code}
    today = local_date(tx.now, store.timezone)
    books = books_of(tx, store.id)
    return render(
        "day/days.html",
        stores=stores,
        store=store,
        rows=found[:ROWS],
        today=today,
        everywhere=current_principal().places is None,
        today_closed=books is not None and today <= books.last,
        earlier=earlier_open(tx, store, books, today),
        who=_who(tx, [row.closed_by for row in found]),
        next=f"/days?{urlencode(asked | {'cursor': following})}" if following else "",
        first=f"/days?{urlencode(asked)}" if cursor else "",
    )


@day_pages.route("/days/accounts")
@allow(DAY_READ)
@transactional
def accounts_page(tx: Tx) -> str:
    """What points, e-coins and stored cash did over the whole company in a period; this month, if not said."""
    current_principal().require_everywhere()
    today = local_date(tx.now, get_settings().company_timezone)
    since = _day(flask.request.args.get("from")) or today.replace(day=1)
    until = _day(flask.request.args.get("to")) or today
    found, fault = None, None
    try:
        found = accounts_between(tx, since, until)
    except DomainError as error:
        fault = gettext(error.detail)
    names = stores_by_code(tx, {line.store for line in found.lines if line.store}) if found else {}
    return render(
        "day/accounts.html",
        found=found,
        fault=fault,
        since=since,
        until=until,
        stores=[
            names[line.store].name if line.store in names else gettext("Head office and expiry")
            for line in (found.lines if found else ())
        ],
        account_kinds=ACCOUNT_KINDS,
    )


@day_pages.route("/days/<store>/<day>")
@allow(DAY_READ)
@transactional
def day_page(tx: Tx, store: str, day: str) -> str:
    """One day with everything about it. `again`: a closed day is compared again."""
    viewer = current_principal()
    [facts] = stores_to_show(tx, viewer, DAY_READ, store)
    wanted = day_in(day)
    again = bool(flask.request.args.get("again"))
    found = read_day(tx, facts, wanted, compare=again or not _is_closed(tx, facts, wanted))
    figures = found.figures
    cashiers = _cashiers(tx, [each.cashier for each in figures.tenders] + [shift.cashier for shift in found.shifts])
    return render(
        "day/day.html",
        found=found,
        again=again,
        has_begun=wanted <= local_date(tx.now, facts.timezone),
        may_close=viewer.may(DAY_CLOSE, place_of(facts.code)),
        taken=sum(each.sold + each.paid_in for each in figures.by_tender() if each.role == TenderRole.MONEY),
        differences=[(each, _link(each)) for each in found.differences],
        counters={counter.code: counter.name for counter in counters_of(tx, facts.id)},
        units=len({each.legal_unit for each in figures.entries}),
        cashiers=cashiers,
        who=_who(tx, [found.close.closed_by if found.close else None]),
        rate=_percent,
        unit_amount=_unit_amount(found),
        about_entry=_about_entry,
        month_begins=wanted.replace(day=1),
        **_WORDS,
    )


def _is_closed(tx: Tx, store: StoreFacts, day: date) -> bool:
    books = books_of(tx, store.id)
    return books is not None and day <= books.last


_WORDS: Mapping[str, Any] = {
    "about_words": ABOUT_WORDS,
    "account_kinds": ACCOUNT_KINDS,
    "book_words": BOOK_WORDS,
    "day_states": DAY_STATES,
    "difference_words": DIFFERENCE_WORDS,
    "line_words": LINE_WORDS,
    "mode_words": MODE_WORDS,
    "obstacle_words": OBSTACLE_WORDS,
    "shift_states": SHIFT_STATES,
    "tender_words": TENDER_WORDS,
    "warning_words": WARNING_WORDS,
}


def _link(each: Difference) -> str:
    pattern = LINKS.get(each.about)
    return pattern.format(id=each.receipt) if pattern is not None else ""


def _unit_amount(found: Day) -> Callable[[Difference, int | None], str]:
    """A figure of a difference: money, or units of an account."""
    money, number = (flask.current_app.jinja_env.filters[name] for name in ("money", "number"))

    def words(each: Difference, value: int | None) -> str:
        if value is None:
            return "–"
        if each.unit == "points":
            return str(gettext("%(count)s points", count=number(value)))
        return str(money(value, found.store.currency))

    return words


def _percent(rate: Any) -> str:
    """A rate as people write it: 0.25 is 25 %, hundredths of a percent 1300 are 13 %; "–" where there is none."""
    if rate is None:
        return "–"
    percent = rate / 100 if isinstance(rate, int) else rate * 100
    return f"{float(percent):g} %"


def _about_entry(account: str, detail: str) -> str:
    """What an entry of the journal is about: a tender, a tax rate, a supplier or a counter."""
    if account in ("sales", "output_tax"):
        return _percent(int(detail))
    if detail in TENDER_WORDS:
        return str(TENDER_WORDS[detail])
    return str(LINE_WORDS[detail]) if detail in LINE_WORDS else "" if detail == "topup" else detail


# ------------------------------------------------------------------------------------------------ statements


@day_pages.route("/statements")
@allow(DAY_READ)
@transactional
def statement_page(tx: Tx) -> str:
    """The statement of a counter over a period, to print; this month, if not said."""
    stores, store = _stores(tx, DAY_READ)
    arguments = flask.request.args
    code = (arguments.get("counter") or "").strip()[:64].replace("\0", "")
    today = local_date(tx.now, store.timezone) if store is not None else tx.now.date()
    since = _day(arguments.get("from")) or today.replace(day=1)
    until = _day(arguments.get("to")) or today
    found, fault = _statement(tx, store, code, since, until)
    return render(
        "day/statement.html",
        stores=stores,
        store=store,
        counters=counters_of(tx, store.id) if store is not None else [],
        code=code,
        since=since,
        until=until,
        found=found,
        fault=fault,
        rate=_percent,
        now=tx.now,
        **_WORDS,
    )


def _statement(
    tx: Tx, store: StoreFacts | None, code: str, since: date, until: date
) -> tuple[Statement | None, str | None]:
    if store is None or not code:
        return None, None
    try:
        return statement_of(tx, store, code, since, until), None
    except DomainError as error:
        return None, gettext(error.detail)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


# ------------------------------------------------------------------------------------------------ shifts


@day_pages.route("/shifts")
@allow(SHIFTS_WORK)
@transactional
def shifts_page(tx: Tx) -> str:
    """Shifts of a store, the latest first, and a form to open one. `code` leads to the shift of that code."""
    viewer = current_principal()
    stores, store = _stores(tx, SHIFTS_WORK)
    if store is None:
        return render("day/shifts.html", stores=stores, store=None)
    arguments = flask.request.args
    cursor = arguments.get("cursor")
    found, following = list_shifts(tx, [store], limit=ROWS, cursor=cursor)
    open_at = {shift.terminal for shift in found if shift.state is ShiftState.OPEN}
    asked = {"store": store.code}
    return render(
        "day/shifts.html",
        stores=stores,
        store=store,
        rows=found,
        code=arguments.get("code"),
        terminal=arguments.get("terminal") or viewer.bindings.get("terminal") or "",
        terminals=[each for each in _terminals(tx, store) if each not in open_at],
        cashier=own_number(tx, viewer),
        cashiers=_cashiers(tx, [shift.cashier for shift in found]),
        needed=shift_is_needed(tx, store.id, local_date(tx.now, store.timezone)),
        states=SHIFT_STATES,
        next=f"/shifts?{urlencode(asked | {'cursor': following})}" if following else "",
        first=f"/shifts?{urlencode(asked)}" if cursor else "",
    )


def _terminals(tx: Tx, store: StoreFacts) -> Sequence[str]:
    """Terminals that were seen in the store, or had a shift, to choose from; handhelds take no cash."""
    found = tx.execute(
        "SELECT code FROM (SELECT code, last_seen_at FROM pos.terminal WHERE store_id = :store"
        " UNION SELECT terminal, max(opened_at) FROM pos.shift WHERE store_id = :store GROUP BY terminal) AS every"
        " WHERE code NOT LIKE 'H-%' GROUP BY code ORDER BY max(last_seen_at) DESC LIMIT :limit",
        {"store": store.id, "limit": TERMINALS_MAX},
    )
    return sorted(found.scalars())


@day_pages.route("/shifts/<shift>")
@allow(SHIFTS_WORK)
@transactional
def shift_page(tx: Tx, shift: str) -> str:
    """One shift: count it, see what is over or short, hand it in."""
    viewer = current_principal()
    found = read_shift(tx, viewer, shift_id(shift))
    return render("day/shift.html", **_shift_facts(tx, viewer, found))


@day_pages.route("/shifts/<shift>/slip")
@allow(SHIFTS_WORK)
@transactional
def slip_page(tx: Tx, shift: str) -> str:
    """The hand-in slip of a shift, on 80 mm of paper."""
    viewer = current_principal()
    found = read_shift(tx, viewer, shift_id(shift))
    return render("day/slip.html", now=tx.now, **_shift_facts(tx, viewer, found))


def _shift_facts(tx: Tx, viewer: Principal, found: Shift) -> dict[str, Any]:
    store = stores_by_id(tx, [found.store_id])[found.store_id]
    kinds = [
        kind.kind for kind in tender_kinds(tx) if kind.role is TenderRole.MONEY and kind.kind not in NOT_IN_A_DRAWER
    ]
    first = [kind for kind in FIRST_COUNTED if kind in kinds]
    return {
        "shift": found,
        "store": store,
        "pending": pending_link(tx, found, store) if found.state is ShiftState.OPEN else None,
        "kinds": first,
        "other_kinds": [kind for kind in kinds if kind not in first],
        "may_count_again": viewer.may(DAY_CLOSE, place_of(store.code)),
        "cashiers": _cashiers(tx, [found.cashier]),
        "who": _who(
            tx,
            [found.opened_by, found.counted_by, found.handed_in_by, *(count.actor for count in found.counts)],
        ),
        "states": SHIFT_STATES,
        "tender_words": TENDER_WORDS,
    }
