"""Potential: where each member is heading, and what the horizon after `as_of` will probably bring.

Three things, side by side: the direction (RETAIL's two of three over six sub-periods of 28 days), the change in what is
bought, and a prediction by whichever model did best on the retailer's own past. Per currency; of every format too.

Only the lake's rows before `as_of` are read. The same rows give the same bytes, in whatever files they lie.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from scipy.stats import rankdata

from analytics.lake.reading import Lake
from analytics.prediction.forecast import BackTest, Fitted, Predicted, fit
from analytics.prediction.history import Floats, History, Ints
from analytics.prediction.trials import Model
from analytics.scores.category_change import CategoryChanges, category_changes
from analytics.scores.direction import PERIODS, Direction, Heading, heading
from analytics.scores.member_days import (
    MemberDays,
    Periods,
    currencies,
    day_number,
    day_of,
    periods,
    profit_rates,
    read_days,
)
from analytics.scores.model_tests import LifeFigures, ModelTest

FORMAT_MEMBERS_MIN = 100
"""A format with fewer members is predicted with what was learned of all."""
FORMAT_LEARN_MEMBERS = 4_000
PROFIT_DAYS = 365

MEMBERS = pa.schema(
    [
        pa.field("member_id", pa.int64(), nullable=False),
        pa.field("currency", pa.string(), nullable=False),
        pa.field("direction", pa.string(), nullable=False),
        # Growth in per cent a sub-period of 28 days; null where it cannot be told.
        pa.field("slope_spend", pa.float64()),
        pa.field("slope_visits", pa.float64()),
        pa.field("slope_ticket", pa.float64()),
        # The six sub-periods, oldest first, without season; a ticket is null where there was no visit.
        pa.field("period_spend", pa.list_(pa.float64())),
        pa.field("period_visits", pa.list_(pa.float64())),
        pa.field("period_ticket", pa.list_(pa.float64())),
        pa.field("potential_score", pa.float64(), nullable=False),
        pa.field("predicted_spend", pa.int64(), nullable=False),
        pa.field("predicted_profit", pa.int64()),
        pa.field("predicted_visits", pa.float64(), nullable=False),
        pa.field("probability_alive", pa.float64(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("probability_model", pa.string(), nullable=False),
        pa.field("categories_entered", pa.list_(pa.int32()), nullable=False),
        pa.field("categories_left", pa.list_(pa.int32()), nullable=False),
        pa.field("categories_grown", pa.list_(pa.int32()), nullable=False),
    ]
)
FORMATS = pa.schema(
    [
        pa.field("member_id", pa.int64(), nullable=False),
        pa.field("currency", pa.string(), nullable=False),
        pa.field("format", pa.string(), nullable=False),
        pa.field("predicted_spend", pa.int64(), nullable=False),
        pa.field("probability_alive", pa.float64(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Potential:
    """`members` (schema MEMBERS) sorted by member and currency; `formats` (FORMATS) by member, currency and format.

    A member's `predicted_spend` over the formats adds up to that of the member.
    """

    members: pa.Table
    formats: pa.Table
    back_tests: list[ModelTest]
    life: list[LifeFigures]


def _untold(_step: str) -> None:
    """Nobody asked how far it is."""


def potential(lake: Lake, as_of: date, horizon_days: int, on_step: Callable[[str], None] = _untold) -> Potential:
    """Scores every member who bought (or brought back) anything before `as_of` (exclusive), for the days after it.

    `on_step` is told what begins: `read`, `direction`, `fit`, `predict`, `categories`, `done`, some of them more than
    once; for progress, and to show the time of fitting apart.
    `horizon_days` is 1 or more.
    """
    assert horizon_days > 0
    on_step("read")
    found = [_of_currency(lake, each, as_of, horizon_days, on_step) for each in currencies(lake, as_of)]
    members = _sorted(MEMBERS, [_member_table(each) for each in found], ["member_id", "currency"])
    formats = _sorted(FORMATS, [each.formats for each in found], ["member_id", "currency", "format"])
    on_step("done")
    return Potential(
        members, formats, [row for each in found for row in each.back_tests], [each.life for each in found]
    )


@dataclass(frozen=True, slots=True)
class _OfCurrency:
    """What was found in one currency; arrays have one value a member of `members`."""

    currency: str
    members: Ints
    periods: Periods
    heading: Heading
    predicted: Predicted
    profit: Floats | None
    changes: CategoryChanges
    models: tuple[Model, Model]
    formats: pa.Table
    back_tests: list[ModelTest]
    life: LifeFigures


def _of_currency(
    lake: Lake, currency: str, as_of: date, horizon_days: int, on_step: Callable[[str], None]
) -> _OfCurrency:
    on_step("read")
    today = day_number(as_of)
    days = read_days(lake, currency, as_of)
    history = days.history()
    rates = profit_rates(lake, currency, as_of, history.members, PROFIT_DAYS)
    on_step("direction")
    sub_periods = periods(days, history, today)
    where = heading(sub_periods.spend, sub_periods.visits, sub_periods.visit_count, sub_periods.known_for_all)
    on_step("fit")
    fitted = fit(history, today, horizon_days)
    on_step("predict")
    predicted = fitted.predict(history)
    formats, of_formats = _by_format(days, history, currency, today, horizon_days, fitted, predicted, on_step)
    on_step("categories")
    changes = category_changes(lake, currency, as_of, history.members)
    return _OfCurrency(
        currency,
        history.members,
        sub_periods,
        where,
        predicted,
        None if rates is None else predicted.spend * rates,
        changes,
        (fitted.back_test.spend_model, fitted.back_test.chance_model),
        formats,
        [*rows_of_test(currency, None, fitted.back_test), *of_formats],
        _life_figures(currency, fitted),
    )


# ---------------------------------------------------------------------------------------------------- formats
def _by_format(
    days: MemberDays,
    history: History,
    currency: str,
    today: int,
    horizon_days: int,
    fitted: Fitted,
    predicted: Predicted,
    on_step: Callable[[str], None],
) -> tuple[pa.Table, list[ModelTest]]:
    """Each format's own prediction, then brought to add up, for each member, to what is predicted of them altogether.

    A currency of one format is predicted once: that is the format's prediction. A format too small to be learned by
    itself is predicted with what was learned of all. Formats go without trees, which cost most and, with the total
    given, change only how it is shared out.
    """
    if len(days.formats) == 1:
        whole = _format_table(currency, days.formats[0], history.members, predicted, fitted)
        return whole, rows_of_test(currency, days.formats[0], fitted.back_test)
    tables, rows = [], []
    for number, name in enumerate(days.formats):
        own = days.history_of(number)
        on_step("fit")
        of_format = fitted
        if len(own) >= FORMAT_MEMBERS_MIN:
            of_format = fit(own, today, horizon_days, FORMAT_LEARN_MEMBERS, with_trees=False)
        on_step("predict")
        tables.append(_format_table(currency, name, own.members, of_format.predict(own), of_format))
        if of_format is not fitted:
            rows += rows_of_test(currency, name, of_format.back_test)
    return _adding_up(pa.concat_tables(tables), history.members, predicted.spend), rows


def _format_table(currency: str, name: str, members: Ints, predicted: Predicted, fitted: Fitted) -> pa.Table:
    return pa.table(
        [
            members,
            _constant(currency, len(members)),
            _constant(name, len(members)),
            _rounded(predicted.spend),
            predicted.chance,
            _constant(fitted.back_test.spend_model.value, len(members)),
        ],
        schema=FORMATS,
    )


def _adding_up(formats: pa.Table, members: Ints, spend: Floats) -> pa.Table:
    """Shares out each member's whole prediction over the formats, in proportion to what each predicts by itself.

    Whole minor units: each row gets the difference of two rounded running totals. A member of whom every format
    predicts nothing gets the whole in equal parts.
    """
    formats = formats.sort_by([("member_id", "ascending"), ("format", "ascending")])
    owner = np.searchsorted(members, formats["member_id"].to_numpy())
    own = formats["predicted_spend"].to_numpy().astype(np.float64)
    sums = np.bincount(owner, weights=own, minlength=len(members))
    rows = np.bincount(owner, minlength=len(members))
    nothing = sums[owner] <= 0
    share = np.where(nothing, 1.0 / rows[owner], own / np.where(nothing, 1.0, sums[owner]))
    whole = _rounded(spend)[owner]
    first = np.flatnonzero(np.append(True, owner[1:] != owner[:-1]))
    running = np.cumsum(share)
    before = np.repeat(running[first] - share[first], np.diff(np.append(first, len(owner))))
    upto = _rounded(whole * np.clip(running - before, 0.0, 1.0))
    last = np.append(owner[1:] != owner[:-1], True)
    upto[last] = whole[last]
    mine = np.diff(upto, prepend=0)
    mine[first] = upto[first]
    place = formats.schema.get_field_index("predicted_spend")
    return formats.set_column(place, FORMATS.field("predicted_spend"), pa.array(mine))


# ---------------------------------------------------------------------------------------------------- members
def _member_table(found: _OfCurrency) -> pa.Table:
    where, predicted, count = found.heading, found.predicted, len(found.members)
    spend = _rounded(predicted.spend)
    return pa.table(
        [
            found.members,
            _constant(found.currency, count),
            where.direction,
            *(_maybe(100.0 * each.growth) for each in (where.spend, where.visits, where.ticket)),
            _lists(found.periods.spend),
            _lists(found.periods.visits),
            _lists(found.periods.ticket),
            potential_score(spend, where),
            spend,
            pa.nulls(count, pa.int64()) if found.profit is None else _rounded(found.profit),
            predicted.visits,
            predicted.chance,
            _constant(found.models[0].value, count),
            _constant(found.models[1].value, count),
            found.changes.entered,
            found.changes.left,
            found.changes.grown,
        ],
        schema=MEMBERS,
    )


def potential_score(predicted_spend: Ints, where: Heading) -> Floats:
    """0 to 100: the mid-rank percentile, among all members of the currency, of the mean of two percentiles: that of
    predicted spend, and that of growth (the mean of the slopes that there are).

    So half of it is how much is to come, half where it is going. Who has no direction yet has a growth in the middle.
    """
    growths = np.column_stack([where.spend.growth, where.visits.growth, where.ticket.growth])
    known = ~np.isnan(growths)
    known[where.direction == Direction.INSUFFICIENT.value] = False
    told = known.any(axis=1)
    growth = np.where(known, growths, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    going = np.full(len(growth), 50.0)
    going[told] = percentile(growth[told])
    return percentile((percentile(predicted_spend.astype(np.float64)) + going) / 2.0)


def percentile(values: Floats) -> Floats:
    """The mid-rank percentile of each value among all of them: 100 x (rank - 1/2) / n, ties sharing their ranks."""
    ranks: Floats = 100.0 * (rankdata(values) - 0.5) / max(len(values), 1)
    return ranks


# ---------------------------------------------------------------------------------------------------- back-tests
def rows_of_test(currency: str, format: str | None, tested: BackTest) -> list[ModelTest]:
    """A test as flat rows; a group without one says by what it was predicted, and why."""

    def row(target: str, model: Model, chosen: bool, **figures: float | None) -> ModelTest:
        every = dict.fromkeys(_FIGURES) | figures
        return ModelTest(
            currency=currency,
            format=format,
            target=target,
            model=model.value,
            chosen=chosen,
            members=tested.members,
            horizon_days=tested.horizon_days,
            days=tuple(day_of(day) for day in tested.days),
            reason=tested.reason,
            **every,
        )

    rows = [
        row(
            "spend",
            trial.model,
            trial.model is tested.spend_model,
            margin=_better(trial.mae, tested.spend[0].mae),
            spearman=trial.spearman,
            mae=trial.mae,
            top_decile_share=trial.top_decile_share,
            total_ratio=trial.total_ratio,
            least_chance=trial.least_chance,
        )
        for trial in tested.spend
    ]
    rows += [
        row(
            "probability",
            trial.model,
            trial.model is tested.chance_model,
            margin=_better(trial.brier, tested.chance[0].brier),
            brier=trial.brier,
            auc=trial.auc,
        )
        for trial in tested.chance
    ]
    return rows or [row("spend", tested.spend_model, True), row("probability", tested.chance_model, True)]


_FIGURES = ("margin", "spearman", "mae", "top_decile_share", "total_ratio", "least_chance", "brier", "auc")


def _better(error: float, base: float) -> float:
    return 100.0 * (1.0 - error / base) if base > 0 else 0.0


def _life_figures(currency: str, fitted: Fitted) -> LifeFigures:
    bought, ticket, used = fitted.life.bg_nbd, fitted.life.ticket, fitted.life.purchases
    return LifeFigures(
        currency=currency,
        r=bought.r if bought else None,
        alpha=bought.alpha if bought else None,
        a=bought.a if bought else None,
        b=bought.b if bought else None,
        p=ticket.p if ticket else None,
        q=ticket.q if ticket else None,
        gamma=ticket.gamma if ticket else None,
        modified=used is not None and used.modified,
    )


# ---------------------------------------------------------------------------------------------------- columns
def _rounded(amounts: Floats) -> Ints:
    return np.rint(amounts).astype(np.int64)


def _constant(word: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(word), count)


def _maybe(values: Floats) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))


def _lists(rows: Floats) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(_maybe(rows.ravel()), PERIODS).cast(pa.list_(pa.float64()))


def _sorted(schema: pa.Schema, tables: Sequence[pa.Table], keys: Sequence[str]) -> pa.Table:
    if not tables:
        return schema.empty_table()
    return pa.concat_tables(tables).sort_by([(key, "ascending") for key in keys]).combine_chunks()
