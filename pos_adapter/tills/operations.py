"""Follow the numbers of every till: note what is missing, say so after a time of grace, close what arrives late.

A till's day is known by its lowest and highest number and by the gaps between; neither the number of receipts nor the
size of a gap makes a batch of events dearer: it costs a handful of statements, whatever it holds.

A receipt that was refused and parked has been heard of: its number is not missing, it stands on the board as parked.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from foundation.access import Principal
from foundation.database import Tx
from foundation.errors import Conflict, NotFound
from foundation.events import Event, announce
from pos_adapter.places import place_of_store
from pos_adapter.tills.rules import Gap, GapChanges, Span, reconcile
from pos_adapter.tills.series import Heard, Known, Place, Till, TillDay, affected_days, missing_now
from pos_adapter.tills.storage import (
    close_gaps,
    load_days,
    load_explained,
    load_gaps,
    load_parked,
    open_gaps,
    resize_gaps,
    see_tills,
    write_days,
)

RECORDED = "sale.recorded"
PARKED = "receipt.parked"
GAP_OPENED = "till.gap_opened"
GAP_CHANGED = "till.gap_changed"
GAP_CLOSED = "till.gap_closed"
TILLS_OWN_SERIES = 0
ANNOUNCED_AT_ONCE_MAX = 500


class GapUnknown(NotFound):
    """There is no gap with this id, or it is not yours to see."""

    code = "gap_unknown"


class GapNotOpen(Conflict):
    """The missing numbers have arrived, or were explained before."""

    code = "gap_not_open"


def follow_receipts(tx: Tx, events: Sequence[Event]) -> None:
    """Bring tills and gaps up to these events (sale.recorded, receipt.parked).

    The only writer of gaps; its subscription makes sure that one of it runs at a time.
    """
    seen_at, heard = _read(events)
    if not heard:
        return
    see_tills(tx, seen_at)
    before = load_days(tx, heard)
    after = before.with_arrivals(heard)
    affected = affected_days(after, heard)
    gaps = load_gaps(tx, affected, heard)
    known = Known(
        gaps={place: [gap.span for gap in several] for place, several in gaps.items()},
        parked=load_parked(tx, affected | {d for day in affected if (d := after.day_before(day)) is not None}),
        explained=load_explained(tx, affected),
    )
    missing = missing_now(before, after, heard, known)
    write_days(tx, {day: after.spans[day] for day, numbers in heard.items() if numbers.recorded})
    _put_right(
        tx,
        {place: reconcile(gaps.get(place, []), spans) for place, spans in missing.items() if spans or place in gaps},
    )


def announce_due_gaps(tx: Tx) -> int:
    """Announce gaps that have outlived the time of grace, at most 500; returns how many."""
    rows = tx.execute(
        "UPDATE pos.sequence_gap SET announced_at = :now WHERE id = ANY(ARRAY("
        " SELECT g.id FROM pos.sequence_gap AS g, pos.till_setting AS s"
        " WHERE g.closed_at IS NULL AND g.announced_at IS NULL"
        " AND g.noticed_at <= :now - make_interval(secs => s.gap_grace_s)"
        " ORDER BY g.noticed_at LIMIT :limit FOR UPDATE OF g SKIP LOCKED))"
        " RETURNING id, store_id, terminal, business_date, first, last",
        {"now": tx.now, "limit": ANNOUNCED_AT_ONCE_MAX},
    ).all()
    for row in rows:
        day = TillDay(Till(row.store_id, row.terminal), row.business_date)
        _announce(tx, GAP_OPENED, row.id, day, Span(row.first, row.last))
    return len(rows)


def explain_gap(tx: Tx, actor: Principal, gap_id: int, explanation: str) -> None:
    """Close a gap whose numbers were never receipts (training, a printer test), with the reason and who gave it.

    Needs receipts.approve at the store. Raises GapUnknown, GapNotOpen, PermissionMissing, PlaceForbidden.
    """
    row = tx.execute(
        "SELECT id, store_id, terminal, business_date, first, last, closed_at FROM pos.sequence_gap"
        " WHERE id = :id FOR UPDATE",
        {"id": gap_id},
    ).one_or_none()
    if row is None:
        raise GapUnknown(f"there is no gap {gap_id}")
    actor.require("receipts.approve", place_of_store(tx, row.store_id))
    if row.closed_at is not None:
        raise GapNotOpen("the missing numbers have arrived, or were explained before")
    tx.execute(
        "UPDATE pos.sequence_gap SET closed_at = :now, announced_at = coalesce(announced_at, :now),"
        " explained_by = :by, explanation = :explanation WHERE id = :id",
        {"id": gap_id, "now": tx.now, "by": actor.id, "explanation": explanation},
    )
    day = TillDay(Till(row.store_id, row.terminal), row.business_date)
    _announce(tx, GAP_CLOSED, gap_id, day, Span(row.first, row.last), explained=True)


def change_grace(tx: Tx, seconds: int) -> None:
    """Set how long a number may be missing before anybody is told; 0 to 86,400 seconds."""
    tx.execute("UPDATE pos.till_setting SET gap_grace_s = :seconds", {"seconds": seconds})


def grace_s(tx: Tx) -> int:
    """How long a number may be missing before anybody is told, in seconds."""
    return int(tx.execute("SELECT gap_grace_s FROM pos.till_setting").scalar_one())


def _read(events: Iterable[Event]) -> tuple[dict[Till, datetime], dict[TillDay, Heard]]:
    seen_at: dict[Till, datetime] = {}
    heard: dict[TillDay, Heard] = defaultdict(Heard)
    for event in events:
        facts = event.facts
        if facts["series"] != TILLS_OWN_SERIES:
            continue
        till = Till(facts["store"], facts["terminal"])
        numbers = heard[TillDay(till, date.fromisoformat(facts["business_date"]))]
        (numbers.parked if event.topic == PARKED else numbers.recorded).add(facts["sequence"])
        seen_at[till] = max(event.at, seen_at.get(till, event.at))
    return seen_at, heard


def _put_right(tx: Tx, changes: Mapping[Place, GapChanges]) -> None:
    # Closed ones first: what grows may take the first number of one that goes.
    close_gaps(tx, [gap for change in changes.values() for gap in change.closed])
    resize_gaps(tx, [resized for change in changes.values() for resized in change.resized])
    parts = open_gaps(tx, changes)
    for where, change in changes.items():
        for gap in _announced(change.closed):
            _announce(tx, GAP_CLOSED, gap.id, where.till_day, gap.span, explained=False)
        for gap, span in change.resized:
            if gap.announced_at is not None:
                _announce(tx, GAP_CHANGED, gap.id, where.till_day, span)
    for gap_id, till_day, span in parts:
        _announce(tx, GAP_OPENED, gap_id, till_day, span)


def _announced(gaps: Iterable[Gap]) -> Iterable[Gap]:
    return (gap for gap in gaps if gap.announced_at is not None)


def _announce(tx: Tx, topic: str, gap_id: int, till_day: TillDay, span: Span, **facts: Any) -> None:
    announce(
        tx,
        topic,
        {
            "gap": gap_id,
            "store": till_day.till.store_id,
            "terminal": till_day.till.terminal,
            "business_date": till_day.day.isoformat(),
            "first": span.first,
            "last": span.last,
            **facts,
        },
    )
