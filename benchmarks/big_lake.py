"""A large retailer made of numbers: 200,000 members and 20 million lines for the benches of scores and lists.

Everything follows from one seed, week by week, so that memory stays bounded and any week can be made again. What is
like life: members differ in how often they come, begin, fade, rise and leave; they have a home format and store, tastes
(eight kinds of households over 24 departments) and a liking for promotions; weeks have seasons, weekdays and holidays;
promotions change weekly; some lines come back; one sale in seven has no member; points pay for parts; concession
counters have no cost but a rate; three products in a hundred have no known cost.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from analytics.lake.engine import open_engine
from analytics.lake.manifest import publish, read_state
from analytics.lake.schema import LINES
from analytics.lake.writing import write_lines
from foundation.database import Tx
from foundation.settings import get_settings

Floats: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"
Ints: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"
Random: TypeAlias = np.random.Generator

FORMATS = ("supermarket", "convenience", "department", "online")
STORES_OF_FORMAT = (30, 20, 6, 4)
FORMAT_SHARE = (0.52, 0.26, 0.10, 0.12)
LINES_OF_FORMAT = (1.25, 0.45, 0.35, 0.9)  # a basket's length beside the member's own
PRICE_OF_FORMAT = (1.0, 1.12, 3.2, 1.05)
HOME_VISITS = 0.72  # share of a member's visits that go to the home format
WEEKDAYS = (0.11, 0.11, 0.12, 0.13, 0.16, 0.20, 0.17)
DEPARTMENTS = 24
LEAVES = 10  # categories in a department
SEGMENTS = 8
BRANDS = 600
PRODUCTS = 12_000
PROMOTED_A_WEEK = 500
TAX_RATES = (1300, 900, 0)  # hundredths of a percent
CONCESSION_RATE = 0.25
CONCESSION_SHARE = 0.7
NO_COST = 0.03
ANONYMOUS = 0.15
RETURNED = 0.012
RETURN_DAYS = 9
PAID_BY_POINTS = 0.08
CURRENCY = "CNY"
WEEK = timedelta(days=7)
COPY_MEMBERS = (
    "COPY member.member (id, status, home_store, joined_at, birth_year, birth_month_day, gender, created_at, "
    "updated_at) FROM STDIN"
)
COPY_STORES = (
    "COPY organisation.store (id, code, name, format_id, legal_unit_id, currency, currency_fixed, timezone, status, "
    "changed_at) FROM STDIN"
)
# Weeks are drawn, not counted off: aim a little higher, so that what was asked for is there.
AIM = 1.004


@dataclass(frozen=True, slots=True)
class BigSize:
    """How much to make. A few lines more come out than are asked for, less than one in a hundred."""

    members: int = 200_000
    lines: int = 20_000_000
    weeks: int = 78
    ends_on: date = date(2026, 11, 1)  # the first day after the data; business dates are before it
    seed: int = 20261101

    @property
    def starts_on(self) -> date:
        return self.ends_on - self.weeks * WEEK


@dataclass(frozen=True, slots=True)
class People:
    """What each member is like, by member id - 1."""

    visits_a_week: Floats
    first_week: Floats
    last_week: Floats
    trend: Floats  # change of the visiting rate in one week, as a logarithm
    home_format: Ints
    lines_a_visit: Floats
    segment: Ints
    promotion_liking: Floats


@dataclass(frozen=True, slots=True)
class Assortment:
    """What each product is, by product id - 1; products of a department lie together."""

    department: Ints
    category_id: Ints
    brand_id: Ints
    price: Ints  # minor units
    unit_cost: Ints  # minor units; -1 unknown
    tax_rate: Ints
    first_of_department: Ints


class BigLake:
    """The retailer. `weeks()` yields its lines; `insert` puts what the lines name into PostgreSQL."""

    def __init__(self, size: BigSize | None = None) -> None:
        self.size = size or BigSize()
        self.people = _people(self.size, self._random(1))
        self.assortment = _assortment(self._random(2))
        self._tastes = _tastes(self._random(3))

    def weeks(self) -> Iterator[pa.Table]:
        """The lines of one week after the other, sorted by (business_date, store_id, receipt, line).

        About a quarter of a million lines each at full size. Goods that come back in a later week appear there.
        """
        receipts_before, coming_back = 0, None
        for week in range(self.size.weeks):
            random = self._random(100 + week)
            visits = self._visits(week, random)
            lines = self._lines(week, visits, receipts_before, random)
            receipts_before += visits.count
            back = self._returned(lines, random)
            week_end = _days(self.size.starts_on + (week + 1) * WEEK)
            waiting = back if coming_back is None else _joined([coming_back, back])
            due = waiting["business_date"] < week_end
            coming_back = _chosen(waiting, ~due)
            yield _table(_joined([lines, _chosen(waiting, due)]))

    def months(self) -> Iterator[pa.Table]:
        """The same lines, a calendar month after the other: about 1.2 million each at full size."""
        begun: list[pa.Table] = []
        for week in self.weeks():
            last = week["business_date"][-1].as_py()
            ends = pa.scalar(last.replace(day=1))
            begun.append(week.filter(pc.less(week["business_date"], ends)))
            if any(table.num_rows for table in begun) and pc.min(week["business_date"]).as_py() < ends.as_py():
                yield pa.concat_tables(begun)
                begun = []
            begun.append(week.filter(pc.greater_equal(week["business_date"], ends)))
        yield pa.concat_tables(begun)

    def write_lake(self, tx: Tx) -> int:
        """Write all lines into the lake of the settings, and publish them; returns how many they are."""
        settings, count = get_settings(), 0
        with open_engine(settings) as engine:
            for month in self.months():
                state = read_state(tx)
                position = int(pc.max(month["position"]).as_py())
                files = write_lines(engine, settings.lake, month, state.position + 1, max(position, state.position + 1))
                publish(tx, files, expected=state.position, position=max(position, state.position + 1),
                        complete_until=tx.now)  # fmt: skip
                count += month.num_rows
        return count

    @cached_property
    def _scale(self) -> float:
        """What visiting rates are multiplied by so that as many lines come out as were asked for."""
        expected = sum(float((self._rates(week, 1.0) * self._lines_expected).sum()) for week in range(self.size.weeks))
        return self.size.lines * AIM / (expected * (1 + ANONYMOUS / (1 - ANONYMOUS)) * (1 + RETURNED))

    @cached_property
    def _lines_expected(self) -> Floats:
        """Lines of a visit of each member, on average over the formats."""
        factors = np.array(LINES_OF_FORMAT)
        away = float((factors * np.array(FORMAT_SHARE)).sum())
        factor = HOME_VISITS * factors[self.people.home_format] + (1 - HOME_VISITS) * away
        return 1 + self.people.lines_a_visit * factor

    def _rates(self, week: int, scale: float) -> Floats:
        """How often each member is expected this week."""
        people = self.people
        here = (people.first_week <= week) & (week < people.last_week)
        return people.visits_a_week * here * np.exp(people.trend * week) * (scale * _season(self.size, week))

    def _visits(self, week: int, random: Random) -> "Visits":
        per_member = random.poisson(self._rates(week, self._scale))
        members = np.repeat(np.arange(1, self.size.members + 1), per_member)
        strangers = random.integers(1, self.size.members + 1, int(len(members) * ANONYMOUS / (1 - ANONYMOUS)))
        like = np.concatenate([members, strangers])  # a stranger behaves as some member does
        at_home = random.random(len(like)) < HOME_VISITS
        anywhere = random.choice(len(FORMATS), len(like), p=FORMAT_SHARE)
        formats = np.where(at_home, self.people.home_format[like - 1], anywhere)
        length = self.people.lines_a_visit[like - 1] * np.array(LINES_OF_FORMAT)[formats]
        return Visits(
            like=like,
            known=np.arange(len(like)) < len(members),
            format=formats,
            store=_store_of(like, formats, random),
            day=_days(self.size.starts_on + week * WEEK) + random.choice(7, len(like), p=WEEKDAYS),
            second=random.integers(9 * 3600, 22 * 3600, len(like)),
            lines=1 + random.poisson(length),
            by_points=np.where(random.random(len(like)) < PAID_BY_POINTS, random.uniform(0.03, 0.2, len(like)), 0.0),
        )

    def _lines(self, week: int, visits: "Visits", receipts_before: int, random: Random) -> dict[str, Any]:
        of = np.repeat(np.arange(visits.count), visits.lines)
        line = np.arange(len(of)) - np.repeat(np.cumsum(visits.lines) - visits.lines, visits.lines) + 1
        product, promoted, depth = self._basket(week, visits.like[of], random)
        known, formats = visits.known[of], visits.format[of]
        goods = self.assortment
        quantity = 1 + (random.random(len(of)) < 0.18) + (random.random(len(of)) < 0.05)
        regular = (goods.price[product] * np.array(PRICE_OF_FORMAT)[formats]).astype(np.int64) * quantity
        amount = (regular * (1 - depth)).astype(np.int64)
        benefit = np.where(known, (amount * visits.by_points[of]).astype(np.int64), 0)
        money = amount - benefit
        concession = (formats == FORMATS.index("department")) & (goods.brand_id[product] % 10 < CONCESSION_SHARE * 10)
        costs = goods.unit_cost[product]
        cost = np.where(concession | (costs < 0), -1, costs * quantity)
        without_tax = money / (1 + goods.tax_rate[product] / 10_000)
        profit = np.where(concession, without_tax * CONCESSION_RATE, without_tax - cost)
        return {
            "business_date": visits.day[of],
            "store_id": visits.store[of],
            "format": formats,
            "receipt": _receipt_number(receipts_before + of),
            "line": line,
            "sign": np.ones(len(of), np.int64),
            "second": visits.second[of],
            "member_id": np.where(known, visits.like[of], 0),
            "product_id": product + 1,
            "counter_id": np.where(concession, visits.store[of] * 100 + goods.department[product] + 1, 0),
            "category_id": goods.category_id[product],
            "brand_id": goods.brand_id[product],
            "promotion_id": np.where(promoted, week + 1, 0),
            "quantity_milli": quantity * 1000,
            "amount": amount,
            "regular_amount": regular,
            "money": money,
            "benefit": benefit,
            "tax_rate": goods.tax_rate[product],
            "cost": cost,
            "profit": np.rint(profit).astype(np.int64),
            "no_profit": ~concession & (cost < 0),
            "promoted": promoted,
            "points": np.where(known, money // 100, 0),
            "position": receipts_before + of + 1,
        }

    def _basket(self, week: int, like: Ints, random: Random) -> tuple[Ints, "np.ndarray[Any, Any]", Floats]:
        """Which product each line has, whether it is on promotion, and how deep its price is cut."""
        goods = self.assortment
        segment = self.people.segment[like - 1]
        # One search over all segments: each segment's cumulative shares lie one apart.
        department = np.searchsorted(self._tastes.ravel(), segment + random.random(len(like))) % DEPARTMENTS
        first = goods.first_of_department[department]
        in_department = goods.first_of_department[department + 1] - first
        product = first + (in_department * random.random(len(like)) ** 2.2).astype(np.int64)
        this_week = np.random.default_rng((self.size.seed, 7, week)).choice(PRODUCTS, PROMOTED_A_WEEK, replace=False)
        seeks = random.random(len(like)) < 0.25 * self.people.promotion_liking[like - 1]
        product = np.where(seeks, this_week[random.integers(0, PROMOTED_A_WEEK, len(like))], product)
        cut = np.zeros(PRODUCTS)
        cut[this_week] = np.random.default_rng((self.size.seed, 8, week)).uniform(0.08, 0.35, PROMOTED_A_WEEK)
        return product, cut[product] > 0, cut[product]

    def _returned(self, lines: dict[str, Any], random: Random) -> dict[str, Any]:
        """Lines that come back one to nine days later, each on a receipt of its own."""
        back = _chosen(lines, random.random(len(lines["line"])) < RETURNED)
        for name in ("quantity_milli", "amount", "regular_amount", "money", "benefit", "profit", "points"):
            back[name] = -back[name]
        back["cost"] = np.where(back["cost"] < 0, -1, back["cost"])
        back["sign"] = np.zeros(len(back["line"]), np.int64)
        back["business_date"] = back["business_date"] + random.integers(1, RETURN_DAYS + 1, len(back["line"]))
        back["receipt"] = back["receipt"] ^ (back["line"] << 1) ^ 1
        return back

    def _random(self, part: int) -> Random:
        return np.random.default_rng((self.size.seed, part))

    # -------------------------------------------------------------------------------------------- PostgreSQL
    def insert(self, connection: psycopg.Connection[Any]) -> None:
        """Put formats, stores, categories, brands, promotions and members (with consents and points) into an empty,
        migrated database; whole tables at a time. Members have no name: nothing here needs one."""
        with connection.transaction(), connection.cursor() as cursor:
            for statement, rows in (*_shop_rows(self.size), *self._member_rows()):
                with cursor.copy(statement) as copy:
                    for row in rows:
                        copy.write_row(row)
            for table in ("organisation.format", "organisation.store", "pos.category", "pos.brand", "pos.promotion",
                          "member.member"):  # fmt: skip
                cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")

    def _member_rows(self) -> Iterator[tuple[str, Iterator[Sequence[Any]]]]:
        random, people = self._random(4), self.people
        count = self.size.members
        year = random.integers(1945, 2006, count)
        month_day = random.integers(1, 13, count) * 100 + random.integers(1, 29, count)
        joined = [self._moment(max(first, 0.0)) for first in people.first_week]
        home = _store_of(np.arange(1, count + 1), people.home_format, None)
        genders = random.integers(0, 3, count)
        yield (
            COPY_MEMBERS,
            (
                (n + 1, "active", f"S{home[n]:03d}", joined[n], int(year[n]), int(month_day[n]),
                 ("female", "male", None)[genders[n]], joined[n], joined[n])
                for n in range(count)
            ),
        )  # fmt: skip
        sms, profiling = random.random(count) < 0.62, random.random(count) < 0.01
        yield (
            "COPY member.consent (member_id, channel, purpose, granted, since) FROM STDIN",
            (
                row
                for n in range(count)
                for row in (
                    *(((n + 1, "sms", "marketing", True, joined[n]),) if sms[n] else ()),
                    *(((n + 1, "any", "profiling", False, joined[n]),) if profiling[n] else ()),
                )
            ),
        )
        balance = random.negative_binomial(1, 0.002, count)
        yield (
            "COPY member.account (id, member_id, kind, balance, opened_at) FROM STDIN",
            ((1_000_000_000 + n, n + 1, "points", int(balance[n]), joined[n]) for n in range(count)),
        )

    def _moment(self, week: float) -> datetime:
        return datetime.combine(self.size.starts_on, datetime.min.time(), UTC) + timedelta(days=int(7 * week))


@dataclass(frozen=True, slots=True)
class Visits:
    """The receipts of a week; `like` is the member whose habits it follows, `known` whether the member said so."""

    like: Ints
    known: "np.ndarray[Any, Any]"
    format: Ints
    store: Ints
    day: Ints  # days since 1970
    second: Ints  # of the day
    lines: Ints
    by_points: Floats  # share paid by points

    @property
    def count(self) -> int:
        return len(self.like)


def _people(size: BigSize, random: Random) -> People:
    count = size.members
    came_later = random.random(count) < 0.30
    first = np.where(came_later, random.uniform(0, size.weeks - 2, count), -1.0)
    leaves = random.random(count) < 0.30
    kind = random.random(count)
    trend = np.where(kind < 0.12, 0.02, np.where(kind < 0.27, -0.02, 0.0)) + random.normal(0, 0.002, count)
    return People(
        visits_a_week=random.gamma(0.7, 0.6, count) + 0.03,
        first_week=first,
        last_week=np.where(leaves, first + random.exponential(size.weeks * 0.6, count), np.inf),
        trend=trend,
        home_format=random.choice(len(FORMATS), count, p=FORMAT_SHARE),
        lines_a_visit=random.lognormal(1.35, 0.5, count),
        segment=random.integers(0, SEGMENTS, count),
        promotion_liking=random.beta(1.2, 2.5, count),
    )


def _assortment(random: Random) -> Assortment:
    department = np.sort(random.choice(DEPARTMENTS, PRODUCTS, p=random.dirichlet(np.full(DEPARTMENTS, 4.0))))
    level = random.uniform(5.8, 8.2, DEPARTMENTS)  # minor units, as a logarithm: about 3 to 36 yuan
    price = np.exp(random.normal(level[department], 0.55)).astype(np.int64) + 50
    tax_rate = np.array(TAX_RATES)[random.choice(3, DEPARTMENTS, p=(0.6, 0.3, 0.1))][department]
    cost = (price / (1 + tax_rate / 10_000) * random.uniform(0.6, 0.9, PRODUCTS)).astype(np.int64)
    return Assortment(
        department=department,
        # Ids 1 to 24 are the departments themselves.
        category_id=DEPARTMENTS + department * LEAVES + random.integers(0, LEAVES, PRODUCTS) + 1,
        brand_id=random.integers(1, BRANDS + 1, PRODUCTS),
        price=price,
        unit_cost=np.where(random.random(PRODUCTS) < NO_COST, -1, cost),
        tax_rate=tax_rate,
        first_of_department=np.searchsorted(department, np.arange(DEPARTMENTS + 1)),
    )


def _tastes(random: Random) -> Floats:
    """Cumulative shares of the departments by segment, segment n between n and n + 1."""
    shares = random.dirichlet(np.full(DEPARTMENTS, 0.8), SEGMENTS)
    cumulative: Floats = np.minimum(np.cumsum(shares, axis=1), 1.0)
    cumulative[:, -1] = 1.0
    return cumulative + np.arange(SEGMENTS)[:, None]


def _season(size: BigSize, week: int) -> float:
    """The whole retailer's week beside an ordinary one: a wave over the year, the Spring Festival, the Double 11."""
    middle = size.starts_on + week * WEEK + timedelta(days=3)
    of_year = middle.timetuple().tm_yday
    wave = 1 + 0.08 * float(np.cos(2 * np.pi * (of_year - 15) / 365))
    festival = 0.45 * float(np.exp(-(((of_year - 38) / 9) ** 2)))
    double_eleven = 0.30 * float(np.exp(-(((of_year - 313) / 6) ** 2)))
    return wave + festival + double_eleven


def _store_of(like: Ints, formats: Ints, random: Random | None) -> Ints:
    """A store of the format: mostly the same one for the same member."""
    sizes = np.array(STORES_OF_FORMAT)
    first = np.cumsum(sizes) - sizes
    usual = (like * 2_654_435_761 + formats * 97) % 4_294_967_291
    if random is not None:
        usual = np.where(random.random(len(like)) < 0.12, random.integers(0, 1 << 30, len(like)), usual)
    store: Ints = first[formats] + usual % sizes[formats] + 1
    return store


def _receipt_number(n: Ints) -> Ints:
    """Sixty-four bits that look like a digest (splitmix64), different for each n."""
    mixed = (n.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed ^ (mixed >> np.uint64(31))).view(np.int64)


def _days(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _joined(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _chosen(lines: dict[str, Any], which: Any) -> dict[str, Any]:
    return {name: column[which] for name, column in lines.items()}


def _table(lines: dict[str, Any]) -> pa.Table:
    order = np.lexsort((lines["line"], lines["receipt"], lines["store_id"], lines["business_date"]))
    lines = _chosen(lines, order)
    none = {name: lines[name] == 0 for name in ("member_id", "counter_id", "promotion_id")}
    back = lines["sign"] == 0
    columns = {
        **lines,
        "format": _words(FORMATS, lines["format"]),
        "currency": _words((CURRENCY,), np.zeros(len(order), np.int64)),
        "type": _words(("sale", "return"), back.astype(np.int64)),
        "kind": _words(("goods",), np.zeros(len(order), np.int64)),
        "receipt_sign": lines["sign"],
        # Shop hours are China's, moments are UTC.
        "occurred_at": (lines["business_date"] * 86_400 + lines["second"] - 8 * 3600) * 1_000_000,
        "counter_mode": pa.DictionaryArray.from_arrays(
            pa.array(np.zeros(len(order), np.int32), mask=none["counter_id"]), pa.array(["concession"])
        ),
        "cost": pa.array(np.where(back, -lines["cost"], lines["cost"]), mask=lines["cost"] < 0),
        "profit": pa.array(lines["profit"], mask=lines["no_profit"]),
        **{name: pa.array(lines[name], mask=mask) for name, mask in none.items()},
    }
    return pa.table([_column(columns[field.name], field.type) for field in LINES], schema=LINES)


def _column(values: Any, kind: pa.DataType) -> pa.Array:
    array = values if isinstance(values, pa.Array | pa.DictionaryArray) else pa.array(values)
    if pa.types.is_date32(kind):
        array = array.cast(pa.int32())
    return array.cast(kind)


def _words(words: Sequence[str], which: Ints) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(which, pa.int32()), pa.array(words))


def _shop_rows(size: BigSize) -> Iterator[tuple[str, Iterator[Sequence[Any]]]]:
    now = datetime.combine(size.starts_on, datetime.min.time(), UTC)
    stores = [format_ for format_, count in enumerate(STORES_OF_FORMAT) for _ in range(count)]
    yield (
        "COPY organisation.legal_unit (id, code, name) FROM STDIN",
        iter([(1_000, "BIG", "The large retailer")]),
    )
    yield (
        "COPY organisation.format (id, code, name) FROM STDIN",
        ((1_000 + n, name, name.capitalize()) for n, name in enumerate(FORMATS)),
    )
    yield (
        COPY_STORES,
        (
            (n, f"S{n:03d}", f"Store {n}", 1_000 + format_, 1_000, CURRENCY, True, "Asia/Shanghai", "open", now)
            for n, format_ in enumerate(stores, 1)
        ),
    )
    yield (
        "COPY pos.category (id, path, name, parent_id) FROM STDIN",
        (
            *((n + 1, [f"D{n + 1:02d}"], f"Department {n + 1}", None) for n in range(DEPARTMENTS)),
            *(
                (
                    DEPARTMENTS + n + 1,
                    [f"D{n // LEAVES + 1:02d}", f"C{n + 1:03d}"],
                    f"Category {n + 1}",
                    n // LEAVES + 1,
                )
                for n in range(DEPARTMENTS * LEAVES)
            ),
        ).__iter__(),
    )
    yield (
        "COPY pos.brand (id, code, name) FROM STDIN",
        ((n, f"B{n:03d}", f"Brand {n}") for n in range(1, BRANDS + 1)),
    )
    yield (
        "COPY pos.promotion (id, code, name, method, funders, starts_on, ends_on, changed_at) FROM STDIN",
        (
            (week + 1, f"W{week + 1:03d}", f"Offers of week {week + 1}", "markdown", '{"company": 10000}',
             size.starts_on + week * WEEK, size.starts_on + (week + 1) * WEEK - timedelta(days=1), now)
            for week in range(size.weeks)
        ),
    )  # fmt: skip
