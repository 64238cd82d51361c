"""`regulars payments reconcile`: a bank's daily file beside what we have."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from foundation.database import database
from foundation.errors import DomainError
from foundation.money import format_money
from pos_adapter.payments.reconciling import differences_of, fetch_file, reconcile
from regulars.running.problems import CannotRun

OPERATOR = "operator"
SHOWN_MAX = 50


def reconcile_day(day: date, rail: str, path: Path | None, say: Callable[[str], None]) -> bool:
    """Compare a day, keep and tell the differences; True when there are none. Raises CannotRun without a file."""
    try:
        if path is None and rail != "card":
            raise CannotRun("Only the acquirer's file can be fetched; name the file of a wallet app with --file.")
        content = path.read_bytes() if path is not None else fetch_file(day)
        with database().transaction() as tx:
            done = reconcile(tx, rail, day, content, OPERATOR)
            found = differences_of(tx, rail, day, limit=SHOWN_MAX)
    except DomainError as error:
        raise CannotRun(error.detail) from None
    for _, each in found:
        there, here = (
            "-" if amount is None else format_money(amount, each.entry.currency, "en")
            for amount in (each.there, each.here)
        )
        say(f"{each.kind.value}: {each.entry.type} {each.entry.key}, there {there}, here {here}; {each.detail}")
    if done.differences > len(found):
        say(f"... and {done.differences - len(found)} more")
    say(f"{rail} {day}: {done.lines} lines in the file, {done.agreed} agree, {done.differences} differences")
    return done.differences == 0
