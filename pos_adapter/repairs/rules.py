"""What may be corrected in a receipt, what may be closed by a word, and which original line comes back. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from foundation.errors import Conflict, FieldError, Forbidden, Invalid
from pos_adapter.sales.receipts import Flag

# What is corrected as a whole; the store never changes.
WHOLE = ("terminal", "business_date", "sequence", "type", "occurred_at", "currency", "member", "original")
# The account part of the sale waits behind these: they end by a deed or by two people, not by a word.
WAITING_FLAGS = frozenset(
    {
        Flag.UNKNOWN_MEMBER, Flag.UNREADABLE_MEMBER, Flag.CLOSED_MEMBER, Flag.BALANCE_MISSING, Flag.UNKNOWN_ORIGINAL,
        Flag.CONTRADICTS_ORIGINAL,
    }
)  # fmt: skip
WAITING = "waiting"


class SamePerson(Forbidden):
    """Whoever proposed to discard a receipt cannot confirm it."""

    code = "same_person"


class NotByMachine(Forbidden):
    """To discard a receipt is for people."""

    code = "not_by_machine"


class AccountsMoved(Conflict):
    """The sale has moved the member's accounts: void or return it instead."""

    code = "accounts_moved"


class FlagNotClosable(Conflict):
    """The flag is not open, or waits for something that has to be done."""

    code = "flag_not_closable"


class LinesDoNotMatch(Invalid):
    """What came back is not what the original sold."""

    code = "lines_do_not_match"


class Subject(StrEnum):
    """What a discard is about: a parked receipt, a flagged sale, or only the part that waits for its member."""

    PARKED = "parked"
    SALE = "sale"
    MEMBER_PART = "member_part"


class DiscardState(StrEnum):
    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class ParkedState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    DISCARDED = "discarded"


def scrubbed(content: Mapping[str, Any], is_card_number: Callable[[str], bool]) -> dict[str, Any]:
    """A receipt's content without full card numbers in the references of its tenders."""
    tenders = [
        {**tender, "reference": f"****{tender['reference'].strip()[-4:]}"}
        if isinstance(tender.get("reference"), str) and is_card_number(tender["reference"])
        else tender
        for tender in content.get("tenders", ())
    ]
    return {**content, "tenders": tenders} if tenders else dict(content)


def corrected(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A parked receipt with corrections.

    Named fields replace those of the receipt. `lines` are named by their `line`, `tenders` and `coupons` by their
    place `n` (1 ...): fields given replace those there are, null takes one away, `remove` takes the whole away, an
    unheard-of number adds one. What is not named stays.
    """
    receipt = deepcopy(dict(content))
    receipt.update({name: changes[name] for name in WHOLE if name in changes})
    if "lines" in changes:
        known = {line["line"]: line for line in receipt.get("lines", ())}
        receipt["lines"] = _merged(known, changes["lines"], "line", keep_key=True)
    for name in ("tenders", "coupons"):
        if name in changes:
            places = dict(enumerate(receipt.get(name, ()), 1))
            receipt[name] = _merged(places, changes[name], "n", keep_key=False)
    return receipt


def _merged(
    known: Mapping[int, Mapping[str, Any]], changes: Sequence[Mapping[str, Any]], key: str, *, keep_key: bool
) -> list[dict[str, Any]]:
    merged = {number: dict(item) for number, item in known.items()}
    for change in changes:
        number = change[key]
        if change.get("remove"):
            merged.pop(number, None)
            continue
        item = merged.setdefault(number, {key: number} if keep_key else {})
        for name, value in change.items():
            if name in (key, "remove"):
                continue
            if value is None:
                item.pop(name, None)
            else:
                item[name] = value
    return [merged[number] for number in sorted(merged)]


def closable(open_flags: Collection[str], member_part: str) -> list[str]:
    """The open flags that somebody may close by a word of their own."""
    return [flag for flag in open_flags if member_part != WAITING or flag not in WAITING_FLAGS]


@dataclass(frozen=True, slots=True)
class BackLine:
    """A line of a return that does not know what it gives back."""

    line: int
    product: str | None
    amount: int
    original_line: int | None


@dataclass(frozen=True, slots=True)
class SoldOnce:
    """A line of the original: what is left of it to be given back."""

    line: int
    product: str | None
    left: int


def match_lines(back: Sequence[BackLine], sold: Sequence[SoldOnce]) -> dict[int, int]:
    """Which line of the original each line of the return gives back: the one it names, else one of the same product
    with enough left. Raises LinesDoNotMatch with every line that has none."""
    left = {line.line: line.left for line in sold}
    products = {line.line: line.product for line in sold}
    matched: dict[int, int] = {}
    faults = []
    for line in back:
        same = [number for number, product in products.items() if product is not None and product == line.product]
        named = [line.original_line] if line.original_line is not None and line.original_line in left else []
        fitting = next((number for number in [*named, *same] if left[number] >= line.amount), None)
        if fitting is None:
            faults.append(FieldError(f"/lines/{line.line}", "the original sold no such line, or less of it is left"))
            continue
        left[fitting] -= line.amount
        matched[line.line] = fitting
    if faults:
        raise LinesDoNotMatch("What came back is not what the original sold", errors=faults)
    return matched


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What was corrected, by JSON pointer: the value before and after, None where there was none.

    The member is named as corrected without saying who it is.
    """
    old, new = _flat(before), _flat(after)
    return {
        pointer: ["…", "…"] if pointer == "/member" else [old.get(pointer), new.get(pointer)]
        for pointer in sorted({*old, *new})
        if old.get(pointer) != new.get(pointer)
    }


def _flat(receipt: Mapping[str, Any]) -> dict[str, Any]:
    flat = {f"/{name}": value for name, value in receipt.items() if name not in ("lines", "tenders", "coupons")}
    for line in receipt.get("lines", ()):
        flat |= {f"/lines/{line['line']}/{name}": value for name, value in line.items() if name != "line"}
    for group in ("tenders", "coupons"):
        for n, item in enumerate(receipt.get(group, ()), 1):
            flat |= {f"/{group}/{n}/{name}": value for name, value in item.items()}
    return flat
