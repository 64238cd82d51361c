"""What came of a campaign, read from a real lake: by intention, with an interval, or "not enough members to tell"."""

from collections.abc import Iterable
from datetime import date, timedelta

import numpy as np
import pytest

from foundation.clock import FixedClock
from foundation.database import Database
from marketing.campaigns import operations
from marketing.campaigns.launching import work_on
from marketing.campaigns.plans import Goal, Measured, MultiplierPlan, StepPlan, Treatment, Way, Words
from marketing.campaigns.results import Results, results_of
from marketing.campaigns.rules import Arm, CampaignStateWrong
from marketing.campaigns.storage import Campaign
from marketing.experiments.rules import Verdict
from tests.analytics.lake_factory import LineFacts, write_lake
from tests.marketing.campaigns.factories import (
    COUPON,
    LETTER,
    a_draft,
    a_list,
    arms_of,
    launched,
    many_members,
    marketer,
    next_day,
    now,
)

MEMBERS = 600


@pytest.fixture
def members(database: Database) -> int:
    """A list of 600."""
    with database.transaction() as tx:
        many_members(tx, MEMBERS)
        return a_list(tx)


def _results(database: Database, campaign: Campaign) -> Results:
    with database.transaction(read_only=True) as tx:
        return results_of(tx, now(database, campaign.id))


def _buy(database: Database, day: date, amounts: Iterable[tuple[int, int]], **facts: object) -> None:
    """A receipt for each member and amount; a fifth of it is profit."""
    rows = [
        LineFacts(day, amount, member, **{"profit": amount // 5} | facts)  # type: ignore[arg-type]
        for member, amount in amounts
        if amount
    ]
    write_lake(database, rows)


def _spend(seed: object) -> dict[int, int]:
    """Zero-inflated lognormal spend of every member."""
    generator = np.random.default_rng(seed)  # type: ignore[arg-type]
    amounts = np.where(generator.random(MEMBERS) < 0.55, 3_000 * generator.lognormal(0, 1.1, MEMBERS), 0)
    return {member: int(amount) for member, amount in enumerate(amounts, 1)}


def test_a_gain_is_told_with_what_it_cost_and_what_is_left(database: Database, clock: FixedClock, members: int) -> None:
    campaign = launched(database, members, measure_days=7)
    assert campaign.started_on is not None
    treated = sorted(arms_of(database, campaign.id)["treated"])
    _buy(database, campaign.started_on - timedelta(days=10), _spend(1).items())
    _buy(database, campaign.started_on, _spend(1).items())
    _buy(database, campaign.started_on + timedelta(days=2), [(member, 4_000) for member in treated])
    next_day(clock, 3)
    results = _results(database, campaign)
    assert (results.verdict, results.is_over, results.last_day) == (Verdict.GAIN, False, next_day(clock, 0))
    headline = results.headline
    assert headline is not None
    sales, profit, visits = (headline.of(measure).lift for measure in Measured)
    # What was bought before explains everything but what was planted.
    assert sales.per_member == pytest.approx(4_000, abs=1)
    assert profit.per_member == pytest.approx(800, abs=1)
    assert visits.per_member == pytest.approx(1, abs=0.01)
    assert sales.total == pytest.approx(4_000 * len(treated), abs=len(treated))
    assert headline.profit_known == 1
    returned = results.returned
    assert returned.profit == profit.total
    assert returned.costs == 0
    assert returned.left == profit.total


def test_returns_and_late_sales_change_the_result(database: Database, clock: FixedClock, members: int) -> None:
    campaign = launched(database, members, measure_days=7)
    assert campaign.started_on is not None
    treated = sorted(arms_of(database, campaign.id)["treated"])
    _buy(database, campaign.started_on, _spend(2).items())
    _buy(database, campaign.started_on, [(member, 3_000) for member in treated])
    next_day(clock, 10)
    first = _results(database, campaign)
    # What was bought comes back within the days that are measured; the receipts arrive afterwards.
    _buy(database, campaign.started_on + timedelta(days=4), [(member, -3_000) for member in treated], type="return")
    second = _results(database, campaign)
    assert first.headline is not None
    assert second.headline is not None
    before, after = (each.headline.of(Measured.SALES).lift for each in (first, second) if each.headline)
    assert before.per_member is not None
    assert after.per_member is not None
    assert before.per_member - after.per_member == pytest.approx(3_000, abs=1)
    assert second.position > first.position


def test_what_is_bought_after_the_window_does_not_count(database: Database, clock: FixedClock, members: int) -> None:
    campaign = launched(database, members, measure_days=7)
    assert campaign.started_on is not None
    treated = sorted(arms_of(database, campaign.id)["treated"])
    _buy(database, campaign.started_on, _spend(3).items())
    next_day(clock, 20)
    before = _results(database, campaign)
    _buy(database, campaign.started_on + timedelta(days=7), [(member, 50_000) for member in treated])
    after = _results(database, campaign)
    assert before.headline == after.headline


def test_a_list_that_is_too_short_says_so(database: Database, clock: FixedClock) -> None:
    with database.transaction() as tx:
        many_members(tx, 100)
        members = a_list(tx)
    campaign = launched(database, members)
    assert campaign.started_on is not None
    _buy(database, campaign.started_on, [(member, 9_000) for member in range(1, 101)])
    results = _results(database, campaign)
    assert results.verdict is Verdict.TOO_FEW
    assert results.headline is not None
    lift = results.headline.of(Measured.SALES).lift
    assert (lift.per_member, lift.total, results.returned.left) == (None, None, None)


def test_without_a_sale_there_is_nothing_to_tell(database: Database, members: int) -> None:
    results = _results(database, launched(database, members))
    assert (results.verdict, results.currencies, results.returned.left) == (Verdict.TOO_FEW, (), None)


def test_what_was_never_launched_has_no_result(database: Database, members: int) -> None:
    with database.transaction() as tx:
        draft = a_draft(tx, members)
        with pytest.raises(CampaignStateWrong):
            results_of(tx, draft)


def test_currencies_are_never_summed(database: Database, members: int) -> None:
    campaign = launched(database, members)
    assert campaign.started_on is not None
    treated = sorted(arms_of(database, campaign.id)["treated"])
    _buy(database, campaign.started_on, _spend(4).items())
    _buy(database, campaign.started_on, [(member, 2_000) for member in treated], currency="HKD")
    results = _results(database, campaign)
    assert [each.currency for each in results.currencies] == ["CNY", "HKD"]
    assert results.headline is not None
    assert results.headline.currency == "CNY"
    dollars = results.currencies[1].of(Measured.SALES).lift
    assert dollars.per_member == pytest.approx(2_000)


def test_benefits_are_no_sales(database: Database, members: int) -> None:
    """Goods paid with coupons or points bring no money: a present to everybody is no success."""
    campaign = launched(database, members)
    assert campaign.started_on is not None
    treated = sorted(arms_of(database, campaign.id)["treated"])
    _buy(database, campaign.started_on, _spend(5).items())
    given = [LineFacts(campaign.started_on, 3_000, member, benefit=3_000, profit=-2_000) for member in treated]
    write_lake(database, given)
    results = _results(database, campaign)
    assert results.headline is not None
    assert results.headline.of(Measured.SALES).lift.verdict is Verdict.UNCLEAR
    assert results.headline.of(Measured.PROFIT).lift.verdict is Verdict.LOSS


def test_the_headline_is_by_intention_and_who_was_reached_stands_beside_it(database: Database, members: int) -> None:
    campaign = launched(database, members)
    assert campaign.started_on is not None
    treated = sorted(arms_of(database, campaign.id)["treated"])
    reached = treated[::2]
    _buy(database, campaign.started_on, _spend(6).items())
    _buy(database, campaign.started_on, [(member, 6_000) for member in reached])
    with database.transaction() as tx:
        tx.execute(
            "UPDATE marketing.message SET state = 'delivered', recipient_id = member_id, let_through_at = :now"
            " WHERE member_id = ANY(:members)",
            {"now": tx.now, "members": reached},
        )
    results = _results(database, campaign)
    assert results.headline is not None
    effect = results.headline.of(Measured.SALES)
    assert effect.lift.treated == len(treated)
    assert effect.reached.count == len(reached)
    assert effect.lift.per_member is not None
    assert effect.reached.per_reached == pytest.approx(effect.lift.per_member * len(treated) / len(reached))
    assert effect.reached.mean > effect.reached.mean_of_others + 5_000


def test_the_company_wide_control_group_is_compared_apart(database: Database) -> None:
    with database.transaction() as tx:
        many_members(tx, 4_000)
        members = a_list(tx)
    campaign = launched(database, members)
    assert campaign.started_on is not None
    groups = arms_of(database, campaign.id)
    everybody_else = sorted(groups["treated"] | groups["held_out"])
    # All our marketing brings everybody but them 5,000; this campaign brings nothing on top.
    _buy(database, campaign.started_on, [(member, 5_000 + member % 97) for member in everybody_else])
    results = _results(database, campaign)
    assert results.groups[Arm.COMPANY_CONTROL] == len(groups["company_control"]) > 50
    assert results.headline is not None
    sales = results.headline.of(Measured.SALES)
    assert sales.lift.verdict is Verdict.UNCLEAR
    assert sales.against_company.verdict is Verdict.GAIN


def test_calls_and_messages_cost_and_coupons_are_in_the_profit_already(database: Database, members: int) -> None:
    text = StepPlan(Way.SMS, texts={"en": Words("{{ coupon }}")})
    call = StepPlan(Way.CALL, task_kind="call")
    campaign = launched(database, members, treatment=Treatment(coupon=COUPON, steps=(text, call)))
    assert campaign.started_on is not None
    _buy(database, campaign.started_on, _spend(7).items())
    with database.transaction() as tx:
        tx.execute(
            "UPDATE marketing.message SET state = 'sent', recipient_id = member_id, let_through_at = :now,"
            " sent_at = :now, cost_milli = 5500, cost_currency = 'CNY' WHERE member_id <= 100",
            {"now": tx.now},
        )
        sent = tx.execute("SELECT count(*) FROM marketing.message WHERE state = 'sent'").scalar_one()
    results = _results(database, campaign)
    assert results.costs.messages == -(-5_500 * sent // 1_000)
    assert results.costs.calls == 0  # nobody has called yet
    assert results.coupons is not None
    assert results.coupons.issued == len(arms_of(database, campaign.id)["treated"])
    assert results.returned.costs == results.costs.messages
    assert results.returned.profit is not None
    assert results.returned.left == results.returned.profit - results.costs.messages


def test_points_beyond_the_usual_cost_what_they_are_expected_to(database: Database, members: int) -> None:
    treatment = Treatment(multiplier=MultiplierPlan("Double", 200, 7))
    campaign = launched(database, members, treatment=treatment, goal=Goal.PROFIT)
    results = _results(database, campaign)
    assert results.multiplier is not None
    assert (results.multiplier.members, results.costs.points) == (len(arms_of(database, campaign.id)["treated"]), 0)
    assert results.goal_measure is Measured.PROFIT


def test_a_stopped_campaign_is_measured_to_its_end(database: Database, clock: FixedClock, members: int) -> None:
    campaign = launched(database, members, measure_days=7, treatment=Treatment(steps=(LETTER,)))
    with database.transaction() as tx:
        operations.stop(tx, marketer(1), campaign.id, "Enough", take_back=False)
    next_day(clock, 30)
    work_on(database, campaign.id)
    results = _results(database, campaign)
    assert results.is_over
    assert results.last_day == campaign.ends_on


def test_the_same_question_has_the_same_answer(database: Database, members: int) -> None:
    campaign = launched(database, members)
    assert campaign.started_on is not None
    _buy(database, campaign.started_on, _spend(8).items())
    assert _results(database, campaign) == _results(database, campaign)
