"""Granting multipliers to members, and finding the one that a purchase earns under.

The multipliers of a day are few and cached; a member's grants are asked for only while one counts where the member
buys, so that a house without a running multiplier pays nothing for it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from foundation.database import Tx
from foundation.errors import Conflict
from foundation.reference_cache import ReferenceCache
from member_api.multipliers.rules import Granted, Multiplier, best, check_multiplier, counts

GRANT_MAX = 10_000
MULTIPLIERS_MAX = 10_000
WHOLE = 100


class MultiplierDiffers(Conflict):
    """Another multiplier was made under this reference."""

    code = "multiplier_differs"


@dataclass(frozen=True, slots=True)
class MultiplierTotals:
    """Of one multiplier: members who hold it, purchases that earned under it, and the points beyond the usual."""

    members: int
    purchases: int
    extra_points: int


def _granted(row: Any) -> Granted:
    return Granted(
        row.id,
        row.reference,
        Multiplier(
            row.name, row.percent, row.starts_on, row.ends_on, tuple(row.stores), tuple(row.formats), row.funder
        ),
    )


def _load(tx: Tx, days: Collection[date]) -> dict[date, tuple[Granted, ...]]:
    rows = tx.execute(
        "SELECT x.day, m.* FROM unnest(CAST(:days AS date[])) AS x (day)"
        " JOIN member.multiplier AS m ON m.starts_on <= x.day AND m.ends_on >= x.day ORDER BY m.id LIMIT :limit",
        {"days": list(days), "limit": MULTIPLIERS_MAX},
    ).all()
    return {day: tuple(_granted(row) for row in rows if row.day == day) for day in days}


# By business date: triggers make multipliers day after day, and few of them count on any one day.
_multipliers: ReferenceCache[date, tuple[Granted, ...]] = ReferenceCache("member.multiplier", _load)


def make_multiplier(tx: Tx, terms: Multiplier, reference: str, by: str) -> Granted:
    """The multiplier under this reference, made if it is not there yet. Raises MultiplierInvalid, MultiplierDiffers."""
    check_multiplier(terms)
    made = tx.execute(
        "INSERT INTO member.multiplier (reference, name, percent, starts_on, ends_on, stores, formats, funder,"
        " created_by, created_at) VALUES (:reference, :name, :percent, :starts_on, :ends_on, :stores, :formats,"
        " :funder, :by, :now) ON CONFLICT (reference) DO NOTHING",
        {
            "reference": reference,
            "name": terms.name,
            "percent": terms.percent,
            "starts_on": terms.starts_on,
            "ends_on": terms.ends_on,
            "stores": list(terms.stores),
            "formats": list(terms.formats),
            "funder": terms.funder,
            "by": by,
            "now": tx.now,
        },
    )
    if made.rowcount:
        _multipliers.changed(tx)
    found = multiplier_under(tx, reference)
    assert found is not None
    if found.terms != terms:
        raise MultiplierDiffers(f"Another multiplier was made as {reference}")
    return found


def multiplier_under(tx: Tx, reference: str) -> Granted | None:
    """The multiplier that was made under a reference."""
    row = tx.execute("SELECT * FROM member.multiplier WHERE reference = :reference", {"reference": reference})
    found = row.one_or_none()
    return _granted(found) if found is not None else None


def grant_to(tx: Tx, granted: Granted, member_ids: Sequence[int]) -> int:
    """Let these members earn under it; returns how many are new. At most 10,000 at a time; members must exist."""
    if len(member_ids) > GRANT_MAX:
        raise ValueError(f"at most {GRANT_MAX} members at a time")
    return tx.execute(
        "INSERT INTO member.multiplier_grant (member_id, multiplier_id, granted_at)"
        " SELECT member_id, :id, :now FROM unnest(CAST(:members AS bigint[])) AS member_id"
        " ON CONFLICT DO NOTHING",
        {"id": granted.id, "now": tx.now, "members": sorted(set(member_ids))},
    ).rowcount


def end_multiplier(tx: Tx, granted: Granted, last_day: date) -> None:
    """Let it count up to this day at most; what was earned under it stays. A day before its first ends it with that."""
    tx.execute(
        "UPDATE member.multiplier SET ends_on = greatest(starts_on, least(ends_on, :last)) WHERE id = :id",
        {"id": granted.id, "last": last_day},
    )
    _multipliers.changed(tx)


def multiplier_for(tx: Tx, member_id: int, day: date, store: str, format: str | None) -> Granted | None:
    """What a purchase of this member earns under; None for the usual."""
    counting = [each for each in _multipliers.one(tx, day) or () if counts(each.terms, day, store, format)]
    if not counting:
        return None
    held = tx.ask(
        "SELECT multiplier_id FROM member.multiplier_grant WHERE member_id = %s AND multiplier_id = ANY(%s)",
        (member_id, [each.id for each in counting]),
    ).fetchall()
    mine = {row[0] for row in held}
    return best(each for each in counting if each.id in mine)


def percent_of(tx: Tx, multiplier_id: int | None) -> int:
    """By how much a recorded purchase was multiplied, in percent; 100 is the usual."""
    if multiplier_id is None:
        return WHOLE
    row = tx.ask("SELECT percent FROM member.multiplier WHERE id = %s", (multiplier_id,)).fetchone()
    assert row is not None, "a purchase names a multiplier that is there"
    return int(row[0])


def totals(tx: Tx, granted: Granted) -> MultiplierTotals:
    """What came of a multiplier so far; what was given back does not count."""
    row = tx.execute(
        "SELECT (SELECT count(*) FROM member.multiplier_grant WHERE multiplier_id = :id), count(*),"
        " coalesce(sum(points - points * 100 / :percent), 0) FROM member.purchase WHERE multiplier = :id",
        {"id": granted.id, "percent": granted.terms.percent},
    ).one()
    return MultiplierTotals(row[0], row[1], int(row[2]))
