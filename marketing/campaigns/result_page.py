"""The result of a campaign in words and charts, for somebody who never heard of an interval."""

from collections.abc import Callable, Mapping
from typing import Any

from foundation.pages import gettext
from foundation.pages.charts import Interval, intervals
from foundation.pages.formats import day, moment, money, number
from marketing.campaigns.plans import Measured
from marketing.campaigns.results import BEFORE_DAYS, CurrencyEffects, Effect, Results
from marketing.campaigns.rules import Arm
from marketing.campaigns.words import ARMS, MEASURES, MESSAGE_STATES, REASONS, WHY
from marketing.experiments.rules import Lift, Verdict

KINDS: Mapping[Verdict, str] = {
    Verdict.GAIN: "good",
    Verdict.LOSS: "danger",
    Verdict.UNCLEAR: "open",
    Verdict.TOO_FEW: "open",
}
DASH = "–"


def view(results: Results) -> dict[str, Any]:
    """What the template of the result needs."""
    headline = results.headline
    return {
        "verdict": _verdict(results),
        "currencies": [currency_view(each) for each in _ordered(results)],
        "money": _money(results),
        "groups": _groups(results),
        "reached": _reached(results),
        "as_treated": _as_treated(headline, results) if headline is not None else None,
        "company": _company(headline) if headline is not None else None,
        "before_days": BEFORE_DAYS,
    }


def _ordered(results: Results) -> list[CurrencyEffects]:
    """The company's currency first."""
    headline = results.headline
    return sorted(
        results.currencies, key=lambda each: (headline is None or each.currency != headline.currency, each.currency)
    )


# ------------------------------------------------------------------------------------------------ the sentence
def _verdict(results: Results) -> dict[str, str]:
    headline = results.headline
    lift = headline.of(results.goal_measure).lift if headline is not None else None
    currency = headline.currency if headline is not None else ""
    return {
        "kind": KINDS[results.verdict],
        "words": _sentence(results, lift, currency),
        "detail": _detail(results, lift, currency),
        "when": _when(results),
    }


def _sentence(results: Results, lift: Lift | None, currency: str) -> Any:
    if lift is None or results.verdict is Verdict.TOO_FEW:
        return gettext("Not enough members to tell.")
    amount = _say(results.goal_measure, currency)
    total = abs(lift.total or 0)
    if results.verdict is Verdict.UNCLEAR:
        return gettext("No effect that chance could not explain.")
    if results.verdict is Verdict.LOSS:
        return gettext(
            "It cost us: %(amount)s less than without it.", amount=_thing(results.goal_measure, amount(total))
        )
    return gettext("It worked: %(amount)s more than without it.", amount=_thing(results.goal_measure, amount(total)))


def _thing(measure: Measured, amount: str) -> Any:
    """12,000.00 of sales, 30 visits."""
    if measure is Measured.SALES:
        return gettext("%(amount)s of sales", amount=amount)
    if measure is Measured.PROFIT:
        return gettext("%(amount)s of profit", amount=amount)
    return gettext("%(amount)s visits", amount=amount)


def _detail(results: Results, lift: Lift | None, currency: str) -> Any:
    if lift is None or lift.total_low is None or lift.total_high is None or lift.smallest_visible is None:
        return gettext(
            "Got it: %(treated)s, kept back: %(held)s. Each group needs at least 50 members, and 30 of both together "
            "must have bought something.",
            treated=number(results.groups[Arm.TREATED]),
            held=number(results.groups[Arm.HELD_OUT]),
        )
    say = _say(results.goal_measure, currency)
    between = gettext("Most likely between %(low)s and %(high)s.", low=say(lift.total_low), high=say(lift.total_high))
    if results.verdict is not Verdict.UNCLEAR:
        return between
    visible = gettext(
        "With groups of this size, an effect below about %(visible)s a member cannot be seen: that does not mean there "
        "was none.",
        visible=say(lift.smallest_visible),
    )
    return f"{between} {visible}"


def _when(results: Results) -> Any:
    if results.is_over:
        days = gettext("Measured from %(first)s to %(last)s.", first=day(results.first_day), last=day(results.last_day))
    else:
        passed = (results.last_day - results.first_day).days + 1
        days = gettext("So far: day %(passed)s of %(planned)s.", passed=passed, planned=results.days_planned)
    if results.complete_until is None:
        return days
    are_in = gettext("Sales until %(moment)s are in.", moment=moment(results.complete_until))
    return f"{days} {are_in}"


# ------------------------------------------------------------------------------------------------ figures
def _say(measure: Measured, currency: str) -> Callable[[float], str]:
    """How a figure of a measure is written."""
    if measure is Measured.VISITS:
        return lambda value: f"{value:,.2f}".rstrip("0").rstrip(".") if abs(value) < 100 else number(round(value))
    return lambda value: money(round(value), currency)


def _signed(text: str, value: float) -> str:
    return f"+{text}" if value > 0 else text


def currency_view(found: CurrencyEffects) -> dict[str, Any]:
    """Figures, charts and rows of one currency. `told`: there is an interval to draw."""
    unknown = gettext("not enough members to tell")

    def row(measure: Measured) -> Interval:
        lift = found.of(measure).lift
        return Interval(str(MEASURES[measure]), _scaled(measure, lift.total_low), _scaled(measure, lift.total),
                        _scaled(measure, lift.total_high), _interval_words(measure, lift, found.currency))  # fmt: skip

    return {
        "code": found.currency,
        "told": any(found.of(measure).lift.total_low is not None for measure in Measured),
        "stats": [_stat(found.of(measure), found.currency) for measure in Measured],
        "rows": [_row(found.of(measure), found.currency) for measure in Measured],
        "money_chart": intervals(
            gettext("What it brought, %(currency)s", currency=found.currency),
            gettext("Sales and profit beyond what would have come without, with 95 %% intervals"),
            [row(Measured.SALES), row(Measured.PROFIT)],
            columns=(gettext("Measure"), gettext("Between")),
            unknown=unknown,
        ),
        "visits_chart": intervals(
            gettext("Visits it brought"),
            gettext("Visits beyond what would have come without, with a 95 %% interval"),
            [row(Measured.VISITS)],
            columns=(gettext("Measure"), gettext("Between")),
            unknown=unknown,
        ),
        "profit_note": _profit_note(found.profit_known),
    }


def _scaled(measure: Measured, value: int | None) -> float | None:
    """Charts speak of whole money, not of its minor units."""
    return None if value is None else float(value) if measure is Measured.VISITS else value / 100


def _interval_words(measure: Measured, lift: Lift, currency: str) -> Any:
    if lift.total is None or lift.total_low is None or lift.total_high is None:
        return gettext("not enough members to tell")
    say = _say(measure, currency)
    return f"{say(lift.total)} ({say(lift.total_low)} … {say(lift.total_high)})"


def _stat(effect: Effect, currency: str) -> dict[str, str]:
    lift, say = effect.lift, _say(effect.measure, currency)
    labels = {
        Measured.SALES: gettext("Sales it brought"),
        Measured.PROFIT: gettext("Profit it brought"),
        Measured.VISITS: gettext("Visits it brought"),
    }
    if lift.total is None or lift.total_low is None or lift.total_high is None:
        return {
            "label": labels[effect.measure],
            "value": "?",
            "note": gettext("not enough members to tell"),
            "kind": "",
        }
    between = gettext("between %(low)s and %(high)s", low=say(lift.total_low), high=say(lift.total_high))
    return {
        "label": labels[effect.measure],
        "value": _signed(say(lift.total), lift.total),
        "note": between,
        "kind": {"open": "", "good": "good", "danger": "danger"}[KINDS[lift.verdict]],
    }


def _row(effect: Effect, currency: str) -> tuple[Any, ...]:
    lift, say = effect.lift, _say(effect.measure, currency)
    means = (say(lift.treated_mean), say(lift.control_mean) if lift.control else DASH)
    if lift.per_member is None or lift.low is None or lift.high is None:
        return (MEASURES[effect.measure], *means, DASH, gettext("not enough members to tell"))
    difference = _signed(say(lift.per_member), lift.per_member)
    return (MEASURES[effect.measure], *means, difference, f"{say(lift.low)} … {say(lift.high)}")


def _profit_note(known: float | None) -> Any:
    if known is None or known > 0.995:
        return ""
    return gettext(
        "The profit is known for %(share)s %% of sales; the rest counts as none.", share=f"{known * 100:.0f}"
    )


def _money(results: Results) -> list[tuple[Any, Any]]:
    costs, returned, currency = results.costs, results.returned, results.costs.currency
    unknown = gettext("not enough members to tell")
    rows = [(gettext("Profit it brought"), unknown if returned.profit is None else money(returned.profit, currency))]
    rows += [
        (gettext("Messages"), money(-costs.messages, currency)),
        (gettext("Calls"), money(-costs.calls, currency)),
        (gettext("Extra points, as expected to be used"), money(-costs.points, currency)),
    ]
    left = unknown if returned.left is None else money(returned.left, currency)
    rows.append((gettext("What remains of it"), left))
    if returned.left_low is not None and returned.left_high is not None:
        between = f"{money(returned.left_low, currency)} … {money(returned.left_high, currency)}"
        rows.append((gettext("Most likely between"), between))
    if results.coupons is not None:
        used = gettext(
            "%(used)s of %(issued)s, %(amount)s off",
            used=number(results.coupons.redeemed),
            issued=number(results.coupons.issued),
            amount=money(results.coupons.amount, costs.coupon_currency or currency),
        )
        rows.append((gettext("Coupons used"), used))
    if results.multiplier is not None:
        rows.append((gettext("Extra points earned"), number(results.multiplier.extra_points)))
    return rows


# ------------------------------------------------------------------------------------------------ people
def _groups(results: Results) -> list[tuple[Any, Any]]:
    rows = [(ARMS[arm][0], number(count)) for arm, count in results.groups.items()]
    return rows + [(f"{ARMS[Arm.LEFT_OUT][0]}: {WHY.get(why, why)}", number(n)) for why, n in results.left_out.items()]


def _reached(results: Results) -> list[tuple[Any, Any]]:
    messages, calls = gettext("Messages"), gettext("Calls")
    rows = []
    for part in results.messages:
        words = MESSAGE_STATES[part.state.value][0]
        reason = f" ({REASONS[part.reason]})" if part.reason is not None else ""
        rows.append((f"{messages}: {words}{reason}", number(part.count)))
    if results.calls is not None:
        for state, count in results.calls.by_state.items():
            rows.append((f"{calls}: {MESSAGE_STATES[state.value][0]}", number(count)))
    return rows


def _as_treated(headline: CurrencyEffects, results: Results) -> list[tuple[Any, Any]] | None:
    if not results.messages and results.calls is None:
        return None
    effect = headline.of(results.goal_measure)
    say = _say(results.goal_measure, headline.currency)
    reached = effect.reached
    measure = MEASURES[results.goal_measure]
    per = DASH if reached.per_reached is None else _signed(say(reached.per_reached), reached.per_reached)
    return [
        (gettext("Reached"), number(reached.count)),
        (gettext("%(measure)s of those reached, each", measure=measure), say(reached.mean)),
        (gettext("%(measure)s of the other treated, each", measure=measure), say(reached.mean_of_others)),
        (gettext("The effect, if it came through them alone, each"), per),
    ]


def _company(headline: CurrencyEffects) -> list[tuple[Any, Any]] | None:
    lifts = {measure: headline.of(measure).against_company for measure in Measured}
    control = lifts[Measured.SALES].control
    if not control:
        return None
    rows = [(gettext("Members of it on this list"), number(control))]
    for measure, lift in lifts.items():
        words = gettext("%(measure)s a member", measure=MEASURES[measure])
        rows.append((words, _per_member(measure, lift, headline.currency)))
    return rows


def _per_member(measure: Measured, lift: Lift, currency: str) -> Any:
    if lift.per_member is None or lift.low is None or lift.high is None:
        return gettext("not enough members to tell")
    say = _say(measure, currency)
    return f"{_signed(say(lift.per_member), lift.per_member)} ({say(lift.low)} … {say(lift.high)})"
