"""Shifts, days and statements over HTTP."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import flask
import msgspec
from marshmallow import fields
from msgspec import Meta

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.errors import BadRequest
from foundation.http import (
    Blueprint,
    PageArguments,
    Schema,
    idempotent,
    make_cursor,
    msgspec_answer,
    msgspec_body,
    paged,
    read_cursor,
    transactional,
    uuid_of,
)
from foundation.http.fields import Code as CodeField
from foundation.http.json_writing import encode
from organisation.contract import StoreFacts, place_of, stores_by_id
from pos_adapter.day.operations import Day, close_day, days_of, read_day
from pos_adapter.day.rolling import accounts_between
from pos_adapter.day.rules import LATEST_DAY, AccountFigure, DayClose, Difference, Entry, SalesFigure, TenderFigure
from pos_adapter.day.shifts import (
    Shift,
    ShiftRule,
    ShiftState,
    ShiftUnknown,
    ShiftWish,
    count_shift,
    hand_in,
    list_shifts,
    open_shift,
    read_shift,
    set_shift_rule,
    shift_rules,
)
from pos_adapter.day.statements import Statement, statement_of
from pos_adapter.permissions import DAY_CLOSE, DAY_READ, SHIFTS_WORK
from pos_adapter.places import store_codes, stores_to_show, where_a_rule_holds
from pos_adapter.sales.receipts import AMOUNT_MAX, END, TENDERS_MAX, Code
from pos_adapter.sales.rules import EARLIEST_DAY

day_blueprint = Blueprint("day", __name__, description="Shifts at the cash desks, and the close of a store's day")

Words = Annotated[str, Meta(min_length=1, max_length=200)]
Whole = Annotated[int, Meta(ge=0, le=AMOUNT_MAX, description="minor units")]
TenderKind = Annotated[str, Meta(min_length=1, max_length=32, pattern=rf"^[a-z][a-z0-9_]*{END}")]


class DateUnreadable(BadRequest):
    """A date is written as 2026-11-21."""

    code = "date_unreadable"


def day_in(text: str) -> date:
    """The date in an address, of this age. Raises DateUnreadable."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    # A week's date or one without dashes is somebody's slip, and the first close begins the books for ever.
    if found is None or found.isoformat() != text or not EARLIEST_DAY <= found <= LATEST_DAY:
        raise DateUnreadable("A date is written as 2026-11-21")
    return found


def shift_id(text: str) -> UUID:
    """The id in an address. Raises ShiftUnknown."""
    return uuid_of(text, ShiftUnknown("There is no such shift"))


# ------------------------------------------------------------------------------------------------ shifts


class ShiftIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A shift to open: `float` is the change in the drawer; `cashier` a staff number, else whoever is signed in."""

    store: Code
    terminal: Code
    float: Whole = 0
    cashier: Code | None = None


class CountedTenderIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: TenderKind
    amount: Whole = 0


class CountIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is there, tender by tender; cash has to be named. `reason`: why it is counted again."""

    tenders: Annotated[tuple[CountedTenderIn, ...], Meta(min_length=1, max_length=TENDERS_MAX)]
    reason: Words | None = None


class HandInIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The cash that goes to the safe (all that was counted, if not said)."""

    amount: Whole | None = None
    note: Words | None = None


class CountedOut(msgspec.Struct, frozen=True):
    """`over` is what was counted less what was expected: below zero, it is short."""

    kind: str
    counted: int
    expected: int
    over: int


class CountOut(msgspec.Struct, frozen=True):
    round: int
    at: datetime
    by: str
    reason: str | None
    tenders: list[CountedOut]


class ShiftOut(msgspec.Struct, frozen=True):
    """A shift. What should have been in the drawer is in `counts` only: nobody is told before it is counted."""

    id: str
    code: str
    state: str
    store: str
    terminal: str
    business_date: date
    cashier: str | None
    currency: str
    float: int
    opened_at: datetime
    counted_at: datetime | None
    handed_in_at: datetime | None
    handed_in: int | None
    note: str | None
    over: int | None
    counts: list[CountOut]


class ShiftPage(msgspec.Struct, frozen=True):
    items: list[ShiftOut]
    next_cursor: str | None


class ShiftQuery(PageArguments):
    """Shifts of the stores one acts in, the latest first."""

    store = CodeField(load_default=None)
    terminal = CodeField(load_default=None)
    state = fields.Enum(ShiftState, by_value=True, load_default=None)
    business_date = fields.Date(load_default=None)


def shift_body(shift: Shift, store: str) -> ShiftOut:
    """A shift as callers see it."""
    counts = [
        CountOut(
            count.round, count.at, count.actor, count.why,
            [CountedOut(each.kind, each.counted, each.expected, each.over) for each in count.tenders],
        )
        for count in shift.counts
    ]  # fmt: skip
    return ShiftOut(
        str(shift.id), shift.code, shift.state.value, store, shift.terminal, shift.business_date, shift.cashier,
        shift.currency, shift.float_amount, shift.opened_at, shift.counted_at, shift.handed_in_at,
        shift.handed_in_amount, shift.note, shift.over, counts,
    )  # fmt: skip


def _body(tx: Tx, shift: Shift) -> ShiftOut:
    return shift_body(shift, stores_by_id(tx, [shift.store_id])[shift.store_id].code)


@day_blueprint.route("/shifts", methods=["POST"])
@allow(SHIFTS_WORK)
@idempotent
@msgspec_body(ShiftIn)
@msgspec_answer(201, ShiftOut)
def post_shift(tx: Tx, body: ShiftIn) -> ShiftOut:
    """Open a shift at a terminal. One that is open there already: 409."""
    wish = ShiftWish(body.store, body.terminal, body.float, body.cashier)
    return _body(tx, open_shift(tx, current_principal(), wish))


@day_blueprint.route("/shifts", methods=["GET"])
@allow(SHIFTS_WORK)
@transactional
@day_blueprint.arguments(ShiftQuery, location="query")
@msgspec_answer(200, ShiftPage)
def get_shifts(tx: Tx, arguments: dict[str, Any]) -> flask.Response:
    """Shifts, the latest first; a desk's token sees those of its own terminal."""
    principal = current_principal()
    stores = stores_to_show(tx, principal, SHIFTS_WORK, arguments["store"])
    found, following = list_shifts(
        tx,
        stores,
        terminal=principal.bindings.get("terminal") or arguments["terminal"],
        states=[arguments["state"]] if arguments["state"] else (),
        day=arguments["business_date"],
        limit=arguments["limit"],
        cursor=arguments["cursor"],
    )
    codes = {store.id: store.code for store in stores}
    page, headers = paged([shift_body(shift, codes[shift.store_id]) for shift in found], following)
    return flask.Response(encode(page), headers=headers, mimetype="application/json")


@day_blueprint.route("/shifts/<shift>", methods=["GET"])
@allow(SHIFTS_WORK)
@transactional
@msgspec_answer(200, ShiftOut)
def get_shift(tx: Tx, shift: str) -> ShiftOut:
    """One shift, with its counts."""
    return _body(tx, read_shift(tx, current_principal(), shift_id(shift)))


@day_blueprint.route("/shifts/<shift>/count", methods=["POST"])
@allow(SHIFTS_WORK)
@idempotent
@msgspec_body(CountIn)
@msgspec_answer(200, ShiftOut)
def post_count(tx: Tx, body: CountIn, shift: str) -> ShiftOut:
    """Say what is in the drawer, before one is told what should be. Once; again only by who closes days, and why."""
    said = [(each.kind, each.amount) for each in body.tenders]
    return _body(tx, count_shift(tx, current_principal(), shift_id(shift), said, body.reason))


@day_blueprint.route("/shifts/<shift>/hand-in", methods=["POST"])
@allow(SHIFTS_WORK)
@idempotent
@msgspec_body(HandInIn)
@msgspec_answer(200, ShiftOut)
def post_hand_in(tx: Tx, body: HandInIn, shift: str) -> ShiftOut:
    """Hand in what was counted; the shift is over."""
    return _body(tx, hand_in(tx, current_principal(), shift_id(shift), body.amount, body.note))


class ShiftRuleIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether desks settle only in an open shift, from a day on (today): of one store, or of all."""

    needed: bool
    store: Code | None = None
    valid_from: date | None = None


class ShiftRuleOut(msgspec.Struct, frozen=True):
    needed: bool
    store: str | None
    valid_from: date


class ShiftRulePage(msgspec.Struct, frozen=True):
    items: list[ShiftRuleOut]
    next_cursor: str | None = None


@day_blueprint.route("/shift-rules", methods=["GET"])
@allow(SHIFTS_WORK)
@transactional
@msgspec_answer(200, ShiftRulePage)
def get_shift_rules(tx: Tx) -> ShiftRulePage:
    """Whether a desk needs an open shift, in the order in which it was said: for all, and for the caller's stores."""
    found, viewer = shift_rules(tx), current_principal()
    codes = store_codes(tx, {rule.store_id for rule in found if rule.store_id is not None})
    told = [
        ShiftRuleOut(rule.needed, codes[rule.store_id] if rule.store_id else None, rule.valid_from) for rule in found
    ]
    return ShiftRulePage(
        [
            rule for rule in told
            if rule.store is None
            or (
                viewer.bindings.get("store", rule.store) == rule.store
                and viewer.may(SHIFTS_WORK, place_of(rule.store))
            )
        ]
    )  # fmt: skip


@day_blueprint.route("/shift-rules", methods=["POST"])
@allow("rules.write")
@idempotent
@msgspec_body(ShiftRuleIn)
@msgspec_answer(201, ShiftRuleOut)
def post_shift_rule(tx: Tx, body: ShiftRuleIn) -> ShiftRuleOut:
    """Say from a day on whether desks need an open shift; for the company, or for one store."""
    principal = current_principal()
    store, since = where_a_rule_holds(tx, principal, "rules.write", body.store, body.valid_from)
    set_shift_rule(tx, principal, ShiftRule(store, body.needed, since))
    return ShiftRuleOut(body.needed, body.store, since)


# ------------------------------------------------------------------------------------------------ days


class DifferenceOut(msgspec.Struct, frozen=True):
    """What does not agree: `receipt` is the id of what it is `about` (receipt, settlement, topup, journal).

    `expected` and `found` in minor units, or in units of an account where `unit` is not empty; null: not there.
    """

    kind: str
    about: str
    receipt: str
    expected: int | None
    found: int | None
    unit: str
    words: str


class ObstacleOut(msgspec.Struct, frozen=True):
    """What has to end before the day is closed; `link` is the page where somebody can end it."""

    kind: str
    count: int
    name: str
    link: str


class WarningOut(msgspec.Struct, frozen=True):
    kind: str
    count: int
    link: str


class DayOut(msgspec.Struct, frozen=True):
    """A closed day. `late`: receipts of earlier days that are posted here."""

    store: str
    date: date
    state: str
    closed_at: datetime
    closed_by: str
    currency: str
    receipts: int
    late: int
    amount: int
    note: str | None
    differences: int


class DayPage(msgspec.Struct, frozen=True):
    items: list[DayOut]
    next_cursor: str | None


class FullDayOut(msgspec.Struct, frozen=True):
    """A day with every figure: as it was closed, or as it would be closed now.

    `tenders` by legal unit, terminal and cashier; `sales` by counter, rate band and tax rate; `accounts` by kind,
    currency and funder; `entries` are the journal for finance, equal on both sides in each legal unit.
    """

    store: str
    date: date
    state: str
    closed_at: datetime | None
    closed_by: str | None
    note: str | None
    currency: str
    receipts: int
    late: int
    amount: int
    obstacles: list[ObstacleOut]
    warnings: list[WarningOut]
    differences: list[DifferenceOut]
    tenders: list[TenderFigure]
    sales: list[SalesFigure]
    accounts: list[AccountFigure]
    entries: list[Entry]


class CloseIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`note`: why the day is closed although something does not agree."""

    note: Words | None = None


class DayArguments(Schema):
    compare = fields.Boolean(
        load_default=True, metadata={"description": "Look again for what does not agree, also on a closed day"}
    )


def difference_body(each: Difference) -> DifferenceOut:
    return DifferenceOut(
        each.kind.value, each.about.value, each.receipt, each.expected, each.found, each.unit, each.words
    )


def _closed_body(close: DayClose) -> DayOut:
    return DayOut(
        close.store, close.day, close.state.value, close.closed_at, close.closed_by, close.currency, close.receipts,
        close.late, close.amount, close.note, len(close.differences),
    )  # fmt: skip


def _day_body(day: Day) -> FullDayOut:
    close, figures = day.close, day.figures
    return FullDayOut(
        day.store.code,
        day.day,
        day.state.value,
        close.closed_at if close else None,
        close.closed_by if close else None,
        close.note if close else None,
        day.store.currency,
        day.receipts,
        day.late,
        figures.amount,
        [ObstacleOut(each.kind.value, each.count, each.name, each.link) for each in day.obstacles],
        [WarningOut(each.kind.value, each.count, each.link) for each in day.warnings],
        [difference_body(each) for each in day.differences],
        list(figures.tenders),
        list(figures.sales),
        list(figures.accounts),
        list(figures.entries),
    )


def _store(tx: Tx, code: str, permission: str) -> StoreFacts:
    [store] = stores_to_show(tx, current_principal(), permission, code)
    return store


@day_blueprint.route("/stores/<store>/days", methods=["GET"])
@allow(DAY_READ)
@transactional
@day_blueprint.arguments(PageArguments, location="query")
@msgspec_answer(200, DayPage)
def get_days(tx: Tx, arguments: dict[str, Any], store: str) -> flask.Response:
    """The closed days of a store, the latest first."""
    limit, cursor = arguments["limit"], arguments["cursor"]
    before = read_cursor(cursor, date)[0] if cursor else None
    found = days_of(tx, _store(tx, store, DAY_READ), before=before, limit=limit + 1)
    following = make_cursor(found[limit - 1].day) if len(found) > limit else None
    page, headers = paged([_closed_body(each) for each in found[:limit]], following)
    return flask.Response(encode(page), headers=headers, mimetype="application/json")


@day_blueprint.route("/stores/<store>/days/<day>", methods=["GET"])
@allow(DAY_READ)
@transactional
@day_blueprint.arguments(DayArguments, location="query")
@msgspec_answer(200, FullDayOut)
def get_day(tx: Tx, arguments: dict[str, Any], store: str, day: str) -> FullDayOut:
    """A day: its figures, what stands in the way of closing it, and what does not agree."""
    return _day_body(read_day(tx, _store(tx, store, DAY_READ), day_in(day), compare=arguments["compare"]))


@day_blueprint.route("/stores/<store>/days/<day>/close", methods=["POST"])
@allow(DAY_CLOSE)
@idempotent
@msgspec_body(CloseIn)
@msgspec_answer(201, DayOut)
def post_close(tx: Tx, body: CloseIn, store: str, day: str) -> DayOut:
    """Close a day. Something is open, or does not agree and no note says why it is closed all the same: 409."""
    return _closed_body(close_day(tx, current_principal(), _store(tx, store, DAY_CLOSE), day_in(day), body.note))


# ------------------------------------------------------------------------------------------------ statements


class BandOut(SalesFigure, frozen=True, kw_only=True):
    """What was sold under the same terms; `payable` is what the supplier is paid for it."""

    payable: int


class MinimumOut(msgspec.Struct, frozen=True):
    month: date
    guaranteed: int
    kept: int
    missing: int


class StatementOut(msgspec.Struct, frozen=True):
    """A counter over a period, from closed days; `days_open` of the period are not closed yet and not in it."""

    store: str
    counter: str
    name: str
    supplier: str | None
    legal_unit: str
    currency: str
    since: date
    until: date
    closed_days: int
    days_open: int
    amount: int
    commission: int
    payable: int
    bands: list[BandOut]
    minimums: list[MinimumOut]


class StatementArguments(Schema):
    since = fields.Date(required=True, data_key="from", metadata={"description": "The first day, by posting date"})
    until = fields.Date(required=True, data_key="to", metadata={"description": "The last day, included"})


def _statement_body(found: Statement) -> StatementOut:
    counter = found.counter
    bands = [BandOut(**msgspec.structs.asdict(band), payable=band.owed) for band in found.bands]
    return StatementOut(
        found.store.code, counter.code, counter.name, counter.supplier, counter.legal_unit, found.store.currency,
        found.since, found.until, found.closed_days, found.days_open, found.amount, found.commission, found.payable,
        bands, [MinimumOut(each.month, each.guaranteed, each.kept, each.missing) for each in found.minimums],
    )  # fmt: skip


@day_blueprint.route("/counters/<store>/<counter>/statements", methods=["GET"])
@allow(DAY_READ)
@transactional
@day_blueprint.arguments(StatementArguments, location="query")
@msgspec_answer(200, StatementOut)
def get_statement(tx: Tx, arguments: dict[str, Any], store: str, counter: str) -> StatementOut:
    """The statement of a counter: by rate band, what the store keeps, and what the supplier is owed."""
    return _statement_body(
        statement_of(tx, _store(tx, store, DAY_READ), counter, arguments["since"], arguments["until"])
    )


# ------------------------------------------------------------------------------------------------ all the accounts


class AccountLineOut(AccountFigure, frozen=True, kw_only=True):
    """One line: `store` null is the company itself (head office, expiry), its legal unit empty."""

    store: str | None


class TieOut(msgspec.Struct, frozen=True):
    """All lines of a kind beside the members' balances of now; they are equal."""

    kind: str
    currency: str
    closing: int
    balance: int


class RollForwardOut(msgspec.Struct, frozen=True):
    """Opening + issued + reversed_in - used - expired - reversed_out + adjusted = closing, by store and funder.

    `ties` are there where the period ends today or later.
    """

    since: date
    until: date
    items: list[AccountLineOut]
    ties: list[TieOut]
    next_cursor: str | None = None


@day_blueprint.route("/account-movements", methods=["GET"])
@allow(DAY_READ)
@transactional
@day_blueprint.arguments(StatementArguments, location="query")
@msgspec_answer(200, RollForwardOut)
def get_account_movements(tx: Tx, arguments: dict[str, Any]) -> RollForwardOut:
    """What points, e-coins and stored value did in a period, over the whole company, tied to the members' balances."""
    current_principal().require_everywhere()
    found = accounts_between(tx, arguments["since"], arguments["until"])
    lines = [AccountLineOut(**msgspec.structs.asdict(line.figure), store=line.store) for line in found.lines]
    ties = [TieOut(tie.kind, tie.currency, tie.closing, tie.balance) for tie in found.ties]
    return RollForwardOut(found.since, found.until, lines, ties)
