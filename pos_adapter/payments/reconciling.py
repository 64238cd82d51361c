"""A rail's daily file beside what we have: what it has and we do not, what we have and it does not, what differs.

The file is CSV with the columns `type` (sale or refund), `merchant`, `terminal`, `number`, `reference`, `currency`,
`amount` (minor units). `number` is ours: the trace number for cards, the payment's or refund's own number for wallet
apps. A day is one of UTC, as messages carry it. The same day read again replaces what was found before.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import delete, insert, select

from foundation.database import Tx
from foundation.errors import Invalid, NotFound, Unavailable
from foundation.settings import get_settings
from pos_adapter.payments.card import NUMBERS, stan
from pos_adapter.payments.tables import reconciliation, reconciliation_difference

FILE_BYTES_MAX = 64 * 1024 * 1024
LINES_MAX = 500_000
DIFFERENCES_MAX = 10_000
FETCH_S = 60.0
COLUMNS = ("type", "merchant", "terminal", "number", "reference", "currency", "amount")
CURRENCIES = {number: code for code, number in NUMBERS.items()}


class FileUnreadable(Invalid):
    """This is no daily file of a rail."""

    code = "daily_file_unreadable"


class FileNotThere(Unavailable):
    """The daily file could not be fetched."""

    code = "daily_file_not_there"


class NotReconciled(NotFound):
    """That day has not been compared."""

    code = "not_reconciled"


class Kind(StrEnum):
    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    AMOUNT_DIFFERS = "amount_differs"


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement of money, in a file or with us. `type` is sale or refund, `key` the number both know it by."""

    type: str
    key: str
    amount: int
    currency: str
    reference: str | None = None
    payment_id: UUID | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """`there` is the file's amount, `here` ours; None where there is no such movement."""

    kind: Kind
    entry: Entry
    there: int | None
    here: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """A compared day."""

    rail: str
    day: date
    lines: int
    agreed: int
    amount_there: int
    amount_here: int
    by: str
    at: datetime
    differences: int


# ------------------------------------------------------------------------------------------------ reading


def read_file(rail: str, content: bytes) -> list[Entry]:
    """The movements of a file. Raises FileUnreadable, naming the line."""
    if len(content) > FILE_BYTES_MAX:
        raise FileUnreadable("A daily file has at most 64 MiB")
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise FileUnreadable(f"A daily file begins with the columns {', '.join(COLUMNS)}")
        return list(_entries(rail, rows))
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileUnreadable(f"This is no CSV in UTF-8: {error}") from None


def _entries(rail: str, rows: Iterable[Mapping[str | Any, str | Any]]) -> Iterator[Entry]:
    for n, row in enumerate(rows, 2):
        if n > LINES_MAX:
            raise FileUnreadable(f"A daily file has at most {LINES_MAX} lines")
        kind, amount = row["type"], row["amount"]
        if (
            kind not in ("sale", "refund")
            or not row["number"]
            or not (amount and amount.isascii() and amount.isdigit())
        ):
            raise FileUnreadable(f"Line {n} is no sale or refund", line=n)
        key = f"{row['merchant']}/{row['number']}" if rail == "card" else str(row["number"])
        currency = CURRENCIES.get(row["currency"], row["currency"])
        yield Entry(kind, key, int(amount), currency, row["reference"] or None)


def fetch_file(day: date) -> bytes:
    """The acquirer's file of a day, from where ACQUIRER_FILES says. Raises FileNotThere."""
    address = get_settings().acquirer_files
    if not address:
        raise FileNotThere("ACQUIRER_FILES does not say where the acquirer's daily files are; name the file")
    try:
        with httpx.stream("GET", address.replace("{day}", day.isoformat()), timeout=FETCH_S, trust_env=False) as answer:
            answer.raise_for_status()
            read = b""
            for part in answer.iter_bytes():
                read += part
                if len(read) > FILE_BYTES_MAX:
                    raise FileUnreadable("A daily file has at most 64 MiB")
            return read
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise FileNotThere(f"The daily file could not be fetched: {type(error).__name__}") from None


# ------------------------------------------------------------------------------------------------ comparing


def compare(
    there: Sequence[Entry], here: Mapping[tuple[str, str], Entry], known: Mapping[tuple[str, str], Entry]
) -> list[Difference]:
    """Differences, sorted by their key. `here` is what the day should have; `known` is what we have on any day."""
    found: list[Difference] = []
    seen: set[tuple[str, str]] = set()
    for line in there:
        name = (line.type, line.key)
        ours = here.get(name) or known.get(name)
        if name in seen:
            found.append(Difference(Kind.MISSING_HERE, line, line.amount, None, "twice in the file"))
        elif ours is None or (name not in here and ours.detail):
            why = ours.detail if ours is not None else "not known here"
            found.append(Difference(Kind.MISSING_HERE, ours or line, line.amount, None, why))
        elif (ours.amount, ours.currency) != (line.amount, line.currency):
            detail = "" if ours.currency == line.currency else f"{line.currency} there, {ours.currency} here"
            found.append(Difference(Kind.AMOUNT_DIFFERS, ours, line.amount, ours.amount, detail))
        seen.add(name)
    for name in sorted(here.keys() - seen):
        ours = here[name]
        found.append(Difference(Kind.MISSING_THERE, ours, None, ours.amount, "not in the file"))
    return sorted(found, key=lambda each: (each.entry.type, each.entry.key))


OURS = """
SELECT 'sale' AS type, p.id, p.store_id, p.trace, p.amount, p.currency, p.reference, p.state, NULL AS refund_no,
       EXISTS (SELECT FROM pos.refund AS r WHERE r.payment_id = p.id AND r.voided) AS voided
FROM pos.payment AS p WHERE p.rail = :rail AND p.started_at >= :since AND p.started_at < :until
UNION ALL
SELECT 'refund', p.id, p.store_id, r.trace, r.amount, p.currency, r.reference, r.state, r.refund_no, r.voided
FROM pos.refund AS r JOIN pos.payment AS p ON p.id = r.payment_id
WHERE p.rail = :rail AND r.started_at >= :since AND r.started_at < :until
"""


def _ours(tx: Tx, rail: str, since: datetime, until: datetime) -> tuple[dict[Any, Entry], dict[Any, Entry]]:
    """What the rail should have of these hours, and all that we sent, with why it should not have the rest."""
    owed: dict[Any, Entry] = {}
    sent: dict[Any, Entry] = {}
    for row in tx.execute(OURS, {"rail": rail, "since": since, "until": until}):
        if rail == "card":
            key = f"{row.store_id}/{stan(row.trace)}"
        else:
            key = row.refund_no if row.type == "refund" else row.id.hex
        stands = row.state == "succeeded" and not row.voided
        why = "" if stands else "voided" if row.voided else str(row.state)
        entry = Entry(row.type, key, row.amount, row.currency, row.reference, row.id, why)
        sent[(row.type, key)] = entry
        if stands:
            owed[(row.type, key)] = entry
    return owed, sent


def reconcile(tx: Tx, rail: str, day: date, content: bytes, by: str) -> Reconciliation:
    """Compare a day's file with what we have, and keep what was found. Raises FileUnreadable."""
    there = read_file(rail, content)
    begins = datetime.combine(day, time(), UTC)
    ends = begins + timedelta(days=1)
    here, _ = _ours(tx, rail, begins, ends)
    # A message that was sent just before midnight may be booked just after it.
    _, known = _ours(tx, rail, begins - timedelta(hours=1), ends + timedelta(hours=1))
    differences = compare(there, here, known)
    tx.execute("LOCK TABLE pos.reconciliation IN SHARE ROW EXCLUSIVE MODE")
    of_day = select(reconciliation.c.id).where(reconciliation.c.rail == rail, reconciliation.c.day == day)
    tx.execute(delete(reconciliation_difference).where(reconciliation_difference.c.reconciliation_id.in_(of_day)))
    tx.execute(delete(reconciliation).where(reconciliation.c.rail == rail, reconciliation.c.day == day))
    agreed = len(there) - sum(each.kind is not Kind.MISSING_THERE for each in differences)
    id = tx.execute(
        insert(reconciliation)
        .values(
            rail=rail, day=day, file_digest=sha256(content).digest(), lines=len(there), agreed=agreed,
            amount_there=_net(there), amount_here=_net(here.values()), by=by, at=tx.now,
        )
        .returning(reconciliation.c.id)
    ).scalar_one()  # fmt: skip
    kept = [
        {
            "reconciliation_id": id, "n": n, "kind": each.kind.value, "entry": each.entry.type, "key": each.entry.key,
            "payment_id": each.entry.payment_id, "reference": each.entry.reference, "currency": each.entry.currency,
            "there": each.there, "here": each.here, "detail": each.detail,
        }
        for n, each in enumerate(differences[:DIFFERENCES_MAX], 1)
    ]  # fmt: skip
    if kept:
        tx.execute(insert(reconciliation_difference), kept)
    return compared_days(tx, rail, day=day, limit=1)[0]


def _net(entries: Iterable[Entry]) -> int:
    return sum(entry.amount if entry.type == "sale" else -entry.amount for entry in entries)


# ------------------------------------------------------------------------------------------------ looking


def compared_days(
    tx: Tx, rail: str | None = None, *, day: date | None = None, before: tuple[date, str] | None = None,
    limit: int = 60,
) -> list[Reconciliation]:  # fmt: skip
    """Compared days, the latest first."""
    rows = tx.execute(
        "SELECT r.*, (SELECT count(*) FROM pos.reconciliation_difference AS d WHERE d.reconciliation_id = r.id)"
        " AS differences FROM pos.reconciliation AS r WHERE (CAST(:rail AS text) IS NULL OR r.rail = :rail)"
        " AND (CAST(:day AS date) IS NULL OR r.day = :day)"
        " AND (CAST(:before AS date) IS NULL OR r.day < :before OR (r.day = :before AND r.rail > :rail_before))"
        " ORDER BY r.day DESC, r.rail LIMIT :limit",
        {
            "rail": rail,
            "day": day,
            "limit": limit,
            "before": before[0] if before else None,
            "rail_before": before[1] if before else "",
        },
    )
    return [
        Reconciliation(
            row.rail, row.day, row.lines, row.agreed, row.amount_there, row.amount_here, row.by, row.at,
            row.differences,
        )
        for row in rows
    ]  # fmt: skip


def differences_of(tx: Tx, rail: str, day: date, after: int = 0, limit: int = 200) -> list[tuple[int, Difference]]:
    """What was found for a day, numbered. Raises NotReconciled."""
    if not compared_days(tx, rail, day=day, limit=1):
        raise NotReconciled("That day has not been compared")
    rows = tx.execute(
        "SELECT d.* FROM pos.reconciliation_difference AS d JOIN pos.reconciliation AS r ON r.id = d.reconciliation_id"
        " WHERE r.rail = :rail AND r.day = :day AND d.n > :after ORDER BY d.n LIMIT :limit",
        {"rail": rail, "day": day, "after": after, "limit": limit},
    )
    return [
        (
            row.n,
            Difference(
                Kind(row.kind),
                Entry(row.entry, row.key, row.here or row.there or 0, row.currency, row.reference, row.payment_id),
                row.there, row.here, row.detail,
            ),
        )
        for row in rows
    ]  # fmt: skip
