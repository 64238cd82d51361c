"""The filter language: what is read, what is refused and where, and which filters say the same."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from foundation.conditions import COMPARING, Condition, Measure, Operator, Selection, Span, Unit, Where
from marketing.target_lists.filters import (
    CONDITIONS_MAX,
    DEPTH_MAX,
    WIDTH_MAX,
    Filter,
    FilterUnreadable,
    evaluate,
    read_filter,
)
from member_api.contract.conditions import MEASURES as OF_MEMBERS

SPEND = Measure(
    "spend", "Spend", "", Unit.MONEY, COMPARING, span=Span.PAST, where=tuple(Where), currency=True, personal=True
)
MEASURES = {
    **OF_MEMBERS,
    "spend": SPEND,
    "quantity": Measure("quantity", "Quantity", "", Unit.QUANTITY, COMPARING),
    "contribution_score": Measure("contribution_score", "", "", Unit.SCORE, COMPARING, lowest=0, highest=100),
    "contribution_class": Measure(
        "contribution_class", "", "", Unit.CODE, (Operator.ANY, Operator.NONE), choices=(("gold", ""), ("iron", ""))
    ),
}


def read(body: Any) -> Filter:
    return read_filter(body, MEASURES)


def pointers(body: Any) -> list[str]:
    with pytest.raises(FilterUnreadable) as refused:
        read(body)
    return [fault.pointer for fault in refused.value.errors]


def test_the_filter_of_the_design_is_read() -> None:
    body = {
        "measure": "spend",
        "op": ">=",
        "value": 50000,
        "within_days": 90,
        "where": {"category": ["DAIRY"], "format": ["supermarket"]},
    }
    found = read({"all": [body, {"any": [{"not": body}]}]})
    assert found.conditions[0] == Condition(
        "spend",
        Operator.AT_LEAST,
        50000,
        within_days=90,
        where=((Where.CATEGORY, ("DAIRY",)), (Where.FORMAT, ("supermarket",))),
    )
    assert [condition.pointer for condition in found.conditions] == ["/filter/all/0", "/filter/all/1/any/0/not"]
    assert found.body == {"all": [body, {"any": [{"not": body}]}]}


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (None, ["/filter"]),
        ({"all": {}}, ["/filter/all"]),
        ({"any": []}, ["/filter/any"]),
        ({"all": [], "any": []}, ["/filter"]),
        ({"all": [{"measure": "love"}, 7]}, ["/filter/all/0/measure", "/filter/all/1"]),
        ({"measure": "spend", "op": ">>", "value": 1}, ["/filter/op"]),
        ({"measure": "spend", "op": "in", "value": 1}, ["/filter/op"]),
        ({"measure": "spend", "op": ">="}, ["/filter/value"]),
        ({"measure": "spend", "op": ">=", "value": "1"}, ["/filter/value"]),
        ({"measure": "spend", "op": ">=", "value": 1.5}, ["/filter/value"]),
        ({"measure": "spend", "op": ">=", "value": True}, ["/filter/value"]),
        ({"measure": "spend", "op": "between", "value": [2, 1]}, ["/filter/value"]),
        ({"measure": "spend", "op": ">=", "value": 1, "within_days": 0}, ["/filter/within_days"]),
        ({"measure": "spend", "op": ">=", "value": 1, "within_days": 9, "to": "2026-01-01"}, ["/filter/to"]),
        ({"measure": "spend", "op": ">=", "value": 1, "from": "2026-02-01", "to": "2026-01-01"}, ["/filter/to"]),
        ({"measure": "spend", "op": ">=", "value": 1, "from": "2026-02-30"}, ["/filter/from"]),
        ({"measure": "spend", "op": ">=", "value": 1, "where": {"colour": ["red"]}}, ["/filter/where/colour"]),
        ({"measure": "spend", "op": ">=", "value": 1, "where": {"store": []}}, ["/filter/where/store"]),
        ({"measure": "spend", "op": ">=", "value": 1, "currency": "gold"}, ["/filter/currency"]),
        ({"measure": "spend", "op": ">=", "value": 1, "vlaue": 2}, ["/filter/vlaue"]),
        ({"measure": "quantity", "op": ">=", "value": 1.2345}, ["/filter/value"]),
        ({"measure": "points_balance", "op": ">=", "value": 1, "within_days": 9}, ["/filter/within_days"]),
        ({"measure": "points_expiring", "op": ">=", "value": 1}, ["/filter/within_days"]),
        ({"measure": "birthday"}, ["/filter/within_days"]),
        ({"measure": "gender", "op": "in", "value": ["blue"]}, ["/filter/value/0"]),
        ({"measure": "age", "op": ">=", "value": 200}, ["/filter/value"]),
        ({"measure": "joined", "op": ">=", "value": "2026-13-01"}, ["/filter/value"]),
        ({"measure": "contribution", "op": "in", "value": ["tin"]}, ["/filter/value/0"]),
    ],
)
def test_a_fault_is_named_where_it_stands(body: Any, where: list[str]) -> None:
    assert pointers(body) == where


def test_depth_width_number_and_size_are_bounded() -> None:
    leaf: Any = {"measure": "birthday", "within_days": 7}
    deep = leaf
    for _ in range(DEPTH_MAX):
        deep = {"not": deep}
    assert pointers(deep) == ["/filter" + "/not" * DEPTH_MAX]
    assert pointers({"all": [leaf] * (WIDTH_MAX + 1)}) == ["/filter/all"]
    half = {"all": [leaf] * (CONDITIONS_MAX // 2 + 1)}
    assert pointers({"all": [half, half]}) == ["/filter"]
    assert pointers({"measure": "tier", "op": "in", "value": ["x" * 70_000]}) == ["/filter"]


def test_filters_that_say_the_same_have_one_hash() -> None:
    a = {"measure": "spend", "op": ">=", "value": 1}
    b = {"measure": "tier", "op": "in", "value": ["gold", "silver"]}
    c = {"measure": "tier", "op": "in", "value": ["silver", "gold", "gold"]}
    assert read({"all": [a, b]}).hash == read({"all": [c, a, a]}).hash
    assert read({"all": [a, b]}).hash != read({"any": [a, b]}).hash
    assert read({"all": [a, b]}).hash != read({"all": [b]}).hash


def test_ideas_stand_for_their_measures() -> None:
    assert read({"measure": "contribution", "op": ">=", "value": 80}).body == {
        "measure": "contribution_score",
        "op": ">=",
        "value": 80.0,
    }
    assert read({"measure": "contribution", "op": "=", "value": "gold"}).body == {
        "measure": "contribution_class",
        "op": "in",
        "value": ["gold"],
    }
    assert read({"measure": "joined", "op": ">=", "value": "2026-01-01"}).body == {
        "measure": "joined",
        "from": "2026-01-01",
    }


def test_what_was_written_reads_the_same() -> None:
    bodies = [
        {"measure": "birthday", "within_days": 14},
        {"measure": "no_profiling", "op": "=", "value": False},
        {"measure": "joined", "within_days": 30},
        {"measure": "spend", "op": "between", "value": [1, 2], "from": "2026-01-01", "currency": "CNY",
         "where": {"category": [["FOOD", "DAIRY"], ["TOYS"]], "store": ["S01"]}},
        {"measure": "quantity", "op": ">", "value": 1.5},
    ]  # fmt: skip
    for body in bodies:
        assert read(body).body == body
        assert read(read(body).body) == read(body)


SETS = st.recursive(
    st.sampled_from(["a", "b", "c"]),
    lambda part: st.one_of(
        st.lists(part, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(part, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        part.map(lambda inner: {"not": inner}),
    ),
    max_leaves=8,
)
EVERYBODY = frozenset(range(8))
MEMBERS = {"a": frozenset({0, 1, 2, 3}), "b": frozenset({0, 1, 4, 5}), "c": frozenset({0, 2, 4, 6})}


def by_sets(tree: Any) -> frozenset[int]:
    if isinstance(tree, str):
        return MEMBERS[tree]
    if "not" in tree:
        return EVERYBODY - by_sets(tree["not"])
    if "all" in tree:
        return EVERYBODY.intersection(*map(by_sets, tree["all"]))
    return frozenset().union(*map(by_sets, tree["any"]))


def as_filter(tree: Any) -> Any:
    if isinstance(tree, str):
        return {"measure": "tier", "op": "in", "value": [tree]}
    name, parts = next(iter(tree.items()))
    return {name: as_filter(parts) if name == "not" else [as_filter(part) for part in parts]}


@given(SETS, st.booleans())
def test_and_or_not_are_those_of_sets_whatever_form_answers_have(tree: Any, inverted: bool) -> None:
    body = as_filter(tree)
    if len(json.dumps(body).split("[{")) > DEPTH_MAX or json.dumps(body).count("{") > 40:
        return

    def answer(condition: Condition) -> Selection:
        assert isinstance(condition.value, tuple)
        holders = BitMap(MEMBERS[condition.value[0]])
        return ~Selection(BitMap(EVERYBODY) - holders) if inverted else Selection(holders)

    try:
        found = evaluate(read(body).root, answer)
    except FilterUnreadable:
        return  # deeper than the bound
    assert frozenset(found.within(lambda: BitMap(EVERYBODY))) == by_sets(tree)


NAMES = ["all", "any", "not", "measure", "op", "value", "within_days", "where", "from"]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


def nested(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(values) | st.dictionaries(st.sampled_from(NAMES) | st.text(), values)


@given(st.recursive(SCALARS, nested, max_leaves=20))
def test_whatever_comes_is_read_or_refused_with_a_pointer(body: Any) -> None:
    faults: tuple[Any, ...] = ()
    found = None
    try:
        found = read(body)
    except FilterUnreadable as refused:
        faults = refused.errors
    assert faults or found
