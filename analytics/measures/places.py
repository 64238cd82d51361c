"""Sales per square metre: sales in places beside the area x open days that they had (RETAIL section 5).

A place is a store, a counter, or what stores and counters make up: all, a format, a brand (its counters), a category
(its counters, and what supermarkets set aside for it). A place without a known area has none of these figures ("-"):
all such sales stand together in one row more, and those online or delivered, which need no floor, in another. So the
rows sum to the whole.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from analytics.lake.reading import Lake
from analytics.measures.facts import EVERYWHERE, ONLINE_FORMATS, Period, Where, sales
from analytics.measures.measure import Measure, Source, Unit
from analytics.measures.sales import gross_profit, net_sales, ratio, receipts
from foundation.database import Tx
from foundation.pages import lazy
from organisation.contract import AreaDays, areas_between

PLACES_MAX = 200_000


class Place(StrEnum):
    """What sales are laid out over."""

    ALL = "all"
    FORMAT = "format"
    STORE = "store"
    COUNTER = "counter"
    BRAND = "brand"
    CATEGORY = "category"


class RowKind(StrEnum):
    """What a row stands for: one place, everything sold where the area is not known, everything sold online."""

    PLACE = "place"
    NO_AREA = "no_area"
    ONLINE = "online"


@dataclass(frozen=True, slots=True)
class Locations:
    """What belongs where, as it is now: by id of stores, counters and categories."""

    store_formats: Mapping[int, str]
    counter_brands: Mapping[int, str]
    counter_categories: Mapping[int, tuple[str, ...]]
    category_paths: Mapping[int, tuple[str, ...]]


# Where a line was sold, as keys of places: the column of the line, and what each of its ids belongs to.
_COLUMNS = {
    Place.ALL: "store_id",
    Place.FORMAT: "store_id",
    Place.STORE: "store_id",
    Place.COUNTER: "counter_id",
    Place.BRAND: "counter_id",
    Place.CATEGORY: "category_id",
}


def places_of_ids(place: Place, at: Locations, depth: int) -> dict[int, str]:
    """The place that each store, counter or category belongs to, as a key: "" for all, a format's code, a brand as it
    is written at the counter, else an id. Of categories, the one so many steps from the top."""
    if place is Place.ALL:
        return dict.fromkeys(at.store_formats, "")
    if place is Place.FORMAT:
        return dict(at.store_formats)
    if place is Place.STORE:
        return {id_: str(id_) for id_ in at.store_formats}
    if place is Place.COUNTER:
        return {id_: str(id_) for id_ in at.counter_categories}
    if place is Place.BRAND:
        return dict(at.counter_brands)
    tops = {path: str(id_) for id_, path in at.category_paths.items() if len(path) == depth}
    return {id_: tops[path[:depth]] for id_, path in at.category_paths.items() if path[:depth] in tops}


def areas_of_places(place: Place, areas: Iterable[AreaDays], at: Locations, depth: int = 1) -> dict[str, float]:
    """Area x days by place, m2 x day. A place is left out if any part of it is open without a known area."""
    open_ = [each for each in areas if each.open_days > 0]
    if place is Place.CATEGORY:
        parts = _category_areas(open_, at, depth)
    else:
        counters = place in (Place.COUNTER, Place.BRAND)
        keys = places_of_ids(place, at, depth)
        parts = {}
        for each in open_:
            if each.category is None and (each.counter_id is not None) == counters:
                key = keys.get(each.counter_id if each.counter_id is not None else each.store_id)
                if key is not None:
                    parts.setdefault(key, []).append(each.area_m2_days)
    return {
        key: float(sum(area for area in mine if area is not None)) for key, mine in parts.items() if None not in mine
    }


def _category_areas(areas: Iterable[AreaDays], at: Locations, depth: int) -> dict[str, list[Decimal | None]]:
    """The parts of each category: its counters, and in each store the areas told for it or for what lies below it.

    Of nested areas in one store only the upper one counts, for it holds the lower ones.
    """
    told: dict[int, dict[tuple[str, ...], Decimal | None]] = {}
    counters: list[tuple[tuple[str, ...], Decimal | None]] = []
    for each in areas:
        if each.category is not None:
            told.setdefault(each.store_id, {})[each.category] = each.area_m2_days
        elif each.counter_id is not None and at.counter_categories.get(each.counter_id):
            counters.append((at.counter_categories[each.counter_id], each.area_m2_days))
    uppermost = [
        (path, area)
        for store in told.values()
        for path, area in store.items()
        if not any(path[:length] in store for length in range(depth, len(path)))
    ]
    tops = {path: str(id_) for id_, path in at.category_paths.items() if len(path) == depth}
    parts: dict[str, list[Decimal | None]] = {}
    for path, area in [*counters, *uppermost]:
        if len(path) >= depth and path[:depth] in tops:
            parts.setdefault(tops[path[:depth]], []).append(area)
    return parts


def locations(lake: Lake) -> Locations:
    """What belongs where, out of the small tables beside the lake."""
    counters = lake.counters.to_pyarrow().to_pylist()
    return Locations(
        {row["id"]: row["format"] for row in lake.stores.to_pyarrow().to_pylist()},
        {row["id"]: row["brand"] for row in counters if row["brand"]},
        {row["id"]: tuple(row["category"] or ()) for row in counters},
        {row["id"]: tuple(row["path"]) for row in lake.categories.to_pyarrow().to_pylist()},
    )


def selling_areas(
    lake: Lake,
    tx: Tx,
    place: Place,
    period: Period,
    where: Where = EVERYWHERE,
    *,
    depth: int = 1,
    online: frozenset[str] = ONLINE_FORMATS,
) -> pa.Table:
    """Sales by currency and place beside the area that they were sold on, with the measures of areas.

    Columns: currency, kind (RowKind), place (its key, see `places_of_ids`; null in the rows that are no place),
    net_sales, gross_profit, profit_known (the part of the net sales whose profit is known), receipts, area_m2_days, and
    each of AREA_MEASURES. Receipts are counted once in each row. Sorted by currency, kind and place, at most 200,000
    rows.
    """
    at = locations(lake)
    areas = [each for each in areas_between(tx, period.since, period.until) if _counts(each, where, at, online)]
    known = areas_of_places(place, areas, at, depth)
    keys = {id_: key for id_, key in places_of_ids(place, at, depth).items() if key in known}
    sold = _sold(lake, place, period, where, keys, online)
    grounds = _memtable({"place": (list(known), pa.string()), "area_m2_days": (list(known.values()), pa.float64())})
    beside = sold.left_join(grounds, "place").drop("place_right")
    grouped = beside.group_by("currency", "kind", "place")
    figures = {name: beside[name].sum() for name in ("net_sales", "gross_profit", "receipts", "area_m2_days")}
    figures["profit_known"] = ratio(beside.known_sales.sum(), beside.net_sales.sum())
    measured = {measure.name: measure.expression(beside) for measure in AREA_MEASURES}
    answer = grouped.aggregate(**figures, **measured).order_by("currency", "kind", ibis.asc("place", nulls_first=True))
    casts = {"net_sales": "int64", "gross_profit": "int64", "receipts": "int64"}
    return answer.limit(PLACES_MAX).cast(casts).to_pyarrow()


def _counts(each: AreaDays, where: Where, at: Locations, online: frozenset[str]) -> bool:
    format_ = at.store_formats.get(each.store_id)
    return (
        format_ not in online
        and (where.stores is None or each.store_id in where.stores)
        and (where.formats is None or format_ in where.formats)
    )


def _sold(
    lake: Lake, place: Place, period: Period, where: Where, keys: Mapping[int, str], online: frozenset[str]
) -> ir.Table:
    """What was sold, by currency, kind of row and place."""
    lines = sales(lake, period, where)
    mapped = _memtable({"of": (list(keys), pa.int64()), "key": (list(keys.values()), pa.string())})
    lines = lines.left_join(mapped, lines[_COLUMNS[place]].cast("int64") == mapped.of)
    away = lines.format.isin(sorted(online)) if online else ibis.literal(False)
    kind = ibis.cases(
        (away, RowKind.ONLINE.value), (lines.key.isnull(), RowKind.NO_AREA.value), else_=RowKind.PLACE.value
    )
    lines = lines.mutate(kind=kind, place=ibis.ifelse(away, ibis.null("string"), lines.key))
    return lines.group_by("currency", "kind", "place").aggregate(
        net_sales=net_sales(lines),
        gross_profit=gross_profit(lines),
        known_sales=lines.known_profit_spend.sum(where=~lines.leased),
        receipts=receipts(lines),
    )


def _memtable(columns: Mapping[str, tuple[list[object], pa.DataType]]) -> ir.Table:
    return ibis.memtable(pa.table({name: pa.array(values, type_) for name, (values, type_) in columns.items()}))


# ---------------------------------------------------------------------------------------------- the measures


def sales_per_m2(t: ir.Table) -> ir.NumericValue:
    return ratio(t.net_sales.sum(), t.area_m2_days.sum())


def profit_per_m2(t: ir.Table) -> ir.NumericValue:
    return ratio(t.gross_profit.sum(), t.area_m2_days.sum())


def receipts_per_100_m2(t: ir.Table) -> ir.NumericValue:
    return ratio(100 * t.receipts.sum(), t.area_m2_days.sum())


AREA_MEASURES = (
    Measure(
        "sales_per_m2",
        lazy("Sales per square metre"),
        lazy(
            "Net sales in the place, online and delivery left out, divided by its area summed over its open days: "
            "money per square metre and day. Times 30 or 365 for a month or a year."
        ),
        Unit.MONEY_PER_M2_DAY,
        Source.AREAS,
        sales_per_m2,
    ),
    Measure(
        "profit_per_m2",
        lazy("Profit per square metre"),
        lazy(
            "Gross profit in the place, online and delivery left out, divided by its area summed over its open days: "
            "money per square metre and day."
        ),
        Unit.MONEY_PER_M2_DAY,
        Source.AREAS,
        profit_per_m2,
    ),
    Measure(
        "receipts_per_100_m2",
        lazy("Receipts per 100 square metres"),
        lazy(
            "Receipts that touch the place, each once, times 100, divided by its area summed over its open days: per "
            "100 square metres and day."
        ),
        Unit.COUNT_PER_100_M2_DAY,
        Source.AREAS,
        receipts_per_100_m2,
    ),
)
