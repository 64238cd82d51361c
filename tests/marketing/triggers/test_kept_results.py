"""Results of triggers that fired for many: worked out by the worker, kept, and anew when something is new."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from marketing.triggers import kept_results
from marketing.triggers.firing import evaluate
from marketing.triggers.kept_results import KeptResults, read_kept, results_at_hand, work_out
from marketing.triggers.results import results_of
from marketing.triggers.rules import Occasion, TriggerUnknown
from marketing.triggers.storage import read_trigger
from organisation.staff.roles import Role
from tests.analytics.lake_factory import LineFacts, write_lake
from tests.marketing.triggers.test_firing import IN_S01, a_plan, active, members, move_in
from tests.member_api.test_member_pages import Browser, hire
from tests.organisation.callers import a_machine
from tests.organisation.factories import a_store

MEMBERS = 400


@pytest.fixture
def trigger(database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> int:
    """Fired for most of the members; they bought a day later, and another day has passed."""
    monkeypatch.setattr(kept_results, "AT_ONCE_MAX", 100)
    members(database, MEMBERS)
    made = active(database, a_plan(Occasion.ENTERED, filter=IN_S01, control_share=3_000))
    evaluate(database, made)
    clock.advance(timedelta(days=1))
    move_in(database, 1, MEMBERS)
    evaluate(database, made)
    clock.advance(timedelta(days=1))
    _buy(database, clock)
    return made


def _buy(database: Database, clock: FixedClock) -> None:
    day = clock.now().date()
    rows = [LineFacts(day, 1_000 + 7 * n, n, profit=200) for n in range(1, MEMBERS + 1)]
    write_lake(database, [*rows, LineFacts(day, 5_000, 9, currency="HKD")])


def _at_hand(database: Database, trigger: int) -> KeptResults | None:
    with database.transaction(read_only=True) as tx:
        return results_at_hand(tx, read_trigger(tx, trigger))


def test_what_is_kept_is_what_was_worked_out(database: Database, trigger: int) -> None:
    assert _at_hand(database, trigger) is None
    assert work_out(database, trigger)
    kept = _at_hand(database, trigger)
    assert kept is not None
    with database.transaction(read_only=True) as tx:
        assert kept.results == results_of(tx, read_trigger(tx, trigger))
    assert len(kept.results.currencies) == 2


def test_one_that_fired_seldom_is_worked_out_on_the_spot(
    database: Database, trigger: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_results, "AT_ONCE_MAX", MEMBERS)
    assert _at_hand(database, trigger) is not None
    with database.transaction(read_only=True) as tx:
        assert read_kept(tx, trigger) is None


def test_it_is_worked_out_anew_when_something_is_new(database: Database, clock: FixedClock, trigger: int) -> None:
    assert work_out(database, trigger)
    assert not work_out(database, trigger)
    _buy(database, clock)
    assert not work_out(database, trigger)  # a moment ago
    clock.advance(timedelta(minutes=15))
    assert work_out(database, trigger)
    clock.advance(timedelta(minutes=30))
    assert not work_out(database, trigger)  # nothing is new
    move_in(database, 1, 5, None)
    evaluate(database, trigger)
    assert work_out(database, trigger)  # the trigger was looked at
    clock.advance(timedelta(days=1))
    assert work_out(database, trigger)


def test_figures_of_an_earlier_release_are_worked_out_anew(database: Database, trigger: int) -> None:
    work_out(database, trigger)
    with database.transaction() as tx:
        tx.execute("UPDATE marketing.trigger_result SET figures = '{\"trigger_id\": 1}'")
    assert _at_hand(database, trigger) is None
    assert work_out(database, trigger)
    with pytest.raises(TriggerUnknown):
        work_out(database, 999)


def test_who_asks_first_is_told_to_ask_again(app: Flask, http: FlaskClient, database: Database, trigger: int) -> None:
    erp = a_machine(http, database, ["campaigns.read"])
    awaited = erp.get(f"/v1/triggers/{trigger}/results")
    assert (awaited.status_code, awaited.headers["Retry-After"]) == (202, "5")
    assert awaited.json == {"trigger": str(trigger), "state": "working"}
    with database.transaction() as tx:
        a_store(tx, "S01", name="Westlake")
    hire(database, "anna", Role.HEAD_OFFICE, "Anna")
    anna = Browser(app, "anna")
    assert "being worked out" in anna.get(f"/triggers/{trigger}")
    work_out(database, trigger)
    answer = erp.get(f"/v1/triggers/{trigger}/results")
    assert (answer.status_code, answer.json["groups"]["treated"] > 0) == (200, True)
    assert answer.json["worked_out_at"].startswith("2026-01-07T02:00:00")
    page = anna.get(f"/triggers/{trigger}")
    assert "Worked out 2026-01-07 10:00" in page
    assert "Kept back" in page
