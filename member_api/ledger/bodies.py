"""The shapes of the ledger over HTTP, and what loaded bodies ask for."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from marshmallow import ValidationError, fields, validate

from foundation.access import Principal, current_principal
from foundation.http import PageArguments, Schema
from foundation.http.fields import Code, Currency, Words
from foundation.http.transactions import keyed_request
from member_api.fields import IdentifierSchema, Reason
from member_api.ledger.operations import (
    COMPANY,
    HOLD_DEFAULT_S,
    HOLD_MAX_S,
    ORIGINS,
    Adjustment,
    Grant,
    Posted,
    Step,
    Taking,
)
from member_api.ledger.rules import Hold, HoldState, Kind, Origin
from member_api.ledger.statements import AccountView, EntryView, LotView, StatementRow

AMOUNT_MAX = 10**12
LIST_MAX = 200


class KindField(fields.Enum[Kind]):
    """points, ecoin or cash."""

    def __init__(self, **options: Any) -> None:
        super().__init__(Kind, by_value=True, **options)


class Units(fields.Integer):
    """A whole number of units above zero: points, or minor units of the currency."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(1, AMOUNT_MAX), **options)


class MemberRefField(fields.Field[Any]):
    """A member: an id ("123"), or {"kind", "value"}."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> Any:
        if isinstance(value, Mapping):
            return IdentifierSchema().load(value)
        if isinstance(value, str | int) and not isinstance(value, bool):
            return value
        raise ValidationError('must be an id or {"kind", "value"}')


# ------------------------------------------------------------------------------------------------ what comes in
class ConditionsIn(Schema):
    """Where and when a lot can be used. What is left out asks for nothing."""

    stores = fields.List(Code(), validate=validate.Length(1, LIST_MAX))
    formats = fields.List(Code(), validate=validate.Length(1, LIST_MAX))
    counters = fields.List(Code(), validate=validate.Length(1, LIST_MAX))
    spend_at_least = Units(metadata={"description": "Minor units of the lines that take part"})


class GrantIn(Schema):
    kind = KindField(required=True)
    amount = Units(required=True)
    source = Words(required=True, metadata={"description": "What it is given for; stands on the statement"})
    expires_on = fields.Date(
        load_default=None,
        allow_none=True,
        metadata={"description": "The last day; by default points last as the rules say, others for ever"},
    )
    origin = fields.Enum(Origin, by_value=True, load_default=Origin.GRANT, validate=validate.OneOf(ORIGINS))
    funder = Words(load_default=COMPANY)
    format = Code(load_default=None, allow_none=True)
    currency = Currency(
        load_default=None, allow_none=True, metadata={"description": "The home store's, else the company's"}
    )
    conditions = fields.Nested(ConditionsIn, load_default=None, allow_none=True)


class RedemptionIn(Schema):
    kind = KindField(required=True)
    amount = Units(required=True)
    reason = Reason(required=True)
    format = Code(load_default=None, allow_none=True, metadata={"description": "Only from this format's account"})
    currency = Currency(load_default=None, allow_none=True)


class AdjustmentIn(Schema):
    kind = KindField(required=True)
    amount = fields.Integer(
        required=True,
        strict=True,
        validate=[validate.Range(-AMOUNT_MAX, AMOUNT_MAX), validate.NoneOf([0], error="must not be 0")],
        metadata={"description": "Below zero takes; over the limit a second person decides"},
    )
    reason = Reason(required=True)
    format = Code(load_default=None, allow_none=True)
    currency = Currency(load_default=None, allow_none=True)
    expires_on = fields.Date(load_default=None, allow_none=True)


class HoldIn(Schema):
    member = MemberRefField(required=True)
    kind = KindField(required=True)
    amount = Units(required=True)
    expires_in = fields.Integer(
        strict=True,
        load_default=HOLD_DEFAULT_S,
        validate=validate.Range(1, HOLD_MAX_S),
        metadata={"description": "Seconds"},
    )
    format = Code(load_default=None, allow_none=True)
    currency = Currency(load_default=None, allow_none=True)


class CaptureIn(Schema):
    amount = Units(required=True)


class AccountsQuery(Schema):
    lots = fields.Integer(
        load_default=100, validate=validate.Range(0, 1000), metadata={"description": "How many lots an account"}
    )


class StatementQuery(PageArguments):
    """Newest first."""


# ------------------------------------------------------------------------------------------------ what goes out
class LotOut(Schema):
    """An open lot; a debt (origin debt) is below zero and is repaid by what is earned next."""

    id = fields.String(required=True)
    amount = fields.Integer(required=True, metadata={"description": "What is left of it"})
    original_amount = fields.Integer(required=True)
    held = fields.Integer(required=True)
    origin = fields.String(required=True)
    source = fields.String(required=True)
    funder = fields.String(required=True)
    conditions = fields.Dict(required=True, allow_none=True)
    expires_on = fields.Date(required=True, allow_none=True)
    purchase = fields.String(required=True, allow_none=True, metadata={"description": "The sale it was earned with"})
    at = fields.AwareDateTime(required=True)


class AccountOut(Schema):
    """A sub-account as a spend would find it now."""

    id = fields.String(required=True)
    kind = fields.String(required=True)
    format = fields.String(required=True, allow_none=True)
    currency = fields.String(required=True, allow_none=True)
    balance = fields.Integer(required=True)
    held = fields.Integer(required=True)
    available = fields.Integer(required=True)
    debt = fields.Integer(required=True, metadata={"description": "The part of the balance that is below zero"})
    lots = fields.List(fields.Nested(LotOut), required=True)
    lots_left_out = fields.Integer(required=True)


class AccountsOut(Schema):
    items = fields.List(fields.Nested(AccountOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class EntryOut(Schema):
    """One movement of one lot, and where that lot came from: purchase, its store and lines."""

    account = fields.String(required=True)
    kind = fields.String(required=True)
    format = fields.String(required=True, allow_none=True)
    currency = fields.String(required=True, allow_none=True)
    amount = fields.Integer(required=True)
    lot = fields.String(required=True)
    origin = fields.String(required=True)
    source = fields.String(required=True)
    expires_on = fields.Date(required=True, allow_none=True)
    purchase = fields.String(required=True, allow_none=True)
    store = fields.String(required=True, allow_none=True)
    lines = fields.List(fields.Integer(), required=True)


class MoveOut(Schema):
    account = fields.String(required=True)
    kind = fields.String(required=True)
    format = fields.String(required=True, allow_none=True)
    currency = fields.String(required=True, allow_none=True)
    amount = fields.Integer(required=True)
    balance = fields.Integer(required=True, metadata={"description": "After it"})


class StatementRowOut(Schema):
    """One journal: what happened, and what it did to the accounts."""

    id = fields.String(required=True)
    kind = fields.String(required=True)
    day = fields.Date(required=True)
    at = fields.AwareDateTime(required=True)
    store = fields.String(required=True, allow_none=True)
    reference = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    actor = fields.String(required=True)
    accounts = fields.List(fields.Nested(MoveOut), required=True)
    entries = fields.List(fields.Nested(EntryOut), required=True)


class PostedOut(Schema):
    """A movement that was posted, or that waits for a second person."""

    id = fields.String(required=True, allow_none=True, metadata={"description": "The journal; null while it waits"})
    state = fields.String(required=True, validate=validate.OneOf(["posted", "pending"]))
    approval = fields.String(required=True, allow_none=True)
    member = fields.String(required=True)
    kind = fields.String(required=True)
    currency = fields.String(required=True, allow_none=True)
    amount = fields.Integer(required=True, metadata={"description": "As the accounts changed by it"})
    balance = fields.Integer(required=True, allow_none=True)
    available = fields.Integer(required=True, allow_none=True)
    lots = fields.List(fields.Dict(), required=True)


class HoldOut(Schema):
    id = fields.String(required=True)
    member = fields.String(required=True)
    kind = fields.String(required=True)
    format = fields.String(required=True, allow_none=True)
    currency = fields.String(required=True, allow_none=True)
    amount = fields.Integer(required=True)
    captured = fields.Integer(required=True)
    state = fields.Enum(HoldState, by_value=True, required=True)
    expires_at = fields.AwareDateTime(required=True)
    created_at = fields.AwareDateTime(required=True)
    ended_at = fields.AwareDateTime(required=True, allow_none=True)


# ------------------------------------------------------------------------------------------------ both ways
def step_of_request() -> Step:
    """The step that the current request is: its client and Idempotency-Key, and where it happens."""
    keyed, principal = keyed_request({}), current_principal()
    return Step(f"{keyed.client}/{keyed.key}", principal.actor, store_of(principal))


def store_of(principal: Principal) -> str | None:
    """The store a device stands in, or the only one a person works for; None for whoever is everywhere."""
    bound = principal.bindings.get("store")
    if bound is not None or principal.places is None or len(principal.places) != 1:
        return bound
    kind, _, code = next(iter(principal.places)).partition("/")
    return code if kind == "store" else None


def read_grant(body: Mapping[str, Any]) -> Grant:
    return Grant(**body)


def read_taking(body: Mapping[str, Any]) -> Taking:
    return Taking(**{name: body[name] for name in ("kind", "amount", "format", "currency")})


def read_adjustment(body: Mapping[str, Any]) -> Adjustment:
    return Adjustment(**body)


def expires_in(body: Mapping[str, Any]) -> timedelta:
    return timedelta(seconds=body["expires_in"])


def account_body(account: AccountView) -> dict[str, Any]:
    """An account as AccountOut shows it."""
    return {
        "id": str(account.id),
        "kind": account.kind,
        "format": account.format,
        "currency": account.currency,
        "balance": account.balance,
        "held": account.held,
        "available": account.available,
        "debt": account.debt,
        "lots": [_lot_body(lot) for lot in account.lots],
        "lots_left_out": account.lots_left_out,
    }


def _lot_body(lot: LotView) -> dict[str, Any]:
    return {
        "id": str(lot.id),
        "amount": lot.amount,
        "original_amount": lot.of,
        "held": lot.held,
        "origin": lot.origin,
        "source": lot.source,
        "funder": lot.funder,
        "conditions": lot.conditions,
        "expires_on": lot.expires_on,
        "purchase": str(lot.purchase) if lot.purchase else None,
        "at": lot.at,
    }


def statement_body(row: StatementRow, *, with_reason: bool) -> dict[str, Any]:
    """A journal as StatementRowOut shows it."""
    return {
        "id": str(row.journal),
        "kind": row.kind,
        "day": row.day,
        "at": row.at,
        "store": row.store,
        "reference": row.reference,
        "reason": row.reason if with_reason else None,
        "actor": row.actor,
        "accounts": [
            {
                "account": str(move.account),
                "kind": move.kind,
                "format": move.format,
                "currency": move.currency,
                "amount": move.amount,
                "balance": move.balance,
            }
            for move in row.accounts
        ],
        "entries": [_entry_body(entry) for entry in row.entries],
    }


def _entry_body(entry: EntryView) -> dict[str, Any]:
    return {
        "account": str(entry.account),
        "kind": entry.kind,
        "format": entry.format,
        "currency": entry.currency,
        "amount": entry.amount,
        "lot": str(entry.lot),
        "origin": entry.origin,
        "source": entry.source,
        "expires_on": entry.expires_on,
        "purchase": str(entry.purchase) if entry.purchase else None,
        "store": entry.lot_store,
        "lines": list(entry.lot_lines),
    }


def posted_body(posted: Posted) -> dict[str, Any]:
    """A movement as PostedOut shows it."""
    return {
        "id": str(posted.journal),
        "state": "posted",
        "approval": None,
        "member": str(posted.member),
        "kind": posted.kind.value,
        "currency": posted.currency,
        "amount": posted.amount,
        "balance": posted.balance,
        "available": posted.available,
        "lots": [{"lot": str(lot), "amount": units} for lot, units in posted.lots],
    }


def hold_body(hold: Hold) -> dict[str, Any]:
    """A hold as HoldOut shows it."""
    return {
        "id": str(hold.id),
        "member": str(hold.member_id),
        "kind": hold.kind,
        "format": hold.format,
        "currency": hold.currency,
        "amount": hold.amount,
        "captured": hold.captured,
        "state": HoldState(hold.state),
        "expires_at": hold.expires_at,
        "created_at": hold.created_at,
        "ended_at": hold.ended_at,
    }
