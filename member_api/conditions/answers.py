"""Who fulfils a condition on members. One statement a condition; ids come out packed, about 90 ns each.

Answers are not confined to members in good standing: whoever combines them takes `without_standing` off.
"""
# ruff: noqa: ARG001, S608 - every answerer has one signature; statements are joined of literals only

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any, LiteralString

from pyroaring import BitMap

from foundation.bitmaps import ids_by, ids_where
from foundation.conditions import Condition, Operator, Selection, compare
from foundation.database import Tx
from foundation.settings import get_settings
from member_api.conditions.rules import birthdays_within, born_between, days_of_months, range_of, ranges_of
from member_api.consents.rules import Channel, Purpose, read_name


def answer(tx: Tx, conditions: Sequence[Condition], today: date) -> list[Selection]:
    """The answers to conditions of this package's catalogue, in order, as of `today` (the company's calendar)."""
    return [_ANSWERS[condition.measure](tx, condition, today) for condition in conditions]


# ------------------------------------------------------------------------------------------------ everybody
def in_good_standing(tx: Tx) -> BitMap:
    """Every member who may be on a list: active and frozen ones."""
    return ids_where(tx, "SELECT id FROM member.member WHERE status IN ('active', 'frozen')")


def without_standing(tx: Tx) -> BitMap:
    """Members who are on no list: closed, merged into another, erased. Few, by an index of their own."""
    return ids_where(tx, "SELECT id FROM member.member WHERE status IN ('closed', 'merged', 'erased')")


def no_profiling(tx: Tx) -> BitMap:
    """Members who said no to profiling. Nothing said is no refusal."""
    return ids_where(tx, "SELECT member_id AS id FROM member.consent WHERE purpose = 'profiling' AND NOT granted")


def refuses_profiling(tx: Tx, member_id: int) -> bool:
    """Whether this one member said no to profiling."""
    row = tx.ask(
        "SELECT EXISTS (SELECT FROM member.consent WHERE member_id = %s AND purpose = 'profiling' AND NOT granted)",
        (member_id,),
    ).fetchone()
    return row is not None and bool(row[0])


def with_consent(tx: Tx, channels: Collection[Channel], purpose: Purpose) -> BitMap:
    """Members who said yes to this purpose by any of these channels."""
    return ids_where(
        tx,
        "SELECT member_id AS id FROM member.consent WHERE channel = ANY(%s) AND purpose = %s AND granted",
        ([str(channel) for channel in channels], str(purpose)),
    )


def of_home_stores(tx: Tx, stores: Collection[str]) -> BitMap:
    """Members whose home store is one of these."""
    return ids_where(tx, "SELECT id FROM member.member WHERE home_store = ANY(%s)", (sorted(stores),))


# ------------------------------------------------------------------------------------------------ who the member is
def _tier(tx: Tx, condition: Condition, today: date) -> Selection:
    holders = tier_holders(tx)
    wanted = BitMap()
    for tier in _texts(condition):
        wanted |= holders.get(tier, BitMap())
    return _among(condition, wanted)


def tier_holders(tx: Tx) -> dict[str, BitMap]:
    """Members by the tier that counts: the highest one in force."""
    in_force = ids_by(
        tx,
        "SELECT tier AS key, member_id AS id FROM member.tier_assignment "
        "WHERE valid_from <= %s AND (in_force_to > %s OR in_force_to IS NULL)",
        (tx.now, tx.now),
    )
    ranked = tx.ask("SELECT code FROM member.tier ORDER BY rank DESC").fetchall()
    better, holders = BitMap(), {}
    for (code,) in ranked:
        holders[code] = in_force.get(code, BitMap()) - better
        better |= holders[code]
    return holders


def _age(tx: Tx, condition: Condition, today: date) -> Selection:
    after, until = born_between(*range_of(condition), today)
    query: LiteralString = (
        "SELECT id FROM member.member WHERE birth_year IS NOT NULL "
        "AND ((birth_year, birth_month_day) > (%s, %s) AND (birth_year, birth_month_day) <= (%s, %s)) = %s"
    )
    return Selection(ids_where(tx, query, (*after, *until, condition.operator != Operator.UNEQUAL)))


def _birthday(tx: Tx, condition: Condition, today: date) -> Selection:
    born = Selection(_born_on(tx, birthdays_within(*condition.ahead(today))))
    return born if condition.value else ~born


def _birthday_month(tx: Tx, condition: Condition, today: date) -> Selection:
    assert isinstance(condition.value, tuple)
    return _among(condition, _born_on(tx, days_of_months(condition.value)))


def _born_on(tx: Tx, days: Sequence[int]) -> BitMap:
    """Members born on these month-days, by ranges of the index."""
    query: LiteralString = (
        "SELECT m.id FROM unnest(%s::smallint[], %s::smallint[]) AS r(first, last) "
        "JOIN member.member AS m ON m.birth_month_day BETWEEN r.first AND r.last"
    )
    return ids_where(tx, query, ranges_of(days))


def _gender(tx: Tx, condition: Condition, today: date) -> Selection:
    query: LiteralString = "SELECT id FROM member.member WHERE gender = ANY(%s)"
    return _among(condition, ids_where(tx, query, (list(_texts(condition)),)))


def _home_store(tx: Tx, condition: Condition, today: date) -> Selection:
    return _among(condition, of_home_stores(tx, _texts(condition)))


def _status(tx: Tx, condition: Condition, today: date) -> Selection:
    frozen = Selection(ids_where(tx, "SELECT id FROM member.member WHERE status = 'frozen'"))
    wanted = set(_texts(condition))
    if wanted == {"active", "frozen"}:
        chosen = ~Selection(BitMap())
    else:
        chosen = frozen if wanted == {"frozen"} else ~frozen
    return ~chosen if condition.operator == Operator.NONE else chosen


def _joined(tx: Tx, condition: Condition, today: date) -> Selection:
    first, last = condition.past(today)
    query: LiteralString = (
        "SELECT id FROM member.member WHERE joined_at < ((%s::date + 1)::timestamp AT TIME ZONE %s) "
        "AND (%s::date IS NULL OR joined_at >= (%s::date::timestamp AT TIME ZONE %s))"
    )
    zone = get_settings().company_timezone
    return Selection(ids_where(tx, query, (last, zone, first, first, zone)))


# ------------------------------------------------------------------------------------------------ what is allowed
def _consent(tx: Tx, condition: Condition, today: date) -> Selection:
    granted = [with_consent(tx, [channel], purpose) for channel, purpose in map(read_name, _texts(condition))]
    if condition.operator == Operator.ALL:
        return Selection(BitMap.intersection(*granted))
    return _among(condition, BitMap.union(*granted))


def _no_profiling(tx: Tx, condition: Condition, today: date) -> Selection:
    refused = Selection(no_profiling(tx))
    return refused if condition.value else ~refused


# ------------------------------------------------------------------------------------------------ what is owned
# Whose balance is more than the one column of one account: there are accounts by format, or something in them has
# lapsed that the nightly job has not booked yet. Where they are few, nobody else needs adding up.
FEW = 2_000
SEVERAL: LiteralString = """
    SELECT member_id AS id FROM member.account WHERE format IS NOT NULL AND kind = %(kind)s
    UNION
    SELECT member_id FROM member.lot WHERE remaining > 0 AND expires_on < %(today)s"""
ONE: LiteralString = """
    SELECT member_id AS id, balance AS measured FROM member.account
    WHERE format IS NULL AND kind = %(kind)s AND currency IS NOT DISTINCT FROM %(currency)s"""
ADDED_UP: LiteralString = """
    SELECT member_id AS id, sum(amount) AS measured FROM (
        SELECT member_id, balance AS amount FROM member.account
        WHERE kind = %(kind)s AND currency IS NOT DISTINCT FROM %(currency)s
          AND (%(everybody)s OR member_id = ANY(%(several)s))
        UNION ALL
        SELECT l.member_id, l.held - l.remaining FROM member.lot AS l JOIN member.account AS a ON a.id = l.account_id
        WHERE l.remaining > 0 AND l.expires_on < %(today)s
          AND a.kind = %(kind)s AND a.currency IS NOT DISTINCT FROM %(currency)s
    ) AS amounts GROUP BY member_id"""
BALANCES: LiteralString = f"""
    SELECT id, measured FROM ({ONE}) AS one WHERE id <> ALL(%(several)s)
    UNION ALL
    SELECT id, measured FROM ({ADDED_UP}) AS added_up"""
EXPIRING: LiteralString = """
    SELECT l.member_id AS id, sum(l.remaining - l.held) AS measured FROM member.lot AS l
    WHERE l.remaining > 0 AND l.expires_on BETWEEN %(first)s AND %(last)s AND EXISTS (
        SELECT FROM member.account AS a WHERE a.id = l.account_id AND a.kind = 'points')
    GROUP BY l.member_id"""
KINDS: Mapping[str, str] = {"points_balance": "points", "ecoin_balance": "ecoin", "cash_balance": "cash"}


def owned(tx: Tx, condition: Condition, today: date) -> tuple[LiteralString, dict[str, Any]]:
    """The query (columns `id`, `measured`) and its parameters that measure what a condition on accounts compares."""
    if condition.measure == "points_expiring":
        first, last = condition.ahead(today)
        return EXPIRING, {"first": first, "last": last}
    kind = KINDS[condition.measure]
    currency = None if kind == "points" else condition.currency or get_settings().company_currency
    asked = {"kind": kind, "currency": currency, "today": today}
    several = ids_where(tx, SEVERAL, asked)
    if len(several) > FEW:
        return ADDED_UP, asked | {"everybody": True, "several": []}
    return BALANCES, asked | {"everybody": False, "several": list(several)}


_TESTS: Mapping[Operator, LiteralString] = {
    Operator.AT_LEAST: "measured >= %(value)s",
    Operator.AT_MOST: "measured <= %(value)s",
    Operator.MORE: "measured > %(value)s",
    Operator.LESS: "measured < %(value)s",
    Operator.EQUAL: "measured = %(value)s",
    Operator.UNEQUAL: "measured <> %(value)s",
    Operator.BETWEEN: "measured BETWEEN %(value)s AND %(until)s",
}


def _owned(tx: Tx, condition: Condition, today: date) -> Selection:
    """Who has nothing has 0: where 0 passes, those who fail are sought, and everybody else passes."""
    query, parameters = owned(tx, condition, today)
    low, high = condition.value if isinstance(condition.value, tuple) else (condition.value, None)
    inverted = compare(condition.operator, condition.value)(0)
    sought: LiteralString = "NOT" if inverted else ""
    text: LiteralString = f"SELECT id FROM ({query}) AS owned WHERE {sought} ({_TESTS[condition.operator]})"
    return Selection(ids_where(tx, text, parameters | {"value": low, "until": high}), inverted)


def _among(condition: Condition, found: BitMap) -> Selection:
    return Selection(found, inverted=condition.operator == Operator.NONE)


def _texts(condition: Condition) -> tuple[str, ...]:
    assert isinstance(condition.value, tuple)
    return condition.value


_ANSWERS: Mapping[str, Callable[[Tx, Condition, date], Selection]] = {
    "points_balance": _owned,
    "points_expiring": _owned,
    "ecoin_balance": _owned,
    "cash_balance": _owned,
    "tier": _tier,
    "age": _age,
    "birthday": _birthday,
    "birthday_month": _birthday_month,
    "gender": _gender,
    "home_store": _home_store,
    "joined": _joined,
    "status": _status,
    "consent": _consent,
    "no_profiling": _no_profiling,
}
