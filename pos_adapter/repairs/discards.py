"""A receipt is discarded by two people: one proposes with a reason, another confirms. Everything is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from foundation.access import Principal, PrincipalKind
from foundation.database import Tx
from foundation.errors import Conflict, NotFound
from foundation.events import announce
from foundation.identifiers import day_of
from pos_adapter.permissions import APPROVE, REPAIR
from pos_adapter.places import place_of_store
from pos_adapter.repairs.audit import note
from pos_adapter.repairs.rules import (
    WAITING,
    WAITING_FLAGS,
    AccountsMoved,
    DiscardState,
    NotByMachine,
    SamePerson,
    Subject,
)
from pos_adapter.sales.rules import returns_from


class DiscardUnknown(NotFound):
    """There is no such proposal, or it is not yours to see."""

    code = "discard_unknown"


class DiscardDecided(Conflict):
    """The proposal was confirmed, refused or withdrawn before."""

    code = "discard_decided"


class AlreadyProposed(Conflict):
    """Somebody has proposed it before, and it is not decided."""

    code = "discard_already_proposed"


class NothingToDiscard(Conflict):
    """The receipt is not parked or flagged any more, or nothing of it waits."""

    code = "nothing_to_discard"


@dataclass(frozen=True, slots=True)
class Discard:
    """A proposal. `proposed_by` and `decided_by` are `person:<id>` or `machine:<id>`."""

    id: int
    subject: Subject
    parked: int | None
    sale: UUID | None
    store_id: int
    reason: str
    state: DiscardState
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


def propose(tx: Tx, actor: Principal, subject: Subject, parked: int | None, sale: UUID | None, reason: str) -> Discard:
    """Propose to discard a parked receipt, a flagged sale or the part of it that waits; needs receipts.repair.

    Raises NothingToDiscard, AccountsMoved, AlreadyProposed, PermissionMissing, PlaceForbidden.
    """
    store_id = _store_of_parked(tx, parked) if parked is not None else _discardable(tx, subject, sale)
    actor.require(REPAIR, place_of_store(tx, store_id))
    row = tx.execute(
        "INSERT INTO pos.discard (subject, parked_id, sale_id, store_id, reason, state, proposed_by, proposed_at)"
        " VALUES (:subject, :parked, :sale, :store_id, :reason, 'proposed', :by, :now)"
        " ON CONFLICT DO NOTHING RETURNING *",
        {
            "subject": subject.value,
            "parked": parked,
            "sale": sale,
            "store_id": store_id,
            "reason": reason,
            "by": actor.actor,
            "now": tx.now,
        },
    ).one_or_none()
    if row is None:
        raise AlreadyProposed("somebody has proposed it before; confirm or refuse that")
    made = _discard(row)
    _note(tx, actor, made, "discard_proposed")
    return made


def confirm(tx: Tx, actor: Principal, discard_id: int) -> Discard:
    """Discard what somebody else proposed; needs receipts.approve.

    Raises DiscardUnknown, DiscardDecided, SamePerson, NotByMachine, NothingToDiscard, AccountsMoved,
    PermissionMissing, PlaceForbidden.
    """
    found = _locked(tx, discard_id)
    actor.require(APPROVE, place_of_store(tx, found.store_id))
    if actor.kind is not PrincipalKind.PERSON:
        raise NotByMachine("a person confirms that a receipt is discarded")
    if found.proposed_by == actor.actor:
        raise SamePerson("you proposed it; somebody else has to confirm")
    _carry_out(tx, found)
    return _decide(tx, actor, found, DiscardState.CONFIRMED, "discarded")


def decline(tx: Tx, actor: Principal, discard_id: int) -> Discard:
    """Refuse a proposal (receipts.approve), or withdraw one's own (receipts.repair).

    Raises DiscardUnknown, DiscardDecided, PermissionMissing, PlaceForbidden.
    """
    found = _locked(tx, discard_id)
    own = found.proposed_by == actor.actor
    actor.require(REPAIR if own else APPROVE, place_of_store(tx, found.store_id))
    state = DiscardState.WITHDRAWN if own else DiscardState.REFUSED
    return _decide(tx, actor, found, state, f"discard_{state}")


def list_discards(
    tx: Tx, store_ids: Sequence[int], *, state: DiscardState | None, before: int | None, limit: int
) -> list[Discard]:
    """Proposals of stores, newest first."""
    rows = tx.execute(
        "SELECT * FROM pos.discard WHERE store_id = ANY(:stores) AND (CAST(:state AS text) IS NULL OR state = :state)"
        " AND (CAST(:before AS bigint) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit",
        {"stores": list(store_ids), "state": state, "before": before, "limit": limit},
    )
    return [_discard(row) for row in rows]


def proposals_for(tx: Tx, *, parked: Sequence[int] = (), sales: Sequence[UUID] = ()) -> list[Discard]:
    """The undecided proposals about these parked receipts and sales."""
    rows = tx.execute(
        "SELECT * FROM pos.discard WHERE state = 'proposed' AND (parked_id = ANY(:parked) OR sale_id = ANY(:sales))",
        {"parked": list(parked), "sales": list(sales)},
    )
    return [_discard(row) for row in rows]


def _discard(row: Any) -> Discard:
    return Discard(
        row.id,
        Subject(row.subject),
        row.parked_id,
        row.sale_id,
        row.store_id,
        row.reason,
        DiscardState(row.state),
        row.proposed_by,
        row.proposed_at,
        row.decided_by,
        row.decided_at,
    )


def _locked(tx: Tx, discard_id: int) -> Discard:
    row = tx.execute("SELECT * FROM pos.discard WHERE id = :id FOR UPDATE", {"id": discard_id}).one_or_none()
    if row is None:
        raise DiscardUnknown(f"there is no proposal {discard_id}")
    if row.state != DiscardState.PROPOSED:
        raise DiscardDecided(f"the proposal was {row.state} before")
    return _discard(row)


def _decide(tx: Tx, actor: Principal, found: Discard, state: DiscardState, action: str) -> Discard:
    row = tx.execute(
        "UPDATE pos.discard SET state = :state, decided_by = :by, decided_at = :now WHERE id = :id RETURNING *",
        {"id": found.id, "state": state.value, "by": actor.actor, "now": tx.now},
    ).one()
    _note(tx, actor, found, action)
    return _discard(row)


def _note(tx: Tx, actor: Principal, found: Discard, action: str) -> None:
    day: date | None = day_of(found.sale) if found.sale is not None else None
    note(
        tx,
        actor,
        found.store_id,
        action,
        parked=found.parked,
        sale=(day, found.sale) if day is not None and found.sale is not None else None,
        detail={"discard": str(found.id), "what": found.subject, "reason": found.reason},
    )


# ---------------------------------------------------------------------------------------------- what is discarded


def _store_of_parked(tx: Tx, parked: int) -> int:
    store_id = tx.execute(
        "SELECT store_id FROM pos.parked_receipt WHERE id = :id AND state = 'open' FOR UPDATE", {"id": parked}
    ).scalar_one_or_none()
    if store_id is None:
        raise NothingToDiscard("the receipt is not parked any more")
    return int(store_id)


def _discardable(tx: Tx, subject: Subject, sale: UUID | None) -> int:
    """The store of a flagged sale that can be discarded, its row locked."""
    day = day_of(sale) if sale is not None else None
    row = tx.execute(
        "SELECT store_id, state, member_part, open_flags, EXISTS (SELECT FROM pos.sale AS r"
        " WHERE r.original_id = :id AND r.business_date >= :since AND r.state = 'posted'"
        " AND r.member_part <> 'discarded') AS given_back"
        " FROM pos.sale AS s WHERE business_date = :day AND id = :id FOR UPDATE",
        {"day": day, "id": sale, "since": returns_from(day) if day is not None else None},
    ).one_or_none()
    if row is None or row.state != "posted" or not row.open_flags:
        raise NothingToDiscard("the receipt is not flagged any more")
    if subject is Subject.MEMBER_PART and row.member_part != WAITING:
        raise NothingToDiscard("nothing of this receipt waits for a member")
    if subject is Subject.SALE and row.member_part == "done":
        raise AccountsMoved("it has moved the member's accounts: void or return it at the till")
    if subject is Subject.SALE and row.given_back:
        raise AccountsMoved("goods were returned on it: discard those returns first")
    return int(row.store_id)


def _carry_out(tx: Tx, found: Discard) -> None:
    if found.subject is Subject.PARKED:
        assert found.parked is not None
        _store_of_parked(tx, found.parked)
        tx.execute(
            "UPDATE pos.parked_receipt SET state = 'discarded', ended_at = :now WHERE id = :id",
            {"id": found.parked, "now": tx.now},
        )
        announce(tx, "receipt.discarded", {"parked": found.parked, "store": found.store_id})
        return
    _discardable(tx, found.subject, found.sale)
    assert found.sale is not None
    whole = found.subject is Subject.SALE
    tx.execute(
        "UPDATE pos.sale SET state = CASE WHEN :whole THEN 'discarded' ELSE state END,"
        " member_part = CASE WHEN member_part = 'waiting' THEN 'discarded' ELSE member_part END,"
        " open_flags = CASE WHEN :whole THEN CAST('{}' AS text[])"
        " ELSE ARRAY(SELECT f FROM unnest(open_flags) AS f WHERE f <> ALL(:waiting)) END"
        " WHERE business_date = :day AND id = :id",
        {"day": day_of(found.sale), "id": found.sale, "whole": whole, "waiting": sorted(WAITING_FLAGS)},
    )
    announce(tx, "sale.discarded", {"sale": str(found.sale), "store": found.store_id, "what": found.subject.value})
