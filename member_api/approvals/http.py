"""What waits for a second person, over HTTP."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import (
    Blueprint,
    PageArguments,
    Schema,
    idempotent,
    make_cursor,
    page_of,
    paged,
    read_cursor,
    transactional,
)
from member_api.approvals.operations import Approval, approve, list_approvals, read_approval, refuse, withdraw
from member_api.approvals.rules import ApprovalState, ApprovalUnknown
from member_api.fields import Reason, member_id_of
from member_api.ledger.http import shows_reasons

approvals_blueprint = Blueprint("approvals", __name__, description="What needs a second person")


class ApprovalQuery(PageArguments):
    state = fields.Enum(ApprovalState, by_value=True, load_default=None)


class DecisionIn(Schema):
    reason = Reason(load_default=None, allow_none=True)


class ApprovalOut(Schema):
    """Something that needs, or needed, a second person."""

    id = fields.String(required=True)
    member = fields.String(required=True)
    action = fields.String(required=True)
    kind = fields.String(required=True)
    amount = fields.Integer(required=True)
    content = fields.Dict(required=True, metadata={"description": "What was asked for"})
    reason = fields.String(required=True, allow_none=True)
    store = fields.String(required=True, allow_none=True)
    state = fields.Enum(ApprovalState, by_value=True, required=True)
    proposed_by = fields.String(required=True)
    proposed_at = fields.AwareDateTime(required=True)
    decided_by = fields.String(required=True, allow_none=True)
    decided_at = fields.AwareDateTime(required=True, allow_none=True)
    decision_reason = fields.String(required=True, allow_none=True)
    journal = fields.String(required=True, allow_none=True)


def approval_body(row: Approval, *, with_reasons: bool) -> dict[str, Any]:
    """An approval as ApprovalOut shows it."""
    return {
        "id": str(row.id),
        "member": str(row.member_id),
        "action": row.action.value,
        "kind": row.kind.value,
        "amount": row.amount,
        "content": row.content,
        "reason": row.reason if with_reasons else None,
        "store": row.store,
        "state": row.state,
        "proposed_by": row.proposed_by,
        "proposed_at": row.proposed_at,
        "decided_by": row.decided_by,
        "decided_at": row.decided_at,
        "decision_reason": row.decision_reason if with_reasons else None,
        "journal": str(row.journal_id) if row.journal_id else None,
    }


@approvals_blueprint.route("/approvals", methods=["GET"])
@allow("accounts.approve")
@transactional
@approvals_blueprint.arguments(ApprovalQuery, location="query")
@approvals_blueprint.response(200, page_of(ApprovalOut))
def get_approvals(tx: Tx, query: Mapping[str, Any]) -> Any:
    """What waits, or was decided, in your stores; newest first."""
    principal = current_principal()
    before = read_cursor(query["cursor"], int)[0] if query["cursor"] else None
    found = list_approvals(tx, principal, query["state"], before, query["limit"] + 1)
    shown = found[: query["limit"]]
    bodies = [approval_body(row, with_reasons=shows_reasons(principal)) for row in shown]
    return paged(bodies, make_cursor(shown[-1].id) if len(found) > len(shown) else None)


@approvals_blueprint.route("/approvals/<approval>", methods=["GET"])
@allow("accounts.approve")
@transactional
@approvals_blueprint.response(200, ApprovalOut)
def get_approval(tx: Tx, approval: str) -> dict[str, Any]:
    """One of them."""
    principal = current_principal()
    row = read_approval(tx, principal, member_id_of(approval, ApprovalUnknown))
    return approval_body(row, with_reasons=shows_reasons(principal))


@approvals_blueprint.route("/approvals/<approval>/approve", methods=["POST"])
@allow("accounts.approve")
@idempotent
@approvals_blueprint.arguments(DecisionIn)
@approvals_blueprint.response(200, ApprovalOut)
def post_approve(tx: Tx, body: Mapping[str, Any], approval: str) -> dict[str, Any]:
    """Let it happen, now. Only another person than the one who proposed it."""
    principal = current_principal()
    row, _ = approve(tx, principal, member_id_of(approval, ApprovalUnknown), body["reason"], principal.actor)
    return approval_body(row, with_reasons=False)


@approvals_blueprint.route("/approvals/<approval>/refuse", methods=["POST"])
@allow("accounts.approve")
@idempotent
@approvals_blueprint.arguments(DecisionIn)
@approvals_blueprint.response(200, ApprovalOut)
def post_refuse(tx: Tx, body: Mapping[str, Any], approval: str) -> dict[str, Any]:
    """Say no. Only another person than the one who proposed it."""
    principal = current_principal()
    row = refuse(tx, principal, member_id_of(approval, ApprovalUnknown), body["reason"], principal.actor)
    return approval_body(row, with_reasons=False)


@approvals_blueprint.route("/approvals/<approval>/withdraw", methods=["POST"])
@allow("accounts.adjust")
@idempotent
@approvals_blueprint.response(200, ApprovalOut)
def post_withdraw(tx: Tx, approval: str) -> dict[str, Any]:
    """Take back what you proposed yourself."""
    principal = current_principal()
    row = withdraw(tx, principal, member_id_of(approval, ApprovalUnknown), principal.actor)
    return approval_body(row, with_reasons=False)
