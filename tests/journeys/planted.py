"""Differences planted behind the product's back, in SQL and past every trigger, each at a receipt of its own.

A plant picks a victim that no other one has, harms it, and says by which id and kind the day close has to name it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString
from uuid import UUID

from foundation.database import Tx
from foundation.identifiers import dated_id
from pos_adapter.day.rules import DifferenceKind
from regulars.demo.department.building import STORE

# Settlements of the day over one legal unit, with nothing given back of them; `ref` is what the accounts call their
# purchase. Those that other plants have harmed are left out.
VICTIMS: LiteralString = """
SELECT st.id AS settlement, s.id AS sale, coalesce(s.purchase_ref, s.id) AS ref, s.member_id
FROM pos.settlement AS st
CROSS JOIN LATERAL (
    SELECT * FROM pos.sale AS s
    WHERE s.business_date = st.business_date AND s.id = (st.sales -> 0 ->> 'id')::uuid) AS s
WHERE st.store_id = (SELECT id FROM organisation.store WHERE code = %(store)s) AND st.business_date = %(day)s
  AND st.state = 'paid' AND json_array_length(st.sales) = 1 AND st.id <> ALL(%(used)s)
  AND NOT EXISTS (SELECT FROM pos.red_ticket AS r WHERE r.settlement_id = st.id)
"""
IN_ORDER: LiteralString = " ORDER BY st.terminal, st.sequence LIMIT 1"
BY_RAIL: LiteralString = " AND EXISTS (SELECT FROM pos.payment AS p WHERE p.settlement_id = st.id)"
AT_A_DESK: LiteralString = " AND NOT EXISTS (SELECT FROM pos.payment AS p WHERE p.settlement_id = st.id)"
ANONYMOUS: LiteralString = AT_A_DESK + " AND s.member_id IS NULL"
TWO_TENDERS: LiteralString = (
    AT_A_DESK + " AND (SELECT count(*) FROM pos.tender AS t WHERE t.business_date = s.business_date"
    " AND t.sale_id = s.id AND t.amount > 10) = 2"
)
WITH_STORED_VALUE: LiteralString = (
    " AND EXISTS (SELECT FROM pos.tender AS t WHERE t.business_date = s.business_date AND t.sale_id = s.id"
    " AND t.kind = 'stored_value')"
)
EARNING: LiteralString = (
    AT_A_DESK + " AND EXISTS (SELECT FROM member.purchase AS p WHERE p.day = s.business_date"
    " AND p.ref = coalesce(s.purchase_ref, s.id) AND p.points > 0)"
)


# In this order: those who need a special victim choose first.
PLANTS = (
    "a_line_comes_to_more",
    "a_tender_paid_more",
    "a_receipt_says_more_than_its_lines_and_tenders",
    "one_tender_paid_for_what_another_did",
    "a_settlement_says_more_than_its_sales",
    "a_sale_of_a_settlement_is_gone",
    "a_paid_ticket_is_cancelled",
    "a_receipt_took_more_stored_value_than_the_ledger",
    "a_purchase_earned_more_than_the_ledger",
    "what_a_purchase_earned_is_not_in_the_ledger",
    "a_journal_does_not_balance",
    "points_were_spent_without_a_receipt",
    "a_payment_is_lost",
    "a_payment_took_less",
    "a_refund_was_given_twice",
    "a_top_up_never_came_into_the_account",
    "stored_value_came_in_without_a_top_up",
)


@dataclass(frozen=True, slots=True)
class Planted:
    """What was harmed: the id by which the close has to name it, the kind of difference, and what was done."""

    kind: DifferenceKind
    receipt: str
    what: str


class Planter:
    """Plants differences in one day, in an open transaction."""

    def __init__(self, tx: Tx, day: date) -> None:
        self._tx, self._day = tx, day
        self._used: list[UUID] = []
        tx.execute("SET LOCAL session_replication_role = replica")

    def plant(self, name: str) -> Planted:
        """Plant the difference of this name, one of PLANTS."""
        plant: Callable[[], Planted] = getattr(self, name)
        return plant()

    def all(self) -> list[Planted]:
        """One of each, all in the same day."""
        return [self.plant(name) for name in PLANTS]

    # ------------------------------------------------------------------------------------------ receipts

    def a_line_comes_to_more(self) -> Planted:
        """One fen more on a line."""
        sale = self._victim(AT_A_DESK).sale
        self._harm("UPDATE pos.sale_line SET amount = amount + 1 WHERE sale_id = %(id)s AND line = %(line)s", sale)
        return Planted(DifferenceKind.LINES, str(sale), "a line comes to one fen more")

    def a_tender_paid_more(self) -> Planted:
        """A yuan more was paid."""
        sale = self._victim(AT_A_DESK).sale
        self._harm("UPDATE pos.tender SET amount = amount + 100 WHERE sale_id = %(id)s AND n = 1", sale)
        return Planted(DifferenceKind.TENDERS, str(sale), "a tender paid a yuan more")

    def a_receipt_says_more_than_its_lines_and_tenders(self) -> Planted:
        """The head of a receipt says more."""
        sale = self._victim(AT_A_DESK).sale
        self._harm("UPDATE pos.sale SET amount = amount + 7 WHERE id = %(id)s", sale)
        return Planted(DifferenceKind.TOTAL, str(sale), "a receipt says seven fen more")

    def one_tender_paid_for_what_another_did(self) -> Planted:
        """Who paid for a line is shifted by a fen."""
        sale = self._victim(TWO_TENDERS).sale
        self._harm(
            "UPDATE pos.sale_line SET allocated = ARRAY[allocated[1] + 1, allocated[2] - 1]"
            " WHERE sale_id = %(id)s AND line = %(line)s",
            sale,
        )
        return Planted(DifferenceKind.ALLOCATION, str(sale), "a fen of a line is another tender's")

    # ------------------------------------------------------------------------------------------ settlements

    def a_settlement_says_more_than_its_sales(self) -> Planted:
        """A settlement of one fen more."""
        settlement = self._victim(AT_A_DESK).settlement
        self._harm("UPDATE pos.settlement SET amount = amount + 1 WHERE id = %(id)s", settlement)
        return Planted(DifferenceKind.SETTLEMENT, str(settlement), "a settlement says one fen more")

    def a_sale_of_a_settlement_is_gone(self) -> Planted:
        """A sale that was acknowledged is not there."""
        sale = self._victim(ANONYMOUS).sale
        for table, column in (("pos.tender", "sale_id"), ("pos.sale_line", "sale_id"), ("pos.sale", "id")):
            self._tx.execute(f"DELETE FROM {table} WHERE {column} = :id", {"id": sale})
        return Planted(DifferenceKind.SETTLEMENT, str(sale), "a sale is gone")

    def a_paid_ticket_is_cancelled(self) -> Planted:
        """A ticket leaves the state that nothing leads out of."""
        settlement = self._victim(AT_A_DESK).settlement
        self._harm(
            "UPDATE pos.ticket SET state = 'cancelled', settlement_id = NULL, first_line = NULL"
            " WHERE id = (SELECT id FROM pos.ticket WHERE settlement_id = %(id)s ORDER BY number LIMIT 1)",
            settlement,
        )
        return Planted(DifferenceKind.TICKET, str(settlement), "a paid ticket is cancelled")

    # ------------------------------------------------------------------------------------------ accounts

    def a_receipt_took_more_stored_value_than_the_ledger(self) -> Planted:
        """The receipt says that more was taken."""
        victim = self._victim(WITH_STORED_VALUE)
        self._harm(
            "UPDATE pos.tender SET units = units + 5 WHERE sale_id = %(id)s AND kind = 'stored_value'", victim.sale
        )
        return Planted(DifferenceKind.ACCOUNTS, str(victim.ref), "five units more were taken than the ledger has")

    def a_purchase_earned_more_than_the_ledger(self) -> Planted:
        """The accounts' record of a purchase says more."""
        ref = self._victim(EARNING).ref
        self._harm("UPDATE member.purchase SET points = points + 3 WHERE ref = %(id)s", ref)
        return Planted(DifferenceKind.EARNED, str(ref), "a purchase earned three points more than the ledger has")

    def what_a_purchase_earned_is_not_in_the_ledger(self) -> Planted:
        """A journal and its entries are gone."""
        ref = self._victim(EARNING).ref
        self._lose_journals("kind = 'earn' AND reference = %(reference)s", ref)
        return Planted(DifferenceKind.EARNED, str(ref), "what a purchase earned is not in the ledger")

    def a_journal_does_not_balance(self) -> Planted:
        """One side of a journal moves by one."""
        ref = self._victim(EARNING).ref
        self._harm(
            "UPDATE member.entry SET amount = amount + 1 WHERE system IS NOT NULL AND (day, journal_id, n) ="
            " (SELECT e.day, e.journal_id, e.n FROM member.entry AS e JOIN member.journal AS j"
            "  ON j.day = e.day AND j.id = e.journal_id WHERE j.kind = 'earn' AND j.reference = %(reference)s"
            "  AND e.system IS NOT NULL AND e.unit = 'points' LIMIT 1)",
            ref,
        )
        return Planted(DifferenceKind.JOURNAL, str(ref), "a journal does not balance")

    def points_were_spent_without_a_receipt(self) -> Planted:
        """A balanced journal of a receipt that never was."""
        ref = dated_id(self._day, "planted receipt")
        journal = dated_id(self._day, "planted journal")
        lot = self._tx.ask(
            "SELECT l.id, l.account_id, a.member_id FROM member.lot AS l"
            " JOIN member.account AS a ON a.id = l.account_id"
            " WHERE a.kind = 'points' AND l.remaining > 0 ORDER BY l.id LIMIT 1"
        ).fetchone()
        assert lot is not None
        self._tx.ask(
            "INSERT INTO member.journal (day, id, kind, member_id, store, reference, actor, at)"
            " VALUES (%s, %s, 'spend', %s, %s, %s, 'planted', %s)",
            (self._day, journal, lot[2], STORE, f"{ref}/1", self._tx.now),
        )
        entry = "INSERT INTO member.entry (day, journal_id, n, unit, account_id, lot_id, system, store, amount) VALUES"
        self._tx.ask(
            entry
            + " (%s, %s, 1, 'points', %s, %s, NULL, NULL, -10), (%s, %s, 2, 'points', NULL, NULL, 'redeemed', %s, 10)",
            (self._day, journal, lot[1], lot[0], self._day, journal, STORE),
        )
        return Planted(DifferenceKind.JOURNAL, str(ref), "points were spent, and no receipt says for what")

    # ------------------------------------------------------------------------------------------ payments

    def a_payment_is_lost(self) -> Planted:
        """Our record of a payment that was taken is gone."""
        settlement = self._victim(BY_RAIL).settlement
        self._harm("DELETE FROM pos.payment WHERE settlement_id = %(id)s", settlement)
        return Planted(DifferenceKind.PAYMENT, str(settlement), "a payment is lost")

    def a_payment_took_less(self) -> Planted:
        """A payment is not the tender that it paid."""
        settlement = self._victim(BY_RAIL).settlement
        self._harm("UPDATE pos.payment SET amount = amount - 100 WHERE settlement_id = %(id)s", settlement)
        return Planted(DifferenceKind.PAYMENT, str(settlement), "a payment took a yuan less")

    def a_refund_was_given_twice(self) -> Planted:
        """The rail is asked a second time, under another number."""
        row = self._tx.ask(
            "SELECT f.id, r.return_sale_id FROM pos.refund AS f"
            " JOIN pos.red_ticket_refund AS m ON m.refund_no = f.refund_no"
            " JOIN pos.red_ticket AS r ON r.id = m.red_ticket_id WHERE r.business_date = %s ORDER BY r.number LIMIT 1",
            (self._day,),
        ).fetchone()
        assert row is not None, "nobody brought back on that day what was paid by card"
        columns = "payment_id, store_id, state, amount, trace, reason, wants, reference, created_at, changed_at"
        self._tx.ask(
            f"INSERT INTO pos.refund (id, refund_no, {columns})"
            f" SELECT gen_random_uuid(), refund_no || '-2', {columns} FROM pos.refund WHERE id = %s",
            (row[0],),
        )
        return Planted(DifferenceKind.REFUND, str(row[1]), "a refund was given twice")

    # ------------------------------------------------------------------------------------------ top-ups

    def a_top_up_never_came_into_the_account(self) -> Planted:
        """The journal of a top-up is gone."""
        topup = self._topup()
        self._lose_journals(
            "id IN (SELECT e.journal_id FROM member.entry AS e JOIN member.lot AS l ON l.id = e.lot_id"
            " WHERE e.day = %(day)s AND l.purchase = %(id)s) AND kind = 'topup'",
            topup,
        )
        return Planted(DifferenceKind.TOPUP, str(topup), "a top-up never came into the account")

    def stored_value_came_in_without_a_top_up(self) -> Planted:
        """The record of a top-up is gone, its journal is there."""
        topup = self._topup()
        row = self._tx.ask(
            "SELECT e.journal_id FROM member.entry AS e JOIN member.lot AS l ON l.id = e.lot_id"
            " JOIN member.journal AS j ON j.day = e.day AND j.id = e.journal_id"
            " WHERE e.day = %s AND l.purchase = %s AND j.kind = 'topup' LIMIT 1",
            (self._day, topup),
        ).fetchone()
        assert row is not None
        self._harm("DELETE FROM member.topup WHERE id = %(id)s", topup)
        return Planted(DifferenceKind.TOPUP, str(row[0]), "stored value came in, and nobody recorded a top-up")

    # ------------------------------------------------------------------------------------------ closed days

    def a_receipt_of_a_till_becomes_another(self) -> Planted:
        """An anonymous receipt of one line and one tender comes to more, all of it in step: nothing contradicts it."""
        row = self._tx.ask(
            "SELECT s.id FROM pos.sale AS s JOIN organisation.store AS o ON o.id = s.store_id"
            " WHERE o.code = %s AND s.business_date = %s AND s.series = 0 AND s.type = 'sale' AND s.member_id IS NULL"
            " AND (SELECT count(*) FROM pos.sale_line AS l WHERE l.sale_id = s.id) = 1"
            " AND (SELECT count(*) FROM pos.tender AS t WHERE t.sale_id = s.id) = 1"
            " AND NOT EXISTS (SELECT FROM pos.sale AS b WHERE b.original_id = s.id)"
            " ORDER BY s.terminal, s.sequence LIMIT 1",
            (STORE, self._day),
        ).fetchone()
        assert row is not None
        for statement in (
            "UPDATE pos.sale_line SET amount = amount + 100, allocated = ARRAY[amount + 100] WHERE sale_id = %(id)s",
            "UPDATE pos.tender SET amount = amount + 100 WHERE sale_id = %(id)s",
            "UPDATE pos.sale SET amount = amount + 100 WHERE id = %(id)s",
        ):
            self._harm(statement, row[0])
        return Planted(DifferenceKind.CLOSED, str(row[0]), "a receipt is another than when its day was closed")

    # ------------------------------------------------------------------------------------------ picking, harming

    def _victim(self, more: LiteralString) -> Any:
        asked = {"store": STORE, "day": self._day, "used": self._used}
        row = self._tx.ask(VICTIMS + more + IN_ORDER, asked).fetchone()
        assert row is not None, f"nobody on {self._day} is left for {more}"
        self._used.append(row[0])
        return _Victim(*row)

    def _topup(self) -> UUID:
        row = self._tx.ask(
            "SELECT id FROM member.topup WHERE store = %s AND day = %s AND id <> ALL(%s) ORDER BY at, id LIMIT 1",
            (STORE, self._day, self._used),
        ).fetchone()
        assert row is not None, f"too few top-ups on {self._day}"
        id: UUID = row[0]
        self._used.append(id)
        return id

    def _harm(self, statement: LiteralString, id: UUID) -> None:
        line = self._tx.ask("SELECT min(line) FROM pos.sale_line WHERE sale_id = %s", (id,)).fetchone()
        asked = {"id": id, "reference": str(id), "line": line[0] if line is not None else None, "day": self._day}
        done = self._tx.ask(statement, asked)
        assert done.rowcount >= 1, statement

    def _lose_journals(self, which: LiteralString, id: UUID) -> None:
        asked: dict[str, Any] = {"id": id, "reference": str(id), "day": self._day}
        found = self._tx.ask("SELECT id FROM member.journal WHERE day = %(day)s AND " + which, asked).fetchall()
        assert found, which
        journals: Sequence[UUID] = [row[0] for row in found]
        for table, column in (("member.entry", "journal_id"), ("member.journal", "id")):
            self._tx.execute(
                f"DELETE FROM {table} WHERE day = :day AND {column} = ANY(:ids)",
                {"day": self._day, "ids": journals},
            )


@dataclass(frozen=True, slots=True)
class _Victim:
    settlement: UUID
    sale: UUID
    ref: UUID
    member_id: int | None
