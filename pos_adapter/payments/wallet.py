"""The member's own stored value, paid at a counter: proved by the wallet's PIN or a one-time code before it is taken.

`member_api/contract/wallet_pin.py` knows both, and counts a try whether or not it was right. It is asked before the
settlement's own transaction, so that nothing is locked while a PIN is compared.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol
from uuid import UUID

from foundation.database import Database, Tx
from foundation.errors import FieldError, Invalid
from foundation.http import Keyed
from foundation.idempotency import claim
from member_api.contract.wallet_pin import PinMissing, ProofWrong, check_code, check_pin
from pos_adapter.sales.receipts import MemberRef
from pos_adapter.tickets.operations import named_member

STORED_VALUE = "stored_value"


class WalletNotProved(Invalid):
    """The member's wallet pays only with its PIN or a one-time code."""

    code = "wallet_not_proved"


@dataclass(frozen=True, slots=True)
class Proof:
    """What the member typed for the nth tender: a PIN or a one-time code."""

    n: int
    pin: str | None
    code: str | None


class WalletAsk(Protocol):
    """A tender's `payment` as a request names it."""

    @property
    def rail(self) -> str: ...
    @property
    def pin(self) -> str | None: ...
    @property
    def code(self) -> str | None: ...


class WalletTender(Protocol):
    """A tender as a request names it."""

    @property
    def kind(self) -> str: ...
    @property
    def payment(self) -> WalletAsk | None: ...


def proofs_in(tenders: Sequence[WalletTender], *, on_handheld: bool) -> list[Proof]:
    """What is to be proved. Raises WalletNotProved where a wallet is to pay in something else than stored value, or on
    a handheld without proof."""
    proofs = []
    for n, tender in enumerate(tenders, 1):
        if on_handheld and tender.kind == STORED_VALUE and tender.payment is None:
            place = FieldError(f"/tenders/{n - 1}/payment", "rail wallet, with pin or code")
            raise WalletNotProved("At a handheld the wallet pays with its PIN or a one-time code", errors=[place])
        if tender.payment is not None and tender.payment.rail == "wallet":
            if tender.kind != STORED_VALUE:
                place = FieldError(f"/tenders/{n - 1}/kind", f"must be {STORED_VALUE}")
                raise WalletNotProved("A wallet pays in stored value", errors=[place])
            proofs.append(Proof(n, tender.payment.pin, tender.payment.code))
    return proofs


def prove(
    home: Database, key: Keyed, tickets: Sequence[UUID], member: MemberRef | str | None, proofs: Sequence[Proof],
    admit: Callable[[Tx], None],
) -> None:  # fmt: skip
    """Check what the member typed; a request that was answered before is not checked again, nor one that still runs: a
    code is used up by the first, and its retry must not take that for a wrong one. `admit` raises for whoever may not
    settle at all, before a try is counted: strangers would shut a member's wallet.

    Raises WalletNotProved, or WalletBlocked after too many wrong tries; StillRunning, KeyReused, what `admit` raises.
    """
    if not proofs:
        return
    with home.transaction() as tx:
        with tx.round_trip() as trip:
            asked = claim(trip, key.client, key.key, key.content_hash)
        if asked.answer() is not None:
            return
        admit(tx)
        owner = _owner(tx, tickets, member)
        request = blake2b(f"{key.client}\0{key.key}\0".encode() + key.content_hash, digest_size=32).digest()
        for proof in proofs:
            _check(tx, owner, proof, request)


def _owner(tx: Tx, tickets: Sequence[UUID], member: MemberRef | str | None) -> int | None:
    """Whose wallet pays: the one member that all tickets name, else who the desk names.

    Nobody, where they name several: one member's PIN never opens another's wallet.
    """
    rows = tx.ask(
        "SELECT DISTINCT member_id, claim_id FROM pos.ticket WHERE id = ANY(%s) "
        "AND (member_id IS NOT NULL OR claim_id IS NOT NULL) LIMIT 2",
        (list(tickets),),
    ).fetchall()
    if not rows:
        return named_member(tx, member)[0]
    return int(rows[0][0]) if len(rows) == 1 and rows[0][0] is not None else None


def _check(tx: Tx, owner: int | None, proof: Proof, request: bytes) -> None:
    place = f"/tenders/{proof.n - 1}/payment"
    if owner is None:
        raise WalletNotProved("Nobody is named whose wallet could pay", errors=[FieldError(place, "needs a member")])
    if (proof.pin is None) == (proof.code is None):
        raise WalletNotProved("The PIN or a one-time code is needed", errors=[FieldError(place, "pin or code")])
    try:
        if proof.pin is not None:
            check_pin(tx, owner, proof.pin, request)
        elif proof.code is not None:
            check_code(tx, owner, proof.code, request)
    except (ProofWrong, PinMissing) as error:
        words = "is wrong" if isinstance(error, ProofWrong) else "the member has set none yet"
        raise WalletNotProved(error.detail, errors=[FieldError(place, words)], **error.facts) from None
