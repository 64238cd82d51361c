"""The registry of tenders: put kinds in place, list them, and know their roles while posting."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from foundation.database import Tx
from foundation.errors import DomainError
from foundation.http.puts import Done, Outcome
from foundation.reference_cache import ReferenceCache
from pos_adapter.tenders.rules import TenderKind, TenderKindWish, TenderRole, plan_tender_kind
from pos_adapter.tenders.tables import tender_kind

KINDS_MAX = 1_000
ALL = "all"


def _load(tx: Tx, keys: Collection[str]) -> dict[str, Mapping[str, TenderRole]]:
    roles = {kind.kind: kind.role for kind in tender_kinds(tx)}
    return dict.fromkeys(keys, roles)


_roles: ReferenceCache[str, Mapping[str, TenderRole]] = ReferenceCache("pos.tender_kind", _load)


def tender_roles(tx: Tx) -> Mapping[str, TenderRole]:
    """The role of every registered kind; one that is not in it is taken as money. About a microsecond once known."""
    return _roles.one(tx, ALL) or {}


def tender_kinds(tx: Tx) -> list[TenderKind]:
    """Every registered kind, by its code; at most 1,000."""
    rows = tx.execute(select(tender_kind).order_by(tender_kind.c.kind).limit(KINDS_MAX))
    return [TenderKind(row.kind, row.name, TenderRole(row.role)) for row in rows]


def put_tender_kinds(tx: Tx, wishes: Sequence[TenderKindWish]) -> list[Outcome[TenderKind]]:
    """Make or change kinds, each on its own; one outcome a wish, in order. Receipts posted before keep what they were.

    Refusals are TenderKindFixed, TenderKindIncomplete.
    """
    known = {kind.kind: kind for kind in tender_kinds(tx)}
    changed: dict[str, TenderKind] = {}
    outcomes: list[Outcome[TenderKind]] = []
    for wish in wishes:
        before = known.get(wish.kind)
        try:
            after = plan_tender_kind(before, wish)
        except DomainError as refusal:
            outcomes.append(refusal)
            continue
        if after != before:
            changed[wish.kind] = known[wish.kind] = after
        outcomes.append(Done(after, created=before is None))
    if changed:
        _write(tx, [changed[kind] for kind in sorted(changed)])
    return outcomes


def _write(tx: Tx, kinds: Sequence[TenderKind]) -> None:
    rows = [{"kind": kind.kind, "name": kind.name, "role": kind.role.value, "changed_at": tx.now} for kind in kinds]
    put = insert(tender_kind).values(rows)
    fresh = {name: put.excluded[name] for name in ("name", "role", "changed_at")}
    tx.execute(put.on_conflict_do_update(index_elements=["kind"], set_=fresh))
    _roles.changed(tx)
