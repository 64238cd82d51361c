"""Everything of this package that the web application serves."""

from pathlib import Path

from foundation.http import Room
from marketing.campaigns.http import campaigns_blueprint
from marketing.tasks.http import tasks_blueprint

HERE = Path(__file__).parent

room = Room(
    name="marketing",
    blueprints=[campaigns_blueprint, tasks_blueprint],
    pages=[],
    menu=[],
    translations=sorted(HERE.glob("**/translations")),
)
