"""Contribution from sums per member, currency and format to the tables of a run. Columns in, columns out; no lake.

Rows are brought into the order (member, currency, format) first; every later step keeps it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analytics.scores.contribution_rules import (
    Flags,
    Floats,
    FormatRows,
    Integers,
    best_two,
    classes,
    concentration,
    mid_ranks,
    score_format,
    shares_of,
    whole_parts,
)
from analytics.scores.contribution_settings import MICRO, ContributionSettings

# Sums over the window, as the day roll-up calls them.
SUMS = (
    "receipts", "visits", "spend", "money", "regular_spend", "promoted_spend", "regular_money",
    "profit", "known_profit_spend", "points",
)  # fmt: skip
# The format of the row that says when a member bought first and last.
NOWHERE = ""
NEVER = np.iinfo(np.int64).min
CompanyProfit = Mapping[tuple[str, str], int | None]


@dataclass(frozen=True, slots=True)
class FormatFacts:
    """What the scores of one format and currency were measured against.

    `share` is a_f, `active` the members with a visit, `scored` whether they were enough; `shrinkage` is k in minor
    units, `regular_share` rho_f; `profit` that of all the company's sales there, anonymous ones included, None unknown.
    """

    currency: str
    format: str
    share: float
    active: int
    scored: bool
    shrinkage: float
    regular_share: float
    profit: int | None


@dataclass(frozen=True, slots=True)
class CurrencyFacts:
    """What the classes of one currency were measured against.

    `basis` is what ranks its members: `profit` (G), or `spend` where no profit at all is known. `coverage` is the
    share of member spend whose profit is known, None without spend. `platinum_from` and `gold_from` are the least
    worth in the class, None: nobody is.
    """

    currency: str
    basis: str
    members: int
    active: int
    profit: int
    points_cost: int
    contact_cost: int
    positive_worth: int
    coverage: float | None
    platinum_from: int | None
    gold_from: int | None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a run found. `members` by (member_id, currency): everybody with any purchase before `as_of`. `formats` by
    (member_id, currency, format): where anything happened in the window. `concentration` by (currency,
    member_percent)."""

    as_of: date
    members: pa.Table
    formats: pa.Table
    concentration: pa.Table
    format_facts: tuple[FormatFacts, ...]
    currency_facts: tuple[CurrencyFacts, ...]


@dataclass(slots=True)
class Rows:
    """The sums as columns by (member, currency, format).

    `starts` is where each (member, currency) begins, `owner` which of them a row belongs to; dates are days since
    1970, NEVER if there is none. `groups` are the rows of each currency and format with anything in the window, by
    their names.
    """

    members: Integers
    currencies: list[str]
    formats: list[str]
    currency: Integers
    format: Integers
    sums: dict[str, Integers]
    first: Integers
    last: Integers
    starts: Integers
    owner: Integers

    groups: list[tuple[str, str, Integers]] = field(init=False)

    def __post_init__(self) -> None:
        number = self.currency * len(self.formats) + self.format
        inside = self.sums["days"] > 0
        self.groups = [
            (self.currencies[code // len(self.formats)], self.formats[code % len(self.formats)], rows)
            for code in np.unique(number[inside]).tolist()
            for rows in [np.flatnonzero(inside & (number == code))]
        ]

    def per_member(self, values: Integers) -> Integers:
        """Sums per (member, currency)."""
        return np.add.reduceat(values, self.starts) if len(self.starts) else values


def _coded(column: pa.ChunkedArray) -> tuple[list[str], Integers]:
    """The words of a column in their order, and each row's place among them."""
    plain = column.cast(pa.string())
    words = sorted(pc.unique(plain).to_pylist())
    return words, pc.index_in(plain, value_set=pa.array(words, pa.string())).to_numpy().astype(np.int64)


def _day_numbers(column: pa.ChunkedArray) -> Integers:
    numbers = column.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
    filled: Integers = pc.fill_null(numbers, NEVER).to_numpy()
    return filled


def in_order(sums: pa.Table) -> Rows:
    """The sums as columns, brought into order."""
    currencies, currency = _coded(sums["currency"])
    formats, format_ = _coded(sums["format"])
    members = sums["member_id"].to_numpy()
    order = np.argsort((members * len(currencies) + currency) * len(formats) + format_)
    members, currency, format_ = members[order], currency[order], format_[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (members[1:] != members[:-1]) | (currency[1:] != currency[:-1])
    return Rows(
        members, currencies, formats, currency, format_,
        {name: sums[name].to_numpy()[order] for name in (*SUMS, "days", "points_micro")},
        _day_numbers(sums["first_purchase"])[order], _day_numbers(sums["last_purchase"])[order],
        np.flatnonzero(new), np.cumsum(new) - 1,
    )  # fmt: skip


def points_costs(rows: Rows) -> Integers:
    """The expected cost of the points earned in the window, by row.

    Per currency and format the exact cost (millionths of a minor unit) is rounded half up once, and given to the
    members by the largest remainder: the parts sum to the whole.
    """
    costs = np.zeros(len(rows.members), dtype=np.int64)
    for _, _, group in rows.groups:
        costs[group] = whole_parts(rows.sums["points_micro"][group], MICRO)
    return costs


def contact_costs_of(rows: Rows, costs: pa.Table | None) -> Integers:
    """The cost of contacting a member, on the row of the format where most was spent (of equals the first by name).

    Of a member who bought nothing in the window, on the row without a format.
    """
    answer = np.zeros(len(rows.members), dtype=np.int64)
    if costs is None or not len(rows.members):
        return answer
    currencies = pc.index_in(costs["currency"].cast(pa.string()), value_set=pa.array(rows.currencies, pa.string()))
    known = pc.is_valid(currencies)
    codes = currencies.filter(known).to_numpy().astype(np.int64)
    wanted = costs["member_id"].filter(known).to_numpy() * len(rows.currencies) + codes
    owners = (rows.members * len(rows.currencies) + rows.currency)[rows.starts]
    place = np.searchsorted(owners, wanted)
    found = owners[np.minimum(place, len(owners) - 1)] == wanted
    best = np.lexsort((rows.format, -rows.sums["money"], rows.sums["days"] == 0, rows.owner))[rows.starts]
    np.add.at(answer, best[place[found]], costs["amount"].filter(known).to_numpy()[found])
    return answer


@dataclass(slots=True)
class _Scored:
    """Scores of the rows (NaN: none) and what they were measured against."""

    columns: dict[str, Floats]
    facts: list[FormatFacts]


SCORE_COLUMNS = ("score", "pr_spend", "pr_visits", "pr_profit", "pr_regular", "regular_share", "format_share")


def _profit_known(rows: Rows) -> Flags:
    """False where something was sold in the window, and no cost of it is known. What came back altogether earned 0."""
    known: Flags = (rows.sums["known_profit_spend"] != 0) | (rows.sums["profit"] != 0) | (rows.sums["spend"] == 0)
    return known


def company_profit(rows: Rows, anonymous: CompanyProfit) -> CompanyProfit:
    """Profit of all sales in the window by (currency, format), members' and others'; None: none is known."""
    answer = dict(anonymous)
    known = _profit_known(rows)
    for currency, format_, group in rows.groups:
        if known[group].any():
            other = answer.get((currency, format_))
            answer[currency, format_] = int(rows.sums["profit"][group].sum()) + (other or 0)
        else:
            answer.setdefault((currency, format_), None)
    return answer


def _format_shares(rows: Rows, company: CompanyProfit, settings: ContributionSettings) -> dict[tuple[str, str], float]:
    """a_f by (currency, format), summing to 1 within a currency."""
    sold: dict[str, dict[str, int]] = {}
    for currency, format_, group in rows.groups:
        sold.setdefault(currency, {})[format_] = int(rows.sums["money"][group].sum())
    shares: dict[tuple[str, str], float] = {}
    for currency in sorted({*sold, *(currency for currency, _ in company)}):
        if settings.format_shares is not None:
            whole = sum(settings.format_shares.values())
            parts = {name: share / whole for name, share in sorted(settings.format_shares.items())}
        else:
            profits = {name: profit for (of, name), profit in sorted(company.items()) if of == currency}
            known = {name: profit or 0 for name, profit in profits.items()}
            parts = shares_of(known if max(known.values(), default=0) > 0 else sold.get(currency, known))
        shares.update({(currency, name): share for name, share in parts.items()})
    return shares


def score_formats(rows: Rows, worth: Integers, company: CompanyProfit, settings: ContributionSettings) -> _Scored:
    """Score every format and currency with enough active members (those with a visit in the window)."""
    columns = {name: np.full(len(rows.members), np.nan) for name in SCORE_COLUMNS}
    shares = _format_shares(rows, company, settings)
    known = _profit_known(rows)
    weights = settings.weights
    facts = []
    for currency, format_, group in rows.groups:
        active = group[rows.sums["visits"][group] > 0]
        share = shares.get((currency, format_), 0.0)
        columns["format_share"][group] = share
        sums = {name: values[active] for name, values in rows.sums.items()}
        measured = score_format(
            FormatRows(
                sums["money"], sums["visits"], sums["receipts"], worth[active], known[active], sums["regular_money"]
            ),
            (weights.spend, weights.visits, weights.profit, weights.regular),
            settings.shrinkage_tickets,
        )  # fmt: skip
        scored = len(active) >= settings.active_min
        columns["regular_share"][active] = measured.regular_share
        if scored:
            for name in ("score", "pr_spend", "pr_visits", "pr_profit", "pr_regular"):
                columns[name][active] = getattr(measured, name)
        facts.append(
            FormatFacts(
                currency,
                format_,
                share,
                len(active),
                scored,
                measured.shrinkage,
                measured.rho,
                company.get((currency, format_)),
            )
        )
    return _Scored(columns, facts)


def overall_scores(rows: Rows, scored: _Scored, active_min: int) -> Floats:
    """100 x the mid-rank of the sum of a_f x score_f, among members of a currency with a score anywhere; NaN: none."""
    has = ~np.isnan(scored.columns["score"])
    parts = np.where(has, scored.columns["format_share"] * np.where(has, scored.columns["score"], 0.0), 0.0)
    # One format after the other, in the order of their names: the same floats whatever else changes.
    index = np.zeros(len(rows.starts))
    for code in range(len(rows.formats)):
        of_format = rows.format == code
        index[rows.owner[of_format]] += parts[of_format]
    anywhere = rows.per_member(has.astype(np.int64)) > 0
    currency = rows.currency[rows.starts]
    overall = np.full(len(rows.starts), np.nan)
    for code in range(len(rows.currencies)):
        ranked = anywhere & (currency == code)
        if ranked.sum() >= active_min:
            overall[ranked] = 100.0 * mid_ranks(index[ranked])
    return overall


def maybe(values: Integers | Floats, there: Flags, type_: pa.DataType) -> pa.Array:
    """A column with nulls where it is not there."""
    return pa.array(values, type_, mask=~there)


def format_table(rows: Rows, scored: _Scored, points: Integers, contact: Integers) -> pa.Table:
    """The rows with anything in the window, with scores and what they came from."""
    inside = rows.sums["days"] > 0
    known = _profit_known(rows)[inside]
    columns: dict[str, pa.Array] = {
        "member_id": pa.array(rows.members[inside]),
        "currency": pa.array(rows.currencies, pa.string()).take(pa.array(rows.currency[inside])),
        "format": pa.array(rows.formats, pa.string()).take(pa.array(rows.format[inside])),
    }
    for name in SUMS:
        columns[name] = pa.array(rows.sums[name][inside])
    columns["profit"] = maybe(rows.sums["profit"][inside], known, pa.int64())
    columns["points_cost"] = pa.array(points[inside])
    columns["contact_cost"] = pa.array(contact[inside])
    value = (rows.sums["profit"] - points - contact)[inside]
    columns["contribution_value"] = maybe(value, known, pa.int64())
    for name in SCORE_COLUMNS:
        floats = scored.columns[name][inside]
        columns[name] = maybe(floats, ~np.isnan(floats), pa.float64())
    return pa.table(columns)


def member_table(rows: Rows, overall: Floats, points: Integers, contact: Integers) -> pa.Table:
    """One row a member and currency; `contribution_class` is still empty."""
    sums = {name: rows.per_member(values) for name, values in rows.sums.items()}
    points, contact = rows.per_member(points), rows.per_member(contact)
    inside = sums["days"] > 0
    # Known, if anything is: or else the sum of all values would not be the profit that is known.
    known = (rows.per_member((_profit_known(rows) & (rows.sums["days"] > 0)).astype(np.int64)) > 0) | ~inside
    regular, promoted = sums["regular_money"], sums["money"] - sums["regular_money"]
    ratio = np.divide(regular, promoted, out=np.zeros(len(regular)), where=promoted > 0)
    first = np.where(rows.first == NEVER, np.iinfo(np.int64).max, rows.first)
    first = np.minimum.reduceat(first, rows.starts) if len(rows.starts) else first
    last = np.maximum.reduceat(rows.last, rows.starts) if len(rows.starts) else rows.last
    bought = last != NEVER
    columns: dict[str, pa.Array] = {
        "member_id": pa.array(rows.members[rows.starts]),
        "currency": pa.array(rows.currencies, pa.string()).take(pa.array(rows.currency[rows.starts])),
        "contribution_score": maybe(overall, ~np.isnan(overall), pa.float64()),
        "contribution_class": pa.nulls(len(rows.starts), pa.string()),
        "contribution_value": maybe(sums["profit"] - points - contact, known, pa.int64()),
        "regular_ratio": maybe(ratio, promoted > 0, pa.float64()),
    }
    for name in SUMS:
        columns[name] = pa.array(sums[name])
    columns["profit"] = maybe(sums["profit"], known, pa.int64())
    columns["points_cost"] = pa.array(points)
    columns["contact_cost"] = pa.array(contact)
    for name, days in (("first_purchase", first), ("last_purchase", last)):
        columns[name] = maybe(np.where(bought, days, 0), bought, pa.int32()).cast(pa.date32())
    return pa.table(columns)


def worth_by_currency(members: pa.Table) -> dict[str, tuple[Integers, Integers, str]]:
    """By currency: its rows, what ranks them, and which basis that is.

    The basis is G (nothing, where it is unknown), or spend if no profit at all is known in the currency.
    """
    currencies, codes = _coded(members["currency"])
    value = pc.fill_null(members["contribution_value"], 0).to_numpy()
    told = (members["known_profit_spend"].to_numpy() != 0) | (pc.fill_null(members["profit"], 0).to_numpy() != 0)
    answer = {}
    for code, currency in enumerate(currencies):
        rows = np.flatnonzero(codes == code)
        if told[rows].any():
            answer[currency] = (rows, value[rows], "profit")
        else:
            answer[currency] = (rows, members["money"].to_numpy()[rows], "spend")
    return answer


def class_column(members: pa.Table, expected: Flags, as_of: date, settings: ContributionSettings) -> pa.Array:
    """The class of each row, currency by currency; `expected`: potential rises, or profit is predicted."""
    names = np.full(len(members), "", dtype=object)
    first = _day_numbers(members["first_purchase"])
    today = (as_of - date(1970, 1, 1)).days
    ages = np.where(first == NEVER, np.iinfo(np.int64).max // 2, today - first)
    for rows, worth, _ in worth_by_currency(members).values():
        names[rows] = classes(
            worth, ages[rows], expected[rows],
            (settings.platinum_percent, settings.gold_percent), (settings.new_days, settings.lead_days),
        )  # fmt: skip
    return pa.array(names, pa.string())


def _sum(members: pa.Table, name: str, rows: Integers) -> int:
    return int(pc.fill_null(members[name], 0).to_numpy()[rows].sum())


def currency_facts(members: pa.Table, settings: ContributionSettings) -> list[CurrencyFacts]:
    """What the classes are measured against, by currency."""
    facts = []
    for currency, (rows, worth, basis) in worth_by_currency(members).items():
        platinum, gold = best_two(worth, settings.platinum_percent, settings.gold_percent)
        spend = _sum(members, "spend", rows)
        facts.append(
            CurrencyFacts(
                currency,
                basis,
                len(rows),
                int((members["visits"].to_numpy()[rows] > 0).sum()),
                _sum(members, "profit", rows),
                _sum(members, "points_cost", rows),
                _sum(members, "contact_cost", rows),
                int(np.maximum(worth, 0).sum()),
                _sum(members, "known_profit_spend", rows) / spend if spend else None,
                int(worth[platinum].min()) if platinum.any() else None,
                int(worth[gold].min()) if gold.any() else None,
            )
        )
    return facts


def concentration_table(members: pa.Table) -> pa.Table:
    """The curve of each currency, 101 points: see `contribution_rules.concentration`."""
    schema = pa.schema(
        {
            "currency": pa.string(), "member_percent": pa.int64(), "members": pa.int64(), "worth": pa.int64(),
            "worth_percent": pa.float64(),
        }
    )  # fmt: skip
    points = [
        {
            "currency": currency, "member_percent": point.member_percent, "members": point.members,
            "worth": point.worth, "worth_percent": point.worth_percent,
        }
        for currency, (_, worth, _) in worth_by_currency(members).items()
        for point in concentration(worth)
    ]  # fmt: skip
    return pa.Table.from_pylist(points, schema)


def contribution_of(
    sums: pa.Table,
    anonymous: CompanyProfit,
    as_of: date,
    settings: ContributionSettings,
    contact_costs: pa.Table | None = None,
) -> Contribution:
    """All tables of a run from the sums of the roll-up.

    `sums` has member_id, currency, format, the SUMS, `days` (rows of the window), `points_micro` and first and last
    purchase, in any order; `anonymous` is the profit of sales to nobody in the window by (currency, format).
    """
    rows = in_order(sums)
    points = points_costs(rows)
    contact = contact_costs_of(rows, contact_costs)
    company = company_profit(rows, anonymous)
    scored = score_formats(rows, rows.sums["profit"] - points - contact, company, settings)
    members = member_table(rows, overall_scores(rows, scored, settings.active_min), points, contact)
    nothing_expected = np.zeros(len(members), dtype=bool)
    return Contribution(
        as_of,
        with_classes(members, nothing_expected, as_of, settings),
        format_table(rows, scored, points, contact),
        concentration_table(members),
        tuple(scored.facts),
        tuple(currency_facts(members, settings)),
    )


def with_classes(members: pa.Table, expected: Flags, as_of: date, settings: ContributionSettings) -> pa.Table:
    """The same table with its `contribution_class` filled in."""
    place = members.schema.get_field_index("contribution_class")
    return members.set_column(place, "contribution_class", class_column(members, expected, as_of, settings))
