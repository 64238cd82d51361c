"""The journal of a day for finance: pure decisions on the day's figures. Debits and credits are equal by legal unit.

    debit   what came in by each tender; benefits used; stored value used; cost of other people's goods; bonuses given
    credit  sales without tax and the tax on them; goods sold for others; what suppliers are owed; stored value paid in

Tax is reckoned on the money received (stored value included): what a benefit paid lowers the price. Which accounts of
the ledger these are, finance maps; `detail` says what an entry is about (a tender, a tax rate, a supplier, a counter).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from organisation.contract import CounterMode, StoreFacts
from pos_adapter.day.rules import Drawer, Entry, SalesFigure, TenderFigure
from pos_adapter.tenders.rules import TenderRole

OTHERS = (CounterMode.CONCESSION, CounterMode.CONSIGNMENT)
# Lines that are no turnover: somebody is owed goods or money for them.
OWED_KINDS = frozenset({"gift_card", "topup", "deposit"})


class Account(StrEnum):
    """What an entry is made on."""

    TENDER = "tender"
    BENEFIT = "benefit"
    STORED_VALUE = "stored_value"
    STORED_BONUS = "stored_bonus"
    BONUS_GIVEN = "bonus_given"
    SALES = "sales"
    OUTPUT_TAX = "output_tax"
    OWED = "owed"
    COLLECTED = "collected"
    COST_OF_OTHERS = "cost_of_others"
    SUPPLIERS = "suppliers"
    OVER_SHORT = "over_short"
    NOT_AGREED = "not_agreed"


TENDER_ACCOUNTS = {
    TenderRole.MONEY.value: Account.TENDER,
    TenderRole.BENEFIT.value: Account.BENEFIT,
    TenderRole.STORED.value: Account.STORED_VALUE,
}


@dataclass(slots=True)
class _Sheet:
    """Sums by legal unit, account and detail; debits above zero."""

    sums: dict[tuple[str, Account, str], int] = field(default_factory=dict)

    def debit(self, unit: str, account: Account, detail: str, amount: int) -> None:
        key = (unit, account, detail)
        self.sums[key] = self.sums.get(key, 0) + amount

    def credit(self, unit: str, account: Account, detail: str, amount: int) -> None:
        self.debit(unit, account, detail, -amount)

    def entries(self) -> list[Entry]:
        order = list(Account)
        return [
            Entry(unit, account.value, detail, max(amount, 0), max(-amount, 0))
            for (unit, account, detail), amount in sorted(
                self.sums.items(), key=lambda each: (each[0][0], order.index(each[0][1]), each[0][2])
            )
            if amount
        ]

    def balance(self) -> None:
        """Put what is left of a unit, because its receipts do not agree, on an account that says so."""
        left: dict[str, int] = {}
        for (unit, _, _), amount in self.sums.items():
            left[unit] = left.get(unit, 0) + amount
        for unit, amount in left.items():
            self.credit(unit, Account.NOT_AGREED, "", amount)


def journal_of(
    store: StoreFacts, tenders: Iterable[TenderFigure], sales: Iterable[SalesFigure], drawers: Sequence[Drawer]
) -> list[Entry]:
    """The journal of a day, by legal unit; it balances in each."""
    sheet = _Sheet()
    for tender in tenders:
        _tender(sheet, tender)
    for figure in sales:
        _sold(sheet, figure)
    for drawer in drawers:
        sheet.debit(store.legal_unit, Account.TENDER, drawer.kind, drawer.over)
        sheet.credit(store.legal_unit, Account.OVER_SHORT, drawer.kind, drawer.over)
    sheet.balance()
    return sheet.entries()


def _tender(sheet: _Sheet, tender: TenderFigure) -> None:
    unit = tender.legal_unit
    if tender.source == "receipt":
        sheet.debit(unit, TENDER_ACCOUNTS[tender.role], tender.kind, tender.amount)
        return
    sheet.debit(unit, Account.TENDER, tender.kind, tender.amount)
    sheet.credit(unit, Account.STORED_VALUE, "topup", tender.amount)
    sheet.debit(unit, Account.BONUS_GIVEN, "topup", tender.units or 0)
    sheet.credit(unit, Account.STORED_BONUS, "topup", tender.units or 0)


def _sold(sheet: _Sheet, figure: SalesFigure) -> None:
    unit = figure.legal_unit
    if figure.kind in OWED_KINDS:
        sheet.credit(unit, Account.OWED, figure.kind, figure.amount)
        return
    if figure.mode == CounterMode.LEASED:
        sheet.credit(unit, Account.COLLECTED, figure.counter, figure.amount)
        return
    rate = str(figure.tax_rate or 0)
    sheet.credit(unit, Account.SALES, rate, figure.amount - figure.tax)
    sheet.credit(unit, Account.OUTPUT_TAX, rate, figure.tax)
    if figure.mode in OTHERS and figure.rate is not None:
        owed = figure.owed
        sheet.debit(unit, Account.COST_OF_OTHERS, figure.supplier or figure.counter, owed)
        sheet.credit(unit, Account.SUPPLIERS, figure.supplier or figure.counter, owed)
