"""Posting receipts: load set-based, decide one after the other, record in one statement, announce.

Plain sales of a batch share one transaction and its round trips. A receipt that spends from accounts, returns or
voids has a transaction of its own, because it needs more of the member's accounts.
Lock order: the original's row, member rows, accounts.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
import psycopg
from sqlalchemy.exc import DBAPIError

from foundation.access import Principal
from foundation.database import Database, Tx
from foundation.database_errors import lost_a_race
from foundation.errors import DomainError, Kind, Unavailable, problem
from foundation.http import Keyed
from foundation.idempotency import Answer, Claim, claim
from foundation.partitions import ensure_months
from member_api.contract.members import (
    Identifier,
    IdentifierStatus,
    claim_identifier,
    claim_identifiers,
    unknown_kinds,
)
from member_api.contract.purchases import AskedShoppers, Named, ask_shoppers, complete_wallets, record, today
from organisation.contract import stores_by_code
from pos_adapter.repairs.operations import park
from pos_adapter.sales.giving_back import post_return, post_void
from pos_adapter.sales.incoming import Incoming, Outcome, admit, named_member
from pos_adapter.sales.looking_up import look_up
from pos_adapter.sales.receipts import Flag, MemberRef, Receipt, SaleType
from pos_adapter.sales.rules import EARLIEST_DAY, looks_like_card_number, masked_card_number
from pos_adapter.sales.selling import Catalogue, post_sale

TRIES_MAX = 5
# A refusal that says something about the receipt; what is not allowed, or may succeed later, is not parked.
PARKED_KINDS = frozenset({Kind.INVALID, Kind.CONFLICT})
TOGETHER_MAX = 200

T = TypeVar("T")


class Refused(Exception):
    """A receipt was refused when others of its transaction had moved accounts: nothing of it may be committed."""

    def __init__(self, error: DomainError) -> None:
        super().__init__(error.detail)
        self.error = error


class Overtaken(Unavailable):
    """Somebody enrolled with the receipt's identifier while it was posted: done again, it finds the member."""

    code = "overtaken"


# ---------------------------------------------------------------------------------------------- the ways in


def post_one(home: Database, principal: Principal, item: Incoming, key: Keyed) -> Answer:
    """Post one receipt and keep its answer under the key, in one transaction.

    Raises what refuses the receipt (then nothing has changed and the key is free), StillRunning, KeyReused.
    """

    def attempt() -> Answer:
        with home.transaction() as tx:
            asked, before = post_receipts(tx, principal, [item], key)
            if before is not None:
                return before
            outcome = _outcome(item)
            if outcome.error is not None:
                raise outcome.error
            answer = Answer(outcome.status, outcome.body)
            if asked is not None:
                asked.record(tx, answer)
        return answer

    try:
        return racing(home, [item], attempt)
    except Refused as refused:
        error = refused.error
    except DomainError as refusal:
        error = refusal
    park_refused(home, principal, [(item, error)])
    raise error


def post_batch(home: Database, principal: Principal, items: Sequence[Incoming]) -> None:
    """Post many receipts in their order, each with an outcome of its own; a bad one never blocks the rest.

    What is committed stays if the process dies on the way: sent again, it answers 200. What is refused is parked.
    """
    for together in _runs(items):
        try:
            _post_together(home, principal, together)
        except Refused:
            for item in together:
                try:
                    _post_together(home, principal, [item])
                except Refused as refused:
                    item.outcome = Outcome.refused(refused.error)
    park_refused(home, principal, [(item, item.outcome.error) for item in items if item.outcome and item.outcome.error])


def park_refused(home: Database, principal: Principal, refused: Sequence[tuple[Incoming, DomainError]]) -> None:
    """Keep refused receipts with their reason for somebody to repair; what a till may not post is not kept."""
    keep = [(item, error) for item, error in refused if item.store is not None and error.kind in PARKED_KINDS]
    if not keep:
        return
    with home.transaction() as tx:
        for item, error in keep:
            receipt = item.receipt
            park(
                tx,
                store_id=item.at.id,
                terminal=receipt.terminal,
                business_date=receipt.business_date,
                sequence=receipt.sequence,
                content=_without_personal_data(tx, receipt),
                problem=problem(error),
                client=principal.id,
            )


def _without_personal_data(tx: Tx, receipt: Receipt) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.to_builtins(receipt)
    for tender in content["tenders"]:
        if tender["reference"] is not None and looks_like_card_number(tender["reference"]):
            tender["reference"] = masked_card_number(tender["reference"])
    member = receipt.member
    if isinstance(member, MemberRef):
        try:
            content["member"] = {"claim": claim_identifier(tx, member.kind, member.value)}
        except DomainError:
            content["member"] = None
    return content


def _post_together(home: Database, principal: Principal, items: Sequence[Incoming]) -> None:
    def attempt() -> None:
        with home.transaction() as tx:
            post_receipts(tx, principal, items)

    racing(home, items, attempt)
    for item in items:
        item.outcome = _outcome(item)


def _runs(items: Sequence[Incoming]) -> Iterator[list[Incoming]]:
    """Neighbouring plain sales together, everything else alone."""
    run: list[Incoming] = []
    for item in items:
        if run and (not item.is_plain or not run[-1].is_plain or len(run) == TOGETHER_MAX):
            yield run
            run = []
        run.append(item)
    if run:
        yield run


def racing(home: Database, items: Sequence[Incoming], attempt: Callable[[], T]) -> T:
    """Try again, a bounded number of times, where another process was faster with a receipt or a first account."""
    latest = home.clock.now().date() + timedelta(days=2)
    ensure_months(home, {day for item in items if EARLIEST_DAY <= (day := item.receipt.business_date) <= latest})
    for _ in range(TRIES_MAX - 1):
        for item in items:
            item.start_over()
        try:
            return attempt()
        except Overtaken:
            continue
        except (psycopg.Error, DBAPIError) as error:
            if not lost_a_race(error):
                raise
    for item in items:
        item.start_over()
    return attempt()


def _outcome(item: Incoming) -> Outcome:
    """The outcome of a receipt; of one that came twice in a batch, that of the first, as posted before."""
    if item.twin is not None:
        first = _outcome(item.twin)
        return first if first.error is not None else Outcome(200, first.answer)
    assert item.outcome is not None
    return item.outcome


# ---------------------------------------------------------------------------------------------- the use case


def post_receipts(
    tx: Tx, principal: Principal, items: Sequence[Incoming], key: Keyed | None = None
) -> tuple[Claim | None, Answer | None]:
    """Post plain sales together, or one receipt of any kind; every one gets its `outcome` or `twin`.

    Returns the claim on the key, and the earlier answer where there is one. Receipts that cannot be admitted are
    outcomes of their own; Refused is raised when the accounts refuse one, and then nothing may be committed.
    UniqueViolation at the commit says that another process was faster: roll back and do it again.
    """
    with tx.round_trip() as trip:
        asked = claim(trip, key.client, key.key, key.content_hash) if key is not None else None
        looked_up = look_up(trip, items)
        shoppers = ask_shoppers(tx, trip, [_named(item.receipt) for item in items], today(tx))
    if asked is not None and (before := asked.answer()) is not None:
        return asked, before
    posted_before, catalogue = looked_up.found()
    stores = stores_by_code(tx, {item.receipt.store for item in items})
    fresh: dict[Any, Incoming] = {}
    unknown: list[tuple[Incoming, Identifier]] = []
    for n, (item, buyer) in enumerate(zip(items, shoppers.buyers(), strict=True)):
        try:
            admit(tx, principal, item, stores, posted_before, fresh)
        except DomainError as error:
            item.outcome = Outcome.refused(error)
        if item.outcome is None and item.twin is None:
            item.buyer = buyer
            fresh[item.sale_id] = item
            if (spelling := shoppers.spelling(n)) is not None and buyer is None:
                unknown.append((item, Identifier(spelling.kind, spelling.value)))
            else:
                _flag_member(item)
    if unknown:
        _wait_for_members(tx, unknown)
    _post(tx, principal, list(fresh.values()), shoppers, catalogue)
    return asked, None


def _post(
    tx: Tx, principal: Principal, items: Sequence[Incoming], shoppers: AskedShoppers, catalogue: Catalogue
) -> None:
    wallets = shoppers.wallets([item.buyer for item in items if item.buyer is not None])
    if not all(item.is_plain for item in items):
        complete_wallets(tx, list(wallets.values()))
    for item in items:
        try:
            if item.receipt.type is SaleType.SALE:
                post_sale(tx, principal, item, wallets, catalogue)
            elif item.receipt.type is SaleType.RETURN:
                post_return(tx, principal, item, catalogue)
            else:
                post_void(tx, principal, item)
        except DomainError as error:
            raise Refused(error) from error
    record(tx, wallets.values(), principal.id)


def _named(receipt: Receipt) -> Named | None:
    # A return or a void belongs to the member of its original.
    return named_member(receipt) if receipt.type is SaleType.SALE else None


def _wait_for_members(tx: Tx, unknown: Sequence[tuple[Incoming, Identifier]]) -> None:
    """Keep a claim on sales of people who are not known, for the day when they appear.

    All in one question, which locks identifiers in one order for everybody. Raises Overtaken.
    """
    unreadable = unknown_kinds(tx, {identifier.kind for _, identifier in unknown})
    claims = claim_identifiers(tx, {identifier for _, identifier in unknown if identifier.kind not in unreadable})
    for item, identifier in unknown:
        claim = claims.get(identifier)
        if claim is None:
            item.flag(Flag.UNREADABLE_MEMBER)
            continue
        if claim.member_id is not None and claim.status is IdentifierStatus.ACTIVE:
            raise Overtaken("A member enrolled under this identifier meanwhile; send it again")
        item.claim = claim.claim_id
        item.flag(Flag.UNKNOWN_MEMBER)


def _flag_member(item: Incoming) -> None:
    """Flag a member who cannot be read, is not known by an id, or is closed."""
    receipt = item.receipt
    if receipt.type is not SaleType.SALE:
        return
    if receipt.member is None:
        if item.parked_claim is not None:
            item.flag(Flag.UNKNOWN_MEMBER)
            item.claim = item.parked_claim
        elif not item.is_plain:
            item.flag(Flag.UNKNOWN_MEMBER)  # somebody's points, e-coins or cash paid: it waits to be told whose
        return
    if item.buyer is not None:
        if not item.buyer.earns:
            item.flag(Flag.CLOSED_MEMBER)
    else:
        item.flag(Flag.UNREADABLE_MEMBER if isinstance(receipt.member, MemberRef) else Flag.UNKNOWN_MEMBER)
