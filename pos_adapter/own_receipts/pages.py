"""A member's own receipts: what was bought where, how it was paid, what it brought and what came back.

A settlement's printed receipt leads here by its QR code. Nobody sees a receipt that is not theirs: to them there is
none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import flask

from foundation.database import Tx
from foundation.http import Pages, transactional
from foundation.pages import lazy
from member_api.contract.phone import PhoneTab, add_phone_tab, allow_member, render_phone, signed_in_member
from organisation.contract import CounterFacts, StoreFacts, counters_by_code, stores_by_code, stores_by_id
from pos_adapter.sales.http import receipt_id
from pos_adapter.sales.reading import RecordedLine, RecordedSale, SaleUnknown, read_own_sale
from pos_adapter.sales.searching import ReceiptRow, product_names, receipts_of_member, returns_of
from pos_adapter.sales.words import TENDER_WORDS, TYPE_WORDS

own_receipts_pages = Pages("own_receipts", __name__)
add_phone_tab(PhoneTab("/m/receipts", lazy("Receipts"), "receipt", 40))


@dataclass(frozen=True, slots=True)
class CounterLines:
    """The lines of one counter; `name` is empty where none was named."""

    name: str
    lines: Sequence[RecordedLine]


@dataclass(frozen=True, slots=True)
class OwnReceipt:
    """A receipt as its member reads it; `back` are the returns and voids of it."""

    sale: RecordedSale
    store: StoreFacts
    counters: Sequence[CounterLines]
    products: Mapping[str, str]
    back: Sequence[ReceiptRow]


@own_receipts_pages.route("/m/receipts")
@allow_member
@transactional
def list_page(tx: Tx) -> str:
    """My receipts, the newest first."""
    cursor = flask.request.args.get("cursor")
    rows, following = receipts_of_member(tx, signed_in_member(), cursor)
    return render_phone(
        "own_receipts/list.html",
        rows=rows,
        stores=stores_by_id(tx, {row.store_id for row in rows}),
        types=TYPE_WORDS,
        next=f"/m/receipts?{urlencode({'cursor': following})}" if following else "",
        first="/m/receipts" if cursor else "",
    )


@own_receipts_pages.route("/m/receipts/<receipt>")
@allow_member
@transactional
def receipt_page(tx: Tx, receipt: str) -> str:
    """One receipt with its lines."""
    return _shown(tx, [receipt_id(receipt)])


@own_receipts_pages.route("/m/receipts/settlements/<settlement>")
@allow_member
@transactional
def settlement_page(tx: Tx, settlement: str) -> str:
    """What the printed receipt's QR code leads to: all that was paid for at once, a part for each seller."""
    row = tx.ask(
        "SELECT answer FROM pos.settlement WHERE id = %s AND state = 'paid'", (receipt_id(settlement),)
    ).fetchone()
    sales = row[0].get("sales", ()) if row is not None else ()
    return _shown(tx, [UUID(sale["id"]) for sale in sales])


def _shown(tx: Tx, sales: Sequence[UUID]) -> str:
    member_id = signed_in_member()
    found = [_receipt(tx, read_own_sale(tx, member_id, sale)) for sale in sales]
    if not found:
        raise SaleUnknown("There is no receipt with this id")
    context: dict[str, Any] = {"types": TYPE_WORDS, "tender_words": TENDER_WORDS}
    return render_phone("own_receipts/receipt.html", receipts=found, **context)


def _receipt(tx: Tx, sale: RecordedSale) -> OwnReceipt:
    store = stores_by_code(tx, [sale.store])[sale.store]
    codes = {line.counter for line in sale.lines if line.counter is not None}
    return OwnReceipt(
        sale,
        store,
        _by_counter(sale.lines, counters_by_code(tx, store.id, codes) if codes else {}),
        product_names(tx, {line.product for line in sale.lines if line.product}),
        returns_of(tx, UUID(sale.id), sale.business_date),
    )


def _by_counter(lines: Sequence[RecordedLine], counters: Mapping[str, CounterFacts]) -> list[CounterLines]:
    together: dict[str, list[RecordedLine]] = {}
    for line in lines:
        together.setdefault(line.counter or "", []).append(line)
    return [CounterLines(counters[code].name if code in counters else code, of_it) for code, of_it in together.items()]
