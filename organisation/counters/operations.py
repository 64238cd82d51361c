"""Put counters in place, and list them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, Table, and_, bindparam, func, insert, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from foundation.access import Principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import DomainError, FieldError, NotFound
from foundation.events import announce
from foundation.http.puts import Done, Outcome
from organisation.changes.operations import Subject, record_change
from organisation.counters.lookup import counters
from organisation.counters.rules import (
    Counter,
    CounterPlan,
    CounterStoreUnknown,
    CounterWish,
    Rate,
    Terms,
    plan_counter,
)
from organisation.counters.tables import counter, counter_area, counter_promotion_rate, counter_terms
from organisation.facts import CounterMode, CounterStatus, StoreFacts
from organisation.locking import lock_master_data
from organisation.names.operations import format_ids, legal_unit_ids, supplier_ids
from organisation.names.tables import format_, legal_unit, supplier
from organisation.places import place_of, stores_within
from organisation.stores.lookup import stores
from organisation.stores.tables import store

Key = tuple[str, str]  # store code, counter code


class CounterUnknown(NotFound):
    """There is no such counter, or it is not yours to see."""

    code = "counter_unknown"


@dataclass(frozen=True, slots=True)
class KeptCounter:
    """A counter, its id, and the time zone and currency of its store."""

    id: int
    counter: Counter
    timezone: str
    currency: str


def put_counters(tx: Tx, actor: Principal | None, wishes: Sequence[CounterWish]) -> list[Outcome[KeptCounter]]:
    """Make or change counters, each on its own: a refused one changes nothing and stops nobody.

    Returns one outcome a wish, in order. Each refusal is CounterStoreUnknown, CounterIncomplete, CounterDatesWrong, or
    PlaceForbidden. Writers of master data take turns until the commit.
    """
    lock_master_data(tx)
    homes = stores.get(tx, {wish.store for wish in wishes})
    kept = load_counters(tx, {(wish.store, wish.code) for wish in wishes})
    states = {key: known.counter for key, known in kept.items()}
    plans: dict[Key, list[CounterPlan]] = {}
    decided: list[tuple[Key, bool] | DomainError] = []
    for wish in wishes:
        key = (wish.store, wish.code)
        try:
            home = _home(actor, homes, wish)
            plan = plan_counter(states.get(key), wish, local_date(tx.now, home.timezone))
        except DomainError as refusal:
            decided.append(refusal)
            continue
        decided.append((key, key not in states))
        states[key] = plan.counter
        if plan.changes:
            plans.setdefault(key, []).append(plan)
    ids = {key: known.id for key, known in kept.items()}
    if plans:
        ids = _write(tx, {key: states[key] for key in plans}, ids, homes)
        _write_dated(tx, ids, plans)
        _record(tx, actor, kept, ids, plans)
    return [
        outcome
        if isinstance(outcome, DomainError)
        else Done(_keep(ids[outcome[0]], states[outcome[0]], homes[outcome[0][0]]), created=outcome[1])
        for outcome in decided
    ]


def _home(actor: Principal | None, homes: Mapping[str, StoreFacts], wish: CounterWish) -> StoreFacts:
    if actor is not None:
        actor.require("organisation.write", place_of(wish.store))
    if wish.store not in homes:
        raise CounterStoreUnknown(
            f"there is no store {wish.store}", errors=[FieldError("/store", "there is no such store")]
        )
    return homes[wish.store]


def _keep(counter_id: int, state: Counter, home: StoreFacts) -> KeptCounter:
    return KeptCounter(counter_id, state, home.timezone, home.currency)


def _write(
    tx: Tx, states: Mapping[Key, Counter], known: Mapping[Key, int], homes: Mapping[str, StoreFacts]
) -> dict[Key, int]:
    """Insert and update the rows; returns the ids of all."""
    units = legal_unit_ids(tx, (state.legal_unit for state in states.values()))
    formats = format_ids(tx, (state.format for state in states.values()))
    suppliers = supplier_ids(tx, (state.supplier for state in states.values()))
    rows = {
        key: {
            "store_id": homes[state.store].id,
            "code": state.code,
            "name": state.name,
            "legal_unit_id": units.get(state.legal_unit or ""),
            "supplier_id": suppliers.get(state.supplier or ""),
            "format_id": formats.get(state.format or ""),
            "category": list(state.category),
            "brand": state.brand,
            "floor": state.floor,
            "takes_points": state.takes_points,
            "takes_ecoins": state.takes_ecoins,
            "takes_coupons": state.takes_coupons,
            "opened_on": state.opened_on,
            "closed_on": state.closed_on,
            "status": state.status.value,
            "changed_at": tx.now,
        }
        for key, state in states.items()
    }
    ids = dict(known)
    new = [row for key, row in rows.items() if key not in known]
    old = [{**row, "counter_id": known[key]} for key, row in rows.items() if key in known]
    if new:
        codes = {homes[code].id: code for code in {key[0] for key in rows}}
        made = tx.execute(insert(counter).returning(counter.c.store_id, counter.c.code, counter.c.id), new)
        ids.update({(codes[row.store_id], row.code): row.id for row in made})
    if old:
        changed: dict[str, Any] = {name: bindparam(name) for name in old[0] if name not in ("counter_id", "code")}
        tx.execute(update(counter).where(counter.c.id == bindparam("counter_id")).values(changed), old)
    return ids


def _write_dated(tx: Tx, ids: Mapping[Key, int], plans: Mapping[Key, Sequence[CounterPlan]]) -> None:
    each = [(ids[key], plan) for key, several in plans.items() for plan in several]
    terms = [
        {
            "counter_id": counter_id,
            "valid_from": plan.terms.valid_from,
            "mode": plan.terms.value.mode.value,
            "rate": plan.terms.value.rate,
            "guaranteed_minimum": plan.terms.value.guaranteed_minimum,
        }
        for counter_id, plan in each
        if plan.terms is not None
    ]
    rates = [
        {"counter_id": counter_id, "promotion": promotion, "valid_from": step.valid_from, "rate": step.value}
        for counter_id, plan in each
        for promotion, step in plan.promotion_rates.items()
    ]
    areas = [
        {"counter_id": counter_id, "valid_from": plan.area.valid_from, "area_m2": plan.area.value}
        for counter_id, plan in each
        if plan.area is not None
    ]
    _upsert(tx, counter_terms, terms)
    _upsert(tx, counter_promotion_rate, rates)
    _upsert(tx, counter_area, areas)


def _upsert(tx: Tx, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    write = upsert(table)
    key = list(table.primary_key.columns)
    rest = {column.name: write.excluded[column.name] for column in table.c if column not in key}
    tx.execute(write.on_conflict_do_update(index_elements=key, set_=rest), rows)


def _record(
    tx: Tx,
    actor: Principal | None,
    kept: Mapping[Key, KeptCounter],
    ids: Mapping[Key, int],
    plans: Mapping[Key, Sequence[CounterPlan]],
) -> None:
    for key, several in plans.items():
        known = key in kept
        for plan in several:
            record_change(tx, actor, Subject.COUNTER, ids[key], "changed" if known else "created", plan.changes)
            known = True
        announce(tx, "counter.changed", {"counter_id": ids[key], "store": key[0], "counter": key[1]})
    counters.changed(tx)


def load_counters(tx: Tx, keys: Collection[Key]) -> dict[Key, KeptCounter]:
    """Those counters that exist, by store code and counter code, with all their history."""
    return _kept(tx, _select().where(tuple_(store.c.code, counter.c.code).in_(keys)))


def find_counter(tx: Tx, viewer: Principal, store_code: str, code: str) -> KeptCounter:
    """One counter. Raises CounterUnknown, also where the viewer may not see it."""
    found = load_counters(tx, [(store_code, code)]).get((store_code, code))
    if found is None or not viewer.may("organisation.read", place_of(store_code)):
        raise CounterUnknown(f"there is no counter {code} in store {store_code}")
    return found


def list_counters(
    tx: Tx,
    viewer: Principal,
    *,
    after: Key | None = None,
    limit: int = 50,
    search: str | None = None,
    store_code: str | None = None,
    status: CounterStatus | None = None,
) -> Sequence[KeptCounter]:
    """The counters of the stores a viewer may see, by store and code above `after`, at most `limit`.

    `search` looks into code, name, brand and supplier.
    """
    query = _select().order_by(store.c.code, counter.c.code).limit(limit).where(stores_within(viewer))
    if after is not None:
        further = and_(store.c.code == after[0], counter.c.code > after[1])
        query = query.where(or_(store.c.code > after[0], further))
    if search:
        looked_at = (counter.c.code, counter.c.name, counter.c.brand, supplier.c.code)
        query = query.where(or_(*(column.icontains(search, autoescape=True) for column in looked_at)))
    if store_code is not None:
        query = query.where(store.c.code == store_code)
    if status is not None:
        query = query.where(counter.c.status == status.value)
    return list(_kept(tx, query).values())


def count_counters(tx: Tx, store_id: int) -> int:
    """How many counters a store has that are open."""
    query = select(func.count()).where(counter.c.store_id == store_id, counter.c.status == CounterStatus.OPEN.value)
    return int(tx.execute(query).scalar_one())


def _select() -> Select[Any]:
    agreed, rates, areas = counter_terms.c, counter_promotion_rate.c, counter_area.c
    return (
        select(
            counter,
            store.c.code.label("store"),
            store.c.timezone,
            store.c.currency,
            legal_unit.c.code.label("legal_unit"),
            supplier.c.code.label("supplier"),
            format_.c.code.label("format"),
            _history(counter_terms, agreed.valid_from, agreed.mode, agreed.rate, agreed.guaranteed_minimum).label(
                "terms"
            ),
            _history(counter_promotion_rate, rates.valid_from, rates.promotion, rates.rate).label("promotion_rates"),
            _history(counter_area, areas.valid_from, areas.area_m2).label("areas"),
        )
        .join(store, store.c.id == counter.c.store_id)
        .join(legal_unit, legal_unit.c.id == counter.c.legal_unit_id, isouter=True)
        .join(supplier, supplier.c.id == counter.c.supplier_id, isouter=True)
        .join(format_, format_.c.id == counter.c.format_id, isouter=True)
    )


def _history(table: Table, *columns: Any) -> Any:
    rows = select(func.json_agg(func.json_build_array(*columns))).where(table.c.counter_id == counter.c.id)
    return rows.scalar_subquery()


def _kept(tx: Tx, query: Select[Any]) -> dict[Key, KeptCounter]:
    return {
        (row.store, row.code): KeptCounter(row.id, _counter(row), row.timezone, row.currency)
        for row in tx.execute(query)
    }


def _counter(row: Any) -> Counter:
    return Counter(
        store=row.store,
        code=row.code,
        name=row.name,
        supplier=row.supplier,
        legal_unit=row.legal_unit,
        format=row.format,
        category=tuple(row.category),
        brand=row.brand,
        floor=row.floor,
        takes_points=row.takes_points,
        takes_ecoins=row.takes_ecoins,
        takes_coupons=row.takes_coupons,
        opened_on=row.opened_on,
        closed_on=row.closed_on,
        status=CounterStatus(row.status),
        terms={
            date.fromisoformat(day): Terms(CounterMode(mode), _number(rate), minimum)
            for day, mode, rate, minimum in row.terms or ()
        },
        promotion_rates=_by_promotion(row.promotion_rates or ()),
        areas={date.fromisoformat(day): _number(size) for day, size in row.areas or ()},
    )


def _by_promotion(rows: Iterable[tuple[str, str, Any]]) -> dict[str, dict[date, Rate]]:
    found: dict[str, dict[date, Rate]] = {}
    for day, promotion, rate in rows:
        found.setdefault(promotion, {})[date.fromisoformat(day)] = _number(rate)
    return found


def _number(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))
