"""What each package can prove about its own rows; `regulars ledger verify` runs them all on one snapshot.

A package registers its checks in a room named `checks`, and never has to know who asks.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from foundation.database import Database, Tx

FINDINGS_MAX = 1000
STATEMENT_TIMEOUT_S = 3600


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `subject` names it exactly (journal ..., lot ...), `detail` says what was expected."""

    check: str
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.check}: {self.subject}: {self.detail}"


Check = Callable[[Tx], Iterable[tuple[str, str]]]
_checks: dict[str, Check] = {}


def register_check(name: str, check: Check) -> None:
    """Make a check known. It yields (subject, detail) for each thing that is wrong, and only reads."""
    _checks[name] = check


def checks() -> Mapping[str, Check]:
    """Every check by name, in the order of registering."""
    return _checks


def run_checks(database: Database, only: Iterable[str] | None = None) -> Iterator[Finding]:
    """Run the checks (all, or those named) on one snapshot; at most FINDINGS_MAX findings of each."""
    with database.transaction(read_only=True) as tx:
        tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        tx.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_S}s'")
        # Sums over the whole database: more memory than a posting needs saves writing them to disk.
        tx.execute("SET LOCAL work_mem = '64MB'")
        for name in list(_checks) if only is None else list(only):
            for subject, detail in islice(_checks[name](tx), FINDINGS_MAX):
                yield Finding(name, subject, detail)
