"""What the accounts did on a store's day, for whoever closes it: journals, movements, standings. Reading only.

A journal of a purchase or a return belongs to the business date of its receipt; every other one to the store's date
at the moment it was made. What a journal moved is read from its entries on lots, so that it is known whose lots
(which funder's) moved; its entries of the other side must come to the same.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import LiteralString
from uuid import UUID

from foundation.database import Tx
from foundation.errors import Conflict
from foundation.identifiers import day_of

JOURNALS_MAX = 2_000_000
ROLL_FORWARD_MAX = 100_000
ONE_DAY = timedelta(days=1)
# Their reference begins with the id of the receipt that caused them.
OF_RECEIPTS = frozenset({"spend", "earn", "spend_reversal", "earn_reversal", "moved_away"})
_OF_RECEIPTS: LiteralString = "('spend', 'earn', 'spend_reversal', 'earn_reversal', 'moved_away')"
# The store's date of a journal, as the head of this file says.
STORE_DATE: LiteralString = (
    "CASE WHEN j.kind IN " + _OF_RECEIPTS + " THEN j.day ELSE (j.at AT TIME ZONE z.timezone)::date END"
)


class MovementsTooMany(Conflict):
    """More sums by store, funder and cause than are told at once."""

    code = "movements_too_many"


class Cause(StrEnum):
    """Why a balance moved. opening + issued + reversed_in - used - expired - reversed_out + adjusted = closing."""

    ISSUED = "issued"
    REVERSED_IN = "reversed_in"
    USED = "used"
    EXPIRED = "expired"
    REVERSED_OUT = "reversed_out"
    ADJUSTED = "adjusted"


CAUSES: Mapping[str, Cause] = {
    "earn": Cause.ISSUED,
    "grant": Cause.ISSUED,
    "topup": Cause.ISSUED,
    "spend": Cause.USED,
    "redemption": Cause.USED,
    "capture": Cause.USED,
    "spend_reversal": Cause.REVERSED_IN,
    "earn_reversal": Cause.REVERSED_OUT,
    "moved_away": Cause.REVERSED_OUT,
    "expire": Cause.EXPIRED,
}


@dataclass(frozen=True, slots=True)
class JournalOfDay:
    """A journal. `receipt` is the id of the receipt that caused it, where one did; `at` the moment it was made."""

    id: UUID
    business_date: date
    kind: str
    receipt: UUID | None
    at: datetime


@dataclass(frozen=True, slots=True)
class JournalSum:
    """What a journal moved in one unit ("points", "ecoin:CNY"): into lots, and on the other side; they sum to zero."""

    id: UUID
    kind: str
    receipt: UUID | None
    unit: str
    moved: int
    other: int


@dataclass(frozen=True, slots=True)
class Movement:
    """Units that moved for one reason, into lots above zero; `currency` is empty for points."""

    kind: str
    currency: str
    funder: str
    cause: Cause
    amount: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What a store's journals came to before a day, by funder of the lots."""

    kind: str
    currency: str
    funder: str
    amount: int


@dataclass(frozen=True, slots=True)
class PurchaseBooked:
    """What a purchase has earned and kept, as its record says and as its journals say; None: there is no record."""

    ref: UUID
    points: int | None
    points_booked: int
    ecoins: int | None
    ecoins_booked: int


JOURNALS: LiteralString = f"""
SELECT j.id, {STORE_DATE}, j.kind, j.reference, j.at FROM member.journal AS j, (SELECT %(timezone)s AS timezone) AS z
WHERE j.day BETWEEN %(first)s AND %(last)s AND j.store = %(store)s
  AND {STORE_DATE} BETWEEN %(since)s AND %(until)s
  AND (%(made_since)s::timestamptz IS NULL OR j.at >= %(made_since)s)
ORDER BY j.day, j.id LIMIT %(limit)s
"""  # noqa: S608 - constants of this file


def journals_of_store(
    tx: Tx, store: str, since: date, until: date, timezone: str, made_since: datetime | None = None
) -> list[JournalOfDay]:
    """The journals of a store whose business date lies in [since, until]; `timezone` is the store's.

    `made_since`: only those that were made since that moment.
    """
    rows = tx.ask(
        JOURNALS,
        {
            "store": store, "since": since, "until": until, "timezone": timezone, "limit": JOURNALS_MAX,
            "made_since": made_since,
            # The company's date, under which a journal is filed, may be the next or the last one here.
            "first": since - ONE_DAY, "last": until + ONE_DAY,
        },
    )  # fmt: skip
    return [JournalOfDay(id, day, kind, receipt_of(kind, reference), at) for id, day, kind, reference, at in rows]


NAMED: LiteralString = f"""
SELECT z.store, j.id, {STORE_DATE}, j.kind, j.reference, j.at
FROM unnest(%(days)s::date[], %(ids)s::uuid[]) AS x (day, id)
CROSS JOIN LATERAL (SELECT * FROM member.journal AS j WHERE j.day = x.day AND j.id = x.id OFFSET 0) AS j
JOIN unnest(%(stores)s::text[], %(timezones)s::text[]) AS z (store, timezone) ON z.store = j.store
"""  # noqa: S608 - constants of this file


def journals_named(tx: Tx, ids: Collection[UUID], timezones: Mapping[str, str]) -> list[tuple[str, JournalOfDay]]:
    """(store, journal) of those of these journals that were made for one of the stores in `timezones`."""
    days, dated = _columns(ids)
    asked = {"days": days, "ids": dated, "stores": list(timezones), "timezones": list(timezones.values())}
    return [
        (store, JournalOfDay(id, day, kind, receipt_of(kind, reference), at))
        for store, id, day, kind, reference, at in tx.ask(NAMED, asked)
    ]


def receipt_of(kind: str, reference: str | None) -> UUID | None:
    """The receipt that a journal of this kind names; None where it names none, or nothing that is one."""
    if kind not in OF_RECEIPTS or reference is None:
        return None
    try:
        return UUID(reference[:36])
    except ValueError:
        return None


SUMS: LiteralString = """
SELECT j.id, j.kind, j.reference, e.unit, coalesce(sum(e.amount) FILTER (WHERE e.lot_id IS NOT NULL), 0)::bigint,
       coalesce(sum(e.amount) FILTER (WHERE e.lot_id IS NULL), 0)::bigint
FROM unnest(%(days)s::date[], %(ids)s::uuid[]) AS x (day, id)
CROSS JOIN LATERAL (SELECT * FROM member.journal AS j WHERE j.day = x.day AND j.id = x.id OFFSET 0) AS j
LEFT JOIN LATERAL (
    SELECT * FROM member.entry AS e WHERE e.day = x.day AND e.journal_id = x.id OFFSET 0) AS e ON true
GROUP BY j.id, j.kind, j.reference, e.unit
"""


def journal_sums(tx: Tx, ids: Collection[UUID]) -> list[JournalSum]:
    """These journals unit by unit; one without entries has the unit ''. A journal that is gone is left out."""
    days, dated = _columns(ids)
    return [
        JournalSum(id, kind, receipt_of(kind, reference), unit or "", moved, other)
        for id, kind, reference, unit, moved, other in tx.ask(SUMS, {"days": days, "ids": dated})
    ]


MOVED: LiteralString = """
SELECT a.kind, coalesce(a.currency, ''), l.funder, j.kind, sum(e.amount)::bigint
FROM unnest(%(days)s::date[], %(ids)s::uuid[]) AS x (day, id)
CROSS JOIN LATERAL (SELECT j.kind FROM member.journal AS j WHERE j.day = x.day AND j.id = x.id OFFSET 0) AS j
CROSS JOIN LATERAL (
    SELECT * FROM member.entry AS e WHERE e.day = x.day AND e.journal_id = x.id AND e.lot_id IS NOT NULL OFFSET 0) AS e
JOIN member.lot AS l ON l.id = e.lot_id
JOIN member.account AS a ON a.id = l.account_id
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""


def movements_of(tx: Tx, ids: Collection[UUID]) -> list[Movement]:
    """What these journals moved, by kind of account, currency, funder of the lots and cause."""
    days, dated = _columns(ids)
    sums: dict[tuple[str, str, str, Cause], int] = {}
    for kind, currency, funder, journal, amount in tx.ask(MOVED, {"days": days, "ids": dated}):
        key = (kind, currency, funder, CAUSES.get(journal, Cause.ADJUSTED))
        sums[key] = sums.get(key, 0) + amount
    return [Movement(*key, amount) for key, amount in sums.items()]


STANDING: LiteralString = f"""
SELECT a.kind, coalesce(a.currency, ''), l.funder, sum(e.amount)::bigint
FROM (SELECT %(timezone)s AS timezone) AS z, member.journal AS j
JOIN member.entry AS e ON e.day = j.day AND e.journal_id = j.id AND e.lot_id IS NOT NULL
JOIN member.lot AS l ON l.id = e.lot_id
JOIN member.account AS a ON a.id = l.account_id
WHERE j.store = %(store)s AND j.day <= %(last)s AND {STORE_DATE} < %(day)s
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""  # noqa: S608 - constants of this file


def standing_before(tx: Tx, store: str, day: date, timezone: str) -> list[Standing]:
    """What all journals of a store before a day come to. Reads every entry of the store: for the first close only."""
    asked = {"store": store, "day": day, "timezone": timezone, "last": day + ONE_DAY}
    return [Standing(*row) for row in tx.ask(STANDING, asked)]


@dataclass(frozen=True, slots=True)
class PeriodMovement:
    """What moved for one reason in a period; `store` None: head office and expiry. `cause` None: before the period."""

    store: str | None
    kind: str
    currency: str
    funder: str
    cause: Cause | None
    amount: int


ROLL_FORWARD: LiteralString = """
SELECT j.store, a.kind, coalesce(a.currency, ''), l.funder, CASE WHEN j.day >= %(since)s THEN j.kind END,
       sum(e.amount)::bigint
FROM member.journal AS j
JOIN member.entry AS e ON e.day = j.day AND e.journal_id = j.id AND e.lot_id IS NOT NULL
JOIN member.lot AS l ON l.id = e.lot_id
JOIN member.account AS a ON a.id = l.account_id
WHERE j.day <= %(until)s GROUP BY 1, 2, 3, 4, 5 ORDER BY 1 NULLS FIRST, 2, 3, 4, 5 LIMIT %(limit)s
"""


def roll_forward(tx: Tx, since: date, until: date) -> list[PeriodMovement]:
    """What every store, and the head office, moved in [since, until] and before it, by the ledger's own dates.

    Reads every entry up to `until` (a second for a million). With `until` today all of it is the members' balances.
    Raises MovementsTooMany rather than leave something out.
    """
    asked = {"since": since, "until": until, "limit": ROLL_FORWARD_MAX + 1}
    rows = tx.ask(ROLL_FORWARD, asked).fetchall()
    if len(rows) > ROLL_FORWARD_MAX:
        raise MovementsTooMany("The period has more sums than are told at once", most=ROLL_FORWARD_MAX)
    sums: dict[tuple[str | None, str, str, str, Cause | None], int] = {}
    for store, kind, currency, funder, journal, amount in rows:
        cause = CAUSES.get(journal, Cause.ADJUSTED) if journal is not None else None
        key = (store, kind, currency, funder, cause)
        sums[key] = sums.get(key, 0) + amount
    return [PeriodMovement(*key, amount) for key, amount in sums.items()]


SPENT: LiteralString = """
SELECT x.ref, e.unit, sum(e.amount)::bigint
FROM unnest(%(days)s::date[], %(refs)s::uuid[]) AS x (day, ref)
JOIN member.journal AS j ON j.day = x.day AND left(j.reference, 36) = x.ref::text AND j.day = ANY(%(distinct_days)s)
    AND j.store = %(store)s AND j.kind IN ('spend', 'spend_reversal')
JOIN member.entry AS e ON e.day = j.day AND e.journal_id = j.id AND e.lot_id IS NOT NULL
GROUP BY x.ref, e.unit
"""


def moved_by_tenders(tx: Tx, store: str, receipts: Collection[UUID]) -> dict[tuple[UUID, str], int]:
    """What the tenders of these receipts of a store moved, by receipt and unit: spent below zero, given back above."""
    days, dated = _columns(receipts)
    asked = {"days": days, "refs": dated, "distinct_days": sorted(set(days)), "store": store}
    return {(ref, unit): moved for ref, unit, moved in tx.ask(SPENT, asked)} if days else {}


# What returns took back is looked for only where the record says something else than was earned at first.
BOOKED: LiteralString = """
WITH x AS MATERIALIZED (SELECT * FROM unnest(%(days)s::date[], %(refs)s::uuid[]) AS x (day, ref)),
earned AS MATERIALIZED (
    -- Given to another member, a purchase is taken from one and earned by the other: all of it counts.
    SELECT x.ref, coalesce(sum(-e.amount) FILTER (WHERE e.unit = 'points'), 0) AS points,
           coalesce(sum(-e.amount) FILTER (WHERE e.unit <> 'points'), 0) AS ecoins
    FROM x
    JOIN member.journal AS j ON j.day = x.day AND left(j.reference, 36) = x.ref::text
        AND j.day = ANY(%(distinct_days)s) AND j.store = %(store)s AND j.kind IN ('earn', 'moved_away')
    JOIN member.entry AS e ON e.day = j.day AND e.journal_id = j.id AND e.system IN ('issued', 'clawed_back')
    GROUP BY x.ref
), recorded AS MATERIALIZED (
    SELECT x.ref, p.member_id, p.points, p.ecoins, coalesce(m.points, 0) AS points_earned,
           coalesce(m.ecoins, 0) AS ecoins_earned
    FROM x LEFT JOIN earned AS m ON m.ref = x.ref
    LEFT JOIN LATERAL (SELECT * FROM member.purchase AS p WHERE p.day = x.day AND p.ref = x.ref OFFSET 0) AS p ON true
), off AS MATERIALIZED (
    SELECT * FROM recorded WHERE (points, ecoins) IS DISTINCT FROM (points_earned, ecoins_earned)
), back AS (
    SELECT o.ref, coalesce(sum(e.amount) FILTER (WHERE e.unit = 'points'), 0) AS points,
           coalesce(sum(e.amount) FILTER (WHERE e.unit <> 'points'), 0) AS ecoins
    FROM off AS o
    JOIN member.journal AS j ON j.member_id = o.member_id AND j.reverses = o.ref AND j.kind = 'earn_reversal'
        AND j.day >= %(first)s
    JOIN member.entry AS e ON e.day = j.day AND e.journal_id = j.id AND e.system = 'clawed_back'
    GROUP BY o.ref
)
SELECT o.ref, o.points, (o.points_earned - coalesce(b.points, 0))::bigint,
       o.ecoins, (o.ecoins_earned - coalesce(b.ecoins, 0))::bigint
FROM off AS o LEFT JOIN back AS b ON b.ref = o.ref
WHERE (o.points, o.ecoins) IS DISTINCT FROM
      (o.points_earned - coalesce(b.points, 0), o.ecoins_earned - coalesce(b.ecoins, 0))
ORDER BY o.ref
"""


def purchases_off(tx: Tx, store: str, refs: Collection[UUID]) -> list[PurchaseBooked]:
    """Those of these purchases of a store that the accounts have no record of, or another one than their journals."""
    days, dated = _columns(refs)
    if not days:
        return []
    # A return may be dated a day before its sale, where another store's date lags behind.
    asked = {
        "days": days,
        "refs": dated,
        "distinct_days": sorted(set(days)),
        "first": min(days) - ONE_DAY,
        "store": store,
    }
    return [PurchaseBooked(*row) for row in tx.ask(BOOKED, asked)]


def _columns(ids: Iterable[UUID]) -> tuple[list[date], list[UUID]]:
    """Days and ids of those that carry their day, as two columns."""
    dated: Sequence[tuple[date, UUID]] = sorted((day, id) for id in ids if (day := day_of(id)) is not None)
    return [day for day, _ in dated], [id for _, id in dated]
