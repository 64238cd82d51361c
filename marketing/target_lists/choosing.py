"""From a filter to the members it chooses: answers combined, confined to a scope, near misses told apart."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from pyroaring import BitMap

from foundation.conditions import Condition, Selection
from foundation.database import Tx
from foundation.errors import FieldError, Invalid
from marketing.target_lists.catalogue import MEASURES, Told, answer_all
from marketing.target_lists.exclusions import NO_PROFILING, Near, exclusions
from marketing.target_lists.filters import Filter, evaluate
from member_api.contract.conditions import in_good_standing, of_home_stores, without_standing


class ExclusionUnknown(Invalid):
    """There is no reason of this name to leave members out."""

    code = "exclusion_unknown"


@dataclass(frozen=True, slots=True)
class Question:
    """A filter and around it: as of which day, whom the list shall leave out, by which channel it would be used.

    `stores` confines it to members of these home stores; None: everywhere.
    """

    filter: Filter
    today: date
    leave_out: frozenset[str] = frozenset()
    channel: str | None = None
    stores: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """What came of a question.

    `near` are members whom the filter picks and who may not be reached, by the reason; those for a reason in `left_out`
    are not among `members`. `told` has the answers to the filter's conditions.
    """

    members: BitMap
    near: Mapping[str, BitMap]
    left_out: frozenset[str]
    told: Told


def choose(tx: Tx, question: Question, *, near_misses: bool = True) -> Chosen:
    """The members that a question is about, in good standing; without `near_misses` only those left out are sought.

    Raises ExclusionUnknown, LakeDamaged.
    """
    check_exclusions(question.leave_out)
    told = answer_all(tx, question.filter.conditions, question.today)
    picked = picked_by(tx, question, told)
    left_out = obeyed(question)
    near = {
        name: picked & exclusion.bitmap(tx, Near(picked, question.channel))
        for name, exclusion in exclusions().items()
        if name in left_out or (near_misses and name != NO_PROFILING)
    }
    members = picked.copy()
    for name in left_out & near.keys():
        members -= near[name]
    return Chosen(members, near, left_out, told)


def obeyed(question: Question) -> frozenset[str]:
    """The reasons for which members are left out: those asked for, and a refusal of profiling where it concerns."""
    return question.leave_out | ({NO_PROFILING} if is_computed(question.filter) else frozenset())


def is_computed(filter_: Filter) -> bool:
    """Whether the filter asks what members did, or what was computed of that."""
    return any(MEASURES[condition.measure].personal for condition in filter_.conditions)


def picked_by(tx: Tx, question: Question, told: Told) -> BitMap:
    """Whom the filter picks within the scope, in good standing."""
    selected = evaluate(question.filter.root, answers_by_place(question.filter, told).__getitem__)
    if selected.inverted:
        picked = selected.within(lambda: in_good_standing(tx))
    else:
        picked = selected.ids - without_standing(tx)
    return picked if question.stores is None else picked & of_home_stores(tx, question.stores)


def answers_by_place(filter_: Filter, told: Told) -> dict[Condition, Selection]:
    """The answers by condition; equal conditions have equal answers."""
    return dict(zip(filter_.conditions, told.selections, strict=True))


def check_exclusions(names: Collection[str]) -> None:
    """Raises ExclusionUnknown for a name that nobody registered."""
    unknown = sorted(set(names) - exclusions().keys())
    if unknown:
        detail = f"one of {', '.join(exclusions())}"
        raise ExclusionUnknown(
            f"{unknown[0]} is no reason to leave members out", errors=[FieldError("/leave_out", detail)]
        )
