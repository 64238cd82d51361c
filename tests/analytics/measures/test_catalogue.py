"""Every measure is documented, in both languages, and the catalogue tells it to whoever may see reports."""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from analytics.measures.catalogue import ALL_MEASURES, MEASURES
from analytics.measures.documentation import as_markdown, chinese, english
from analytics.measures.measure import Measure
from foundation.database import Database
from tests.organisation.callers import a_machine

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("measure", ALL_MEASURES, ids=list(MEASURES))
def test_a_measure_has_words_in_both_languages(measure: Measure) -> None:
    assert all(len(words) > 3 for words in english(measure))
    assert all(chinese(measure))


def test_the_page_of_measures_is_what_the_code_says() -> None:
    page = (ROOT / "docs" / "measures.md").read_text(encoding="utf-8")
    assert page == as_markdown(), "print it again: python -m analytics.measures.documentation > docs/measures.md"


def test_the_catalogue_is_told_page_by_page_in_the_callers_language(http: FlaskClient, database: Database) -> None:
    caller = a_machine(http, database, ["reports.read"])
    items: list[dict[str, Any]] = []
    path = "/v1/measures?limit=9"
    while path:
        answer = caller.get(path)
        items += answer.json["items"]
        cursor = answer.json["next_cursor"]
        path = f"/v1/measures?limit=9&cursor={cursor}" if cursor else ""
    assert [item["name"] for item in items] == sorted(MEASURES)
    assert next(item for item in items if item["name"] == "net_sales") == {
        "name": "net_sales",
        "title": "Net sales",
        "definition": english(MEASURES["net_sales"])[1],
        "unit": "money",
        "source": "sales",
        "adds_up": True,
    }
    chinese_caller = {**caller.headers, "Accept-Language": "zh"}
    answer = http.get("/v1/measures?limit=1000", headers=chinese_caller)
    assert answer.json is not None
    titles = {item["name"]: item["title"] for item in answer.json["items"]}
    assert titles["sales_per_m2"] == "坪效"


def test_the_catalogue_is_for_those_who_may_see_reports(http: FlaskClient, database: Database) -> None:
    assert http.get("/v1/measures").status_code == 401
    assert a_machine(http, database, ["members.read"]).get("/v1/measures").status_code == 403
    caller = a_machine(http, database, ["reports.read"])
    assert caller.get("/v1/measures?limit=0").status_code == 422
    assert caller.get("/v1/measures?cursor=nonsense").status_code == 400
