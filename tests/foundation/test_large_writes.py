"""What a transaction writes arrives however much it is."""

import pytest

from foundation.database import Database
from foundation.idempotency import RECORD, IdempotencyRow


@pytest.mark.timeout(30)
@pytest.mark.parametrize("characters", [10, 60_000, 70_000, 1_000_000, 20_000_000])
def test_a_write_of_any_size_is_committed(database: Database, characters: int) -> None:
    with database.transaction() as tx:
        tx.rows.add(RECORD, IdempotencyRow("c1", "k1", "\\x00", 200, "a" * characters, tx.now))
    with database.transaction() as tx:
        stored = tx.execute("SELECT length(answer #>> '{}') FROM foundation.idempotency").scalar_one()
    assert stored == characters
