"""Runs: asked for once, worked on by one, taken up again when a worker is lost, seen only when they are done."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from analytics.contract.scores import (
    ContactCost,
    in_classes,
    in_directions,
    record_contact_costs,
    scored,
    with_predicted_spend,
)
from analytics.runs import scoring
from analytics.runs.files import files_of, write_file
from analytics.runs.findings import findings_from_json
from analytics.runs.nightly import request_nightly_run, tidy_up
from analytics.runs.operations import ScoringRun, publish_settings, read_run, request_run
from analytics.runs.rules import ATTEMPTS_MAX, Origin, RunRefused, RunState, Step, forgotten
from analytics.runs.scoring import score
from analytics.runs.working import RunTaken, Teller, take_up, turn_to_score, work_on_runs
from analytics.scores.contribution_settings import ContributionSettings
from analytics.scores.reading import ScoresUnknown, latest_scores, page_of_scores, score_sets, scores_of
from foundation.clock import FixedClock
from foundation.database import Database, Tx
from foundation.errors import Unavailable
from foundation.events import announce, move_batch, read_events
from foundation.queues import configure_queue
from foundation.settings import get_settings
from tests.analytics.lake_factory import LineFacts, write_lake
from tests.analytics.runs.shop import AS_OF, MEMBERS, purchases
from tests.member_api.people import a_member


@pytest.fixture(autouse=True)
def at_the_office(clock: FixedClock, redis_url: str) -> None:
    assert redis_url  # tasks are sent somewhere
    configure_queue()
    clock.at = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)  # noon in Shanghai


@pytest.fixture
def shop(database: Database) -> Database:
    write_lake(database, purchases())
    return database


def asked(database: Database, as_of: date | None = AS_OF, horizon_days: int | None = 28) -> ScoringRun:
    with database.transaction() as tx:
        run, _ = request_run(tx, as_of, horizon_days, Origin.REQUEST, "person:1")
    relay(database)
    return run


def relay(database: Database) -> None:
    """What the relay would do."""
    with database.transaction() as tx:
        move_batch(tx)


def done(database: Database, as_of: date | None = AS_OF, horizon_days: int | None = 28) -> ScoringRun:
    run = asked(database, as_of, horizon_days)
    assert work_on_runs(database, score) >= 1
    return now(database, run)


def now(database: Database, run: ScoringRun) -> ScoringRun:
    with database.transaction(read_only=True) as tx:
        return read_run(tx, run.id)


# ------------------------------------------------------------------------------------------------ asking
def test_the_same_run_asked_for_twice_is_one_run(database: Database) -> None:
    first, second = asked(database), asked(database)
    assert first.id == second.id
    assert asked(database, horizon_days=56).id != first.id


def test_two_who_ask_at_the_same_moment_get_the_same_run(database: Database) -> None:
    found: list[int] = []
    askers = [threading.Thread(target=lambda: found.append(asked(database).id)) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_without_a_date_today_is_meant_by_the_company_s_calendar(database: Database, clock: FixedClock) -> None:
    clock.at = datetime(2026, 1, 4, 17, 0, tzinfo=UTC)  # one in the morning of the fifth in Shanghai
    assert asked(database, as_of=None, horizon_days=None).as_of == date(2026, 1, 5)


@pytest.mark.parametrize("as_of", [date(1899, 1, 1), date(2028, 1, 1)])
def test_a_date_that_makes_no_sense_is_refused_and_nothing_waits(database: Database, as_of: date) -> None:
    with database.transaction() as tx, pytest.raises(RunRefused):
        request_run(tx, as_of, 28, Origin.REQUEST, "person:1")
    assert work_on_runs(database, score) == 0


# ------------------------------------------------------------------------------------------------ working
def test_a_run_scores_everybody_who_bought_and_says_what_it_found(shop: Database) -> None:
    run = done(shop)
    assert (run.state, run.step, run.progress, run.attempt) == (RunState.DONE, Step.DONE, 100, 1)
    assert run.findings is not None
    found = findings_from_json(run.findings)
    (yuan,) = found.currencies
    assert sum(field.members for field in yuan.fields) == yuan.facts.members == MEMBERS
    assert {"lake", "contribution", "potential", "potential.fit", "classes", "writing"} <= set(found.seconds)
    assert any(test.chosen for test in found.back_tests)
    with shop.transaction(read_only=True) as tx:
        scores = latest_scores(tx)
        rows = page_of_scores(scores, None, 1000)
    assert scores.run_id == run.id
    assert [row.member_id for row in rows] == list(range(1, MEMBERS + 1))
    relay(shop)
    with shop.transaction(read_only=True) as tx:
        (event,) = read_events(tx, 0, 10, ["scoring_run.done"])
    assert event.facts == {"run": run.id, "as_of": "2026-01-05", "origin": "request"}
    assert sum(row.contribution.profit or 0 for row in rows) == sum(line.profit or 0 for line in purchases())
    assert sum(row.contribution.value or 0 for row in rows) + sum(row.contribution.points_cost for row in rows) == sum(
        line.profit or 0 for line in purchases()
    )


def test_nothing_of_a_run_is_seen_before_it_is_done(shop: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    run = asked(shop)
    seen: list[str] = []

    def look(*arguments: object) -> object:
        with shop.transaction(read_only=True) as tx:
            with pytest.raises(ScoresUnknown):
                latest_scores(tx)
            seen.append(read_run(tx, run.id).state)
        return write_file(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(scoring, "write_file", look)
    work_on_runs(shop, score)
    assert seen == [RunState.RUNNING] * 3
    assert now(shop, run).state is RunState.DONE


def test_a_run_whose_worker_died_is_taken_up_again_and_the_dead_one_may_write_no_more(shop: Database) -> None:
    run = asked(shop)
    with turn_to_score(shop) as turn, shop.transaction() as tx:
        assert turn is not None
        dead = take_up(tx)
    assert dead is not None
    assert now(shop, run).state is RunState.RUNNING  # nobody works on it: its worker was lost
    assert work_on_runs(shop, score) == 1
    after = now(shop, run)
    assert (after.state, after.attempt) == (RunState.DONE, 2)
    with turn_to_score(shop) as turn:
        assert turn is not None
        with pytest.raises(RunTaken):
            Teller(shop, dead, turn).begin(Step.WRITING)
    assert now(shop, run) == after


def test_only_one_works_at_a_time(shop: Database) -> None:
    run = asked(shop)
    with turn_to_score(shop) as turn:
        assert turn is not None
        assert work_on_runs(shop, score) == 0
    assert now(shop, run).state is RunState.QUEUED


def test_a_run_that_loses_every_worker_is_given_up_with_a_word(shop: Database) -> None:
    run = asked(shop)
    for _ in range(ATTEMPTS_MAX):
        with shop.transaction() as tx:
            assert take_up(tx) is not None
    assert work_on_runs(shop, score) == 0
    after = now(shop, run)
    assert (after.state, after.failure_code) == (RunState.FAILED, "given_up")


def test_a_passing_fault_puts_the_run_back_and_another_ends_it(shop: Database) -> None:
    run = asked(shop)

    def away(*_: object) -> None:
        raise Unavailable("the lake is away")

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    work_on_runs(shop, away)
    assert (now(shop, run).state, now(shop, run).progress) == (RunState.QUEUED, 0)
    work_on_runs(shop, broken)
    after = now(shop, run)
    assert (after.state, after.failure_code) == (RunState.FAILED, "scoring_failed")
    assert "secret" not in (after.failure_detail or "")
    assert asked(shop).id != run.id  # and may be asked for again


def test_a_run_waits_for_what_was_committed_before_it_was_asked_for(
    shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "RELAY_WAIT_S", 0.2)
    with shop.transaction() as tx:
        announce(tx, "something.happened", {"id": 1})
    with shop.transaction() as tx:
        run, _ = request_run(tx, AS_OF, 28, Origin.REQUEST, "person:1")
    work_on_runs(shop, score)
    assert now(shop, run).state is RunState.QUEUED  # the relay is away
    relay(shop)
    work_on_runs(shop, score)
    assert now(shop, run).state is RunState.DONE


# ------------------------------------------------------------------------------------------------ what is scored
def test_what_comes_after_the_date_changes_no_byte(shop: Database) -> None:
    before = done(shop)
    write_lake(shop, [LineFacts(AS_OF + timedelta(days=day % 40), 99_999, 1 + day % 50) for day in range(200)])
    after = done(shop)
    assert digests(shop, before) == digests(shop, after)


def digests(database: Database, run: ScoringRun) -> list[bytes]:
    with database.transaction(read_only=True) as tx:
        rows = tx.execute(
            "SELECT sha256 FROM analytics.scoring_file WHERE run_id = :run ORDER BY kind", {"run": run.id}
        )
        found = [bytes(row.sha256) for row in rows]
    assert len(found) == 3
    return found


def test_who_refuses_profiling_has_no_score_and_the_others_keep_theirs(database: Database) -> None:
    members = [a_member(database, f"+861380013{n:04d}") for n in range(MEMBERS)]
    refuses = members[7]
    write_lake(database, (replace(line, member_id=members[(line.member_id or 1) - 1]) for line in purchases()))
    with database.transaction() as tx:
        tx.execute(
            "INSERT INTO member.consent (member_id, channel, purpose, granted, since)"
            " VALUES (:member, 'any', 'profiling', false, :now)",
            {"member": refuses, "now": tx.now},
        )
    run = done(database)
    assert run.findings is not None
    assert findings_from_json(run.findings).refused == 1
    with database.transaction(read_only=True) as tx:
        scores = latest_scores(tx)
        assert set(scored(scores)) == set(members) - {refuses}
        assert scores_of(scores, [refuses]) == {}


def test_what_contacts_cost_comes_off_the_contribution_once(shop: Database) -> None:
    plain = value_of(shop, done(shop), 3)
    for _ in range(2):
        with shop.transaction() as tx:
            day = AS_OF - timedelta(days=3)
            costs = [ContactCost("message/1", member, "CNY", day, 250) for member in (3, 4)]
            late = ContactCost("message/2", 3, "CNY", AS_OF, 99_000)  # not before the date
            record_contact_costs(tx, [*costs, late])
    assert value_of(shop, done(shop), 3) == plain - 250


def value_of(database: Database, run: ScoringRun, member: int) -> int:
    with database.transaction(read_only=True) as tx:
        (row,) = scores_of(latest_scores(tx), [member])[member]
        assert latest_scores(tx).run_id == run.id
    assert row.contribution.value is not None
    return row.contribution.value


def test_sets_and_rows_agree(shop: Database) -> None:
    done(shop)
    with shop.transaction(read_only=True) as tx:
        scores = latest_scores(tx)
        rows = page_of_scores(scores, None, 1000)
    assert set(in_classes(scores, ["platinum", "gold"])) == {
        row.member_id for row in rows if row.contribution.contribution_class in ("platinum", "gold")
    }
    rising = {row.member_id for row in rows if row.potential.direction == "rising"}
    assert set(in_directions(scores, ["rising"])) == rising
    assert len(rising & set(range(10, MEMBERS + 1, 10))) >= 6  # the members who were made to rise
    assert set(with_predicted_spend(scores, least=8_000, most=12_000)) == {
        row.member_id for row in rows if 8_000 <= (row.potential.predicted_spend or 0) <= 12_000
    }
    assert not in_classes(scores, ["platinum"], currency="USD")


def test_pages_go_through_everybody_once(shop: Database) -> None:
    done(shop)
    with shop.transaction(read_only=True) as tx:
        scores = latest_scores(tx)
    after, seen = None, []
    while rows := page_of_scores(scores, after, 17):
        seen += [row.member_id for row in rows]
        after = (rows[-1].member_id, rows[-1].currency)
    assert seen == list(range(1, MEMBERS + 1))


# ------------------------------------------------------------------------------------------------ over time
def test_moves_are_counted_from_the_run_before(shop: Database) -> None:
    first = done(shop, AS_OF - timedelta(days=28))
    second = done(shop)
    assert second.findings is not None
    found = findings_from_json(second.findings)
    assert found.before == (first.id, first.as_of)
    assert sum(move.members for move in found.currencies[0].moves) == MEMBERS
    with shop.transaction(read_only=True) as tx:
        assert [each.as_of for each in score_sets(tx, 10)] == [AS_OF, AS_OF - timedelta(days=28)]


def test_a_run_keeps_the_settings_it_was_asked_with(shop: Database) -> None:
    with shop.transaction() as tx:
        publish_settings(tx, ContributionSettings(platinum_percent=30), 14, 90, "stricter", "Wang")
    run = asked(shop, horizon_days=None)
    with shop.transaction() as tx:
        publish_settings(tx, ContributionSettings(platinum_percent=60), 21, 90, "", "Wang")
    assert (run.settings_version, run.horizon_days, run.settings["platinum_percent"]) == (1, 14, 30)
    assert asked(shop, horizon_days=None).settings_version == 2


@pytest.fixture
def night(clock: FixedClock) -> None:
    clock.at = datetime(2026, 1, 4, 19, 0, tzinfo=UTC)  # three in the morning of the fifth in Shanghai
    return


@pytest.mark.usefixtures("night")
def test_each_night_brings_one_run_also_if_the_clock_asks_again(shop: Database, clock: FixedClock) -> None:
    run = request_nightly_run(shop)
    assert run is not None
    assert (run.as_of, run.origin) == (AS_OF, Origin.NIGHTLY)
    clock.advance(timedelta(minutes=10))
    assert request_nightly_run(shop) is None
    clock.advance(timedelta(hours=8))
    assert request_nightly_run(shop) is None  # no longer night
    clock.advance(timedelta(hours=16))
    assert request_nightly_run(shop) is not None


@pytest.mark.usefixtures("night")
def test_a_house_without_sales_has_quiet_nights(database: Database) -> None:
    assert request_nightly_run(database) is None


def test_old_files_go_but_never_the_latest_and_what_was_found_stays(shop: Database, clock: FixedClock) -> None:
    old, latest = done(shop, AS_OF - timedelta(days=28)), done(shop)
    with shop.transaction(read_only=True) as tx:
        paths = [get_settings().lake / path for path in files_of(tx, [old.id])[old.id].values()]
    assert all(path.exists() for path in paths)
    clock.advance(timedelta(days=401))
    assert tidy_up(shop) == 1
    assert now(shop, old).findings is not None
    assert now(shop, old).files_removed_at is not None
    with shop.transaction(read_only=True) as tx:
        assert [each.run_id for each in score_sets(tx, 10)] == [latest.id]
        assert page_of_scores(latest_scores(tx), None, 1)
    assert tidy_up(shop) == 0
    assert not any(path.exists() for path in paths)


def test_a_look_into_the_future_keeps_nothing_alive_and_costs_no_score() -> None:
    """Today is 1 July; what counts now is the run as of tomorrow, not the question about December."""
    today = date(2026, 7, 1)
    runs = {1: date(2026, 1, 1), 2: date(2026, 2, 1), 3: date(2026, 12, 1)}
    assert forgotten(runs, today, 30) == [1]
    assert forgotten(runs | {4: date(2026, 7, 2)}, today, 30) == [1, 2]
    assert forgotten({3: date(2026, 12, 1)}, today, 30) == []


def test_nothing_scored_says_so(tx: Tx) -> None:
    with pytest.raises(ScoresUnknown):
        latest_scores(tx)
