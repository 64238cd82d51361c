"""`regulars ledger verify` for the terminal."""

import time
from collections.abc import Callable

from foundation.checks import checks
from foundation.database import database
from member_api.contract.ledger import verify_ledger
from member_api.seal.operations import seal_everything
from regulars.running.workers import register_everything


def verify_books(say: Callable[[str], None]) -> int:
    """Prove the whole ledger and say what is wrong, one line each; how many faults there are.

    Journals that were announced and wait for their seal are sealed first, as the worker would do.
    """
    register_everything()
    seal_everything(database())
    started = time.monotonic()
    faults = 0
    for finding in verify_ledger(database()):
        faults += 1
        say(str(finding))
    seconds = time.monotonic() - started
    say(f"{len(checks())} checks, {faults or 'no'} fault{'' if faults == 1 else 's'}, {seconds:.1f} s")
    return faults
