"""A parked receipt is corrected and posted again, by the same operation that tills post with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from foundation.access import Principal
from foundation.database import Database, Tx
from foundation.errors import Conflict, NotFound
from foundation.http import Keyed, convert
from foundation.idempotency import Answer
from member_api.contract.members import claims
from organisation.contract import place_of, stores_by_id
from pos_adapter.permissions import POST, READ, REPAIR
from pos_adapter.repairs.audit import note
from pos_adapter.repairs.rules import ParkedState, corrected, differences
from pos_adapter.sales.incoming import Incoming, incoming
from pos_adapter.sales.operations import Refused, post_receipts, racing
from pos_adapter.sales.receipts import Receipt

CLAIM = "claim"
PARKED = "SELECT * FROM pos.parked_receipt WHERE id = :id"
PARKED_FOR_UPDATE = "SELECT * FROM pos.parked_receipt WHERE id = :id FOR UPDATE"


class ParkedUnknown(NotFound):
    """There is no such parked receipt, or it is not yours to see."""

    code = "parked_unknown"


class ParkedNotOpen(Conflict):
    """The receipt was accepted or discarded meanwhile."""

    code = "parked_not_open"


class ContentTooLarge(Conflict):
    """The receipt was too large to be kept whole: the till has to send it again."""

    code = "parked_content_not_kept"


@dataclass(frozen=True, slots=True)
class ParkedReceipt:
    """A refused receipt. `content` is what the till sent, its member null, an id, or `{"claim": id}`; `problem` is the
    problem document that refused it last; `store` is the store's code."""

    id: int
    store_id: int
    store: str
    terminal: str
    business_date: date
    sequence: int
    content: Mapping[str, Any]
    problem: Mapping[str, Any]
    client: str
    state: ParkedState
    attempts: int
    parked_at: datetime
    refused_at: datetime
    ended_at: datetime | None
    sale: UUID | None

    @property
    def claim(self) -> int | None:
        """The claim under which the member of this receipt waits."""
        return _claim_of(self.content)


def find_parked(tx: Tx, viewer: Principal, parked: int) -> ParkedReceipt:
    """One parked receipt. Raises ParkedUnknown, PermissionMissing, PlaceForbidden."""
    found = _load(tx, parked)
    viewer.require(READ, place_of(found.store))
    return found


def post_again(
    home: Database, actor: Principal, parked: int, changes: Mapping[str, Any], key: Keyed | None = None
) -> Answer:
    """Post a parked receipt with corrections (rules.corrected); 201 with the till's answer, and it is parked no more.

    Posting, the end of the parking, and the record of who did it are one transaction. Needs receipts.repair at the
    store. Refused again, nothing changes and the refusal is raised: what POST /v1/sales raises, FieldsInvalid,
    ParkedUnknown, ParkedNotOpen, ContentTooLarge, PermissionMissing, PlaceForbidden, StillRunning, KeyReused.
    """
    with home.transaction(read_only=True) as tx:
        item, mended = _item(tx, actor, parked, changes)
    poster = replace(actor, permissions=actor.permissions | {POST})

    def attempt() -> Answer:
        with home.transaction() as tx:
            found = _load(tx, parked, locked=True)
            asked, before = post_receipts(tx, poster, [item], key)
            if before is not None:
                return before
            if found.state is not ParkedState.OPEN:
                raise ParkedNotOpen(f"the receipt is {found.state}")
            outcome = item.outcome
            assert outcome is not None
            if outcome.error is not None:
                raise outcome.error
            _end(tx, actor, found, item, mended)
            answer = Answer(outcome.status, outcome.body)
            if asked is not None:
                asked.record(tx, answer)
        return answer

    try:
        return racing(home, [item], attempt)
    except Refused as refused:
        raise refused.error from None


def _item(
    tx: Tx, actor: Principal, parked: int, changes: Mapping[str, Any]
) -> tuple[Incoming, Mapping[str, Sequence[Any]]]:
    """The receipt to be posted, and how it differs from what the till sent."""
    found = _load(tx, parked)
    actor.require(REPAIR, place_of(found.store))
    if "too_large_bytes" in found.content:
        raise ContentTooLarge("the receipt was too large to be kept; let the till send it again")
    content = corrected(found.content, changes)
    content["store"] = found.store
    mended = differences(found.content, content)
    claim = _claim_of(content)
    if claim is not None:
        known = claims(tx, [claim]).get(claim)
        member = known.member_id if known is not None else None
        content["member"] = str(member) if member is not None else None
    item = incoming(convert(content, Receipt))
    item.parked_claim = claim if item.receipt.member is None else None
    return item, mended


def _claim_of(content: Mapping[str, Any]) -> int | None:
    member = content.get("member")
    return int(member[CLAIM]) if isinstance(member, Mapping) and CLAIM in member else None


def _end(tx: Tx, actor: Principal, found: ParkedReceipt, item: Incoming, mended: Mapping[str, Any]) -> None:
    tx.execute(
        "UPDATE pos.parked_receipt SET state = 'accepted', ended_at = :now, sale_id = :sale WHERE id = :id",
        {"id": found.id, "now": tx.now, "sale": item.sale_id},
    )
    note(
        tx,
        actor,
        found.store_id,
        "posted_again",
        parked=found.id,
        sale=(item.receipt.business_date, item.sale_id),
        detail={"corrected": mended},
    )


def _load(tx: Tx, parked: int, *, locked: bool = False) -> ParkedReceipt:
    row = tx.execute(PARKED_FOR_UPDATE if locked else PARKED, {"id": parked}).one_or_none()
    if row is None:
        raise ParkedUnknown(f"there is no parked receipt {parked}")
    return parked_receipt(row, stores_by_id(tx, (row.store_id,))[row.store_id].code)


def parked_receipt(row: Any, store: str) -> ParkedReceipt:
    """A row of pos.parked_receipt with the code of its store."""
    return ParkedReceipt(
        row.id,
        row.store_id,
        store,
        row.terminal,
        row.business_date,
        row.sequence,
        row.content,
        row.problem,
        row.client,
        ParkedState(row.state),
        row.attempts,
        row.parked_at,
        row.refused_at,
        row.ended_at,
        row.sale_id,
    )
