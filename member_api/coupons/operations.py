"""Issuing coupons, using them inside a sale, giving them back with a return.

Locks: a coupon's row is locked after its member's row and accounts, several in order of id. Issuing locks nothing that
a sale waits for.
"""

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import Conflict, FieldError, NotFound
from foundation.events import announce
from foundation.settings import get_settings
from member_api.coupons.rules import (
    ALPHABET,
    CODE_LENGTH,
    Basket,
    BasketLine,
    CouponNotUsable,
    CouponOffer,
    CouponState,
    CouponTooMuch,
    CouponUnknown,
    CouponUsed,
    WhyNot,
    check_offer,
    eligible,
    normal_code,
    why_not,
    worth,
)
from member_api.coupons.tables import CHANGE_COUPON, GIVE_BACK_USE, WRITE_USE, CouponChange, UseGivenBack, UseRow

ISSUE_MAX = 10_000
QUOTED_MAX = 100
REVOKE_BATCH = 5_000


class OfferDiffers(Conflict):
    """Another offer was made under this reference."""

    code = "coupon_offer_differs"


class OfferUnknown(NotFound):
    """There is no such offer."""

    code = "coupon_offer_unknown"


class CouponNotRevocable(Conflict):
    """The coupon is used or revoked."""

    code = "coupon_not_revocable"


@dataclass(frozen=True, slots=True)
class Offer:
    """A recorded offer."""

    id: int
    reference: str
    terms: CouponOffer
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Coupon:
    """One member's coupon. `member_id` is the survivor where the owner was merged; `sale` the one it paid for."""

    id: int
    member_id: int
    code: str
    state: CouponState
    issued_at: datetime
    sale: UUID | None
    offer: Offer


@dataclass(frozen=True, slots=True)
class Accepted:
    """A coupon that pays for a sale: what it takes off, and of which lines it may."""

    coupon: Coupon
    amount: int
    lines: Sequence[bool]


@dataclass(frozen=True, slots=True)
class Use:
    """What a coupon paid for: net of what came back with returns, in minor units of the offer's currency."""

    coupon_id: int
    member_id: int
    sale: UUID
    day: date
    amount: int
    given_back: int


@dataclass(frozen=True, slots=True)
class CouponTotals:
    """Of one offer: coupons by what became of them, and what they took off (less what came back)."""

    issued: int
    redeemed: int
    revoked: int
    amount: int


@dataclass(frozen=True, slots=True)
class Quoted:
    """A coupon at the counter: what it takes off this basket, or why it cannot."""

    coupon: Coupon
    amount: int
    why_not: WhyNot | None


# ------------------------------------------------------------------------------------------------------- issuing


OFFERS = """
SELECT o.id AS offer_id, o.reference, o.name, o.currency, o.amount, o.percent, o.amount_max, o.minimum_spend,
       o.starts_on, o.ends_on, o.stores, o.formats, o.categories, o.brands, o.funder, o.created_by, o.created_at
FROM member.coupon_offer AS o
"""
COUPONS = """
SELECT c.id, coalesce(m.merged_into, m.id) AS owner, c.code, c.state, c.issued_at, c.sale,
       o.id AS offer_id, o.reference, o.name, o.currency, o.amount, o.percent, o.amount_max, o.minimum_spend,
       o.starts_on, o.ends_on, o.stores, o.formats, o.categories, o.brands, o.funder, o.created_by, o.created_at
FROM member.coupon AS c
JOIN member.coupon_offer AS o ON o.id = c.offer_id
JOIN member.member AS m ON m.id = c.member_id
"""


def _offer(row: Any) -> Offer:
    return Offer(
        row.offer_id,
        row.reference,
        CouponOffer(
            name=row.name,
            currency=row.currency,
            starts_on=row.starts_on,
            ends_on=row.ends_on,
            amount=row.amount,
            percent=row.percent,
            amount_max=row.amount_max,
            minimum_spend=row.minimum_spend,
            stores=tuple(row.stores),
            formats=tuple(row.formats),
            categories=tuple(tuple(path) for path in row.categories),
            brands=tuple(row.brands),
            funder=row.funder,
        ),
        row.created_by,
        row.created_at,
    )


def make_offer(tx: Tx, terms: CouponOffer, reference: str, by: str) -> Offer:
    """The offer under this reference, made if it is not there yet. Raises OfferInvalid, OfferDiffers."""
    check_offer(terms)
    tx.execute(
        "INSERT INTO member.coupon_offer (reference, name, currency, amount, percent, amount_max, minimum_spend,"
        " starts_on, ends_on, stores, formats, categories, brands, funder, created_by, created_at)"
        " VALUES (:reference, :name, :currency, :amount, :percent, :amount_max, :minimum_spend, :starts_on, :ends_on,"
        " :stores, :formats, CAST(:categories AS json), :brands, :funder, :by, :now)"
        " ON CONFLICT (reference) DO NOTHING",
        {
            "reference": reference,
            "name": terms.name,
            "currency": terms.currency,
            "amount": terms.amount,
            "percent": terms.percent,
            "amount_max": terms.amount_max,
            "minimum_spend": terms.minimum_spend,
            "starts_on": terms.starts_on,
            "ends_on": terms.ends_on,
            "stores": list(terms.stores),
            "formats": list(terms.formats),
            "categories": msgspec.json.encode(terms.categories).decode(),
            "brands": list(terms.brands),
            "funder": terms.funder,
            "by": by,
            "now": tx.now,
        },
    )
    offer = offer_under(tx, reference)
    assert offer is not None
    if offer.terms != terms:
        raise OfferDiffers(f"Another offer was made as {reference}")
    return offer


def offer_under(tx: Tx, reference: str) -> Offer | None:
    """The offer that was made under a reference."""
    row = tx.execute(
        OFFERS + "WHERE o.reference = :reference",
        {"reference": reference},
    ).one_or_none()
    return _offer(row) if row is not None else None


def read_offer(tx: Tx, offer_id: int) -> Offer:
    """An offer by id. Raises OfferUnknown."""
    row = tx.execute(OFFERS + "WHERE o.id = :id", {"id": offer_id}).one_or_none()
    if row is None:
        raise OfferUnknown(f"There is no coupon offer {offer_id}")
    return _offer(row)


def offers(tx: Tx, limit: int, before: int | None = None) -> list[Offer]:
    """Offers, newest first, those with an id below `before`."""
    rows = tx.execute(
        OFFERS + "WHERE (CAST(:before AS bigint) IS NULL OR o.id < :before) ORDER BY o.id DESC LIMIT :limit",
        {"before": before, "limit": limit},
    )
    return [_offer(row) for row in rows]


def issue(tx: Tx, offer: Offer, member_ids: Sequence[int]) -> int:
    """Give each of these members a coupon of the offer, unless they have one; returns how many are new.

    At most 10,000 at a time. Members must exist.
    """
    if len(member_ids) > ISSUE_MAX:
        raise ValueError(f"at most {ISSUE_MAX} coupons at a time")
    members = sorted(set(member_ids))
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH)) for _ in members]
    issued = tx.execute(
        "INSERT INTO member.coupon (offer_id, member_id, code, issued_at)"
        " SELECT :offer, member_id, code, :now FROM unnest(CAST(:members AS bigint[]), CAST(:codes AS text[]))"
        " AS x (member_id, code) ON CONFLICT (offer_id, member_id) DO NOTHING",
        {"offer": offer.id, "now": tx.now, "members": members, "codes": codes},
    ).rowcount
    if issued:
        announce(tx, "coupons.issued", {"offer": offer.id, "reference": offer.reference, "count": issued})
    return issued


def revoke_offer(tx: Tx, offer: Offer) -> int:
    """Take back up to 5,000 coupons of the offer that were not used; returns how many (call again until 0)."""
    revoked = tx.execute(
        "UPDATE member.coupon SET state = 'revoked', revoked_at = :now WHERE id = ANY(ARRAY("
        "SELECT id FROM member.coupon WHERE offer_id = :offer AND state = 'issued'"
        " ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED))",
        {"offer": offer.id, "now": tx.now, "batch": REVOKE_BATCH},
    ).rowcount
    if revoked:
        announce(tx, "coupons.revoked", {"offer": offer.id, "reference": offer.reference, "count": revoked})
    return revoked


def revoke(tx: Tx, coupon_id: int, member_id: int) -> None:
    """Take back one coupon of a member. Raises CouponUnknown, CouponNotRevocable."""
    row = tx.execute(
        "SELECT c.state, o.id, o.reference FROM member.coupon AS c JOIN member.coupon_offer AS o ON o.id = c.offer_id"
        " WHERE c.id = :id AND c.member_id = :member FOR UPDATE OF c",
        {"id": coupon_id, "member": member_id},
    ).one_or_none()
    if row is None:
        raise CouponUnknown("The member has no such coupon")
    if row.state != CouponState.ISSUED:
        raise CouponNotRevocable(f"The coupon is {row.state}")
    tx.execute(
        "UPDATE member.coupon SET state = 'revoked', revoked_at = :now WHERE id = :id",
        {"id": coupon_id, "now": tx.now},
    )
    announce(tx, "coupons.revoked", {"offer": row.id, "reference": row.reference, "count": 1})


# ------------------------------------------------------------------------------------------------- inside a sale


def _coupon(row: Any) -> Coupon:
    return Coupon(row.id, row.owner, row.code, CouponState(row.state), row.issued_at, row.sale, _offer(row))


def accept(tx: Tx, taken: Sequence[tuple[str, int]], basket: Basket, lines: Sequence[BasketLine]) -> list[Accepted]:
    """Check the coupons of a receipt, as (code, amount taken off), against the basket; their rows are locked.

    Raises CouponUnknown, CouponUsed, CouponNotUsable, CouponTooMuch, each naming the coupon.
    """
    codes = [normal_code(code) for code, _ in taken]
    found = {
        row.code: _coupon(row)
        for row in tx.execute(COUPONS + "WHERE c.code = ANY(:codes) ORDER BY c.id FOR UPDATE OF c", {"codes": codes})
    }
    accepted = []
    for n, (code, (_, amount)) in enumerate(zip(codes, taken, strict=True)):
        pointer = f"/coupons/{n}/code"
        if code not in found:
            raise CouponUnknown("There is no such coupon", errors=[FieldError(pointer, "unknown coupon")])
        if code in codes[:n]:
            raise CouponUsed("The coupon is on the receipt twice", errors=[FieldError(pointer, "is there twice")])
        accepted.append(_accept_one(found[code], amount, basket, lines, n))
    return accepted


def _accept_one(coupon: Coupon, amount: int, basket: Basket, lines: Sequence[BasketLine], n: int) -> Accepted:
    terms = coupon.offer.terms
    may = eligible(terms, lines)
    sum_ = sum(line.amount for line, pays in zip(lines, may, strict=True) if pays)
    why = why_not(terms, coupon.state, coupon.member_id, basket, sum_)
    place = [FieldError(f"/coupons/{n}/code", f"cannot be used: {why}")]
    if why is WhyNot.USED:
        raise CouponUsed("The coupon has paid for another sale", errors=place)
    if why is not None:
        raise CouponNotUsable(f"The coupon cannot pay for this sale: {why}", errors=place, why=why.value)
    most = worth(terms, sum_)
    if amount > most:
        raise CouponTooMuch(
            f"The coupon is worth {most} here",
            errors=[FieldError(f"/coupons/{n}/amount", f"at most {most}")],
            worth=most,
        )
    return Accepted(coupon, amount, may)


def use(tx: Tx, accepted: Sequence[Accepted], sale: UUID, day: date) -> None:
    """Leave in the transaction's rows that these coupons paid for a sale."""
    for each in accepted:
        coupon = each.coupon
        tx.rows.add(CHANGE_COUPON, CouponChange(coupon.id, CouponState.REDEEMED.value, sale))
        tx.rows.add(WRITE_USE, UseRow(coupon.id, sale, day, each.amount, tx.now))
        _announce_use(tx, coupon, sale)


def give_back(tx: Tx, sale: UUID, parts: Mapping[str, int]) -> None:
    """A return gives back what these coupons (by code) had paid of it, in minor units.

    Once all that a coupon paid for is back it can be used again, within its days. Codes that are none of ours, and
    what another return gave back already, are passed over.
    """
    wanted = {normal_code(code): amount for code, amount in parts.items() if amount > 0}
    if not wanted:
        return
    used = tx.execute(
        "SELECT c.id, c.code, c.sale, u.amount - u.given_back AS left FROM member.coupon AS c"
        " JOIN member.coupon_use AS u ON u.coupon_id = c.id AND u.sale = :sale"
        " WHERE c.code = ANY(:codes) ORDER BY c.id FOR UPDATE OF c, u",
        {"sale": sale, "codes": list(wanted)},
    ).all()
    for row in used:
        part = min(wanted[row.code], row.left)
        if part <= 0:
            continue
        tx.rows.add(GIVE_BACK_USE, UseGivenBack(row.id, sale, part))
        if part == row.left and row.sale == sale:
            tx.rows.add(CHANGE_COUPON, CouponChange(row.id, CouponState.ISSUED.value, None))


def _announce_use(tx: Tx, coupon: Coupon, sale: UUID) -> None:
    announce(
        tx,
        "coupon.redeemed",
        {
            "coupon": str(coupon.id),
            "offer": coupon.offer.id,
            "reference": coupon.offer.reference,
            "member": str(coupon.member_id),
            "sale": str(sale),
        },
    )


# ------------------------------------------------------------------------------------------------------- looking


def quoted(tx: Tx, basket: Basket, lines: Sequence[BasketLine]) -> list[Quoted]:
    """The buyer's coupons that are not over, soonest last day first, at most 100, with what each would take off."""
    if basket.member_id is None:
        return []
    rows = tx.execute(
        COUPONS + "WHERE c.member_id = :member AND c.state = 'issued' AND o.ends_on >= :day"
        " ORDER BY o.ends_on, c.id LIMIT :limit",
        {"member": basket.member_id, "day": basket.day, "limit": QUOTED_MAX},
    )
    return [_quoted(_coupon(row), basket, lines) for row in rows]


def _quoted(coupon: Coupon, basket: Basket, lines: Sequence[BasketLine]) -> Quoted:
    terms = coupon.offer.terms
    sum_ = sum(line.amount for line, pays in zip(lines, eligible(terms, lines), strict=True) if pays)
    why = why_not(terms, coupon.state, coupon.member_id, basket, sum_)
    return Quoted(coupon, worth(terms, sum_) if why is None else 0, why)


def coupons_of(tx: Tx, member_id: int, limit: int, before: int | None = None) -> list[Coupon]:
    """A member's coupons, newest first, those with an id below `before`."""
    rows = tx.execute(
        COUPONS + "WHERE c.member_id = :member AND (CAST(:before AS bigint) IS NULL OR c.id < :before)"
        " ORDER BY c.id DESC LIMIT :limit",
        {"member": member_id, "before": before, "limit": limit},
    )
    return [_coupon(row) for row in rows]


def codes_of(tx: Tx, offer: Offer, member_ids: Collection[int]) -> dict[int, str]:
    """The codes of an offer's coupons that were issued to these members; without whoever has none."""
    rows = tx.ask(
        "SELECT member_id, code FROM member.coupon WHERE offer_id = %s AND member_id = ANY(%s)",
        (offer.id, list(member_ids)),
    )
    return dict(rows.fetchall())


def totals(tx: Tx, offer_ids: Collection[int]) -> dict[int, CouponTotals]:
    """What became of offers, by id; one statement for any number."""
    rows = tx.execute(
        "SELECT o.id, count(c.id), count(c.id) FILTER (WHERE c.state = 'redeemed'),"
        " count(c.id) FILTER (WHERE c.state = 'revoked'),"
        " (SELECT coalesce(sum(u.amount - u.given_back), 0) FROM member.coupon_use AS u"
        "  JOIN member.coupon AS p ON p.id = u.coupon_id WHERE p.offer_id = o.id)"
        " FROM member.coupon_offer AS o LEFT JOIN member.coupon AS c ON c.offer_id = o.id"
        " WHERE o.id = ANY(:ids) GROUP BY o.id",
        {"ids": list(offer_ids)},
    )
    return {row[0]: CouponTotals(row[1], row[2], row[3], int(row[4])) for row in rows}


def uses(tx: Tx, offer: Offer, limit: int, after: int = 0) -> Iterator[Use]:
    """What coupons of an offer paid for, by coupon id above `after`, at most `limit`."""
    rows = tx.execute(
        "SELECT c.id, coalesce(m.merged_into, m.id), u.sale, u.day, u.amount, u.given_back"
        " FROM member.coupon AS c JOIN member.coupon_use AS u ON u.coupon_id = c.id"
        " JOIN member.member AS m ON m.id = c.member_id"
        " WHERE c.offer_id = :offer AND c.id > :after ORDER BY c.id, u.used_at LIMIT :limit",
        {"offer": offer.id, "after": after, "limit": limit},
    )
    return (Use(*row) for row in rows)


def redeemers(tx: Tx, offer: Offer, among: Collection[int] | None = None) -> list[int]:
    """The members (of `among`, if said) whose coupon of this offer is used, in order of id."""
    named = None if among is None else list(among)
    rows = tx.ask(
        "SELECT member_id FROM member.coupon WHERE offer_id = %s AND state = 'redeemed'"
        " AND (%s::bigint[] IS NULL OR member_id = ANY(%s)) ORDER BY member_id",
        (offer.id, named, named),
    )
    return [member for (member,) in rows]


def company_date(tx: Tx) -> date:
    """The day by which coupons are over for whoever looks at them outside a sale."""
    return local_date(tx.now, get_settings().company_timezone)
