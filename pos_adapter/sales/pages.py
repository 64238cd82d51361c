"""Receipts as people see them: found by store, day and number; one with what paid for what; those of a member."""

from datetime import date
from urllib.parse import urlencode

import flask

from foundation.access import allow, current_principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.http import Pages, transactional
from foundation.pages import lazy, render
from foundation.settings import get_settings
from member_api.contract.members import masked_names
from member_api.contract.pages import MemberTab, add_tab, framed, render_member
from organisation.contract import StoreFacts, stores_by_code, stores_by_id, stores_within
from pos_adapter.overview.operations import latest_day
from pos_adapter.permissions import READ, REPAIR
from pos_adapter.sales.http import receipt_id
from pos_adapter.sales.reading import read_sale
from pos_adapter.sales.searching import ReceiptRow, product_names, receipts_of_day, receipts_of_member, returns_of
from pos_adapter.sales.words import FLAG_WORDS, MEMBER_KINDS, TENDER_WORDS, TYPE_WORDS

receipt_pages = Pages("receipts", __name__)
add_tab(MemberTab("purchases", lazy("Purchases"), READ, 40))


@receipt_pages.route("/receipts")
@allow(READ)
@transactional
def receipts_page(tx: Tx) -> str:
    """Receipts of a store's day, by till and number."""
    stores = stores_within(tx, current_principal())
    arguments = flask.request.args
    store = _chosen(stores, arguments.get("store"))
    day = _day(arguments.get("day")) or (latest_day(tx, [store]) if store else None) or _today(tx, store)
    terminal = (arguments.get("terminal") or "").strip()[:64] or None
    number = (arguments.get("number") or "").strip()
    sequence = int(number) if number.isascii() and number.isdigit() and len(number) <= 16 else None
    rows: list[ReceiptRow] = []
    following = None
    if store is not None and not (number and sequence is None):
        rows, following = receipts_of_day(
            tx, store.id, day, terminal=terminal, sequence=sequence, cursor=arguments.get("cursor")
        )
    asked = {"store": store.code if store else "", "day": day.isoformat(), "terminal": terminal or "", "number": number}
    return render(
        "sales/receipts.html",
        stores=stores,
        store=store,
        asked=asked,
        rows=rows,
        names=masked_names(tx, {row.member_id for row in rows if row.member_id is not None}),
        types=TYPE_WORDS,
        next=f"/receipts?{urlencode(asked | {'cursor': following})}" if following else "",
        first=f"/receipts?{urlencode(asked)}" if arguments.get("cursor") else "",
    )


@receipt_pages.route("/receipts/<receipt>")
@allow(READ)
@transactional
def receipt_page(tx: Tx, receipt: str) -> str:
    """One receipt: lines, what paid for them, what came back, whose it is."""
    viewer = current_principal()
    sale_id = receipt_id(receipt)
    sale = read_sale(tx, viewer, sale_id)
    store = stores_by_code(tx, [sale.store])[sale.store]
    member = int(sale.member) if sale.member is not None else None
    return render(
        "sales/receipt.html",
        sale=sale,
        store=store,
        member_name=masked_names(tx, [member]).get(member) if member is not None else None,
        products=product_names(tx, {line.product for line in sale.lines if line.product}),
        returns=returns_of(tx, sale_id, sale.business_date),
        types=TYPE_WORDS,
        flag_words=FLAG_WORDS,
        tender_words=TENDER_WORDS,
        kinds=MEMBER_KINDS,
        may_give=viewer.may(REPAIR) and sale.type == "sale" and sale.state == "posted",
        points=sale.answer.get("points"),
        ecoins=sale.answer.get("ecoins"),
    )


@receipt_pages.route("/members/<member>/purchases")
@allow(READ)
@transactional
def purchases_page(tx: Tx, member: str) -> str:
    """What a member has bought, the newest first."""
    shown = framed(tx, member)
    cursor = flask.request.args.get("cursor")
    rows, following = receipts_of_member(tx, shown.member.id, cursor)
    stores = stores_by_id(tx, {row.store_id for row in rows})
    address = f"/members/{shown.member.id}/purchases"
    viewer = current_principal()
    return render_member(
        "sales/purchases.html",
        shown,
        rows=rows,
        stores=stores,
        own={store.id for store in stores_within(tx, viewer)},
        types=TYPE_WORDS,
        next=f"{address}?{urlencode({'cursor': following})}" if following else "",
        first=address if cursor else "",
    )


def _chosen(stores: list[StoreFacts], code: str | None) -> StoreFacts | None:
    if len(stores) == 1:
        return stores[0]
    return next((store for store in stores if store.code == code), None)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _today(tx: Tx, store: StoreFacts | None) -> date:
    return local_date(tx.now, store.timezone if store is not None else get_settings().company_timezone)
