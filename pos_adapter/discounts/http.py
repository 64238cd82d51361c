"""Discount limits and managers' codes over HTTP."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import Blueprint, idempotent, msgspec_answer, msgspec_body, transactional
from foundation.http.transactions import keep
from pos_adapter.discounts.operations import limits, new_code, set_limit
from pos_adapter.discounts.rules import ClerkRole
from pos_adapter.permissions import DISCOUNTS_APPROVE, TICKETS_READ
from pos_adapter.places import store_codes, where_a_rule_holds
from pos_adapter.sales.receipts import Code

discounts_blueprint = Blueprint("discounts", __name__, description="What clerks may take off, and managers' codes")


class CodeOut(msgspec.Struct, frozen=True):
    """A manager's code: told once, never kept; a repeated request is answered without it."""

    staff: str
    code: str | None
    expires_at: datetime


class DiscountLimitIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The discount that one may give alone, in hundredths of a percent (null: any), from a day on (today)."""

    percent: Annotated[int, Meta(ge=0, le=10_000)] | None
    store: Code | None = None
    role: ClerkRole | None = None
    valid_from: date | None = None


class DiscountLimitOut(msgspec.Struct, frozen=True):
    percent: int | None
    store: str | None
    role: str | None
    valid_from: date


class DiscountLimitPage(msgspec.Struct, frozen=True):
    items: list[DiscountLimitOut]
    next_cursor: str | None = None


def _again(tx: Tx, kept: Mapping[str, Any]) -> Any:  # noqa: ARG001 - the signature of Again
    return {**kept, "code": None}


@discounts_blueprint.route("/manager-codes", methods=["POST"])
@allow(DISCOUNTS_APPROVE)
@idempotent(again=_again)
@msgspec_answer(201, CodeOut)
def post_code(tx: Tx) -> CodeOut:
    """A code of the signed-in manager, good once and for five minutes, for one discount over the limit."""
    made = new_code(tx, current_principal())
    keep({"staff": made.staff, "expires_at": made.expires_at.isoformat()})
    return CodeOut(made.staff, made.code, made.expires_at)


@discounts_blueprint.route("/discount-limits", methods=["GET"])
@allow(TICKETS_READ)
@transactional
@msgspec_answer(200, DiscountLimitPage)
def get_limits(tx: Tx) -> DiscountLimitPage:
    """What may be taken off without a manager's code, in the order in which it was said."""
    found = limits(tx)
    codes = store_codes(tx, {limit.store for limit in found if limit.store is not None})
    return DiscountLimitPage(
        [
            DiscountLimitOut(each.percent, codes[each.store] if each.store else None, each.role, each.valid_from)
            for each in found
        ]
    )


@discounts_blueprint.route("/discount-limits", methods=["POST"])
@allow("rules.write")
@idempotent
@msgspec_body(DiscountLimitIn)
@msgspec_answer(201, DiscountLimitOut)
def post_limit(tx: Tx, body: DiscountLimitIn) -> DiscountLimitOut:
    """Set a limit from a day on: for the company or a store, for everybody or a role."""
    principal = current_principal()
    store, since = where_a_rule_holds(tx, principal, "rules.write", body.store, body.valid_from)
    set_limit(tx, store, body.role, body.percent, since, principal.actor)
    return DiscountLimitOut(body.percent, body.store, body.role, since)
