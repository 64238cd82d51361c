"""The life of a red ticket: pure decisions on values.

    return_issued -> approved -> refunding -> refunded        approved -> refunded, where nothing is waited for
    return_issued | approved -> refused
    return_issued -> exchanged, for an even exchange

From `refunding` on the sale's lines are back and the member's accounts have moved: nothing leads back from there. What
is waited for then is the money that a rail (card, wallet app) gives back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from foundation.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from foundation.money import half_up
from pos_adapter.sales.rules import ReturnedTooMuch, millionths

MILLION = 1_000_000


class RedState(StrEnum):
    ISSUED = "return_issued"
    APPROVED = "approved"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    EXCHANGED = "exchanged"
    REFUSED = "refused"


class RedKind(StrEnum):
    """`not_collected`: paid, and never handed over; `exchange`: the same value of the same counter goes out for it."""

    RETURN = "return"
    NOT_COLLECTED = "not_collected"
    EXCHANGE = "exchange"


STEPS: dict[RedState, frozenset[RedState]] = {
    RedState.ISSUED: frozenset({RedState.APPROVED, RedState.EXCHANGED, RedState.REFUSED}),
    RedState.APPROVED: frozenset({RedState.REFUNDING, RedState.REFUNDED, RedState.REFUSED}),
    RedState.REFUNDING: frozenset({RedState.REFUNDED}),
    RedState.REFUNDED: frozenset(),
    RedState.EXCHANGED: frozenset(),
    RedState.REFUSED: frozenset(),
}
OPEN = frozenset({RedState.ISSUED, RedState.APPROVED})
# In words of the live stream: `return.issued`, `return.approved` ...
TOPICS = {state: f"return.{'issued' if state is RedState.ISSUED else state.value}" for state in RedState}


class ReturnUnknown(NotFound):
    """There is no such red ticket, or it is not yours to see."""

    code = "return_unknown"


class ReturnNotOpen(Conflict):
    """The red ticket is past that: `state` says where it is."""

    code = "return_not_open"


class ReturnContradicts(Invalid):
    """The red ticket contradicts itself or the sale that it names."""

    code = "return_contradicts_itself"


class SellingCounterNeeded(Forbidden):
    """Goods are checked by the counter that sold them; only it issues the red ticket."""

    code = "selling_counter_needed"


class RefundPending(Conflict):
    """The money is on its way back; there is nothing to do before that is known."""

    code = "refund_pending"


@dataclass(frozen=True, slots=True)
class LineLeft:
    """A line of a sale with what can still be given back of it; amounts in minor units, quantities in millionths."""

    line: int
    counter: str | None
    product: str | None
    sold: int
    sold_millionths: int
    back: int
    back_millionths: int

    @property
    def left(self) -> int:
        return max(self.sold - self.back, 0)

    @property
    def left_millionths(self) -> int:
        return max(self.sold_millionths - self.back_millionths, 0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants given back of a line; without an amount, the quantity's share of what it came to."""

    line: int
    quantity: str
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class RedLine:
    """A line as the red ticket has it."""

    line: int
    quantity: str
    amount: int
    counter: str | None
    product: str | None


@dataclass(frozen=True, slots=True)
class ReturnLimit:
    """Up to `amount` (None: any) a red ticket needs no manager. `store` and `currency` None: all."""

    store: int | None
    currency: str | None
    amount: int | None
    valid_from: date


def check_step(state: RedState, to: RedState) -> None:
    """Raises ReturnNotOpen where a red ticket cannot become that."""
    if to not in STEPS[state]:
        raise ReturnNotOpen(f"The return is {state}; it cannot become {to}", state=state.value)


def share_of(line: LineLeft, quantity_millionths: int) -> int:
    """What so much of a line comes to: its share of what is left, rounded half up; all of it for all of it."""
    if quantity_millionths >= line.left_millionths:
        return line.left
    return half_up(line.left * quantity_millionths, line.left_millionths)


def red_lines(wanted: Sequence[Wanted], lines: Sequence[LineLeft]) -> list[RedLine]:
    """The lines of a red ticket: as wanted, or (nothing said) all that is left of `lines`.

    Raises ReturnContradicts, ReturnedTooMuch with every fault.
    """
    known = {line.line: line for line in lines}
    if not wanted:
        wanted = [Wanted(line.line, as_text(line.left_millionths)) for line in lines if line.left_millionths]
        if not wanted:
            raise ReturnedTooMuch("Nothing is left of it to give back")
    if len({each.line for each in wanted}) < len(wanted):
        raise ReturnContradicts("A line is there twice", errors=[FieldError("/lines", "lines must differ")])
    unknown = [
        FieldError(f"/lines/{n}/original_line", "no such line") for n, w in enumerate(wanted) if w.line not in known
    ]
    if unknown:
        raise ReturnContradicts("The sale has no such line", errors=unknown)
    found, faults = [], []
    for n, each in enumerate(wanted):
        line, quantity = known[each.line], millionths(each.quantity)
        amount = share_of(line, quantity) if each.amount is None else each.amount
        if quantity <= 0 or amount < 0:
            raise ReturnContradicts(
                "Nothing is given back", errors=[FieldError(f"/lines/{n}", "must be more than nothing")]
            )
        if quantity > line.left_millionths or amount > line.left:
            detail = f"{as_text(line.left_millionths)} for {line.left} are left of line {line.line}"
            faults.append(FieldError(f"/lines/{n}", detail))
        found.append(RedLine(line.line, each.quantity, amount, line.counter, line.product))
    if faults:
        raise ReturnedTooMuch("More is given back than is left of what was sold", errors=faults)
    return found


def as_text(quantity_millionths: int) -> str:
    """A quantity as a decimal without needless digits."""
    text = f"{Decimal(quantity_millionths).scaleb(-6):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def one_counter(lines: Sequence[RedLine]) -> str | None:
    """The counter that sold these lines; None where no counter did. Raises ReturnContradicts for several."""
    counters = {line.counter for line in lines}
    if len(counters) > 1:
        raise ReturnContradicts(
            "A red ticket is one counter's", errors=[FieldError("/lines", "belong to several counters")]
        )
    return next(iter(counters))


def limit_on(limits: Sequence[ReturnLimit], store: int, currency: str, day: date) -> int | None:
    """The limit in force: the store's before the general one, the currency's before any; of each the latest.

    `limits` stand in the order in which they were set. None: no limit; nothing said at all: 0, everything is approved.
    """
    valid = [
        (limit.store is not None, limit.currency is not None, limit.valid_from, n, limit.amount)
        for n, limit in enumerate(limits)
        if limit.valid_from <= day and limit.store in (None, store) and limit.currency in (None, currency)
    ]
    return max(valid, key=lambda each: each[:4])[4] if valid else 0


def is_over(amount: int, limit: int | None) -> bool:
    return limit is not None and amount > limit
