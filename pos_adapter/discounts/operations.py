"""Checking what clerks take off, and managers' codes: one use, a few minutes, a few tries.

A wrong try counts even though the ticket is refused and rolled back: it is counted in a transaction of its own, before
the code is compared. The code itself is used up in the ticket's transaction, so that a ticket that fails keeps it.
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Any

from sqlalchemy import insert

from foundation.access import Principal, PrincipalKind
from foundation.clock import local_date
from foundation.database import Tx, database
from foundation.errors import FieldError, Forbidden
from foundation.settings import get_settings
from organisation.contract import StaffStatus, StoreFacts, place_of, staff_by_id, staff_by_number
from pos_adapter.catalogue.lookups import promotions_by_code
from pos_adapter.discounts.rules import (
    Approval,
    ApprovalRefused,
    ClerkRole,
    DiscountLimit,
    DiscountNeedsApproval,
    limit_on,
    over_the_limit,
)
from pos_adapter.discounts.tables import discount_limit
from pos_adapter.permissions import DISCOUNTS_APPROVE
from pos_adapter.sales.receipts import Line

CODE_LIFE = timedelta(minutes=5)
CODE_DIGITS = 6
TRIES_MAX = 5
LIMITS_MAX = 10_000
DESK_USE = "desk.use"


class PersonNeeded(Forbidden):
    """A code is a person's; no machine has one."""

    code = "person_needed"


@dataclass(frozen=True, slots=True)
class ManagerCode:
    """A code as its manager is told it, once. `staff` is the number that goes with it."""

    staff: str
    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class UsedCode:
    """What became of a manager's earlier codes."""

    issued_at: datetime
    expires_at: datetime
    tries: int
    used_at: datetime | None


def approve_discounts(
    tx: Tx, principal: Principal, store: StoreFacts, lines: Sequence[Line], approval: Approval | None, what: str, *,
    is_member: bool,
) -> str | None:  # fmt: skip
    """Who approved the discounts of these lines (`person:<id>`); None where nobody needs to.

    A code is used up by it, for `what`. Raises DiscountNeedsApproval, ApprovalRefused.
    """
    day = local_date(tx.now, store.timezone)
    limit = limit_on(limits(tx), store.id, role_of(principal), day)
    if limit is None:
        return None
    named = {d.promotion for line in lines for d in line.discounts if d.promotion is not None}
    running = {
        code
        for code, facts in promotions_by_code(tx, named | {line.promotion for line in lines if line.promotion}).items()
        if facts.applies(day, store.code, store.format)
    }
    faults = over_the_limit(lines, _regular_prices(tx, store, lines), limit, running.__contains__, is_member=is_member)
    if not faults:
        return None
    if principal.kind is PrincipalKind.PERSON and principal.may(DISCOUNTS_APPROVE, place_of(store.code)):
        return f"person:{principal.id}"
    if approval is None:
        raise DiscountNeedsApproval(
            "More is taken off than you may give alone: a manager's code is needed", errors=faults, limit=limit
        )
    return _use_code(tx, store, approval, what)


def role_of(principal: Principal) -> ClerkRole:
    """Whose limit counts: the desk's for machines of a desk and people who work there, else the counter's."""
    if principal.kind is PrincipalKind.MACHINE:
        return ClerkRole.DESK if "terminal" in principal.bindings else ClerkRole.COUNTER
    return ClerkRole.DESK if principal.may(DESK_USE) else ClerkRole.COUNTER


def _regular_prices(tx: Tx, store: StoreFacts, lines: Sequence[Line]) -> dict[str, int]:
    codes = {line.product for line in lines if line.product is not None}
    if not codes:
        return {}
    rows = tx.execute(
        "SELECT code, regular_price FROM pos.product"
        " WHERE code = ANY(:codes) AND regular_price IS NOT NULL AND coalesce(currency, :currency) = :currency",
        {"codes": list(codes), "currency": store.currency},
    )
    return {row.code: row.regular_price for row in rows}


# ------------------------------------------------------------------------------------------------------ codes


def new_code(tx: Tx, principal: Principal) -> ManagerCode:
    """A code of the signed-in manager; the one before it is dead. Raises PersonNeeded."""
    if principal.kind is not PrincipalKind.PERSON or not principal.id.isdecimal():
        raise PersonNeeded("A code is given to a manager who is signed in")
    staff = int(principal.id)
    colleague = staff_by_id(tx, [staff]).get(staff)
    if colleague is None:
        raise PersonNeeded("A code is given to a manager who is signed in")
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    expires = tx.now + CODE_LIFE
    tx.execute(
        "INSERT INTO pos.manager_code (staff_id, places, digest, issued_at, expires_at)"
        " VALUES (:staff, :places, :digest, :now, :expires)",
        {
            "staff": staff,
            "places": sorted(principal.places) if principal.places is not None else None,
            "digest": _digest(staff, tx.now, code),
            "now": tx.now,
            "expires": expires,
        },
    )
    return ManagerCode(colleague.number, code, expires)


def _digest(staff: int, at: datetime, code: str) -> bytes:
    """Keyed, and bound to whose it is and when it was made."""
    said = f"{staff}/{at.timestamp():.6f}/{code}".encode()
    return blake2b(said, digest_size=32, key=get_settings().secret_key, person=b"manager-code").digest()


def _use_code(tx: Tx, store: StoreFacts, approval: Approval, what: str) -> str:
    facts = staff_by_number(tx, [approval.staff]).get(approval.staff)
    tried = _try(facts.id) if facts is not None else None
    if facts is None or tried is None or not _fits(tried, facts.id, approval.code, place_of(store.code)):
        raise _refused()
    manager = staff_by_id(tx, [facts.id])[facts.id]
    if manager.status is not StaffStatus.ACTIVE or DISCOUNTS_APPROVE not in manager.permissions:
        raise _refused()
    used = tx.execute(
        "UPDATE pos.manager_code SET used_at = :now, used_for = :what WHERE id = :id AND used_at IS NULL",
        {"now": tx.now, "what": what, "id": tried.id},
    )
    if used.rowcount != 1:
        raise _refused()
    return f"person:{facts.id}"


def _try(staff: int) -> Any:
    """The manager's last code with one try more, if it may still be tried; committed whatever comes of it."""
    with database().transaction() as own:
        return own.execute(
            "UPDATE pos.manager_code SET tries = tries + 1"
            " WHERE id = (SELECT max(id) FROM pos.manager_code WHERE staff_id = :staff)"
            " AND used_at IS NULL AND tries < :most AND expires_at > :now RETURNING id, digest, issued_at, places",
            {"staff": staff, "most": TRIES_MAX, "now": own.now},
        ).one_or_none()


def _fits(tried: Any, staff: int, code: str, place: str) -> bool:
    right = hmac.compare_digest(bytes(tried.digest), _digest(staff, tried.issued_at, code))
    return right and (tried.places is None or place in tried.places)


def _refused() -> ApprovalRefused:
    return ApprovalRefused(
        "The manager's code is wrong, used or too old", errors=[FieldError("/approval/code", "is not good")]
    )


def codes_of(tx: Tx, staff: int, limit: int) -> list[UsedCode]:
    """A manager's last codes, the newest first."""
    rows = tx.execute(
        "SELECT issued_at, expires_at, tries, used_at FROM pos.manager_code WHERE staff_id = :staff"
        " ORDER BY id DESC LIMIT :limit",
        {"staff": staff, "limit": limit},
    )
    return [UsedCode(*row) for row in rows]


# ----------------------------------------------------------------------------------------------------- limits


def limits(tx: Tx) -> list[DiscountLimit]:
    """Every limit, in the order in which they were set."""
    rows = tx.execute(
        "SELECT store_id, role, percent, valid_from FROM pos.discount_limit ORDER BY id LIMIT :most",
        {"most": LIMITS_MAX},
    )
    return [
        DiscountLimit(row.store_id, ClerkRole(row.role) if row.role is not None else None, row.percent, row.valid_from)
        for row in rows
    ]


def set_limit(tx: Tx, store: int | None, role: ClerkRole | None, percent: int | None, since: date, by: str) -> None:
    """Set a limit from a day on; what was said for that day before is overruled, and kept."""
    tx.execute(
        insert(discount_limit).values(
            store_id=store, role=role, percent=percent, valid_from=since, set_by=by, set_at=tx.now
        )
    )
