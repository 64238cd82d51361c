"""Staff by number, as receipts name their salesperson."""

from collections.abc import Collection, Mapping

from foundation.database import Tx
from foundation.reference_cache import ReferenceCache
from organisation.facts import StaffFacts, StaffStatus

BY_NUMBER = "SELECT id, number, status FROM organisation.staff WHERE number = ANY(:numbers)"


def load_staff(tx: Tx, numbers: Collection[str]) -> Mapping[str, StaffFacts]:
    """The facts of those members of staff that exist, read from the database."""
    rows = tx.execute(BY_NUMBER, {"numbers": list(numbers)})
    return {row.number: StaffFacts(row.id, row.number, StaffStatus(row.status)) for row in rows}


staff_numbers: ReferenceCache[str, StaffFacts] = ReferenceCache("organisation.staff", load_staff)
