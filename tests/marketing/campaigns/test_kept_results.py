"""Results of large campaigns: worked out by the worker, kept, and worked out anew when there is something new."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from marketing.campaigns import kept_results
from marketing.campaigns.kept_results import KeptResults, read_kept, results_at_hand, work_out
from marketing.campaigns.plans import MultiplierPlan, StepPlan, Treatment, Way, Words
from marketing.campaigns.results import Results, results_of
from marketing.campaigns.rules import CampaignStateWrong, CampaignUnknown
from marketing.campaigns.storage import Campaign
from organisation.staff.roles import Role
from tests.analytics.lake_factory import LineFacts, write_lake
from tests.marketing.campaigns.factories import (
    COUPON,
    LETTER,
    a_draft,
    a_list,
    launched,
    many_members,
    next_day,
    now,
    say_of_calls,
)
from tests.member_api.test_member_pages import Browser, hire
from tests.organisation.callers import a_machine
from tests.organisation.factories import a_store

MEMBERS = 400
CALL = StepPlan(Way.CALL, task_kind="call")
SMS = StepPlan(Way.SMS, texts={"en": Words("{{ coupon }}")})


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_results, "AT_ONCE_MAX", 100)


@pytest.fixture
def members(database: Database) -> int:
    with database.transaction() as tx:
        say_of_calls(tx, many_members(tx, MEMBERS))
        return a_list(tx)


def _buy(database: Database, campaign: Campaign, days: int = 0) -> None:
    assert campaign.started_on is not None
    day = campaign.started_on + timedelta(days=days)
    write_lake(database, [LineFacts(day, 1_000 + 7 * n, n, profit=200) for n in range(1, MEMBERS + 1)])


def _at_hand(database: Database, campaign: Campaign) -> KeptResults | None:
    with database.transaction(read_only=True) as tx:
        return results_at_hand(tx, now(database, campaign.id))


def _worked_out(database: Database, campaign: Campaign) -> Results:
    with database.transaction(read_only=True) as tx:
        return results_of(tx, now(database, campaign.id))


@pytest.mark.parametrize(
    "treatment",
    [
        Treatment(steps=(LETTER,)),
        Treatment(coupon=COUPON, steps=(SMS, CALL)),
        Treatment(multiplier=MultiplierPlan("Double", 200, 7)),
    ],
)
def test_what_is_kept_is_what_was_worked_out(database: Database, members: int, treatment: Treatment) -> None:
    campaign = launched(database, members, treatment=treatment)
    _buy(database, campaign)
    write_lake(database, [LineFacts(next_day(FixedClock(), 0), 5_000, 9, currency="HKD")])
    assert _at_hand(database, campaign) is None
    assert work_out(database, campaign.id)
    kept = _at_hand(database, campaign)
    assert kept is not None
    assert kept.results == _worked_out(database, campaign)
    assert kept.results.headline is not None


def test_a_small_campaign_is_worked_out_on_the_spot(
    database: Database, members: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_results, "AT_ONCE_MAX", MEMBERS)
    campaign = launched(database, members)
    _buy(database, campaign)
    kept = _at_hand(database, campaign)
    assert kept is not None
    assert kept.results == _worked_out(database, campaign)
    with database.transaction(read_only=True) as tx:
        assert read_kept(tx, campaign.id) is None


def test_it_is_worked_out_anew_for_another_day_or_after_a_while_if_the_lake_moved(
    database: Database, clock: FixedClock, members: int
) -> None:
    campaign = launched(database, members, measure_days=3)
    _buy(database, campaign)
    assert work_out(database, campaign.id)
    assert not work_out(database, campaign.id)
    _buy(database, campaign)
    assert not work_out(database, campaign.id)  # a moment ago
    clock.advance(timedelta(minutes=15))
    assert work_out(database, campaign.id)
    clock.advance(timedelta(hours=1))
    assert not work_out(database, campaign.id)  # nothing is new
    next_day(clock)
    assert work_out(database, campaign.id)
    next_day(clock, 10)
    assert work_out(database, campaign.id)
    next_day(clock, 10)
    assert not work_out(database, campaign.id)  # it is over, and no sale came late
    _buy(database, campaign, days=1)
    assert work_out(database, campaign.id)
    assert work_out(database, campaign.id) is False


def test_figures_of_an_earlier_release_are_worked_out_anew(database: Database, members: int) -> None:
    campaign = launched(database, members)
    work_out(database, campaign.id)
    with database.transaction() as tx:
        tx.execute("UPDATE marketing.campaign_result SET figures = '{\"campaign_id\": 1}'")
    assert _at_hand(database, campaign) is None
    assert work_out(database, campaign.id)


def test_what_was_never_launched_is_not_worked_out(database: Database, members: int) -> None:
    with database.transaction() as tx:
        draft = a_draft(tx, members)
    with pytest.raises(CampaignStateWrong):
        work_out(database, draft.id)
    with pytest.raises(CampaignUnknown):
        work_out(database, 999)


def test_who_asks_first_is_told_to_ask_again(app: Flask, http: FlaskClient, database: Database, members: int) -> None:
    campaign = launched(database, members)
    _buy(database, campaign)
    erp = a_machine(http, database, ["campaigns.read"])
    address = f"/v1/campaigns/{campaign.id}/results"
    awaited = erp.get(address)
    assert (awaited.status_code, awaited.headers["Retry-After"]) == (202, "5")
    assert awaited.json == {"campaign": str(campaign.id), "state": "working"}
    with database.transaction() as tx:
        a_store(tx, "S01", name="Westlake")
    hire(database, "anna", Role.HEAD_OFFICE, "Anna")
    anna = Browser(app, "anna")
    assert "being worked out" in anna.get(f"/campaigns/{campaign.id}/results")
    work_out(database, campaign.id)
    answer = erp.get(address)
    assert (answer.status_code, answer.json["groups"]["treated"] > 0) == (200, True)
    assert answer.json["worked_out_at"].startswith("2026-01-05T02:00:00")
    assert "Worked out 2026-01-05 10:00" in anna.get(f"/campaigns/{campaign.id}/results")


def test_what_cannot_be_told_draws_no_interval(
    app: Flask, database: Database, clock: FixedClock, members: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_results, "AT_ONCE_MAX", MEMBERS)
    campaign = launched(database, members)
    with database.transaction() as tx:
        a_store(tx, "S01", name="Westlake")
    hire(database, "anna", Role.HEAD_OFFICE, "Anna")
    anna = Browser(app, "anna")
    write_lake(database, [LineFacts(clock.now().date(), 1_000, 1, profit=200)])
    page = anna.get(f"/campaigns/{campaign.id}/results")
    assert "Not enough members to tell" in page
    assert "How sure that is" not in page
    assert "What it cost" in page
    _buy(database, campaign)
    assert "How sure that is" in anna.get(f"/campaigns/{campaign.id}/results")
