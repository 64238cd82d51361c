"""Sales per square metre (坪效, 坪利, 坪单) of stores, counters, brands, categories or formats; who sold most first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analytics.lake.reading import Lake, open_lake
from analytics.measures.places import Place, RowKind, selling_areas
from analytics.reports.asking import Asked
from analytics.reports.kept import Kept
from foundation.database import Tx

KINDS = (RowKind.PLACE, RowKind.NO_AREA, RowKind.ONLINE)
Mark = tuple[str, int, int, str]


@dataclass(frozen=True, slots=True)
class AreaRow:
    """What one place sold on its area; or everything sold without a known area, or online. Money in minor units.

    `key` names the place among its kind ("" where the row is no place), `code` and `name` as people write it, `within`
    the store of a counter. `area_m2_days` is area x open days, None in a row that is no place; then the three figures
    per square metre (per day; receipts per 100 m2) are None too. `profit_known` is the part of the sales whose profit
    is known.
    """

    currency: str
    kind: RowKind
    key: str
    code: str
    name: str
    within: str
    net_sales: int
    gross_profit: int | None
    profit_known: float | None
    receipts: int
    area_m2_days: float | None
    sales_per_m2: float | None
    profit_per_m2: float | None
    receipts_per_100_m2: float | None

    @property
    def mark(self) -> Mark:
        """Where it stands: by currency, places first, who sold most first."""
        return (self.currency, KINDS.index(self.kind), -self.net_sales, self.key)


Rows = Sequence[AreaRow]
areas_kept: Kept[tuple[Asked, Place], Rows] = Kept()


def area_rows(tx: Tx, asked: Asked, place: Place) -> Rows:
    """A row a place and currency in which something was sold, and the rows that are no place. Raises LakeDamaged."""
    return areas_kept.ask(tx, (asked, place), lambda: _find(tx, asked, place))


def _find(tx: Tx, asked: Asked, place: Place) -> Rows:
    with open_lake(tx) as lake:
        found = selling_areas(lake, tx, place, asked.period, asked.where).to_pylist()
        names = _names(lake, place)
    return sorted((_row(each, names) for each in found), key=lambda row: row.mark)


def _row(found: Mapping[str, Any], names: Mapping[str, tuple[str, str, str]]) -> AreaRow:
    key = found["place"] or ""
    code, name, within = names.get(key, (key, key, ""))
    return AreaRow(
        currency=found["currency"],
        kind=RowKind(found["kind"]),
        key=key,
        code=code,
        name=name,
        within=within,
        net_sales=found["net_sales"],
        gross_profit=found["gross_profit"],
        profit_known=found["profit_known"],
        receipts=found["receipts"],
        area_m2_days=found["area_m2_days"],
        sales_per_m2=found["sales_per_m2"],
        profit_per_m2=found["profit_per_m2"],
        receipts_per_100_m2=found["receipts_per_100_m2"],
    )


def _names(lake: Lake, place: Place) -> dict[str, tuple[str, str, str]]:
    """Code, name and what it lies within, by the key of a place; brands and the whole are called by their key."""
    if place is Place.FORMAT:
        return {row["code"]: (row["code"], row["name"] or row["code"], "") for row in _dimension(lake, "formats")}
    if place is Place.STORE:
        return {str(row["id"]): (row["code"], row["name"], "") for row in _dimension(lake, "stores")}
    if place is Place.CATEGORY:
        return {str(row["id"]): ("/".join(row["path"]), row["name"], "") for row in _dimension(lake, "categories")}
    if place is Place.COUNTER:
        stores = {row["id"]: row["name"] for row in _dimension(lake, "stores")}
        return {
            str(row["id"]): (row["code"], row["name"], stores.get(row["store_id"], ""))
            for row in _dimension(lake, "counters")
        }
    return {}


def _dimension(lake: Lake, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = lake.dimension(name).to_pyarrow().to_pylist()
    return rows
