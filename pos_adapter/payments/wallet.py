"""The member's own stored value, paid at a counter: proved by the wallet's PIN or a one-time code before it is taken.

`member_api/contract/wallet_pin.py` knows both; where a house has none, nothing is taken that way. A try is counted
whether or not it was right, so it is checked in a transaction of its own, before the settlement's.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from foundation.database import Database, Tx
from foundation.errors import DomainError, FieldError, Invalid
from foundation.http import Keyed
from foundation.idempotency import idempotency
from pos_adapter.tickets.tables import ticket

STORED_VALUE = "stored_value"
WALLET_PIN = "member_api.contract.wallet_pin"


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


def prove(home: Database, key: Keyed, tickets: Sequence[UUID], member: object, proofs: Sequence[Proof]) -> None:
    """Check what the member typed; a request that was answered before is not checked again.

    Raises WalletNotProved, or what `wallet_pin` refuses with (too many tries).
    """
    if not proofs:
        return
    refused: DomainError | None = None
    with home.transaction() as tx:
        if _answered(tx, key):
            return
        owner = _owner(tx, tickets, member)
        for proof in proofs:
            try:
                _check(tx, owner, proof)
            except DomainError as error:
                refused = error  # the try is kept
                break
    if refused is not None:
        raise refused


def _answered(tx: Tx, key: Keyed) -> bool:
    c = idempotency.c
    return tx.execute(idempotency.select().where(c.client == key.client, c.key == key.key)).first() is not None


def _owner(tx: Tx, tickets: Sequence[UUID], member: object) -> int | None:
    c = ticket.c
    named = tx.execute(ticket.select().where(c.id.in_(tickets), c.member_id.is_not(None)).limit(1)).first()
    if named is not None:
        return int(named.member_id)
    return int(member) if isinstance(member, str) and member.isascii() and member.isdigit() else None


def _check(tx: Tx, owner: int | None, proof: Proof) -> None:
    place = f"/tenders/{proof.n - 1}/payment"
    if owner is None:
        raise WalletNotProved("Nobody is named whose wallet could pay", errors=[FieldError(place, "needs a member")])
    if (proof.pin is None) == (proof.code is None):
        raise WalletNotProved("The PIN or a one-time code is needed", errors=[FieldError(place, "pin or code")])
    known = _known()
    right = known.check_pin(tx, owner, proof.pin) if proof.pin is not None else known.check_code(tx, owner, proof.code)
    if right is False:
        raise WalletNotProved("The PIN or code is wrong", errors=[FieldError(place, "is wrong")])


def _known() -> Any:
    try:
        return importlib.import_module(WALLET_PIN)
    except ModuleNotFoundError:
        raise WalletNotProved("This house has no PINs: pay from the wallet at the cash desk") from None
