"""Granting and adjusting within limits, proposing what is over them, and deciding what was proposed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.types.json import Json
from sqlalchemy import insert, select

from foundation.access import Principal
from foundation.database import Tx
from foundation.events import announce
from member_api.approvals.rules import (
    Action,
    ActorKind,
    AlreadyDecided,
    ApprovalState,
    ApprovalUnknown,
    Limit,
    NotYours,
    check_decider,
    limit_for,
    needs_second_person,
)
from member_api.approvals.tables import approval_limit
from member_api.ledger.operations import Adjustment, Grant, Posted, Step, adjust, currency_of, grant
from member_api.ledger.rules import Kind
from member_api.members.lookup import MemberRef, resolve_member
from member_api.permissions import ACCOUNTS_APPROVE
from member_api.vault.operations import open_keys
from member_api.vault.rules import MemberKey
from organisation.contract import place_of

LIMITS_MAX = 10_000
REASON, DECISION = "approval/reason", "approval/decision"
_COLUMNS = """
SELECT id, member_id, action, content::text, kind, amount, reason, store, state, proposed_by, proposed_at, decided_by,
       decided_at, decision_reason, journal_id FROM member.approval
"""


@dataclass(frozen=True, slots=True)
class Proposed:
    """What waits for a second person."""

    approval: int
    member: int


@dataclass(frozen=True, slots=True)
class Approval:
    """Something that needs, or needed, a second person. `content` is what was asked for; reasons are opened."""

    id: int
    member_id: int
    action: Action
    content: Mapping[str, Any]
    kind: Kind
    amount: int
    reason: str | None
    store: str | None
    state: ApprovalState
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
    journal_id: UUID | None


def grant_or_propose(tx: Tx, principal: Principal, ref: MemberRef, wanted: Grant, step: Step) -> Posted | Proposed:
    """Grant, or leave it to a second person when it is over the limit. Raises what `grant` raises."""
    return _do_or_propose(tx, principal, ref, Action.GRANT, wanted, step)


def adjust_or_propose(
    tx: Tx, principal: Principal, ref: MemberRef, wanted: Adjustment, step: Step
) -> Posted | Proposed:
    """Adjust, or leave it to a second person when it is over the limit. Raises what `adjust` raises."""
    return _do_or_propose(tx, principal, ref, Action.ADJUSTMENT, wanted, step)


def _do_or_propose(
    tx: Tx, principal: Principal, ref: MemberRef, action: Action, wanted: Grant | Adjustment, step: Step
) -> Posted | Proposed:
    member = resolve_member(tx, ref, lock="share")
    currency = currency_of(tx, member, wanted.kind, wanted.currency)
    limit = limit_for(limits(tx), action, ActorKind(principal.kind.value), wanted.kind, currency, tx.now)
    if not needs_second_person(wanted.amount, limit):
        return _do(tx, member.id, wanted, step)
    key = open_keys(tx, [member.id]).get(member.id)
    reason = wanted.reason if isinstance(wanted, Adjustment) else None
    content = msgspec.to_builtins(wanted)
    content.pop("reason", None)
    row = tx.ask(
        "INSERT INTO member.approval (member_id, action, content, kind, amount, reason, store, state, proposed_by,"
        " proposed_at) VALUES (%s, %s, %s, %s, %s, %s, %s, 'pending', %s, %s) RETURNING id",
        (
            member.id, action.value, Json(content), wanted.kind.value, wanted.amount,
            key.seal(REASON, reason) if key and reason else None, step.store or member.home_store, step.actor, tx.now,
        ),
    ).fetchone()  # fmt: skip
    assert row is not None
    announce(tx, "approval.proposed", {"approval": str(row[0]), "member": str(member.id), "action": action.value})
    return Proposed(row[0], member.id)


def _do(tx: Tx, member: int, wanted: Grant | Adjustment, step: Step) -> Posted:
    return grant(tx, member, wanted, step) if isinstance(wanted, Grant) else adjust(tx, member, wanted, step)


# ------------------------------------------------------------------------------------------------ deciding
def approve(tx: Tx, principal: Principal, approval_id: int, reason: str | None, actor: str) -> tuple[Approval, Posted]:
    """Let what was proposed happen, now. Raises ApprovalUnknown, AlreadyDecided, SecondPersonNeeded, and what the
    movement itself raises (then it stays pending)."""
    row = _locked(tx, principal, approval_id)
    check_decider(row.proposed_by, actor, ActorKind(principal.kind.value))
    posted = _do(tx, row.member_id, _wanted(row), Step(f"approval/{row.id}", actor, row.store))
    return _decide(tx, row, ApprovalState.APPROVED, reason, actor, posted.journal), posted


def refuse(tx: Tx, principal: Principal, approval_id: int, reason: str | None, actor: str) -> Approval:
    """Refuse what was proposed. Raises ApprovalUnknown, AlreadyDecided, SecondPersonNeeded."""
    row = _locked(tx, principal, approval_id)
    check_decider(row.proposed_by, actor, ActorKind(principal.kind.value))
    return _decide(tx, row, ApprovalState.REFUSED, reason, actor, None)


def withdraw(tx: Tx, principal: Principal, approval_id: int, actor: str) -> Approval:
    """Take back what one proposed oneself. Raises ApprovalUnknown, AlreadyDecided, NotYours."""
    row = _locked(tx, principal, approval_id, permission=None)
    if row.proposed_by != actor:
        raise NotYours("Only whoever proposed it can withdraw it")
    return _decide(tx, row, ApprovalState.WITHDRAWN, None, actor, None)


def _locked(tx: Tx, principal: Principal, approval_id: int, permission: str | None = ACCOUNTS_APPROVE) -> Approval:
    found = tx.ask(_COLUMNS + "WHERE id = %s FOR UPDATE", (approval_id,)).fetchone()
    if found is None:
        raise ApprovalUnknown("There is no such approval")
    row = _opened(tx, [found])[0]
    if permission is not None and not _sees(principal, permission, row.store):
        raise ApprovalUnknown("There is no such approval")
    if row.state is not ApprovalState.PENDING:
        raise AlreadyDecided(f"It was {row.state.value} before", state=row.state.value)
    return row


def _sees(principal: Principal, permission: str, store: str | None) -> bool:
    return principal.places is None or (store is not None and principal.may(permission, place_of(store)))


def _wanted(row: Approval) -> Grant | Adjustment:
    if row.action is Action.GRANT:
        return msgspec.convert(row.content, Grant)
    return msgspec.convert({**row.content, "reason": row.reason or ""}, Adjustment)


def _decide(
    tx: Tx, row: Approval, state: ApprovalState, reason: str | None, actor: str, journal: UUID | None
) -> Approval:
    key = open_keys(tx, [row.member_id]).get(row.member_id)
    tx.ask(
        "UPDATE member.approval SET state = %s, decided_by = %s, decided_at = %s, decision_reason = %s, journal_id = %s"
        " WHERE id = %s",
        (state.value, actor, tx.now, key.seal(DECISION, reason) if key and reason else None, journal, row.id),
    )
    announce(tx, "approval.decided", {"approval": str(row.id), "member": str(row.member_id), "state": state.value})
    return read_approval(tx, None, row.id)


# ------------------------------------------------------------------------------------------------ reading
def read_approval(tx: Tx, principal: Principal | None, approval_id: int) -> Approval:
    """One approval. Raises ApprovalUnknown, also for what lies outside of the principal's stores (None: anywhere)."""
    found = tx.ask(_COLUMNS + "WHERE id = %s", (approval_id,)).fetchone()
    if found is None:
        raise ApprovalUnknown("There is no such approval")
    row = _opened(tx, [found])[0]
    if principal is not None and not _sees(principal, ACCOUNTS_APPROVE, row.store):
        raise ApprovalUnknown("There is no such approval")
    return row


def list_approvals(
    tx: Tx, principal: Principal, state: ApprovalState | None, before: int | None, limit: int
) -> list[Approval]:
    """Approvals of the principal's stores, newest first, at most `limit`."""
    stores = None if principal.places is None else [place.removeprefix("store/") for place in principal.places]
    rows = tx.ask(
        _COLUMNS + "WHERE (%s::text IS NULL OR state = %s) AND (%s::bigint IS NULL OR id < %s)"
        " AND (%s::text[] IS NULL OR store = ANY(%s)) ORDER BY id DESC LIMIT %s",
        (state, state, before, before, stores, stores, limit),
    ).fetchall()
    return _opened(tx, rows)


def pending_of(tx: Tx, member: int, limit: int = 20) -> list[Approval]:
    """What waits for a second person for one member, newest first."""
    rows = tx.ask(_COLUMNS + "WHERE member_id = %s AND state = 'pending' ORDER BY id DESC LIMIT %s", (member, limit))
    return _opened(tx, rows.fetchall())


def _opened(tx: Tx, rows: Sequence[Any]) -> list[Approval]:
    keys = open_keys(tx, {row[1] for row in rows}) if any(row[6] or row[13] for row in rows) else {}
    return [
        Approval(
            row[0], row[1], Action(row[2]), msgspec.json.decode(row[3]), Kind(row[4]), row[5],
            _open(keys, row[1], REASON, row[6]), row[7], ApprovalState(row[8]), row[9], row[10], row[11], row[12],
            _open(keys, row[1], DECISION, row[13]), row[14],
        )
        for row in rows
    ]  # fmt: skip


def _open(keys: Mapping[int, MemberKey], member: int, field: str, sealed: bytes | None) -> str | None:
    return keys[member].open(field, bytes(sealed)) if sealed is not None and member in keys else None


# ------------------------------------------------------------------------------------------------ limits
def limits(tx: Tx) -> list[Limit]:
    """Every limit that was ever set, in the order of setting."""
    rows = tx.execute(select(approval_limit).order_by(approval_limit.c.id).limit(LIMITS_MAX))
    return [
        Limit(Action(r.action), ActorKind(r.actor_kind), Kind(r.kind), r.currency, r.amount, r.valid_from) for r in rows
    ]


def set_limit(tx: Tx, limit: Limit, actor: str) -> None:
    """Set a limit from a moment on."""
    tx.execute(
        insert(approval_limit).values(
            action=limit.action.value, actor_kind=limit.actor_kind.value, kind=limit.kind.value,
            currency=limit.currency, amount=limit.amount, valid_from=limit.valid_from, set_by=actor, set_at=tx.now,
        )
    )  # fmt: skip
    announce(tx, "approval_limit.set", {"action": limit.action.value, "kind": limit.kind.value})
