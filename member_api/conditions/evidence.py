"""What was measured of members: the evidence for conditions, and how a set of members is made up.

Ages, birthdays and genders do not leave this package: their evidence is only that the condition holds.
"""
# ruff: noqa: ARG001, S608 - every answerer has one signature; statements are joined of literals only

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, LiteralString

import pyarrow as pa
from pyroaring import BitMap

from foundation.bitmaps import ids_by, ids_of, ids_where
from foundation.conditions import Condition, Facts
from foundation.database import Tx
from foundation.settings import get_settings
from member_api.conditions.answers import owned, tier_holders
from member_api.conditions.rules import AGE_BANDS, month_day
from member_api.consents.rules import read_name

# From so many members on it is cheaper to read everybody and intersect.
FEW = 20_000
UNKNOWN = ""


def evidence(tx: Tx, conditions: Sequence[Condition], today: date, members: BitMap) -> list[Facts]:
    """For each condition, what was measured of these members; nothing known of a member that is left out."""
    return [_EVIDENCE[condition.measure](tx, condition, today, members) for condition in conditions]


def _owned(tx: Tx, condition: Condition, today: date, members: BitMap) -> Facts:
    query, parameters = owned(tx, condition, today)
    narrowed: LiteralString = f"SELECT id, measured::bigint FROM ({query}) AS owned"
    return _asked(tx, narrowed, parameters, members, pa.int64())


def _asked(tx: Tx, query: LiteralString, parameters: Mapping[str, Any], members: BitMap, kind: pa.DataType) -> Facts:
    """A query with columns `id` and a value, of these members."""
    few = len(members) <= FEW
    narrow: LiteralString = "WHERE id = ANY(%(chosen)s)" if few else ""
    text: LiteralString = f"SELECT * FROM ({query}) AS facts {narrow} ORDER BY id"
    rows = tx.raw.execute(text, {**parameters, "chosen": list(members) if few else []}).fetchall()
    kept = [row for row in rows if few or row[0] in members]
    return Facts(pa.array([row[0] for row in kept], pa.uint32()), pa.array([row[1] for row in kept], kind))


def _column(name: LiteralString, kind: pa.DataType) -> Callable[[Tx, Condition, date, BitMap], Facts]:
    query: LiteralString = f"SELECT id, {name} FROM member.member"

    def facts(tx: Tx, condition: Condition, today: date, members: BitMap) -> Facts:
        return _asked(tx, query, {}, members, kind)

    return facts


def _joined(tx: Tx, condition: Condition, today: date, members: BitMap) -> Facts:
    query: LiteralString = "SELECT id, (joined_at AT TIME ZONE %(zone)s)::date FROM member.member"
    return _asked(tx, query, {"zone": get_settings().company_timezone}, members, pa.date32())


def _tier(tx: Tx, condition: Condition, today: date, members: BitMap) -> Facts:
    return _by_code({tier: holders & members for tier, holders in tier_holders(tx).items()})


def _by_code(sets: Mapping[str, BitMap]) -> Facts:
    pairs = sorted((id_, code) for code, ids in sets.items() for id_ in ids)
    return Facts(pa.array([id_ for id_, _ in pairs], pa.uint32()), pa.array([code for _, code in pairs], pa.string()))


def _consent(tx: Tx, condition: Condition, today: date, members: BitMap) -> Facts:
    assert isinstance(condition.value, tuple)
    pairs = {read_name(name): name for name in condition.value}
    query: LiteralString = (
        "SELECT member_id AS id, string_agg(channel || '/' || purpose, ' ' ORDER BY channel, purpose) "
        "FROM member.consent WHERE granted AND (channel, purpose) IN "
        "(SELECT * FROM unnest(%(channels)s::text[], %(purposes)s::text[])) GROUP BY member_id"
    )
    asked = {
        "channels": [str(channel) for channel, _ in pairs],
        "purposes": [str(purpose) for _, purpose in pairs],
    }
    facts = _asked(tx, query, asked, members, pa.string())
    names = {f"{channel}/{purpose}": name for (channel, purpose), name in pairs.items()}
    values = [" ".join(names[pair] for pair in text.split(" ")) for text in facts.values.to_pylist()]
    return Facts(facts.ids, pa.array(values, pa.string()))


def _only_that(tx: Tx, condition: Condition, today: date, members: BitMap) -> Facts:
    ids = ids_of(members)
    return Facts(ids, pa.array([True] * len(ids), pa.bool_()))


_EVIDENCE: Mapping[str, Callable[[Tx, Condition, date, BitMap], Facts]] = {
    "points_balance": _owned,
    "points_expiring": _owned,
    "ecoin_balance": _owned,
    "cash_balance": _owned,
    "tier": _tier,
    "age": _only_that,
    "birthday": _only_that,
    "birthday_month": _only_that,
    "gender": _only_that,
    "home_store": _column("home_store", pa.string()),
    "joined": _joined,
    "status": _column("status", pa.string()),
    "consent": _consent,
    "no_profiling": _only_that,
}


# ------------------------------------------------------------------------------------------------ how a set is made up
def breakdown(tx: Tx, members: BitMap, today: date) -> dict[str, dict[str, int]]:
    """How many of these members hold which tier, have which home store, and are of which age, largest group first.

    Ages are bands such as "25-34"; what is not known is the code "" in each.
    """
    return {
        "tier": _counts(members, tier_holders(tx)),
        "store": _counts(members, _home_stores(tx, members)),
        "age": _in_order(_counts(members, _age_bands(tx, today))),
    }


def _counts(members: BitMap, sets: Mapping[Any, BitMap]) -> dict[str, int]:
    counts = {str(code): members.intersection_cardinality(ids) for code, ids in sets.items() if code}
    counts[UNKNOWN] = len(members) - sum(counts.values())
    found = [(code, count) for code, count in counts.items() if count]
    return dict(sorted(found, key=lambda pair: (pair[0] == UNKNOWN, -pair[1], pair[0])))


def _in_order(counts: Mapping[str, int]) -> dict[str, int]:
    return {code: counts[code] for code in sorted(counts, key=lambda code: (code == UNKNOWN, len(code) < 3, code))}


def _home_stores(tx: Tx, members: BitMap) -> dict[Any, BitMap]:
    chosen = list(members) if len(members) <= FEW else None
    if chosen is not None:
        return ids_by(tx, "SELECT home_store AS key, id FROM member.member WHERE id = ANY(%s)", (chosen,))
    return ids_by(tx, "SELECT home_store AS key, id FROM member.member")


def _age_bands(tx: Tx, today: date) -> dict[str, BitMap]:
    """Members by age band; one bounded index range each."""
    sets: dict[str, BitMap] = {}
    here, lowest = month_day(today), 0
    for highest in (*AGE_BANDS, None):
        until = (today.year - lowest, here) if lowest else (9999, 0)
        after = (today.year - highest - 1, here) if highest is not None else (0, 0)
        query: LiteralString = (
            "SELECT id FROM member.member WHERE birth_year IS NOT NULL "
            "AND (birth_year, birth_month_day) > (%s, %s) AND (birth_year, birth_month_day) <= (%s, %s)"
        )
        name = f"{lowest}-{highest}" if highest is not None else f"{lowest}+"
        sets[name] = ids_where(tx, query, (*after, *until))
        lowest = (highest or 0) + 1
    return sets
