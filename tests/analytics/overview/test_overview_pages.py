"""The pages of the morning and of runs, for whoever may see them, in both languages."""

from datetime import UTC, date, datetime

import pytest
from flask import Flask

from analytics.overview.operations import morning, mornings_kept
from analytics.overview.pages import filter_address
from analytics.overview.rules import Change, Day, DaySales
from analytics.runs.operations import request_run
from analytics.runs.rules import Origin
from analytics.runs.scoring import score
from analytics.runs.working import work_on_runs
from foundation.clock import FixedClock
from foundation.database import Database
from foundation.events import move_batch
from organisation.staff.roles import Role
from tests.analytics.lake_factory import LineFacts, write_lake
from tests.analytics.runs.shop import AS_OF, purchases
from tests.member_api.people import a_member
from tests.member_api.test_member_pages import Browser, hire
from tests.organisation.factories import a_store


@pytest.fixture(autouse=True)
def at_the_office(clock: FixedClock) -> None:
    mornings_kept.clear()
    clock.at = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)


def test_a_day_stands_beside_the_same_weekday_and_the_week_before() -> None:
    days = tuple(Day(date(2026, 1, n), net=100 * n, members=50 * n, receipts=n) for n in range(1, 15))
    sales = DaySales("CNY", date(2026, 1, 14), days)
    assert sales.on_weekday == Change(1400, 700)
    assert sales.on_week == Change(sum(range(8, 15)) * 100, sum(range(1, 8)) * 100)
    assert (sales.on_weekday.percent, sales.member_share, sales.average_ticket) == (100.0, 50.0, 100)
    assert Change(5, 0).percent is None


def test_sales_of_the_morning_are_by_currency_and_every_day_is_there(database: Database) -> None:
    write_lake(
        database,
        [
            LineFacts(date(2026, 1, 3), 1000, 7, profit=300),
            LineFacts(date(2026, 1, 4), 500),
            LineFacts(date(2026, 1, 4), 900, 8, currency="HKD"),
        ],
    )
    with database.transaction(read_only=True) as tx:
        found = morning(tx, None, None)
        elsewhere = morning(tx, None, [999])
    assert found is not None
    assert elsewhere is not None
    assert found.day == date(2026, 1, 4)
    assert [(each.currency, each.today.net, len(each.days)) for each in found.sales] == [
        ("CNY", 500, 28),
        ("HKD", 900, 28),
    ]
    assert found.sales[0].days[-2] == Day(date(2026, 1, 3), 1000, 1000, 1, 300, 1)
    assert elsewhere.sales == ()


@pytest.fixture
def scored(database: Database) -> Database:
    for n in range(130):
        a_member(database, f"+861380013{n:04d}")
    write_lake(database, purchases())
    for as_of in (date(2025, 12, 8), AS_OF):
        with database.transaction() as tx:
            request_run(tx, as_of, 28, Origin.REQUEST, "person:1")
        with database.transaction() as tx:
            move_batch(tx)
        work_on_runs(database, score)
    return database


def someone(app: Flask, database: Database, role: Role, language: str = "en") -> Browser:
    with database.transaction() as tx:
        a_store(tx, "S01", name="Westlake")
    hire(database, "someone", role, "Ann")
    return Browser(app, "someone", language)


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("Contribution by potential", "Who moved", "Rising")), ("zh", ("贡献 × 潜力", "等级变动", "上升"))],
)
def test_the_pages_show_what_was_found(app: Flask, scored: Database, language: str, words: tuple[str, ...]) -> None:
    person = someone(app, scored, Role.HEAD_OFFICE, language)
    today = person.get("/today")
    for word in words:
        assert word in today
    assert "/target-lists/new?filter=" in today
    assert 'data-action="/v1/scoring-runs"' in person.get("/scoring-runs")
    for path in ("/scoring-runs/1", "/scoring-runs/settings", "/today?day=2025-12-31", "/today?day=x"):
        assert "<h1>" in person.get(path)
    assert {"en": "Why", "zh": "原因"}[language] in person.get("/members/10/worth")
    assert person.http.get("/scoring-runs/999").status_code == 404


def test_a_field_of_the_map_opens_the_list_builder_with_its_filter(app: Flask, scored: Database) -> None:
    person = someone(app, scored, Role.MARKETER)
    builder = person.get(filter_address(contribution_class=["gold"], potential_direction=["rising"]))
    assert "contribution_class" in builder
    assert "potential_direction" in builder
    assert "<h1>" in person.get("/target-lists/new?filter=%7B")


def test_a_house_without_sales_and_scores_says_what_to_do(app: Flask, database: Database) -> None:
    person = someone(app, database, Role.HEAD_OFFICE)
    member = a_member(database)
    assert "No sale has arrived yet" in person.get("/today")
    assert "Nothing has been scored yet" in person.get("/scoring-runs")
    assert "Nothing has been scored yet" in person.get(f"/members/{member}/worth")


def test_a_store_manager_sees_the_own_stores_sales_and_starts_nothing(app: Flask, scored: Database) -> None:
    manager = someone(app, scored, Role.STORE_MANAGER)
    today = manager.get("/today")
    assert "Contribution by potential" not in today
    assert "1 store" in today
    assert 'data-action="/v1/scoring-runs"' not in manager.get("/scoring-runs")
    assert "Which models predict" not in manager.get("/scoring-runs/1")
    assert manager.http.get("/v1/scoring-runs/1").get_json()["findings"] is None


def test_a_service_desk_sees_neither(app: Flask, database: Database) -> None:
    desk = someone(app, database, Role.SERVICE_DESK)
    for path in ("/today", "/scoring-runs", "/members/1/worth"):
        assert desk.http.get(path).status_code == 403, path
