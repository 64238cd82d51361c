"""Everything of this package that the web application serves."""

from pathlib import Path

from analytics.measures.http import measures_blueprint
from analytics.runs.http import runs_blueprint
from analytics.scores.http import scores_blueprint
from foundation.http import Room

HERE = Path(__file__).parent

room = Room(
    name="analytics",
    blueprints=[measures_blueprint, runs_blueprint, scores_blueprint],
    pages=[],
    menu=[],
    translations=sorted(HERE.glob("**/translations")),
)
