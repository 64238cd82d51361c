"""The board of receipts that need a person, and the pages on which they are repaired."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import flask

from foundation.access import Principal, allow, current_principal
from foundation.database import Tx
from foundation.http import Pages, make_cursor, read_cursor, transactional
from foundation.identifiers import day_of
from foundation.money import exponent, is_currency
from foundation.pages import gettext, render
from member_api.contract.members import claims
from organisation.contract import StoreFacts, place_of, stores_by_code, stores_within
from pos_adapter.actors import actor_names
from pos_adapter.permissions import APPROVE, READ, REPAIR
from pos_adapter.repairs.audit import Deed, deeds_on_parked, deeds_on_sale
from pos_adapter.repairs.boards import ToRepair, list_flagged, list_parked, to_repair
from pos_adapter.repairs.discards import Discard, list_discards, proposals_for
from pos_adapter.repairs.http import flagged_cursor, read_flagged_cursor
from pos_adapter.repairs.reposting import ParkedReceipt, find_parked
from pos_adapter.repairs.rules import WAITING, DiscardState, ParkedState, closable
from pos_adapter.repairs.words import ACTIONS, SUBJECTS, problem_words, told_words
from pos_adapter.sales.reading import RecordedSale, read_sale
from pos_adapter.sales.receipts import Flag
from pos_adapter.sales.searching import product_names
from pos_adapter.sales.words import FLAG_WORDS, MEMBER_KINDS, TENDER_WORDS, TYPE_WORDS
from pos_adapter.tills.boards import list_gaps

repairs_pages = Pages("repairs", __name__, url_prefix="/repairs")

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Board:
    """What every page of the board shows: whose stores, the chosen one, how much waits, and who looks."""

    stores: Sequence[StoreFacts]
    chosen: StoreFacts | None
    waiting: ToRepair
    proposals: int
    viewer: Principal

    @property
    def ids(self) -> list[int]:
        return [self.chosen.id] if self.chosen is not None else [store.id for store in self.stores]

    @property
    def zones(self) -> Mapping[str, str]:
        """The time zone of each store, by its code."""
        return {store.code: store.timezone for store in self.stores}

    @property
    def scope(self) -> str:
        return f"?{urlencode({'store': self.chosen.code})}" if self.chosen is not None else ""

    def tabs(self) -> list[tuple[str, str]]:
        counts = (
            (f"/repairs{self.scope}", gettext("Parked"), self.waiting.parked),
            (f"/repairs/flagged{self.scope}", gettext("Flagged"), self.waiting.flagged),
            (f"/repairs/gaps{self.scope}", gettext("Gaps"), self.waiting.gaps),
            (f"/repairs/discards{self.scope}", gettext("To confirm"), self.proposals),
        )
        return [(path, f"{words} ({count})" if count else words) for path, words, count in counts]


def _board(tx: Tx) -> Board:
    viewer = current_principal()
    mine = stores_within(tx, viewer)
    code = flask.request.args.get("store")
    chosen = mine[0] if len(mine) == 1 else next((store for store in mine if store.code == code), None)
    ids = [chosen.id] if chosen is not None else [store.id for store in mine]
    counts = to_repair(tx, ids).values()
    waiting = ToRepair(
        sum(each.parked for each in counts), sum(each.flagged for each in counts), sum(each.gaps for each in counts)
    )
    open_proposals = list_discards(tx, ids, state=DiscardState.PROPOSED, before=None, limit=PAGE_SIZE)
    return Board(mine, chosen, waiting, len(open_proposals), viewer)


# ---------------------------------------------------------------------------------------------- the lists


@repairs_pages.route("")
@allow(READ)
@transactional
def parked_page(tx: Tx) -> str:
    """Parked receipts."""
    board = _board(tx)
    before = _id_cursor()
    found = list_parked(tx, board.ids, state=ParkedState.OPEN, before=before, limit=PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    return render(
        "repairs/parked_list.html",
        board=board,
        rows=[(parked, problem_words(parked.problem)) for parked in shown],
        zones=board.zones,
        next=_next(make_cursor(shown[-1].id) if len(found) > PAGE_SIZE else None),
        types=TYPE_WORDS,
    )


@repairs_pages.route("/flagged")
@allow(READ)
@transactional
def flagged_page(tx: Tx) -> str:
    """Flagged receipts."""
    board = _board(tx)
    flag = flask.request.args.get("flag")
    flag = flag if flag in set(Flag) else None
    before = read_flagged_cursor(flask.request.args.get("cursor"))
    found = list_flagged(tx, board.ids, flag=flag, before=before, limit=PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    return render(
        "repairs/flagged_list.html",
        board=board,
        rows=shown,
        next=_next(flagged_cursor(shown[-1]) if len(found) > PAGE_SIZE else None),
        flag=flag or "",
        flag_words=FLAG_WORDS,
        types=TYPE_WORDS,
    )


@repairs_pages.route("/gaps")
@allow(READ)
@transactional
def gaps_page(tx: Tx) -> str:
    """Numbers of which nothing was heard."""
    board = _board(tx)
    closed = flask.request.args.get("state") == "closed"
    found = list_gaps(tx, board.ids, closed=closed, before=_id_cursor(), limit=PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    return render(
        "repairs/gaps.html",
        board=board,
        rows=[(gap, board.zones.get(gap.store), board.viewer.may(APPROVE, place_of(gap.store))) for gap in shown],
        closed=closed,
        next=_next(make_cursor(shown[-1].id) if len(found) > PAGE_SIZE else None),
        names=actor_names(tx, [gap.explained_by for gap in shown if gap.explained_by]),
    )


@repairs_pages.route("/discards")
@allow(READ)
@transactional
def discards_page(tx: Tx) -> str:
    """Proposals that wait for a second person."""
    board = _board(tx)
    found = list_discards(tx, board.ids, state=DiscardState.PROPOSED, before=_id_cursor(), limit=PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    codes = {store.id: store.code for store in board.stores}
    return render(
        "repairs/discards.html",
        board=board,
        rows=[(each, codes[each.store_id]) for each in shown],
        next=_next(make_cursor(shown[-1].id) if len(found) > PAGE_SIZE else None),
        names=actor_names(tx, [each.proposed_by for each in shown]),
        zones=board.zones,
        subjects=SUBJECTS,
        me=board.viewer.actor,
        may_approve=board.viewer.may(APPROVE),
    )


# ---------------------------------------------------------------------------------------------- one receipt


@repairs_pages.route("/parked/<int:parked_id>")
@allow(READ)
@transactional
def one_parked_page(tx: Tx, parked_id: int) -> str:
    """A parked receipt, and the form that corrects it."""
    viewer = current_principal()
    parked = find_parked(tx, viewer, parked_id)
    claim = claims(tx, [parked.claim]).get(parked.claim) if parked.claim is not None else None
    proposals = proposals_for(tx, parked=[parked.id])
    deeds = deeds_on_parked(tx, parked.id)
    currency = str(parked.content.get("currency", ""))
    return render(
        "repairs/parked.html",
        parked=parked,
        content=parked.content,
        whole="too_large_bytes" not in parked.content,
        currency=currency if is_currency(currency) else "",
        plain=lambda amount: _plain(amount, currency),
        words=problem_words(parked.problem),
        told=told_words,
        faults=parked.problem.get("errors", ()),
        speaks_of_amounts=_speaks_of_amounts(parked.problem),
        sold_at=_sold_at(parked.content),
        member=claim.shown if claim is not None else parked.content.get("member"),
        claim=claim,
        kinds=MEMBER_KINDS,
        types=TYPE_WORDS,
        **_about(tx, viewer, parked, proposals, deeds),
    )


@repairs_pages.route("/flagged/<uuid:sale_id>")
@allow(READ)
@transactional
def one_flagged_page(tx: Tx, sale_id: UUID) -> str:
    """A flagged receipt, and what mends it."""
    viewer = current_principal()
    sale = read_sale(tx, viewer, sale_id)
    proposals = proposals_for(tx, sales=[sale_id])
    return render(
        "repairs/flagged.html",
        sale=sale,
        flag_words=FLAG_WORDS,
        closable=closable(sale.open_flags, sale.member_part),
        waits=sale.member_part == WAITING,
        waits_for_original=Flag.UNKNOWN_ORIGINAL in sale.open_flags,
        links=[flag for flag in sale.open_flags if flag in _LINKED],
        claim=_claim_of(tx, sale_id),
        products=product_names(tx, {line.product for line in sale.lines if line.product}),
        tender_words=TENDER_WORDS,
        kinds=MEMBER_KINDS,
        types=TYPE_WORDS,
        **_about(tx, viewer, sale, proposals, deeds_on_sale(tx, sale_id)),
    )


_LINKED = frozenset({Flag.UNKNOWN_PRODUCT, Flag.UNKNOWN_COUNTER, Flag.UNKNOWN_PROMOTION})


def _about(
    tx: Tx,
    viewer: Principal,
    receipt: ParkedReceipt | RecordedSale,
    proposals: Sequence[Discard],
    deeds: Sequence[Deed],
) -> dict[str, Any]:
    """What the pages of a parked and of a flagged receipt share."""
    place = place_of(receipt.store)
    return {
        "may_repair": viewer.may(REPAIR, place),
        "may_approve": viewer.may(APPROVE, place),
        "proposal": proposals[0] if proposals else None,
        "me": viewer.actor,
        "deeds": deeds,
        "names": actor_names(tx, [*(deed.actor for deed in deeds), *(each.proposed_by for each in proposals)]),
        "zone": stores_by_code(tx, [receipt.store])[receipt.store].timezone,
        "action_words": ACTIONS,
        "subjects": SUBJECTS,
    }


def _claim_of(tx: Tx, sale_id: UUID) -> Any:
    claim_id = tx.execute(
        "SELECT claim_id FROM pos.sale WHERE business_date = :day AND id = :id", {"day": day_of(sale_id), "id": sale_id}
    ).scalar_one_or_none()
    return claims(tx, [claim_id]).get(claim_id) if claim_id is not None else None


def _plain(amount: Any, currency: str) -> str:
    """Minor units as somebody types them: 1990 CNY is 19.90; what is no amount stays as it was sent."""
    if not isinstance(amount, int):
        return "" if amount is None else str(amount)
    digits = exponent(currency) if is_currency(currency) else 2
    return f"{Decimal(amount).scaleb(-digits):f}"


def _speaks_of_amounts(problem: Mapping[str, Any]) -> bool:
    """Whether the refusal names amounts, which it does in the smallest unit: it is about lines or tenders."""
    if problem.get("code") not in ("receipt_contradicts_itself", "refund_split_differs", "returned_too_much"):
        return False
    pointers = [str(fault.get("pointer", "")) for fault in problem.get("errors", ())]
    return not pointers or any(pointer.startswith(("/lines", "/tenders")) for pointer in pointers)


def _sold_at(content: Mapping[str, Any]) -> str:
    """When it was sold, by the clock of the store; as it was sent where that is no time."""
    sent = str(content.get("occurred_at", ""))
    try:
        return f"{datetime.fromisoformat(sent):%Y-%m-%d %H:%M}"
    except ValueError:
        return sent


def _id_cursor() -> int | None:
    cursor = flask.request.args.get("cursor")
    before: int | None = read_cursor(cursor, int)[0] if cursor else None
    return before


def _next(cursor: str | None) -> str:
    """The address of the next page, empty after the last."""
    if cursor is None:
        return ""
    arguments = {name: value for name, value in flask.request.args.items() if name != "cursor" and value}
    return f"{flask.request.path}?{urlencode({**arguments, 'cursor': cursor})}"
