"""Conditions on what marketing itself did: lists, campaigns, messages, coupons that were used, follow-up tasks."""
# ruff: noqa: ARG001 - every answerer has one signature

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import LiteralString

import pyarrow as pa
from pyroaring import BitMap

from foundation.bitmaps import ids_of, ids_where
from foundation.conditions import (
    AMONG,
    COMPARING,
    Condition,
    Facts,
    Measure,
    Operator,
    Selection,
    Span,
    Unit,
    compare,
)
from foundation.database import Tx
from foundation.http import ID_DIGITS_MAX
from foundation.pages import lazy
from foundation.settings import get_settings
from marketing.campaigns.rules import Arm
from marketing.target_lists.chunks import all_members
from member_api.contract.coupons import redeemers_of

REACHED = lazy("What we did for the member")
CHOOSING = (Operator.ANY, Operator.ALL, Operator.NONE)

_MEASURES = (
    Measure("in_list", lazy("Was on a target list"), REACHED, Unit.CODE, CHOOSING, options="list"),
    Measure(
        "in_campaign",
        lazy("Was in a campaign"),
        REACHED,
        Unit.CODE,
        CHOOSING,
        hint=lazy("Got the offer; not those set aside for comparison"),
        options="campaign",
    ),
    Measure(
        "in_control",
        lazy("Was set aside for comparison"),
        REACHED,
        Unit.CODE,
        AMONG,
        hint=lazy("In the control group of a campaign"),
        options="campaign",
    ),
    Measure(
        "redeemed",
        lazy("Used the coupon of a campaign"),
        REACHED,
        Unit.CODE,
        CHOOSING,
        options="campaign",
    ),
    Measure(
        "messages",
        lazy("Messages received"),
        REACHED,
        Unit.COUNT,
        COMPARING,
        hint=lazy("Sent to the member by any channel"),
        span=Span.PAST,
        lowest=0,
    ),
    Measure("open_task", lazy("Has an open follow-up task"), REACHED, Unit.YES, (Operator.EQUAL,)),
    Measure("open_complaint", lazy("Has an open complaint"), REACHED, Unit.YES, (Operator.EQUAL,)),
)
MEASURES: Mapping[str, Measure] = {measure.name: measure for measure in _MEASURES}


def answer(tx: Tx, conditions: Sequence[Condition], today: date) -> list[Selection]:
    """The answers to conditions of this catalogue, in order."""
    return [_ANSWERS[condition.measure](tx, condition, today) for condition in conditions]


def evidence(tx: Tx, conditions: Sequence[Condition], today: date, members: BitMap) -> list[Facts]:
    """What was found of these members: how many messages; of the others, that the condition holds or does not."""
    return [
        _messages_of(tx, condition, today, members)
        if condition.measure == "messages"
        else _only_that(members, _ANSWERS[condition.measure](tx, condition, today))
        for condition in conditions
    ]


def _only_that(members: BitMap, found: Selection) -> Facts:
    ids = ids_of(members)
    return Facts(ids, pa.array([id_ in found for id_ in ids.to_pylist()], pa.bool_()))


# ------------------------------------------------------------------------------------------------ lists, campaigns
def _sets(
    members_of: Callable[[Tx, int], BitMap],
) -> Callable[[Tx, Condition, date], Selection]:
    """Answers a condition whose codes are ids of things that have members."""

    def answered(tx: Tx, condition: Condition, today: date) -> Selection:
        assert isinstance(condition.value, tuple)
        sets = [members_of(tx, int(code)) if _is_id(code) else BitMap() for code in condition.value]
        if condition.operator == Operator.ALL:
            return Selection(BitMap.intersection(*sets))
        return Selection(BitMap.union(*sets), inverted=condition.operator == Operator.NONE)

    return answered


def _is_id(code: str) -> bool:
    return code.isascii() and code.isdigit() and len(code) <= ID_DIGITS_MAX


def _in_arms(*arms: Arm) -> Callable[[Tx, int], BitMap]:
    query: LiteralString = (
        "SELECT member_id AS id FROM marketing.campaign_member WHERE campaign_id = %s AND arm = ANY(%s)"
    )

    def members_of(tx: Tx, campaign_id: int) -> BitMap:
        return ids_where(tx, query, (campaign_id, [str(arm) for arm in arms]))

    return members_of


def _redeemers(tx: Tx, campaign_id: int) -> BitMap:
    return BitMap(redeemers_of(tx, f"campaign/{campaign_id}"))


# ------------------------------------------------------------------------------------------------ messages, tasks
MESSAGES: LiteralString = """
    SELECT recipient_id AS id, count(*) AS measured FROM marketing.message
    WHERE recipient_id IS NOT NULL AND state IN ('sent', 'delivered')
      AND let_through_at < ((%(last)s::date + 1)::timestamp AT TIME ZONE %(zone)s)
      AND (%(first)s::date IS NULL OR let_through_at >= (%(first)s::date::timestamp AT TIME ZONE %(zone)s))
      AND (%(chosen)s::bigint[] IS NULL OR recipient_id = ANY(%(chosen)s))
    GROUP BY 1"""
# From so many members on it is cheaper to read everybody and intersect.
FEW = 20_000
_SQL: Mapping[Operator, LiteralString] = {
    Operator.AT_LEAST: "measured >= %(value)s",
    Operator.AT_MOST: "measured <= %(value)s",
    Operator.MORE: "measured > %(value)s",
    Operator.LESS: "measured < %(value)s",
    Operator.EQUAL: "measured = %(value)s",
    Operator.UNEQUAL: "measured <> %(value)s",
    Operator.BETWEEN: "measured BETWEEN %(value)s AND %(until)s",
}


def _messages(tx: Tx, condition: Condition, today: date) -> Selection:
    """Who got none has 0: where 0 passes, those who fail are sought."""
    inverted = compare(condition.operator, condition.value)(0)
    low, high = condition.value if isinstance(condition.value, tuple) else (condition.value, None)
    test: LiteralString = _SQL[condition.operator]
    sought: LiteralString = f"NOT ({test})" if inverted else test
    query: LiteralString = f"SELECT id FROM ({MESSAGES}) AS counts WHERE {sought}"  # noqa: S608 - literals only
    return Selection(ids_where(tx, query, _window(condition, today) | {"value": low, "until": high}), inverted)


def _messages_of(tx: Tx, condition: Condition, today: date, members: BitMap) -> Facts:
    chosen = list(members) if len(members) <= FEW else None
    rows = tx.raw.execute(MESSAGES + " ORDER BY 1", _window(condition, today, chosen))
    mine = [row for row in rows if row[0] in members]
    return Facts(pa.array([row[0] for row in mine], pa.uint32()), pa.array([row[1] for row in mine], pa.int64()))


def _window(condition: Condition, today: date, chosen: list[int] | None = None) -> dict[str, object]:
    """What MESSAGES asks for; `chosen` None: of everybody."""
    first, last = condition.past(today)
    return {"first": first, "last": last, "zone": get_settings().company_timezone, "chosen": chosen}


def _tasks(query: LiteralString) -> Callable[[Tx, Condition, date], Selection]:
    def answered(tx: Tx, condition: Condition, today: date) -> Selection:
        found = Selection(ids_where(tx, query))
        return found if condition.value else ~found

    return answered


_ANSWERS: Mapping[str, Callable[[Tx, Condition, date], Selection]] = {
    "in_list": _sets(all_members),
    "in_campaign": _sets(_in_arms(Arm.TREATED)),
    "in_control": _sets(_in_arms(Arm.HELD_OUT, Arm.COMPANY_CONTROL)),
    "redeemed": _sets(_redeemers),
    "messages": _messages,
    "open_task": _tasks("SELECT DISTINCT member_id AS id FROM marketing.task WHERE state IN ('open', 'started')"),
    "open_complaint": _tasks(
        "SELECT DISTINCT member_id AS id FROM marketing.task WHERE complaint AND state IN ('open', 'started', 'done')"
    ),
}
