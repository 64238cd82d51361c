"""When one is not enough: from which amount on a second person decides, and who that may be. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from foundation.errors import Conflict, Forbidden, NotFound
from member_api.ledger.rules import Kind


class Action(StrEnum):
    """What may need a second person."""

    ADJUSTMENT = "adjustment"
    GRANT = "grant"


class ActorKind(StrEnum):
    PERSON = "person"
    MACHINE = "machine"


class ApprovalState(StrEnum):
    """pending -> approved | refused (by somebody else) | withdrawn (by whoever proposed it)."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class ApprovalUnknown(NotFound):
    """There is no such approval, or it lies outside of your stores."""

    code = "approval_unknown"


class AlreadyDecided(Conflict):
    """Somebody decided it before; `state` says how."""

    code = "already_decided"


class SecondPersonNeeded(Forbidden):
    """Whoever proposed it cannot approve or refuse it, and a machine cannot at all."""

    code = "second_person_needed"


class NotYours(Forbidden):
    """Only whoever proposed it can withdraw it."""

    code = "not_yours"


@dataclass(frozen=True, slots=True)
class Limit:
    """The largest amount that one of `actor_kind` may move alone; None: no limit. `currency` None: any other."""

    action: Action
    actor_kind: ActorKind
    kind: Kind
    currency: str | None
    amount: int | None
    valid_from: datetime


def limit_for(
    limits: Sequence[Limit], action: Action, actor: ActorKind, kind: Kind, currency: str | None, at: datetime
) -> int | None:
    """The limit in force: the currency's own before the general one, of each the one that began last.

    `limits` stand in the order in which they were set. None: no limit; nothing said at all: 0, everything needs two.
    """
    valid = [
        limit
        for limit in limits
        if (limit.action, limit.actor_kind, limit.kind) == (action, actor, kind) and limit.valid_from <= at
    ]
    for asked in (currency, None):
        named = [limit for limit in valid if limit.currency == asked]
        if named:
            return max(enumerate(named), key=lambda numbered: (numbered[1].valid_from, numbered[0]))[1].amount
    return 0


def needs_second_person(amount: int, limit: int | None) -> bool:
    """Whether an amount, in either direction, is over what one may do alone."""
    return limit is not None and abs(amount) > limit


def check_decider(proposed_by: str, decider: str, kind: ActorKind) -> None:
    """Raise SecondPersonNeeded unless the decider is another person."""
    if kind is not ActorKind.PERSON:
        raise SecondPersonNeeded("A machine cannot be the second person")
    if decider == proposed_by:
        raise SecondPersonNeeded("Whoever proposed it cannot decide it: a second person is needed")
