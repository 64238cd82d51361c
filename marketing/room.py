"""Everything of this package that the web application serves."""

from pathlib import Path

from foundation.http import Room

HERE = Path(__file__).parent

room = Room(
    name="marketing",
    blueprints=[],
    pages=[],
    menu=[],
    translations=sorted(HERE.glob("**/translations")),
)
