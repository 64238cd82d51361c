"""What a kind of tender is to the books, and which kinds are ours to keep."""

from dataclasses import dataclass
from enum import StrEnum

from foundation.errors import Conflict, FieldError, Invalid
from foundation.wishes import LEFT_OUT, LeftOut, or_else


class TenderRole(StrEnum):
    """What a tender is to the books: money that comes in, a benefit that somebody bears, or value paid in before."""

    MONEY = "money"
    BENEFIT = "benefit"
    STORED = "stored"


# What these do is written in code: they move accounts, come from coupons, or are made by a refund.
FIXED = frozenset({"points", "ecoin", "stored_value", "coupon", "ecoin_clawback"})


class TenderKindFixed(Conflict):
    """The role of this kind is part of the system and stays."""

    code = "tender_kind_fixed"


class TenderKindIncomplete(Invalid):
    """A new kind does not say what it is to the books."""

    code = "tender_kind_incomplete"


@dataclass(frozen=True, slots=True)
class TenderKind:
    """A way of paying: its `kind` as tills send it, and what people call it."""

    kind: str
    name: str
    role: TenderRole


@dataclass(frozen=True, slots=True)
class TenderKindWish:
    """What a way of paying shall be; what is left out stays as it is."""

    kind: str
    name: str | LeftOut = LEFT_OUT
    role: TenderRole | LeftOut = LEFT_OUT


def plan_tender_kind(before: TenderKind | None, wish: TenderKindWish) -> TenderKind:
    """The kind after the wish; a new one is called as tills call it. Raises TenderKindFixed, TenderKindIncomplete."""
    if before is None:
        if wish.role is LEFT_OUT:
            raise TenderKindIncomplete(
                "a new way of paying says what it is to the books", errors=[FieldError("/role", "is missing")]
            )
        return TenderKind(wish.kind, or_else(wish.name, wish.kind), wish.role)
    role = or_else(wish.role, before.role)
    if role is not before.role and wish.kind in FIXED:
        raise TenderKindFixed(f"{wish.kind} stays {before.role.value}", errors=[FieldError("/role", "stays as it is")])
    return TenderKind(wish.kind, or_else(wish.name, before.name), role)
