"""Reports over HTTP and on pages: figures worked by hand, what a role may see, pages and files."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from analytics.reports import areas, promoted, structure
from analytics.reports.spreadsheet import harmless
from foundation.clock import FixedClock
from foundation.database import Database, Tx
from organisation.contract import counters_by_code, stores_by_code
from organisation.staff.roles import Role
from tests.analytics.lake_factory import LineFacts, write_lake
from tests.member_api.test_member_pages import Browser, hire
from tests.organisation.callers import Caller, a_machine
from tests.organisation.factories import a_counter, a_store

DAY = date(2026, 1, 5)
JANUARY = "from=2026-01-01&to=2026-01-10"


@pytest.fixture(autouse=True)
def at_the_office(clock: FixedClock) -> None:
    for kept in (areas.areas_kept, structure.structure_kept, promoted.promotions_kept, promoted.effects_kept):
        kept.clear()
    clock.at = datetime(2026, 1, 15, 4, 0, tzinfo=UTC)


@pytest.fixture
def shop(database: Database) -> Database:
    """S01 (1,000 m2) with counter C1 (50 m2), S02 whose area nobody knows; food > dairy and toys; promotion P7."""
    with database.transaction() as tx:
        a_store(tx, "S01", name="Westlake", area_m2=Decimal(1000))
        a_store(tx, "S02", name="Riverside")
        a_counter(tx, "S01", "C1", name="Acme", area_m2=Decimal(50))
        for path, name in ((["FOOD"], "Food"), (["FOOD", "DAIRY"], "Dairy"), (["TOYS"], "Toys")):
            tx.execute(
                "INSERT INTO pos.category (path, name, parent_id) VALUES (:path, :name,"
                " (SELECT id FROM pos.category WHERE path = :above))",
                {"path": path, "name": name, "above": path[:-1]},
            )
        tx.execute(
            "INSERT INTO pos.promotion (code, name, method, funders, starts_on, ends_on, changed_at) VALUES"
            " ('P7', '=Spring', 'markdown', '{\"company\": 10000}', '2026-01-05', '2026-01-06', now())"
        )
        write_lake(tx, _sold(tx))
    return database


def _sold(tx: Tx) -> list[LineFacts]:
    stores = {code: found.id for code, found in stores_by_code(tx, ["S01", "S02"]).items()}
    counter = counters_by_code(tx, stores["S01"], ["C1"])["C1"].id
    category = {row.name: row.id for row in tx.execute("SELECT name, id FROM pos.category")}
    promotion = tx.execute("SELECT id FROM pos.promotion").scalar_one()
    here: dict[str, Any] = {"store_id": stores["S01"], "receipt": 1}
    return [
        LineFacts(DAY, 300_000, 7, **here, line=1, counter_id=counter, category_id=category["Dairy"], profit=90_000),
        LineFacts(
            DAY, 100_000, 7, **here, line=2, category_id=category["Food"], promoted=True, promotion_id=promotion,
        ),
        LineFacts(DAY, 50_000, **{**here, "receipt": 2}, profit=10_000),
        LineFacts(DAY, 7_000, store_id=stores["S02"], receipt=3, category_id=category["Toys"], profit=700),
    ]  # fmt: skip


@pytest.fixture
def erp(http: FlaskClient, shop: Database) -> Caller:
    return a_machine(http, shop, ["reports.read"])


def items(caller: Caller, path: str) -> list[dict[str, Any]]:
    answer = caller.get(path)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["items"]
    return found


def test_sales_per_square_metre_with_a_row_for_what_has_no_area(erp: Caller) -> None:
    store, nowhere = items(erp, f"/v1/reports/areas?{JANUARY}")
    assert (store["code"], store["name"], store["net_sales"], store["receipts"]) == ("S01", "Westlake", 450_000, 2)
    # 450,000 on 1,000 m2 and ten days; profit is known of 350,000 of them.
    assert (store["area_m2_days"], store["sales_per_m2"], store["profit_per_m2"]) == (10_000, 45, 10)
    assert (store["receipts_per_100_m2"], store["profit_known"]) == (0.02, 0.7778)
    assert (nowhere["kind"], nowhere["code"], nowhere["net_sales"], nowhere["sales_per_m2"]) == (
        "no_area", None, 7_000, None,
    )  # fmt: skip
    counter, rest = items(erp, f"/v1/reports/areas?{JANUARY}&by=counter")
    assert (counter["name"], counter["within"], counter["sales_per_m2"]) == ("Acme", "Westlake", 600)
    assert rest["net_sales"] == 157_000


def test_a_report_pages_and_every_row_comes_once(erp: Caller) -> None:
    whole = items(erp, f"/v1/reports/areas?{JANUARY}&by=store")
    first = erp.get(f"/v1/reports/areas?{JANUARY}&by=store&limit=1")
    assert 'rel="next"' in first.headers["Link"]
    second = erp.get(f"/v1/reports/areas?{JANUARY}&by=store&limit=1&cursor={first.json['next_cursor']}")
    assert first.json["items"] + second.json["items"] == whole
    assert second.json["next_cursor"] is None


def test_the_structure_of_sales_goes_down_the_tree(erp: Caller) -> None:
    food, nothing, toys = items(erp, f"/v1/reports/sales-structure?{JANUARY}")
    assert (food["name"], food["deeper"], food["net_sales"]) == ("Food", True, 400_000)
    assert (food["regular_sales"], food["promoted_sales"], food["promotion_share"]) == (300_000, 100_000, 0.25)
    assert (food["receipts"], food["member_share"], food["profit_coverage"]) == (1, 1, 0.75)
    assert (nothing["category"], nothing["net_sales"], toys["name"]) == (None, 50_000, "Toys")
    dairy, above = items(erp, f"/v1/reports/sales-structure?{JANUARY}&category={food['category']}")
    assert (dairy["path"], dairy["net_sales"], dairy["deeper"]) == (["FOOD", "DAIRY"], 300_000, False)
    assert (above["category"], above["net_sales"]) == (None, 100_000)
    assert items(erp, f"/v1/reports/sales-structure?{JANUARY}&category={dairy['category']}")[0]["category"] is None


def test_what_was_sold_under_a_promotion_and_what_it_did(erp: Caller) -> None:
    (row,) = items(erp, f"/v1/reports/promotions?{JANUARY}")
    assert (row["code"], row["net_sales"], row["gross_profit"], row["profit_coverage"]) == ("P7", 100_000, None, 0)
    assert row["share"] == round(100_000 / 457_000, 4)
    effect = erp.get(f"/v1/reports/promotions/{row['promotion']}/effect").json
    assert (effect["told"], effect["coefficient"], effect["from"], effect["to"]) == (
        False, None, "2026-01-05", "2026-01-05",
    )  # fmt: skip
    assert (
        erp.get(f"/v1/reports/promotions/{row['promotion']}/effect?currency=USD").json["code"] == "promotion_not_sold"
    )


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (("2026-01-05", "2026-01-06"), ("2026-01-05", "2026-01-06")),
        ((None, "2026-01-05"), ("2026-01-03", "2026-01-05")),
        (("2026-01-06", None), ("2026-01-06", "2026-01-08")),
        ((None, None), ("2026-01-03", "2026-01-08")),
        (("2025-01-01", "2025-01-31"), ("2026-01-03", "2026-01-08")),
    ],
)
def test_a_promotion_is_told_by_its_own_days_and_by_others_only_where_it_sold_in_none(
    erp: Caller, shop: Database, own: tuple[str | None, str | None], told: tuple[str, str]
) -> None:
    with shop.transaction() as tx:
        tx.execute("UPDATE pos.promotion SET starts_on = :since, ends_on = :until", {"since": own[0], "until": own[1]})
        promotion = tx.execute("SELECT id FROM pos.promotion").scalar_one()
        write_lake(tx, [LineFacts(DAY + timedelta(days=n), 100, promotion_id=promotion) for n in (-2, 1, 3)])
    effect = erp.get(f"/v1/reports/promotions/{promotion}/effect").json
    assert (effect["from"], effect["to"]) == told


def test_a_promotion_that_worked_is_told_with_its_interval(erp: Caller, shop: Database) -> None:
    with shop.transaction() as tx:
        store = stores_by_code(tx, ["S01"])["S01"].id
        promotion = tx.execute("SELECT id FROM pos.promotion").scalar_one()
        toys = tx.execute("SELECT id FROM pos.category WHERE name = 'Toys'").scalar_one()
        write_lake(
            tx,
            [
                LineFacts(
                    DAY + timedelta(days=n), 300 if under else 200, store_id=store, category_id=toys, promoted=under,
                    promotion_id=promotion if under else None, profit=50,
                )
                for n in range(-84, 2)
                for under in (n >= 0,)
                for _ in range(30)
            ],
        )  # fmt: skip
    effect = erp.get(f"/v1/reports/promotions/{promotion}/effect?from=2026-01-06&to=2026-01-06").json
    assert effect["told"] is True
    assert effect["sales"] == 9_000 + 0
    assert effect["low"] <= effect["coefficient"] <= effect["high"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("from=2026-02-01&to=2026-01-01", 422, "period_unusable"),
        ("from=2020-01-01&to=2026-01-01", 422, "period_unusable"),
        ("from=0001-01-01", 422, "period_unusable"),
        ("to=9999-12-31", 422, "period_unusable"),
        ("to=0001-01-01", 422, "period_unusable"),
        ("store=S99", 404, "store_unknown"),
        ("by=floor", 422, None),
        ("cursor=abc", 400, "cursor_unreadable"),
    ],
)
def test_questions_that_cannot_be_answered(erp: Caller, query: str, status: int, code: str | None) -> None:
    answer = erp.get(f"/v1/reports/areas?{query}")
    assert answer.status_code == status, answer.text
    assert code is None or answer.json["code"] == code


def test_whoever_acts_in_one_store_sees_that_store(http: FlaskClient, shop: Database) -> None:
    till = a_machine(http, shop, ["reports.read"], {"store": "S02"})
    (row,) = items(till, f"/v1/reports/areas?{JANUARY}")
    assert row["net_sales"] == 7_000
    assert till.get(f"/v1/reports/areas?{JANUARY}&store=S01").status_code == 403
    assert items(till, f"/v1/reports/promotions?{JANUARY}") == []
    assert a_machine(http, shop, ["sales.read"]).get("/v1/reports/areas").status_code == 403


@pytest.mark.parametrize(("language", "word"), [("en", "No area known"), ("zh", "面积未知")])
def test_pages_show_the_same_figures_and_give_them_as_a_file(
    app: Flask, shop: Database, language: str, word: str
) -> None:
    hire(shop, "boss", Role.HEAD_OFFICE, "Ann")
    boss = Browser(app, "boss", language)
    page = boss.get(f"/reports/areas?{JANUARY}&per=30")
    assert "¥13.50" in page  # 0.45 a day, times 30
    assert word in page
    file = boss.http.get(f"/reports/areas?{JANUARY}&file=csv", headers=boss.headers)
    assert file.mimetype == "text/csv"
    assert file.data.startswith(b"\xef\xbb\xbf")
    assert "S01,Westlake,,4500.00,1000.00" in file.text
    assert "Food" in boss.get(f"/reports/sales-structure?{JANUARY}")
    promotions = boss.http.get(f"/reports/promotions?{JANUARY}&file=csv", headers=boss.headers)
    assert "'=Spring" in promotions.text
    with shop.transaction() as tx:
        promotion = tx.execute("SELECT id FROM pos.promotion").scalar_one()
    assert "–" in boss.get(f"/reports/promotions/{promotion}")
    assert boss.get("/reports/areas?from=2026-02-01&to=2026-01-01")


def test_a_store_manager_sees_the_own_store_only(app: Flask, shop: Database) -> None:
    hire(shop, "manager", Role.STORE_MANAGER, "Ann")
    page = Browser(app, "manager").get(f"/reports/areas?{JANUARY}&store=S02")
    assert "Westlake" in page
    assert "¥70.00" not in page


@pytest.mark.parametrize(("cell", "written"), [("=1+1", "'=1+1"), ("-5", "'-5"), (-5, -5), (None, ""), ("A-B", "A-B")])
def test_no_word_in_a_file_is_worked_out_as_a_formula(cell: Any, written: Any) -> None:
    assert harmless(cell) == written
