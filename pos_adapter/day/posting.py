"""Which receipt, journal of the accounts and top-up is posted on which day: each once, and for ever.

A close posts everything of its day that is there. What comes later of a closed day is noted by a reader of events, and
waits for the next close: it keeps its business date and takes that posting date. Nothing of this touches posting a
receipt. The close and the reader exclude each other by a lock on the store's books, so that between them nothing is
lost; the primary key of `day_item` sees to it that nothing is posted twice.

The books of a store begin with the first day that it closes. What is older stays before the books, unless it came
after they had begun.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from foundation.database import Tx
from foundation.events import Event
from foundation.identifiers import day_of
from member_api.contract.days import (
    JOURNALS_MAX,
    TOPUPS_MAX,
    JournalOfDay,
    TopUpOfDay,
    first_topup_between,
    journals_named,
    journals_of_store,
    topups_between,
    topups_named,
)
from organisation.contract import StoreFacts, stores_by_id
from pos_adapter.day.rules import DayTooLarge
from pos_adapter.day.tables import WRITE_ITEM, DayItemRow
from pos_adapter.sales.facts import ORIGINAL, VOID_HOLDS

BOOKS_LOCK = 7227
ONE_DAY = timedelta(days=1)
# No transaction is open for longer: what began before this and is not there now will never be.
LONGEST_TRANSACTION = timedelta(minutes=10)
RECEIPTS_MAX = 500_000
# What of the last minutes may lie before the books is looked for this far back, not through all partitions there ever
# were: a year and a month, as long as a till's memory. What is older still, and came just then, is posted as late.
BEFORE_BOOKS_DAYS = 400
RECORDED, SETTLED, DISCARDED = "sale.recorded", "sale.settled", "sale.discarded"
JOURNALS, TOPUP = "journals.posted", "topup.recorded"
TOPICS = (RECORDED, SETTLED, DISCARDED, JOURNALS, TOPUP)


class What(StrEnum):
    RECEIPT = "receipt"
    JOURNAL = "journal"
    TOPUP = "topup"


@dataclass(frozen=True, slots=True)
class Item:
    """Something that is posted on a day. `effect` -1 takes a receipt out again that was discarded after its close.

    `amount` is what a receipt came to in minor units, returns and voids below zero; None for the rest. `at` is the
    moment it came at, where that was asked for.
    """

    what: What
    id: UUID
    effect: int
    business_date: date
    amount: int | None = None
    at: datetime | None = None

    @property
    def key(self) -> tuple[str, UUID, int]:
        return self.what.value, self.id, self.effect


@dataclass(frozen=True, slots=True)
class Posted:
    """Everything of one posting date; `day` is that date, or the day that is looked at before it is closed."""

    day: date
    items: tuple[Item, ...]

    def of(self, what: What) -> list[Item]:
        return [item for item in self.items if item.what is what]

    @property
    def receipts(self) -> int:
        """How many receipts are posted here; those that are taken out again are none."""
        return sum(item.what is What.RECEIPT and item.effect == 1 for item in self.items)

    @property
    def late(self) -> int:
        """How many of them are of earlier days."""
        return sum(
            item.what is What.RECEIPT and item.effect == 1 and item.business_date < self.day for item in self.items
        )


@dataclass(frozen=True, slots=True)
class Books:
    """The closed days of a store: the first one and when it was closed, and the last one."""

    begin_on: date
    begun_at: datetime
    last: date


# ------------------------------------------------------------------------------------------------ the books


def lock_books(tx: Tx, store_id: int) -> None:
    """Have the store's books alone until the transaction ends."""
    tx.execute("SELECT pg_advisory_xact_lock(:lock, :store)", {"lock": BOOKS_LOCK, "store": store_id})


def books_of(tx: Tx, store_id: int) -> Books | None:
    """The closed days of a store; None before the first."""
    return every_books(tx, [store_id]).get(store_id)


# From store to store along the primary key, and in each to its first and last day: some look-ups in an index for every
# batch of events, however many days have been closed.
STORES_WITH_BOOKS = """
WITH RECURSIVE found AS (
    SELECT min(store_id) AS store_id FROM pos.store_day
  UNION ALL
    SELECT (SELECT min(d.store_id) FROM pos.store_day AS d WHERE d.store_id > f.store_id)
    FROM found AS f WHERE f.store_id IS NOT NULL
)
SELECT store_id FROM found WHERE store_id IS NOT NULL
"""
BOOKS = """
SELECT s.store_id, f.day, f.closed_at, l.day AS last
FROM unnest(CAST(:stores AS integer[])) AS s (store_id)
CROSS JOIN LATERAL (
    SELECT day, closed_at FROM pos.store_day AS d WHERE d.store_id = s.store_id ORDER BY day LIMIT 1) AS f
CROSS JOIN LATERAL (
    SELECT day FROM pos.store_day AS d WHERE d.store_id = s.store_id ORDER BY day DESC LIMIT 1) AS l
"""


def every_books(tx: Tx, store_ids: Collection[int] | None = None) -> dict[int, Books]:
    """The closed days of these stores (all, if not said) that have closed one."""
    if store_ids is None:
        store_ids = tx.execute(STORES_WITH_BOOKS).scalars().all()
    rows = tx.execute(BOOKS, {"stores": list(store_ids)})
    return {row.store_id: Books(row.day, row.closed_at, row.last) for row in rows}


EARLIER = """
SELECT min(business_date) FROM (
    SELECT min(business_date) AS business_date FROM pos.sale
    WHERE store_id = :store AND business_date > :last AND business_date < :day AND state <> 'discarded'
  UNION ALL
    SELECT min(business_date) FROM pos.shift
    WHERE store_id = :store AND business_date > :last AND business_date < :day
) AS every
"""


def earlier_open(tx: Tx, store: StoreFacts, books: Books | None, day: date) -> date | None:
    """The first day before this one that was traded on and is not closed; before the books there is none."""
    if books is None or day <= books.last:
        return None
    found: date | None = tx.execute(EARLIER, {"store": store.id, "last": books.last, "day": day}).scalar_one()
    paid_in = first_topup_between(tx, store.code, books.last + ONE_DAY, day - ONE_DAY)
    return min((each for each in (found, paid_in) if each is not None), default=None)


# ------------------------------------------------------------------------------------------------ what is posted


def posted_on(tx: Tx, store: StoreFacts, books: Books | None, day: date) -> Posted:
    """What a closed day has, or what an open one would have if it were closed now."""
    if books is not None and day <= books.last:
        rows = tx.execute(
            "SELECT what, id, effect, business_date, amount FROM pos.day_item"
            " WHERE store_id = :store AND posting_date = :day ORDER BY business_date, what, id, effect",
            {"store": store.id, "day": day},
        )
        return Posted(day, tuple(_item(row) for row in rows))
    is_next = earlier_open(tx, store, books, day) is None
    since = books.last + ONE_DAY if books is not None and is_next else day
    items = _of_days(tx, store, since, day)
    return Posted(day, tuple((_waiting(tx, store) if is_next else []) + items))


def _item(row: Any) -> Item:
    return Item(What(row.what), row.id, row.effect, row.business_date, row.amount)


def _receipt(row: Any) -> Item:
    return Item(What.RECEIPT, row.id, 1, row.business_date, row.amount, row.received_at)


def _journal(each: JournalOfDay) -> Item:
    return Item(What.JOURNAL, each.id, 1, each.business_date, at=each.at)


def _topup(each: TopUpOfDay) -> Item:
    return Item(What.TOPUP, each.id, 1, each.day, at=each.at)


def _waiting(tx: Tx, store: StoreFacts) -> list[Item]:
    rows = tx.execute(
        "SELECT what, id, effect, business_date, amount FROM pos.day_item"
        " WHERE store_id = :store AND posting_date IS NULL ORDER BY business_date, what, id, effect",
        {"store": store.id},
    )
    return [_item(row) for row in rows]


def _of_days(tx: Tx, store: StoreFacts, since: date, until: date) -> list[Item]:
    """Everything with a business date in [since, until] that no close has posted."""
    rows = tx.execute(RECEIPTS + OF_STORE, {"store": store.id, "since": since, "until": until, "limit": RECEIPTS_MAX})
    receipts = [_receipt(row) for row in rows]
    _check_all(len(receipts), RECEIPTS_MAX, "receipts")
    others = _of_accounts(tx, store, since, until)
    known = _known(tx, others)
    return receipts + [item for item in others if item.key not in known]


def _of_accounts(tx: Tx, store: StoreFacts, since: date, until: date) -> list[Item]:
    journals = journals_of_store(tx, store.code, since, until, store.timezone)
    _check_all(len(journals), JOURNALS_MAX, "journals")
    topups = topups_between(tx, store.code, since, until)
    _check_all(len(topups), TOPUPS_MAX, "top-ups")
    return [_journal(each) for each in journals] + [_topup(each) for each in topups]


def _check_all(found: int, most: int, what: str) -> None:
    """Raises DayTooLarge where so much was found that some may have been cut off."""
    if found >= most:
        raise DayTooLarge("More belongs to the day than can be posted at once", what=what, most=most)


def _known(tx: Tx, items: Sequence[Item]) -> set[tuple[str, UUID, int]]:
    rows = tx.execute(
        "SELECT what, id, effect FROM pos.day_item WHERE id = ANY(:ids)", {"ids": [item.id for item in items]}
    )
    return {(row.what, row.id, row.effect) for row in rows}


# A void gives back its original's amount, once it is known that it does.
RECEIPTS = f"""
SELECT s.id, s.business_date, s.received_at,
       CASE s.type WHEN 'sale' THEN s.amount WHEN 'return' THEN -s.amount ELSE -o.amount END AS amount
FROM pos.sale AS s {ORIGINAL}
WHERE s.state <> 'discarded' AND (s.type <> 'void' OR {VOID_HOLDS})
  AND NOT EXISTS (SELECT FROM pos.day_item AS i WHERE i.what = 'receipt' AND i.id = s.id AND i.effect = 1)
"""  # noqa: S608 - constants of this file
OF_STORE = """
  AND s.store_id = :store AND s.business_date BETWEEN :since AND :until
ORDER BY s.business_date, s.id LIMIT :limit
"""
OF_THESE = " AND s.store_id = :store AND s.business_date = ANY(:days) AND s.id = ANY(:ids) ORDER BY s.id"


# ------------------------------------------------------------------------------------------------ closing


def post(tx: Tx, store: StoreFacts, posted: Posted) -> None:
    """Write down that these items are posted on this day. The caller holds the store's books."""
    waited = tx.execute(
        "UPDATE pos.day_item SET posting_date = :day WHERE store_id = :store AND posting_date IS NULL"
        " RETURNING what, id, effect",
        {"day": posted.day, "store": store.id},
    )
    known = {(row.what, row.id, row.effect) for row in waited}
    _write(tx, store.id, [item for item in posted.items if item.key not in known], posted.day)


def begin_books(tx: Tx, store: StoreFacts, day: date) -> None:
    """Say what of the last minutes lies before the books, which begin on this day: it is there, and is not posted.

    What is older and not there now has not happened; what has not committed yet is told by its event, and is late.
    """
    since, earliest = tx.now - LONGEST_TRANSACTION, day - timedelta(days=BEFORE_BOOKS_DAYS)
    rows = tx.execute(
        RECEIPTS + " AND s.store_id = :store AND s.business_date >= :earliest AND s.business_date < :day"
        " AND s.received_at >= :since",
        {"store": store.id, "earliest": earliest, "day": day, "since": since},
    )
    yesterday = day - ONE_DAY
    before = [_receipt(row) for row in rows]
    journals = journals_of_store(tx, store.code, earliest, yesterday, store.timezone, made_since=since)
    topups = topups_between(tx, store.code, since.date() - ONE_DAY, yesterday)
    before += [_journal(each) for each in journals] + [_topup(each) for each in topups if each.at >= since]
    _write(tx, store.id, before, yesterday)


def _write(tx: Tx, store_id: int, items: Iterable[Item], posting_date: date | None) -> None:
    tx.rows.extend(
        WRITE_ITEM,
        [
            DayItemRow(
                item.what.value, item.id, item.effect, store_id, item.business_date, posting_date, item.amount, tx.now
            )
            for item in items
        ],
    )
    tx.flush()


# ------------------------------------------------------------------------------------------------ what comes later


def follow(tx: Tx, events: Sequence[Event]) -> None:
    """Note what has come of days that are closed. Waits for a close that is under way."""
    found = _Come(tx, events)
    if not found.stores:
        return
    for store_id in sorted(found.stores):
        tx.execute("SELECT pg_advisory_xact_lock_shared(:lock, :store)", {"lock": BOOKS_LOCK, "store": store_id})
    # Read again under the locks: a close that was waited for has closed one day more.
    books = every_books(tx, found.stores)
    for store_id in sorted(found.stores):
        late = [item for item in found.items(tx, store_id) if _is_late(item, books[store_id])]
        known = _known(tx, late)
        _write(tx, store_id, [item for item in late if item.key not in known], None)
        _write(tx, store_id, _taken_out(tx, books[store_id], found.discarded.get(store_id, ())), None)


def _is_late(item: Item, books: Books) -> bool:
    if item.business_date > books.last:
        return False
    before_the_books = item.business_date < books.begin_on
    return not (before_the_books and item.at is not None and item.at < books.begun_at - LONGEST_TRANSACTION)


def _taken_out(tx: Tx, books: Books, sales: Sequence[UUID]) -> list[Item]:
    """Receipts that were posted, or wait to be, and have been discarded since; not those from before the books."""
    rows = tx.execute(
        "SELECT id, business_date, amount FROM pos.day_item AS i WHERE what = 'receipt' AND effect = 1"
        " AND id = ANY(:ids) AND (posting_date IS NULL OR posting_date >= :begin) AND NOT EXISTS"
        " (SELECT FROM pos.day_item AS o WHERE o.what = 'receipt' AND o.id = i.id AND o.effect = -1) ORDER BY id",
        {"ids": list(sales), "begin": books.begin_on},
    )
    return [Item(What.RECEIPT, row.id, -1, row.business_date, -(row.amount or 0)) for row in rows]


class _Come:
    """What a batch of events says has come, store by store; only stores that have closed a day."""

    def __init__(self, tx: Tx, events: Sequence[Event]) -> None:
        books = every_books(tx)
        latest = max((each.last for each in books.values()), default=date.min)
        stores = stores_by_id(tx, books).values()
        self._ids_of = {store.code: store.id for store in stores}
        ids = {UUID(event.facts["sale"]) for event in events if event.topic in (RECORDED, SETTLED)}
        self._receipts = sorted(id for id in ids if (day := day_of(id)) is not None and day <= latest)
        self._days = sorted({day for id in self._receipts if (day := day_of(id)) is not None})
        journals = [UUID(id) for event in events if event.topic == JOURNALS for id in event.facts["journals"]]
        # A journal is filed under the company's date, which may be the day after the store's.
        wanted = [id for id in journals if (day := day_of(id)) is not None and day <= latest + ONE_DAY]
        timezones = {store.code: store.timezone for store in stores}
        self._journals = journals_named(tx, wanted, timezones) if wanted else []
        topups = [UUID(e.facts["topup"]) for e in events if e.topic == TOPUP and e.facts["store"] in self._ids_of]
        self._topups = topups_named(tx, topups) if topups else ()
        self.discarded = self._discarded(events, books)
        self.stores = {
            *self.discarded,
            *(self._ids_of[code] for code, _ in self._journals),
            *(self._ids_of[topup.store] for topup in self._topups if topup.store in self._ids_of),
            *(self._stores_of_receipts(tx) & books.keys()),
        }

    @staticmethod
    def _discarded(events: Sequence[Event], books: Collection[int]) -> dict[int, list[UUID]]:
        found: dict[int, list[UUID]] = {}
        for event in events:
            if event.topic == DISCARDED and event.facts["what"] == "sale" and event.facts["store"] in books:
                found.setdefault(event.facts["store"], []).append(UUID(event.facts["sale"]))
        return found

    def _stores_of_receipts(self, tx: Tx) -> set[int]:
        rows = tx.execute(
            "SELECT DISTINCT store_id FROM pos.sale WHERE business_date = ANY(:days) AND id = ANY(:ids)",
            {"days": self._days, "ids": self._receipts},
        )
        return set(rows.scalars()) if self._receipts else set()

    def items(self, tx: Tx, store_id: int) -> list[Item]:
        """What has come to a store."""
        rows = tx.execute(RECEIPTS + OF_THESE, {"store": store_id, "days": self._days, "ids": self._receipts})
        return [
            *(_receipt(row) for row in rows),
            *(_journal(journal) for code, journal in self._journals if self._ids_of[code] == store_id),
            *(_topup(topup) for topup in self._topups if self._ids_of.get(topup.store or "") == store_id),
        ]
