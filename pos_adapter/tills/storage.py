"""Reading and writing of tills' days and gaps, a handful of statements for any number of tills."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import json

from foundation.database import Tx
from pos_adapter.tills.rules import Gap, GapChanges, GapPlace, Span, spans_of
from pos_adapter.tills.series import Calendar, Heard, Place, Till, TillDay

TILLS = """
INSERT INTO pos.terminal AS t (store_id, code, first_seen_at, last_seen_at)
SELECT store_id, terminal, seen_at, seen_at
FROM json_to_recordset(%s::json) AS x(store_id integer, terminal text, seen_at timestamptz)
ORDER BY store_id, terminal
ON CONFLICT (store_id, code) DO UPDATE SET last_seen_at = greatest(t.last_seen_at, excluded.last_seen_at)
"""

DAYS = """
SELECT d.store_id, d.terminal, d.business_date, d.first, d.last
FROM json_to_recordset(%s::json) AS t(store_id integer, terminal text, business_date date)
CROSS JOIN LATERAL (
    (SELECT * FROM pos.till_day AS d WHERE d.store_id = t.store_id AND d.terminal = t.terminal
        AND d.business_date <= t.business_date ORDER BY d.business_date DESC LIMIT 2)
    UNION ALL
    (SELECT * FROM pos.till_day AS d WHERE d.store_id = t.store_id AND d.terminal = t.terminal
        AND d.business_date > t.business_date ORDER BY d.business_date LIMIT 1)
) AS d
"""

PARKED = """
SELECT p.store_id, p.terminal, p.business_date, p.sequence
FROM json_to_recordset(%s::json) AS t(store_id integer, terminal text, business_date date)
JOIN pos.parked_receipt AS p USING (store_id, terminal, business_date)
"""

EXPLAINED = """
SELECT g.store_id, g.terminal, g.business_date, g.first, g.last
FROM json_to_recordset(%s::json) AS t(store_id integer, terminal text, business_date date)
JOIN pos.sequence_gap AS g USING (store_id, terminal, business_date)
WHERE g.explanation IS NOT NULL AND g.place = 'before'
ORDER BY g.first
"""

OPEN_GAPS = """
SELECT g.store_id, g.terminal, g.business_date, g.place, g.id, g.first, g.last, g.noticed_at, g.announced_at
FROM json_to_recordset(%s::json)
    AS t(store_id integer, terminal text, business_date date, first bigint, last bigint)
JOIN pos.sequence_gap AS g USING (store_id, terminal, business_date)
WHERE g.closed_at IS NULL AND (g.place = 'before' OR (g.first <= t.last AND g.last >= t.first))
ORDER BY g.first
"""

WRITE_DAYS = """
INSERT INTO pos.till_day (store_id, terminal, business_date, first, last)
SELECT store_id, terminal, business_date, first, last
FROM json_to_recordset(%s::json)
    AS x(store_id integer, terminal text, business_date date, first bigint, last bigint)
ON CONFLICT (store_id, terminal, business_date) DO UPDATE SET first = excluded.first, last = excluded.last
"""

RESIZE = """
UPDATE pos.sequence_gap AS g SET first = x.first, last = x.last
FROM json_to_recordset(%s::json) AS x(id bigint, first bigint, last bigint) WHERE g.id = x.id
"""

OPEN = """
INSERT INTO pos.sequence_gap
    (store_id, terminal, business_date, place, first, last, noticed_at, announced_at)
SELECT store_id, terminal, business_date, place, first, last, noticed_at, announced_at
FROM json_to_recordset(%s::json) AS x(store_id integer, terminal text, business_date date, place text,
    first bigint, last bigint, noticed_at timestamptz, announced_at timestamptz)
RETURNING id, store_id, terminal, business_date, first, last, announced_at IS NOT NULL
"""


def see_tills(tx: Tx, seen_at: Mapping[Till, datetime]) -> None:
    """Note tills on their first receipt, and when each was last heard of."""
    rows = ({"store_id": till.store_id, "terminal": till.terminal, "seen_at": at} for till, at in seen_at.items())
    tx.ask(TILLS, (_json(rows),))


def load_days(tx: Tx, touched: Collection[TillDay]) -> Calendar:
    """The touched days that are on record, and the days right before and right after each."""
    rows = tx.ask(DAYS, (_json(map(_key, touched)),)).fetchall()
    return Calendar({_till_day(*row[:3]): Span(*row[3:]) for row in rows})


def load_parked(tx: Tx, days: Collection[TillDay]) -> dict[TillDay, list[Span]]:
    """Numbers under which a refused receipt was parked, whatever became of it."""
    numbers: dict[TillDay, set[int]] = defaultdict(set)
    for *key, sequence in tx.ask(PARKED, (_json(map(_key, days)),)).fetchall():
        numbers[_till_day(*key)].add(sequence)
    return {till_day: spans_of(parked) for till_day, parked in numbers.items()}


def load_explained(tx: Tx, days: Collection[TillDay]) -> dict[TillDay, list[Span]]:
    """Numbers before a day that somebody explained."""
    spans: dict[TillDay, list[Span]] = defaultdict(list)
    for *key, first, last in tx.ask(EXPLAINED, (_json(map(_key, days)),)).fetchall():
        spans[_till_day(*key)].append(Span(first, last))
    return spans


def load_gaps(tx: Tx, days: Collection[TillDay], heard: Mapping[TillDay, Heard]) -> dict[Place, list[Gap]]:
    """Open gaps: those before each of the days, and those inside that the numbers heard of reach into."""
    reached = [{**_key(till_day), **(_ends(heard[till_day].reach) if till_day in heard else {})} for till_day in days]
    gaps: dict[Place, list[Gap]] = defaultdict(list)
    for *key, place, gap, first, last, noticed_at, announced_at in tx.ask(OPEN_GAPS, (_json(reached),)).fetchall():
        gaps[Place(_till_day(*key), GapPlace(place))].append(Gap(gap, Span(first, last), noticed_at, announced_at))
    return gaps


def write_days(tx: Tx, days: Mapping[TillDay, Span]) -> None:
    tx.ask(WRITE_DAYS, (_json({**_key(till_day), **_ends(span)} for till_day, span in days.items()),))


def close_gaps(tx: Tx, gaps: Sequence[Gap]) -> None:
    """Announced ones stay on record as closed; of the others nobody has heard, they go."""
    announced = [gap.id for gap in gaps if gap.announced_at is not None]
    unheard_of = [gap.id for gap in gaps if gap.announced_at is None]
    if announced:
        tx.ask("UPDATE pos.sequence_gap SET closed_at = %s WHERE id = ANY(%s)", (tx.now, announced))
    if unheard_of:
        tx.ask("DELETE FROM pos.sequence_gap WHERE id = ANY(%s)", (unheard_of,))


def resize_gaps(tx: Tx, gaps: Sequence[tuple[Gap, Span]]) -> None:
    if gaps:
        tx.ask(RESIZE, (_json({"id": gap.id, **_ends(span)} for gap, span in gaps),))


def open_gaps(tx: Tx, changes: Mapping[Place, GapChanges]) -> list[tuple[int, TillDay, Span]]:
    """Put new gaps on record; returns id, day and span of those that were announced before as part of another."""
    rows = [
        {
            **_key(where.till_day),
            **_ends(new.span),
            "place": where.place.value,
            "noticed_at": new.part_of.noticed_at if new.part_of else tx.now,
            "announced_at": new.part_of.announced_at if new.part_of else None,
        }
        for where, change in changes.items()
        for new in change.opened
    ]
    if not rows:
        return []
    made = tx.ask(OPEN, (_json(rows),)).fetchall()
    return [(gap, _till_day(*key), Span(first, last)) for gap, *key, first, last, announced in made if announced]


def _json(rows: Iterable[Mapping[str, Any]]) -> str:
    return json.encode(list(rows)).decode()


def _key(till_day: TillDay) -> dict[str, Any]:
    return {"store_id": till_day.till.store_id, "terminal": till_day.till.terminal, "business_date": till_day.day}


def _ends(span: Span) -> dict[str, int]:
    return {"first": span.first, "last": span.last}


def _till_day(store_id: Any, terminal: Any, day: Any) -> TillDay:
    return TillDay(Till(store_id, terminal), day)
