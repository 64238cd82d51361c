"""The page of a day: one store, or all that the viewer acts in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import flask

from foundation.access import Principal, allow, current_principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.http import Pages, transactional
from foundation.pages import render
from foundation.settings import get_settings
from organisation.contract import StoreFacts, stores_within
from pos_adapter.overview.operations import (
    WEEK,
    HourSales,
    StoreDay,
    latest_day,
    read_day,
    read_hours,
    totals,
)
from pos_adapter.overview.rules import DayFigures, change_permille
from pos_adapter.permissions import READ

overview_pages = Pages("overview", __name__, url_prefix="/overview")

EARLIEST = date(1970, 1, 1)
ONE_DAY = timedelta(days=1)
STORES_SHOWN_MAX = 200
STORES_SHOWN = 25
USUAL_HOURS = (8, 21)  # the first and the last hour that the chart shows in any case


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour of the chart: `height` from 0 to 100."""

    hour: int
    height: int
    sales: int
    amount: int


@dataclass(frozen=True, slots=True)
class Compared:
    """The sums of one currency, and the change of the net from the same weekday a week before, in thousandths."""

    figures: DayFigures
    change: int | None


@overview_pages.route("")
@allow(READ)
@transactional
def day_page(tx: Tx) -> str:
    """Sales of a business date, by till or by store, and what needs somebody."""
    viewer = current_principal()
    mine = stores_within(tx, viewer)
    chosen = _chosen(mine)
    shown = [chosen] if chosen is not None else mine
    today = _today(tx, chosen)
    day = _asked_day() or latest_day(tx, shown) or today
    days = read_day(tx, shown, day)
    sums = _compared(tx, shown, day, days)
    currency = sums[0].figures.currency if sums else get_settings().company_currency
    rows = _busiest(days) if chosen is None else []
    return render(
        "overview/day.html",
        stores=mine,
        store=chosen,
        day=day,
        today=today,
        is_latest=not _asked_day() and day != today,
        before=_address(chosen, day - ONE_DAY) if day > EARLIEST else "",
        after=_address(chosen, day + ONE_DAY) if day < today else "",
        sums=sums,
        bars=_bars(read_hours(tx, shown, day, currency)),
        currency=currency,
        tills=days[0].tills if chosen is not None and days else (),
        rows=rows if flask.request.args.get("all") else rows[:STORES_SHOWN],
        to_see=len(rows),
        quiet=sum(1 for each in days if not each.figures.sales and not each.figures.returns),
        waiting=_waiting(days),
        scope=f"store={chosen.code}" if chosen is not None else "",
        may_repair=_may_repair(viewer),
    )


def _chosen(mine: Sequence[StoreFacts]) -> StoreFacts | None:
    """The store that was asked for, or the only one there is; one that is not the viewer's is nobody's."""
    if len(mine) == 1:
        return mine[0]
    code = flask.request.args.get("store")
    return next((store for store in mine if store.code == code), None)


def _asked_day() -> date | None:
    try:
        asked = date.fromisoformat(flask.request.args.get("day", ""))
    except ValueError:
        return None
    return asked if asked >= EARLIEST else None


def _today(tx: Tx, chosen: StoreFacts | None) -> date:
    return local_date(tx.now, chosen.timezone if chosen is not None else get_settings().company_timezone)


def _compared(tx: Tx, stores: Sequence[StoreFacts], day: date, days: Sequence[StoreDay]) -> list[Compared]:
    sums = [figures for figures in totals(days) if figures.sales or figures.returns]
    before = {figures.currency: figures for figures in totals(read_day(tx, stores, day - WEEK))} if sums else {}
    return [
        Compared(
            figures,
            change_permille(figures.net, before[figures.currency].net) if figures.currency in before else None,
        )
        for figures in sums
    ]


def _bars(hours: Sequence[HourSales]) -> list[Bar]:
    """The hours that every shop is open and whatever lies outside them: one early sale is a bar, not a wall."""
    if not hours:
        return []
    highest = max(*(hour.amount for hour in hours), 1)
    by_hour = {hour.hour: hour for hour in hours}
    span = range(min(*by_hour, USUAL_HOURS[0]), max(*by_hour, USUAL_HOURS[1]) + 1)
    found = [by_hour.get(hour, HourSales(hour, 0, 0)) for hour in span]
    return [Bar(each.hour, max(0, round(each.amount * 100 / highest)), each.sales, each.amount) for each in found]


def _busiest(days: Sequence[StoreDay]) -> list[StoreDay]:
    """Stores with something to see, those that need somebody first, then by turnover; at most 200."""
    seen = [day for day in days if day.figures.sales or day.figures.returns or _needs(day)]
    return sorted(seen, key=_order)[:STORES_SHOWN_MAX]


def _order(day: StoreDay) -> tuple[int, int, int]:
    return -day.waiting.gaps - day.waiting.parked, -day.figures.net, -day.waiting.flagged


def _needs(day: StoreDay) -> int:
    return day.waiting.parked + day.waiting.flagged + day.waiting.gaps


def _waiting(days: Sequence[StoreDay]) -> dict[str, int]:
    return {name: sum(getattr(day.waiting, name) for day in days) for name in ("parked", "flagged", "gaps")}


def _may_repair(viewer: Principal) -> bool:
    return viewer.may("receipts.repair")


def _address(store: StoreFacts | None, day: date) -> str:
    arguments: dict[str, Any] = {"day": day.isoformat()}
    if store is not None:
        arguments["store"] = store.code
    return f"/overview?{urlencode(arguments)}"
