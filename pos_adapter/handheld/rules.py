"""What a handheld may settle: pure decisions on values."""

from collections.abc import Collection

from foundation.access import Principal, PrincipalKind
from foundation.errors import FieldError, Forbidden

TERMINAL_PREFIX = "H-"
TERMINAL_MAX = 64
CASH = frozenset({"cash"})


class CashNotHere(Forbidden):
    """Handhelds take no cash: the desk does."""

    code = "cash_not_here"


class DeskOnly(Forbidden):
    """Counter staff settle at their handheld; a desk's terminal belongs to the desk."""

    code = "desk_only"


def terminal_of(counter: str) -> str:
    """The terminal under which a counter's handheld settles."""
    return f"{TERMINAL_PREFIX}{counter}"[:TERMINAL_MAX]


def is_handheld(terminal: str) -> bool:
    return terminal.startswith(TERMINAL_PREFIX)


def check_checkout(principal: Principal, terminal: str, kinds: Collection[str], *, takes_cash: bool) -> None:
    """Raises CashNotHere for cash at a handheld where the company does not allow it, DeskOnly for people of the
    counter who name a desk's terminal."""
    on_handheld = is_handheld(terminal) or "counter" in principal.bindings
    if on_handheld and not takes_cash and CASH & set(kinds):
        raise CashNotHere("Handhelds take no cash", errors=[FieldError("/tenders", "cash is paid at the desk")])
    if principal.kind is PrincipalKind.PERSON and not on_handheld and "desk.use" not in principal.permissions:
        raise DeskOnly("Counter staff settle at their handheld", errors=[FieldError("/terminal", "is a desk's")])
