"""Everything of this package that the web application serves."""

from pathlib import Path

from analytics.measures.http import measures_blueprint
from analytics.overview.pages import overview_pages
from analytics.permissions import REPORTS, SCORES
from analytics.reports.http import reports_blueprint
from analytics.reports.pages import reports_pages
from analytics.runs.http import runs_blueprint
from analytics.runs.pages import runs_pages
from analytics.scores.http import scores_blueprint
from analytics.scores.pages import scores_pages
from foundation.http import MenuItem, Room
from foundation.pages import lazy

HERE = Path(__file__).parent

room = Room(
    name="analytics",
    blueprints=[measures_blueprint, reports_blueprint, runs_blueprint, scores_blueprint],
    pages=[overview_pages, reports_pages, runs_pages, scores_pages],
    menu=[
        MenuItem(lazy("Today"), "/today", REPORTS, "chart", 12),
        MenuItem(lazy("Reports"), "/reports", REPORTS, "chart", 29),
        MenuItem(lazy("Scoring runs"), "/scoring-runs", SCORES, "clock", 60, lazy("Marketing")),
    ],
    translations=sorted(HERE.glob("**/translations")),
    static=HERE / "static",
)
