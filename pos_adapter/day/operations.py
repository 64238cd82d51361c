"""Closing a store's day: what stands in the way, what does not agree, and the figures that stay.

Locks: the store's books (an advisory lock), so that two people who close at once stand in line, and what arrives
meanwhile is either in this day's figures or in the next one's; then the open tickets of the day, in order of id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from foundation.access import Principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.events import announce
from organisation.contract import StoreFacts, place_of
from pos_adapter.day.figures import figures_of, keep_figures, kept_figures
from pos_adapter.day.posting import (
    Books,
    Posted,
    begin_books,
    books_of,
    earlier_open,
    lock_books,
    post,
    posted_on,
)
from pos_adapter.day.rules import (
    About,
    DayClose,
    DayClosed,
    DayDiffers,
    DayNotHere,
    DayNotReady,
    DayState,
    Difference,
    DifferenceKind,
    Drawer,
    Figures,
    Obstacle,
    ObstacleKind,
    Warned,
    WarningKind,
    moments_of,
)
from pos_adapter.day.shifts import Shift, shifts_of_day
from pos_adapter.day.tables import WRITE_DAY, WRITE_DAY_DIFFERENCE, DayDifferenceRow, StoreDayRow
from pos_adapter.day.tying import compare_day
from pos_adapter.permissions import DAY_CLOSE
from pos_adapter.tickets.operations import expire_tickets_of

NAMED_MAX = 50


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a store as it stands: closed, or as it would be closed now.

    `close` is None while it is open. `late` are receipts of earlier days that are posted here. `can_close` says
    whether the day has begun and nothing stands in the way.
    """

    store: StoreFacts
    day: date
    close: DayClose | None
    figures: Figures
    receipts: int
    late: int
    shifts: tuple[Shift, ...]
    obstacles: tuple[Obstacle, ...]
    warnings: tuple[Warned, ...]
    differences: tuple[Difference, ...]

    @property
    def state(self) -> DayState:
        return DayState.OPEN if self.close is None else DayState.CLOSED

    @property
    def can_close(self) -> bool:
        return self.close is None and not self.obstacles


# ------------------------------------------------------------------------------------------------ closing


def close_day(tx: Tx, principal: Principal, store: StoreFacts, day: date, note: str | None = None) -> DayClose:
    """Close a day of a store: open tickets expire, figures are taken and kept, later arrivals go to the next day.

    `note` says why it is closed although something does not agree. Days are closed in order, from the first on.
    Raises DayClosed, DayNotHere, DayNotReady (with what is open), DayDiffers (with what does not agree, and no note),
    DayTooLarge.
    """
    principal.require(DAY_CLOSE, place_of(store.code))
    lock_books(tx, store.id)
    books = books_of(tx, store.id)
    _check_time(tx, store, books, day)
    _check_ready(tx, store, books, day)
    expire_tickets_of(tx, store.id, day)
    posted = posted_on(tx, store, books, day)
    differences = compare_day(tx, store, posted)
    if differences and note is None:
        raise DayDiffers(
            "Figures do not agree; look at them, or say why the day is closed all the same",
            differences=[_told(each) for each in differences[:NAMED_MAX]],
        )
    if books is None:
        begin_books(tx, store, day)
    shifts = shifts_of_day(tx, store, day)
    figures = figures_of(tx, store, posted, books, _drawers(shifts), closes=True)
    post(tx, store, posted)
    _keep(tx, principal, store, posted, figures, differences, note)
    tx.execute(
        "UPDATE pos.shift SET posting_date = :day WHERE id = ANY(:ids)",
        {"day": day, "ids": [shift.id for shift in shifts]},
    )
    announce(tx, "day.closed", {"store": store.id, "day": day.isoformat()})
    tx.flush()
    return _closes(tx, store, "AND d.day = :day", {"day": day})[0]


def _check_time(tx: Tx, store: StoreFacts, books: Books | None, day: date) -> None:
    if books is not None and day <= books.last:
        raise DayClosed("The day is closed already", last=books.last.isoformat())
    if day > local_date(tx.now, store.timezone):
        raise DayNotHere("The day has not begun yet at this store")


def _check_ready(tx: Tx, store: StoreFacts, books: Books | None, day: date) -> None:
    obstacles = _obstacles(tx, store, books, day)
    if obstacles:
        raise DayNotReady(
            "Something is still open",
            obstacles=[
                {"kind": each.kind.value, "count": each.count, "name": each.name, "link": each.link}
                for each in obstacles
            ],
        )


def _drawers(shifts: Sequence[Shift]) -> list[Drawer]:
    over: dict[str, int] = {}
    for shift in shifts:
        for each in shift.tenders:
            over[each.kind] = over.get(each.kind, 0) + each.over
    return [Drawer(kind, amount) for kind, amount in sorted(over.items())]


def _keep(
    tx: Tx, principal: Principal, store: StoreFacts, posted: Posted, figures: Figures,
    differences: Sequence[Difference], note: str | None,
) -> None:  # fmt: skip
    day = posted.day
    tx.rows.add(
        WRITE_DAY,
        StoreDayRow(
            store.id, day, store.currency, posted.receipts, posted.late, figures.amount, note, principal.actor, tx.now
        ),
    )
    keep_figures(tx, store.id, day, figures)
    tx.rows.extend(
        WRITE_DAY_DIFFERENCE,
        [
            DayDifferenceRow(
                store.id, day, n, each.kind.value, each.about.value, each.receipt, each.expected, each.found,
                each.unit, each.words,
            )
            for n, each in enumerate(differences, 1)
        ],
    )  # fmt: skip
    tx.flush()


def _told(each: Difference) -> dict[str, Any]:
    return {
        "kind": each.kind.value, "about": each.about.value, "receipt": each.receipt, "expected": each.expected,
        "found": each.found, "unit": each.unit, "words": each.words,
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------ in the way


def obstacles_of(tx: Tx, store: StoreFacts, day: date) -> list[Obstacle]:
    """What has to end before the day can be closed, each with the page where somebody can end it."""
    return _obstacles(tx, store, books_of(tx, store.id), day)


SHIFTS = """
SELECT code, terminal, state, cashier FROM pos.shift
WHERE store_id = :store AND business_date <= :day AND posting_date IS NULL AND state <> 'handed_in'
ORDER BY opened_at LIMIT :most
"""
# Only what belongs to this day or an earlier one: a shop that never shuts has something of today under way when it
# closes yesterday. A refund belongs to the day on which it was asked for.
OPEN_COUNTS = """
SELECT (SELECT count(*) FROM pos.payment AS p JOIN pos.settlement AS s ON s.id = p.settlement_id
        WHERE p.store_id = :store AND s.business_date <= :day
          AND p.state IN ('created', 'pending', 'reversing', 'unknown'))
     + (SELECT count(*) FROM pos.refund WHERE store_id = :store AND created_at < :ends
        AND state IN ('created', 'pending', 'unknown')) AS payments,
       w.settlements, w.first_day,
       (SELECT count(*) FROM pos.red_ticket WHERE state = 'refunding' AND store_id = :store
        AND changed_at < :ends) AS returns
FROM (SELECT count(*) AS settlements, min(business_date) AS first_day FROM pos.settlement
      WHERE state = 'pending' AND store_id = :store AND business_date <= :day) AS w
"""


def _obstacles(tx: Tx, store: StoreFacts, books: Books | None, day: date) -> list[Obstacle]:
    of_store = urlencode({"store": store.code})
    found = []
    earlier = earlier_open(tx, store, books, day)
    if earlier is not None:
        link = f"/days/{store.code}/{earlier.isoformat()}"
        found.append(Obstacle(ObstacleKind.EARLIER_DAY, 1, earlier.isoformat(), link))
    for row in tx.execute(SHIFTS, {"store": store.id, "day": day, "most": NAMED_MAX}):
        name = " ".join(filter(None, (row.code, row.terminal, row.cashier)))
        found.append(Obstacle(ObstacleKind.SHIFT, 1, name, f"/shifts?{of_store}&code={row.code}"))
    _, ends = moments_of(day, store.timezone)
    counts = tx.execute(OPEN_COUNTS, {"store": store.id, "day": day, "ends": ends}).one()
    # The page of settlements shows one day: the first that has some; then the next.
    pending = urlencode({"store": store.code, "day": counts.first_day or day, "state": "pending"})
    for kind, count, link in (
        (ObstacleKind.PAYMENT, counts.payments, "/payments"),
        (ObstacleKind.SETTLEMENT, counts.settlements, f"/settlements?{pending}"),
        (ObstacleKind.RETURN, counts.returns, f"/returns?show=refund&{of_store}"),
    ):
        if count:
            found.append(Obstacle(kind, count, "", link))
    return found


WARNINGS = """
SELECT (SELECT count(*) FROM pos.sequence_gap WHERE closed_at IS NULL AND store_id = :store
        AND business_date <= :day) AS missing_numbers,
       (SELECT count(*) FROM pos.parked_receipt WHERE state = 'open' AND store_id = :store
        AND business_date <= :day) AS parked,
       (SELECT count(*) FROM pos.sale WHERE open_flags <> '{}' AND state <> 'discarded' AND store_id = :store
        AND business_date = :day) AS flagged,
       (SELECT count(*) FROM pos.ticket WHERE state = 'issued' AND store_id = :store
        AND business_date = :day) AS open_tickets,
       (SELECT count(*) FROM pos.red_ticket WHERE state IN ('return_issued', 'approved') AND store_id = :store
        AND issued_at < :ends) AS red_tickets
"""


def warnings_of(tx: Tx, store: StoreFacts, day: date) -> list[Warned]:
    """What somebody should look at before the day is closed, though it can be."""
    _, ends = moments_of(day, store.timezone)
    row = tx.execute(WARNINGS, {"store": store.id, "day": day, "ends": ends}).one()
    of_store = urlencode({"store": store.code})
    links: Mapping[WarningKind, str] = {
        WarningKind.MISSING_NUMBERS: f"/repairs/gaps?{of_store}",
        WarningKind.PARKED: f"/repairs?{of_store}",
        WarningKind.FLAGGED: f"/repairs/flagged?{of_store}",
        WarningKind.OPEN_TICKETS: f"/floor?{of_store}",
        WarningKind.RED_TICKETS: f"/returns?show=open&{of_store}",
    }
    return [Warned(kind, count, links[kind]) for kind in WarningKind if (count := getattr(row, kind.value))]


# ------------------------------------------------------------------------------------------------ looking


def differences_of(tx: Tx, store: StoreFacts, day: date) -> list[Difference]:
    """What does not agree in what is, or would be, posted on this day; each named. Reads only; at most 1,000."""
    return compare_day(tx, store, posted_on(tx, store, books_of(tx, store.id), day))


def day_is_closed(tx: Tx, store_id: int, day: date) -> bool:
    """Whether this day of the store is closed: what comes now takes a later posting date."""
    books = books_of(tx, store_id)
    return books is not None and day <= books.last


def read_day(tx: Tx, store: StoreFacts, day: date, *, compare: bool = True) -> Day:
    """A day as it was closed, or as it would be closed now.

    `compare` looks again for what does not agree; of a closed day it is otherwise what was known at the close.
    """
    books = books_of(tx, store.id)
    found = _closes(tx, store, "AND d.day = :day", {"day": day})
    if found:
        close = found[0]
        differences = tuple(differences_of(tx, store, day)) if compare else close.differences
        return Day(
            store, day, close, kept_figures(tx, store.id, day), close.receipts, close.late,
            tuple(shifts_of_day(tx, store, day)), (), (), differences,
        )  # fmt: skip
    posted = posted_on(tx, store, books, day)
    shifts = shifts_of_day(tx, store, day)
    is_past = books is not None and day <= books.last
    return Day(
        store,
        day,
        None,
        figures_of(tx, store, posted, books, _drawers(shifts)),
        posted.receipts,
        posted.late,
        tuple(shifts),
        () if is_past else tuple(_obstacles(tx, store, books, day)),
        () if is_past else tuple(warnings_of(tx, store, day)),
        tuple(compare_day(tx, store, posted)) if compare else (),
    )


def days_of(tx: Tx, store: StoreFacts, *, before: date | None, limit: int) -> Sequence[DayClose]:
    """The closed days of a store, the latest first; `differences` are those of the close."""
    asked: dict[str, Any] = {"before": before, "limit": limit}
    return _closes(
        tx, store, "AND (CAST(:before AS date) IS NULL OR d.day < :before) ORDER BY d.day DESC LIMIT :limit", asked
    )


CLOSES = """
SELECT d.day, d.currency, d.receipts, d.late, d.amount, d.note, d.closed_by, d.closed_at
FROM pos.store_day AS d WHERE d.store_id = :store
"""


def _closes(tx: Tx, store: StoreFacts, which: str, asked: Mapping[str, Any]) -> list[DayClose]:
    rows = tx.execute(CLOSES + which, {"store": store.id, **asked}).all()
    differences = _kept_differences(tx, store.id, [row.day for row in rows])
    return [
        DayClose(
            store.code, row.day, DayState.CLOSED, row.closed_at, row.closed_by, row.currency, row.receipts, row.late,
            row.amount, tuple(differences.get(row.day, ())), row.note,
        )
        for row in rows
    ]  # fmt: skip


def _kept_differences(tx: Tx, store_id: int, days: Sequence[date]) -> dict[date, list[Difference]]:
    rows = tx.execute(
        "SELECT day, kind, receipt, expected, found, words, about, unit FROM pos.day_difference"
        " WHERE store_id = :store AND day = ANY(:days) ORDER BY day, n",
        {"store": store_id, "days": list(days)},
    )
    found: dict[date, list[Difference]] = {}
    for row in rows:
        kept = Difference(
            DifferenceKind(row.kind), row.receipt, row.expected, row.found, row.words, About(row.about), row.unit
        )
        found.setdefault(row.day, []).append(kept)
    return found
