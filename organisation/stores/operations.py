"""Put stores in place, and list them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, bindparam, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from foundation.access import Principal
from foundation.access.changes import access_changed
from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import DomainError, NotFound
from foundation.events import announce
from foundation.http.puts import Done, Outcome
from foundation.settings import get_settings
from organisation.changes.operations import Subject, record_change
from organisation.counters.lookup import counters
from organisation.facts import StoreStatus
from organisation.locking import lock_master_data
from organisation.names.operations import (
    DEFAULT_FORMAT,
    DEFAULT_LEGAL_UNIT,
    format_ids,
    legal_unit_ids,
    region_ids,
)
from organisation.names.tables import format_, legal_unit, region
from organisation.places import place_of, stores_within
from organisation.stores.lookup import stores
from organisation.stores.rules import Area, Category, Company, Store, StorePlan, StoreWish, plan_store
from organisation.stores.tables import store, store_area, store_category_area

CHOICES_MAX = 1000


class StoreUnknown(NotFound):
    """There is no store with this code, or it is not yours to see."""

    code = "store_unknown"


@dataclass(frozen=True, slots=True)
class KeptStore:
    """A store and its id."""

    id: int
    store: Store


def put_stores(tx: Tx, actor: Principal | None, wishes: Sequence[StoreWish]) -> list[Outcome[Store]]:
    """Make or change stores, each on its own: a refused one changes nothing and stops nobody.

    Returns one outcome a wish, in order. Each refusal is CurrencyFixed, StoreIncomplete, StoreDatesWrong, or
    PlaceForbidden. Writers of master data take turns until the commit.
    """
    lock_master_data(tx)
    kept = load_stores(tx, {wish.code for wish in wishes}, locked=True)
    outcomes: list[Outcome[Store]] = []
    states = {code: known.store for code, known in kept.items()}
    plans: dict[str, list[StorePlan]] = {}
    for wish in wishes:
        try:
            if actor is not None:
                actor.require("organisation.write", place_of(wish.code))
            plan = _plan(tx, states.get(wish.code), wish)
        except DomainError as refusal:
            outcomes.append(refusal)
            continue
        outcomes.append(Done(plan.store, created=wish.code not in states))
        states[wish.code] = plan.store
        if plan.changes:
            plans.setdefault(wish.code, []).append(plan)
    if plans:
        ids = _write(tx, {code: states[code] for code in plans}, kept)
        _write_areas(tx, ids, plans)
        _record(tx, actor, kept, ids, plans)
    return outcomes


def _plan(tx: Tx, before: Store | None, wish: StoreWish) -> StorePlan:
    settings = get_settings()
    company = Company(DEFAULT_FORMAT, DEFAULT_LEGAL_UNIT, settings.company_currency, settings.company_timezone)
    zone = wish.timezone if isinstance(wish.timezone, str) else before.timezone if before else company.timezone
    return plan_store(before, wish, company, local_date(tx.now, zone))


def _write(tx: Tx, states: Mapping[str, Store], kept: Mapping[str, KeptStore]) -> dict[str, int]:
    """Insert and update the rows; returns the ids of all."""
    formats = format_ids(tx, (state.format for state in states.values()))
    units = legal_unit_ids(tx, (state.legal_unit for state in states.values()))
    regions = region_ids(tx, (state.region for state in states.values()))
    rows = [
        {
            "code": state.code,
            "name": state.name,
            "format_id": formats[state.format],
            "region_id": regions[state.region] if state.region is not None else None,
            "legal_unit_id": units[state.legal_unit],
            "currency": state.currency,
            "currency_fixed": state.currency_fixed,
            "timezone": state.timezone,
            "opened_on": state.opened_on,
            "closed_on": state.closed_on,
            "status": state.status.value,
            "changed_at": tx.now,
        }
        for state in states.values()
    ]
    ids = {code: known.id for code, known in kept.items()}
    new = [row for row in rows if row["code"] not in ids]
    old = [{**row, "store_id": ids[str(row["code"])]} for row in rows if row["code"] in ids]
    if new:
        made = tx.execute(insert(store).returning(store.c.code, store.c.id), new)
        ids.update({row.code: row.id for row in made})
    if old:
        changed: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "code"}
        tx.execute(update(store).where(store.c.id == bindparam("store_id")).values(changed), old)
    return ids


def _write_areas(tx: Tx, ids: Mapping[str, int], plans: Mapping[str, Sequence[StorePlan]]) -> None:
    totals = [
        {"store_id": ids[code], "valid_from": plan.area.valid_from, "area_m2": plan.area.value}
        for code, several in plans.items()
        for plan in several
        if plan.area is not None
    ]
    parts = [
        {
            "store_id": ids[code],
            "category": list(category),
            "valid_from": step.valid_from,
            "area_m2": step.value,
        }
        for code, several in plans.items()
        for plan in several
        for category, step in plan.category_areas.items()
    ]
    for table, rows in ((store_area, totals), (store_category_area, parts)):
        if rows:
            write = upsert(table)
            write = write.on_conflict_do_update(
                index_elements=list(table.primary_key.columns), set_={"area_m2": write.excluded.area_m2}
            )
            tx.execute(write, rows)


def _record(
    tx: Tx,
    actor: Principal | None,
    kept: Mapping[str, KeptStore],
    ids: Mapping[str, int],
    plans: Mapping[str, Sequence[StorePlan]],
) -> None:
    for code, several in plans.items():
        known = code in kept
        for plan in several:
            record_change(tx, actor, Subject.STORE, ids[code], "changed" if known else "created", plan.changes)
            known = True
        announce(tx, "store.changed", {"store_id": ids[code], "store": code})
    stores.changed(tx)
    # A counter without a format or a legal unit of its own shows its store's.
    counters.changed(tx)
    if any("region" in plan.changes for several in plans.values() for plan in several):
        access_changed(tx)


def load_stores(tx: Tx, codes: Collection[str], *, locked: bool = False) -> dict[str, KeptStore]:
    """Those stores that exist, with the whole history of their areas; `locked`: for update until the commit."""
    query = _select().where(store.c.code.in_(codes)).order_by(store.c.id)
    return _kept(tx, query.with_for_update(of=store) if locked else query)


def find_store(tx: Tx, viewer: Principal, code: str) -> KeptStore:
    """One store. Raises StoreUnknown, also where the viewer may not see it."""
    found = load_stores(tx, [code]).get(code)
    if found is None or not viewer.may("organisation.read", place_of(code)):
        raise StoreUnknown(f"there is no store {code}")
    return found


def list_stores(
    tx: Tx,
    viewer: Principal,
    *,
    after: str | None = None,
    limit: int = 50,
    search: str | None = None,
    region_code: str | None = None,
    format_code: str | None = None,
    status: StoreStatus | None = None,
) -> Sequence[KeptStore]:
    """The stores a viewer may see, by code above `after`, at most `limit`; `search` looks into code and name."""
    query = _select().order_by(store.c.code).limit(limit).where(stores_within(viewer))
    if after is not None:
        query = query.where(store.c.code > after)
    if search:
        query = query.where(
            or_(store.c.code.icontains(search, autoescape=True), store.c.name.icontains(search, autoescape=True))
        )
    if region_code is not None:
        query = query.where(region.c.code == region_code)
    if format_code is not None:
        query = query.where(format_.c.code == format_code)
    if status is not None:
        query = query.where(store.c.status == status.value)
    return list(_kept(tx, query).values())


def store_choices(tx: Tx, viewer: Principal) -> Mapping[str, str]:
    """What a person can choose from: code and name by code, of the first 1000 stores they may see."""
    stores = (kept.store for kept in list_stores(tx, viewer, limit=CHOICES_MAX))
    return {each.code: each.code if each.name == each.code else f"{each.code} {each.name}" for each in stores}


def _select() -> Select[Any]:
    areas = (
        select(func.json_agg(func.json_build_array(store_area.c.valid_from, store_area.c.area_m2)))
        .where(store_area.c.store_id == store.c.id)
        .scalar_subquery()
    )
    part = store_category_area.c
    parts = (
        select(func.json_agg(func.json_build_array(part.category, part.valid_from, part.area_m2)))
        .where(part.store_id == store.c.id)
        .scalar_subquery()
    )
    return (
        select(
            store,
            format_.c.code.label("format"),
            region.c.code.label("region"),
            legal_unit.c.code.label("legal_unit"),
            areas.label("areas"),
            parts.label("category_areas"),
        )
        .join(format_, format_.c.id == store.c.format_id)
        .join(legal_unit, legal_unit.c.id == store.c.legal_unit_id)
        .join(region, region.c.id == store.c.region_id, isouter=True)
    )


def _kept(tx: Tx, query: Select[Any]) -> dict[str, KeptStore]:
    return {row.code: KeptStore(row.id, _store(row)) for row in tx.execute(query)}


def _store(row: Any) -> Store:
    return Store(
        code=row.code,
        name=row.name,
        format=row.format,
        region=row.region,
        legal_unit=row.legal_unit,
        currency=row.currency,
        currency_fixed=row.currency_fixed,
        timezone=row.timezone,
        opened_on=row.opened_on,
        closed_on=row.closed_on,
        status=StoreStatus(row.status),
        areas={date.fromisoformat(day): _area(size) for day, size in row.areas or ()},
        category_areas=_by_category(row.category_areas or ()),
    )


def _by_category(rows: Iterable[tuple[list[str], str, Any]]) -> dict[Category, dict[date, Area]]:
    found: dict[Category, dict[date, Area]] = {}
    for category, day, size in rows:
        found.setdefault(tuple(category), {})[date.fromisoformat(day)] = _area(size)
    return found


def _area(size: Any) -> Area:
    return None if size is None else Decimal(str(size))
