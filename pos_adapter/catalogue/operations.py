"""Put products and promotions in place, and list them. Set-based: a thousand cost a handful of statements."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

from msgspec import json
from sqlalchemy import Select, select

from foundation.database import Tx
from foundation.errors import DomainError, NotFound
from foundation.events import announce
from foundation.http.puts import Done, Outcome
from pos_adapter.catalogue.lookups import promotions
from pos_adapter.catalogue.naming import brand_ids, category_ids
from pos_adapter.catalogue.rules import (
    CategoryPath,
    Product,
    ProductStatus,
    ProductWish,
    Promotion,
    PromotionMethod,
    PromotionWish,
    plan_product,
    plan_promotion,
)
from pos_adapter.catalogue.tables import brand, category, product, product_cost, promotion

COSTS_MAX = 1_000


class ProductUnknown(NotFound):
    """There is no product with this code."""

    code = "product_unknown"


class Coded(Protocol):
    @property
    def code(self) -> str: ...


T = TypeVar("T", bound=Coded)
W = TypeVar("W", bound=Coded)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one unit costs from a moment on, in minor units of `currency`; None: not known, or that of any store."""

    valid_from: datetime
    unit_cost: int | None
    currency: str | None


# ---------------------------------------------------------------------------------------------- products


WRITE_PRODUCTS = """
INSERT INTO pos.product (code, name, category_id, brand_id, unit_cost, regular_price, currency, status, changed_at)
SELECT x.code, x.name, x.category_id, x.brand_id, x.unit_cost, x.regular_price, x.currency, x.status, %(now)s
FROM json_to_recordset(%(rows)s::json) AS x(
    code text, name text, category_id integer, brand_id integer, unit_cost bigint, regular_price bigint, currency text,
    status text)
ORDER BY x.code
ON CONFLICT (code) DO UPDATE SET
    name = excluded.name, category_id = excluded.category_id, brand_id = excluded.brand_id,
    unit_cost = excluded.unit_cost, regular_price = excluded.regular_price, currency = excluded.currency,
    status = excluded.status,
    changed_at = excluded.changed_at
RETURNING code, id
"""

WRITE_COSTS = """
INSERT INTO pos.product_cost (product_id, valid_from, unit_cost, currency)
SELECT x.product_id, %(now)s, x.unit_cost, x.currency
FROM json_to_recordset(%(rows)s::json) AS x(product_id bigint, unit_cost bigint, currency text)
ON CONFLICT (product_id, valid_from) DO UPDATE SET unit_cost = excluded.unit_cost, currency = excluded.currency
"""


def put_products(tx: Tx, wishes: Sequence[ProductWish]) -> list[Outcome[Product]]:
    """Make or change products; one outcome a wish, in order. Unchanged ones are not written.

    Rows are locked in the order of their codes until the commit. A changed cost begins a new period of its own; lines
    that were posted keep theirs. Announces `catalogue.products_added` with the ids of new ones.
    """
    before = _load_products(tx, {wish.code for wish in wishes})
    after, outcomes = _plan_each(before, wishes, plan_product)
    changed = {code: state for code, state in after.items() if state != before.get(code)}
    if changed:
        ids = _write_products(tx, changed)
        _write_costs(tx, before, changed, ids)
        added = [ids[code] for code in changed if code not in before]
        if added:
            announce(tx, "catalogue.products_added", {"products": added})
    return outcomes


def _write_products(tx: Tx, changed: Mapping[str, Product]) -> dict[str, int]:
    categories = category_ids(tx, (state.category for state in changed.values()))
    brands = brand_ids(tx, (state.brand for state in changed.values()))
    rows = [
        {
            "code": state.code,
            "name": state.name,
            "category_id": categories[state.category] if state.category else None,
            "brand_id": brands[state.brand] if state.brand is not None else None,
            "unit_cost": state.unit_cost,
            "regular_price": state.regular_price,
            "currency": state.currency,
            "status": state.status.value,
        }
        for state in changed.values()
    ]
    return dict(tx.ask(WRITE_PRODUCTS, {"now": tx.now, "rows": json.encode(rows).decode()}).fetchall())


def _write_costs(tx: Tx, before: Mapping[str, Product], changed: Mapping[str, Product], ids: Mapping[str, int]) -> None:
    rows = [
        {"product_id": ids[code], "unit_cost": state.unit_cost, "currency": state.currency}
        for code, state in changed.items()
        if _costs_something_else(before.get(code), state)
    ]
    if rows:
        tx.ask(WRITE_COSTS, {"now": tx.now, "rows": json.encode(rows).decode()})


def _costs_something_else(before: Product | None, after: Product) -> bool:
    if before is None:
        return after.unit_cost is not None
    return (before.unit_cost, before.currency) != (after.unit_cost, after.currency)


def _load_products(tx: Tx, codes: Collection[str]) -> dict[str, Product]:
    query = _products().where(product.c.code.in_(codes)).order_by(product.c.code).with_for_update(of=product)
    return {row.code: _product(row) for row in tx.execute(query)}


def list_products(
    tx: Tx,
    *,
    after: str | None,
    limit: int,
    code: str | None = None,
    path: CategoryPath = (),
    brand_code: str | None = None,
    words: str | None = None,
) -> list[Product]:
    """Products by code, from after `after`. `path` finds what lies in a category or below it, `words` a part of a name
    or the beginning of a code."""
    query = _products().order_by(product.c.code).limit(limit)
    if after is not None:
        query = query.where(product.c.code > after)
    if code is not None:
        query = query.where(product.c.code == code)
    if path:
        below = select(category.c.id).where(category.c.path[1 : len(path)] == list(path))
        query = query.where(product.c.category_id.in_(below))
    if brand_code is not None:
        query = query.where(brand.c.code == brand_code)
    if words:
        query = query.where(
            product.c.name.icontains(words, autoescape=True) | product.c.code.startswith(words, autoescape=True)
        )
    return [_product(row) for row in tx.execute(query)]


def costs_of(tx: Tx, code: str) -> list[Cost]:
    """What a product cost from when on, newest first, at most 1,000. Raises ProductUnknown."""
    known = tx.execute(select(product.c.id).where(product.c.code == code)).scalar_one_or_none()
    if known is None:
        raise ProductUnknown(f"there is no product {code}")
    rows = tx.execute(
        select(product_cost.c.valid_from, product_cost.c.unit_cost, product_cost.c.currency)
        .where(product_cost.c.product_id == known)
        .order_by(product_cost.c.valid_from.desc())
        .limit(COSTS_MAX)
    )
    return [Cost(row.valid_from, row.unit_cost, row.currency) for row in rows]


def _products() -> Select[Any]:
    return (
        select(
            product.c.code,
            product.c.name,
            category.c.path,
            brand.c.code.label("brand"),
            product.c.unit_cost,
            product.c.regular_price,
            product.c.currency,
            product.c.status,
        )
        .join(category, category.c.id == product.c.category_id, isouter=True)
        .join(brand, brand.c.id == product.c.brand_id, isouter=True)
    )


def _product(row: Any) -> Product:
    path = tuple(row.path or ())
    return Product(
        row.code, row.name, path, row.brand, row.unit_cost, row.regular_price, row.currency, ProductStatus(row.status)
    )


# ---------------------------------------------------------------------------------------------- promotions


WRITE_PROMOTIONS = """
INSERT INTO pos.promotion (code, name, method, funders, starts_on, ends_on, stores, formats, changed_at)
SELECT x.code, x.name, x.method, x.funders, x.starts_on, x.ends_on, x.stores, x.formats, %(now)s
FROM json_to_recordset(%(rows)s::json) AS x(
    code text, name text, method text, funders json, starts_on date, ends_on date, stores text[], formats text[])
ORDER BY x.code
ON CONFLICT (code) DO UPDATE SET
    name = excluded.name, method = excluded.method, funders = excluded.funders, starts_on = excluded.starts_on,
    ends_on = excluded.ends_on, stores = excluded.stores, formats = excluded.formats, changed_at = excluded.changed_at
RETURNING code, id
"""


def put_promotions(tx: Tx, wishes: Sequence[PromotionWish]) -> list[Outcome[Promotion]]:
    """Make or change promotions, each on its own; one outcome a wish, in order.

    Refusals are PromotionIncomplete, PromotionDatesWrong, FunderSharesOff. Announces `catalogue.promotions_added`.
    """
    before = _load_promotions(tx, {wish.code for wish in wishes})
    after, outcomes = _plan_each(before, wishes, plan_promotion)
    changed = {code: state for code, state in after.items() if state != before.get(code)}
    if changed:
        rows = json.encode(list(changed.values())).decode()
        ids: dict[str, int] = dict(tx.ask(WRITE_PROMOTIONS, {"now": tx.now, "rows": rows}).fetchall())
        promotions.changed(tx)
        added = [ids[code] for code in changed if code not in before]
        if added:
            announce(tx, "catalogue.promotions_added", {"promotions": added})
    return outcomes


def _load_promotions(tx: Tx, codes: Collection[str]) -> dict[str, Promotion]:
    query = select(promotion).where(promotion.c.code.in_(codes)).order_by(promotion.c.code).with_for_update()
    return {row.code: _promotion(row) for row in tx.execute(query)}


def list_promotions(
    tx: Tx,
    *,
    after: str | None,
    limit: int,
    code: str | None = None,
    method: PromotionMethod | None = None,
    on: date | None = None,
    words: str | None = None,
) -> list[Promotion]:
    """Promotions by code, from after `after`; `on` finds those that run on a day."""
    query = select(promotion).order_by(promotion.c.code).limit(limit)
    if after is not None:
        query = query.where(promotion.c.code > after)
    if code is not None:
        query = query.where(promotion.c.code == code)
    if method is not None:
        query = query.where(promotion.c.method == method.value)
    if on is not None:
        starts, ends = promotion.c.starts_on, promotion.c.ends_on
        query = query.where(starts.is_(None) | (starts <= on), ends.is_(None) | (ends >= on))
    if words:
        query = query.where(
            promotion.c.name.icontains(words, autoescape=True) | promotion.c.code.startswith(words, autoescape=True)
        )
    return [_promotion(row) for row in tx.execute(query)]


def _promotion(row: Any) -> Promotion:
    return Promotion(
        row.code,
        row.name,
        PromotionMethod(row.method),
        row.funders,
        row.starts_on,
        row.ends_on,
        tuple(row.stores),
        tuple(row.formats),
    )


def _plan_each(
    before: Mapping[str, T], wishes: Sequence[W], plan: Callable[[T | None, W], T]
) -> tuple[dict[str, T], list[Outcome[T]]]:
    """The states after all wishes, one building on the other, and what becomes of each wish."""
    after = dict(before)
    outcomes: list[Outcome[T]] = []
    for wish in wishes:
        try:
            state = plan(after.get(wish.code), wish)
        except DomainError as refusal:
            outcomes.append(refusal)
            continue
        outcomes.append(Done(state, created=wish.code not in after))
        after[wish.code] = state
    return after, outcomes
