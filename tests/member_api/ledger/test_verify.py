"""`regulars ledger verify` proves clean books clean, and names each planted corruption."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from foundation.clock import FixedClock
from foundation.database import Database
from foundation.events import move_batch
from foundation.settings import Settings
from member_api.contract.ledger import verify_ledger
from member_api.ledger.operations import Taking, capture_hold, place_hold, redeem
from member_api.ledger.rules import Kind
from member_api.seal.operations import read_roots, roots_file, seal_everything, sign_root
from regulars.running.workers import register_everything
from tests.member_api.ledger.callers import given, step
from tests.member_api.people import PHONE, a_member
from tests.organisation.factories import committed_store
from tests.pos_adapter.sales.factories import post, receipt, return_of

PHONE_REF = {"kind": "phone", "value": PHONE}


@pytest.fixture
def books(database: Database, settings: Settings, clock: FixedClock) -> Iterator[Database]:
    """A member who bought, paid with points, gave back, holds and redeems; everything sealed, two roots signed."""
    roots_file(settings).unlink(missing_ok=True)
    register_everything()
    committed_store(database, format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    member = a_member(database)
    given(database, member, 500)
    first = receipt(10_000, 5_050, member=PHONE_REF)
    assert post(database, first).status == 201
    sealed_and_signed(database, clock)
    paid = receipt(
        3000,
        1000,
        member=PHONE_REF,
        tenders=[{"kind": "points", "amount": 20, "units": 200}, {"kind": "card", "amount": 3980}],
    )
    assert post(database, paid).status == 201
    assert post(database, return_of(first, (1, 4000))).status == 201
    with database.transaction() as tx:
        hold = place_hold(tx, member, Taking(Kind.POINTS, 60), timedelta(minutes=5), step())
    with database.transaction() as tx:
        capture_hold(tx, hold.id, 25, step())
    with database.transaction() as tx:
        place_hold(tx, member, Taking(Kind.POINTS, 30), timedelta(minutes=5), step())
        tx.flush()
    with database.transaction() as tx:
        redeem(tx, member, Taking(Kind.POINTS, 10), "a mug", step())
    sealed_and_signed(database, clock)
    yield database
    roots_file(settings).unlink(missing_ok=True)


def sealed_and_signed(database: Database, clock: FixedClock) -> None:
    with database.transaction() as tx:
        while move_batch(tx):
            pass
    seal_everything(database)
    clock.advance(timedelta(seconds=1))
    assert sign_root(database) is not None


def findings(database: Database) -> dict[str, list[str]]:
    """What is wrong, by check: the things named."""
    found: dict[str, list[str]] = {}
    for finding in verify_ledger(database):
        found.setdefault(finding.check, []).append(finding.subject)
    return found


def corrupt(database: Database, sql: str) -> Any:
    """What somebody with the superuser's password can do: past every trigger and constraint."""
    with database.transaction() as tx:
        tx.execute("SET LOCAL session_replication_role = replica")
        answer = tx.execute(sql)
        return answer.scalar() if answer.returns_rows else None


def test_clean_books_are_proved_clean(books: Database) -> None:
    assert findings(books) == {}


@dataclass(frozen=True)
class Planted:
    """A corruption: SQL that makes it and returns what it hit, and the check that must name `subject`."""

    name: str
    sql: str
    check: str
    subject: str


PLANTED = [
    Planted(
        "an entry was changed",
        """
        UPDATE member.entry SET amount = amount + 1 WHERE (journal_id, n) = (SELECT journal_id, n FROM
        member.entry WHERE lot_id IS NOT NULL ORDER BY journal_id, n LIMIT 1) RETURNING journal_id
        """,
        "journal sums",
        "journal {}",
    ),
    Planted(
        "a pair of entries was slipped into a journal, in balance",
        """
        INSERT INTO member.entry SELECT day, journal_id, n + 10, unit, account_id, lot_id, system, store,
        amount FROM member.entry WHERE journal_id = (SELECT id FROM member.journal WHERE kind = 'grant')
        RETURNING journal_id
        """,
        "seal chain",
        "journal {}",
    ),
    Planted(
        "an entry points to another account",
        """
        UPDATE member.entry SET account_id = 1 WHERE (journal_id, n) = (SELECT journal_id, n FROM
        member.entry WHERE lot_id IS NOT NULL ORDER BY journal_id, n LIMIT 1)
        RETURNING journal_id || ' entry ' || n
        """,
        "entries in place",
        "journal {}",
    ),
    Planted(
        "a balance was raised",
        """
        UPDATE member.account SET balance = balance + 1000 RETURNING id || ' (member ' || member_id || ')'
        """,
        "account balances",
        "account {}",
    ),
    Planted(
        "a lot was filled up, and the balance with it",
        """
        WITH more AS (UPDATE member.lot SET remaining = remaining + 7, amount = amount + 7 WHERE id =
        (SELECT max(id) FROM member.lot) RETURNING id, account_id) UPDATE member.account SET balance =
        balance + 7 FROM more WHERE account.id = more.account_id RETURNING more.id
        """,
        "lot amounts",
        "lot {}",
    ),
    Planted(
        "a held amount was let go without ending its hold",
        """
        UPDATE member.lot SET held = 0 WHERE held > 0 RETURNING id || ' (member ' || member_id || ')'
        """,
        "held lots",
        "lot {}",
    ),
    Planted(
        "a captured hold was opened again",
        """
        UPDATE member.hold SET state = 'open', ended_at = NULL WHERE state = 'captured'
        RETURNING id || ' (member ' || member_id || ')'
        """,
        "holds",
        "hold {}",
    ),
    Planted(
        "a debt was forgiven",
        "UPDATE member.account SET debt = debt + 5 RETURNING id || ' (member ' || member_id || ')'",
        "account held and debt",
        "account {}",
    ),
    Planted(
        "a journal was deleted",
        "DELETE FROM member.journal WHERE kind = 'redemption' RETURNING id",
        "entries without journal",
        "journal {}",
    ),
    Planted(
        "a journal was deleted with its entries, sums made good",
        """
        WITH gone AS (DELETE FROM member.journal WHERE kind = 'grant' RETURNING id), entries AS (DELETE FROM
        member.entry WHERE journal_id IN (SELECT id FROM gone)) SELECT id FROM gone
        """,
        "seal chain",
        "journal {}",
    ),
    Planted(
        "a journal lost its entries",
        """
        DELETE FROM member.entry WHERE journal_id = (SELECT id FROM member.journal WHERE kind = 'grant')
        RETURNING journal_id
        """,
        "journals without entries",
        "journal {}",
    ),
    Planted(
        "a journal was posted behind the ledger's back",
        """
        INSERT INTO member.journal SELECT day, gen_random_uuid(), kind, member_id, store, reference, NULL,
        reason, actor, at FROM member.journal WHERE kind = 'grant' RETURNING id
        """,
        "every journal sealed",
        "journal {}",
    ),
    Planted(
        "the actor of a journal was changed",
        "UPDATE member.journal SET actor = 'somebody else' WHERE kind = 'grant' RETURNING id",
        "seal chain",
        "journal {}",
    ),
    Planted(
        "a seal was replaced",
        """
        UPDATE member.seal SET hash = sha256('x') WHERE position = (SELECT min(position) FROM member.seal)
        RETURNING journal_id
        """,
        "seal chain",
        "journal {}",
    ),
    Planted(
        "a root was replaced",
        """
        UPDATE member.seal_root SET hash = sha256('x') WHERE position = (SELECT max(position) FROM
        member.seal_root) RETURNING position
        """,
        "seal roots",
        "root {}",
    ),
    Planted(
        "a purchase says that it earned more",
        """
        UPDATE member.purchase SET points = points + 100 WHERE points > 50 RETURNING ref || ' (member ' ||
        member_id || ')'
        """,
        "purchases",
        "purchase {}",
    ),
    Planted(
        "a remainder was made up",
        """
        UPDATE member.account SET remainder = remainder + 1 RETURNING id || ' (member ' || member_id || ')'
        """,
        "remainders",
        "account {}",
    ),
    Planted(
        "a tender was allocated to nothing",
        """
        UPDATE pos.sale_line SET allocated[1] = allocated[1] - 1 WHERE line = 2 AND cardinality(allocated) =
        1 RETURNING sale_id || ' tender 1 (card)'
        """,
        "pos allocation by tender",
        "sale {}",
    ),
    Planted(
        "a line was made cheaper",
        """
        UPDATE pos.sale_line SET amount = amount - 1 WHERE line = 2 AND cardinality(allocated) = 1 RETURNING
        sale_id || ' line 2'
        """,
        "pos allocation by line",
        "sale {}",
    ),
    Planted(
        "a receipt's total was changed",
        "UPDATE pos.sale SET amount = amount + 1 WHERE type = 'return' RETURNING id",
        "pos sale totals",
        "sale {}",
    ),
]


@pytest.mark.parametrize("planted", PLANTED, ids=[planted.name for planted in PLANTED])
def test_what_was_planted_is_found_and_named(books: Database, planted: Planted) -> None:
    hit = corrupt(books, planted.sql)
    assert hit is not None
    found = findings(books)
    assert planted.subject.format(hit) in found.get(planted.check, []), found


def test_a_database_rewritten_as_a_whole_is_held_to_the_roots_outside(books: Database, settings: Settings) -> None:
    corrupt(books, "UPDATE member.journal SET actor = 'somebody else' WHERE kind = 'grant'")
    corrupt(books, "DELETE FROM member.seal_root")
    corrupt(books, "DELETE FROM member.seal")
    corrupt(books, "UPDATE foundation.consumer SET position = 0 WHERE name = 'member.seal'")
    seal_everything(books)  # the whole chain anew, in perfect order
    found = findings(books)
    assert "seal chain" not in found
    assert f"{roots_file(settings).name} line 1" in found["seal roots"]


def test_a_root_signed_with_another_key_is_noticed(books: Database, settings: Settings) -> None:
    file = roots_file(settings)
    _, line = list(read_roots(file))[-1]
    assert not isinstance(line, Exception)
    another = "0" if line.signature[0] != "0" else "1"
    file.write_text(file.read_text().replace(line.signature, another + line.signature[1:]))
    assert f"{file.name} line 2" in findings(books)["seal roots"]


def test_a_line_taken_out_of_the_roots_file_is_noticed(books: Database, settings: Settings) -> None:
    file: Path = roots_file(settings)
    first, second = file.read_text().splitlines()
    file.write_text(second + "\n")
    assert len(findings(books)["seal roots"]) == 1
    assert "position" in first


def test_a_sealer_that_is_behind_is_told_and_one_that_is_not_late_yet_is_not(
    books: Database, clock: FixedClock
) -> None:
    given(books, 1, 5)
    assert findings(books) == {}
    clock.advance(timedelta(minutes=16))
    assert list(findings(books)) == ["every journal sealed"]


def test_sealing_again_seals_nothing_and_the_root_is_signed_once(books: Database, settings: Settings) -> None:
    assert seal_everything(books) == 0
    assert sign_root(books) is None
    assert len(list(read_roots(roots_file(settings)))) == 2
