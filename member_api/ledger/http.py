"""Accounts, statement, grants, redemptions, adjustments and holds over HTTP."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from foundation.access import Principal, allow, current_principal
from foundation.database import Tx
from foundation.http import Blueprint, idempotent, make_cursor, page_of, paged, read_cursor, transactional
from member_api.approvals.operations import Proposed, adjust_or_propose, grant_or_propose
from member_api.contract.members import read_ref
from member_api.fields import member_id_of
from member_api.ledger.bodies import (
    AccountsOut,
    AccountsQuery,
    AdjustmentIn,
    CaptureIn,
    GrantIn,
    HoldIn,
    HoldOut,
    PostedOut,
    RedemptionIn,
    StatementQuery,
    StatementRowOut,
    account_body,
    expires_in,
    hold_body,
    posted_body,
    read_adjustment,
    read_grant,
    read_taking,
    statement_body,
    step_of_request,
)
from member_api.ledger.operations import HoldUnknown, Posted, capture_hold, place_hold, redeem, release_hold
from member_api.ledger.rules import Hold, Kind
from member_api.ledger.statements import Mark, accounts_of, read_hold, statement_of
from member_api.members.lookup import resolve_member
from member_api.permissions import ACCOUNTS_ADJUST, MEMBERS_PERSONAL

ledger_blueprint = Blueprint("ledger", __name__, description="What members own: points, e-coins, stored value")


# ------------------------------------------------------------------------------------------------ reading
@ledger_blueprint.route("/members/<member>/accounts", methods=["GET"])
@allow("accounts.read")
@transactional
@ledger_blueprint.arguments(AccountsQuery, location="query")
@ledger_blueprint.response(200, AccountsOut)
def get_accounts(tx: Tx, query: Mapping[str, Any], member: str) -> Any:
    """Every account of a member with its open lots, as a spend would find them now."""
    facts = resolve_member(tx, member_id_of(member))
    return paged([account_body(account) for account in accounts_of(tx, facts.id, query["lots"])], None)


@ledger_blueprint.route("/members/<member>/statement", methods=["GET"])
@allow("accounts.read")
@transactional
@ledger_blueprint.arguments(StatementQuery, location="query")
@ledger_blueprint.response(200, page_of(StatementRowOut))
def get_statement(tx: Tx, query: Mapping[str, Any], member: str) -> Any:
    """What moved the accounts, newest first, each with the balance after it and where its lots came from."""
    facts = resolve_member(tx, member_id_of(member))
    page = statement_of(tx, facts.id, query["limit"], read_mark(query["cursor"]))
    with_reason = shows_reasons(current_principal())
    return paged([statement_body(row, with_reason=with_reason) for row in page.rows], write_mark(page.next))


def shows_reasons(principal: Principal) -> bool:
    """Reasons are free text about a person: for whoever may see members unmasked, or writes them."""
    return principal.may(MEMBERS_PERSONAL) or principal.may(ACCOUNTS_ADJUST)


def read_mark(cursor: str | None) -> Mark | None:
    """The place in a statement that a cursor names. Raises CursorUnreadable."""
    if cursor is None:
        return None
    at, journal, balances = read_cursor(cursor, datetime, UUID, dict[int, int])
    return Mark(at, journal, balances)


def write_mark(mark: Mark | None) -> str | None:
    return make_cursor(mark.at, mark.journal, mark.balances) if mark else None


# ------------------------------------------------------------------------------------------------ moving
@ledger_blueprint.route("/members/<member>/grants", methods=["POST"])
@allow("accounts.grant")
@idempotent
@ledger_blueprint.arguments(GrantIn)
@ledger_blueprint.response(201, PostedOut)
@ledger_blueprint.alt_response(202, schema=PostedOut, description="Over the limit: a second person decides")
def post_grant(tx: Tx, body: Mapping[str, Any], member: str) -> Any:
    """Bring an amount in. Debts are repaid from it first."""
    wanted = read_grant(body)
    done = grant_or_propose(tx, current_principal(), member_id_of(member), wanted, step_of_request())
    return _answer(done, wanted.kind, wanted.amount, wanted.currency)


@ledger_blueprint.route("/members/<member>/adjustments", methods=["POST"])
@allow("accounts.adjust")
@idempotent
@ledger_blueprint.arguments(AdjustmentIn)
@ledger_blueprint.response(201, PostedOut)
@ledger_blueprint.alt_response(202, schema=PostedOut, description="Over the limit: a second person decides")
def post_adjustment(tx: Tx, body: Mapping[str, Any], member: str) -> Any:
    """Correct an account by hand, in either direction. Over the limit it waits for a second person."""
    wanted = read_adjustment(body)
    done = adjust_or_propose(tx, current_principal(), member_id_of(member), wanted, step_of_request())
    return _answer(done, wanted.kind, wanted.amount, wanted.currency)


@ledger_blueprint.route("/members/<member>/redemptions", methods=["POST"])
@allow("accounts.redeem")
@idempotent
@ledger_blueprint.arguments(RedemptionIn)
@ledger_blueprint.response(201, PostedOut)
def post_redemption(tx: Tx, body: Mapping[str, Any], member: str) -> Any:
    """Take an amount, soonest expiry first. Never more than there is."""
    posted = redeem(tx, member_id_of(member), read_taking(body), body["reason"], step_of_request())
    return posted_body(posted), 201


def _answer(done: Posted | Proposed, kind: Kind, amount: int, currency: str | None) -> tuple[dict[str, Any], int]:
    if isinstance(done, Posted):
        return posted_body(done), 201
    return {
        "id": None,
        "state": "pending",
        "approval": str(done.approval),
        "member": str(done.member),
        "kind": kind.value,
        "currency": currency,
        "amount": amount,
        "balance": None,
        "available": None,
        "lots": [],
    }, 202


# ------------------------------------------------------------------------------------------------ holds
@ledger_blueprint.route("/holds", methods=["POST"])
@allow("holds.write")
@idempotent
@ledger_blueprint.arguments(HoldIn)
@ledger_blueprint.response(201, HoldOut)
def post_hold(tx: Tx, body: Mapping[str, Any]) -> Any:
    """Set an amount aside until it is captured, released, or its time is over. What is held does not expire."""
    hold = place_hold(tx, read_ref(body["member"]), read_taking(body), expires_in(body), step_of_request())
    return hold_body(hold), 201, {"Location": f"/v1/holds/{hold.id}"}


@ledger_blueprint.route("/holds/<hold>", methods=["GET"])
@allow("accounts.read")
@transactional
@ledger_blueprint.response(200, HoldOut)
def get_hold(tx: Tx, hold: str) -> dict[str, Any]:
    """A hold as it stands now."""
    return hold_body(read_hold(tx, _hold_id(hold)))


@ledger_blueprint.route("/holds/<hold>/capture", methods=["POST"])
@allow("holds.write")
@idempotent
@ledger_blueprint.arguments(CaptureIn)
@ledger_blueprint.response(200, HoldOut)
def post_capture(tx: Tx, body: Mapping[str, Any], hold: str) -> dict[str, Any]:
    """Spend what was set aside, or a part of it; the rest is free again. Once: a second time is 409."""
    captured, _ = capture_hold(tx, _hold_id(hold), body["amount"], step_of_request())
    return hold_body(captured)


@ledger_blueprint.route("/holds/<hold>/release", methods=["POST"])
@allow("holds.write")
@idempotent
@ledger_blueprint.response(200, HoldOut)
def post_release(tx: Tx, hold: str) -> dict[str, Any]:
    """Let go of what was set aside. Once: a second time is 409."""
    released: Hold = release_hold(tx, _hold_id(hold), step_of_request())
    return hold_body(released)


def _hold_id(text: str) -> int:
    return member_id_of(text, HoldUnknown)
