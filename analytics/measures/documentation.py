"""The measures as a page of docs: `python -m analytics.measures.documentation` prints docs/measures.md."""

import sys
from functools import cache
from itertools import groupby
from pathlib import Path

from analytics.measures.catalogue import ALL_MEASURES
from analytics.measures.measure import Measure, Source, Unit
from foundation.pages.words import read_catalogue

CHINESE = Path(__file__).parent / "translations" / "zh" / "LC_MESSAGES" / "messages.po"
HEAD = """# Measures

<!-- Printed by `python -m analytics.measures.documentation`; a test compares. Change the definitions in the code. -->

Each measure is defined once, as one Ibis expression in `analytics/measures/`; scores, filters and pages use that one.
Money is in minor units and never summed over currencies. Returns count on the date of the return, voids on the date of
the void. "Adds up" says whether the sum over parts is the value of the whole: distinct counts and ratios do not.
A ratio with nothing to divide by is unknown ("-"), never 0.
"""
SOURCES = {
    Source.SALES: "Over sales: lines of goods, or the day roll-up of members in the same words (`facts.py`)",
    Source.AREAS: "Over places: sales beside area x open days (`places.py`)",
    Source.MEMBERS: "Over members: their days of purchase as of a date (`health.py`)",
}
UNITS = {
    Unit.MONEY: "money",
    Unit.SHARE: "share",
    Unit.COUNT: "count",
    Unit.UNITS: "units",
    Unit.POINTS: "points",
    Unit.MONEY_PER_M2_DAY: "money per m2 and day",
    Unit.COUNT_PER_100_M2_DAY: "per 100 m2 and day",
}


def english(measure: Measure) -> tuple[str, str]:
    """Title and definition as the code says them."""
    return measure.title._args[0], measure.definition._args[0]


@cache
def _chinese_words() -> dict[str, str]:
    return {str(message.id): str(message.string) for message in read_catalogue(CHINESE) if message.id}


def chinese(measure: Measure) -> tuple[str, str]:
    """Title and definition in Chinese; empty where there is none."""
    title, definition = (_chinese_words().get(words, "") for words in english(measure))
    return title, definition


def as_markdown() -> str:
    """All measures, by source, in both languages."""
    parts = [HEAD]
    for source, measures in groupby(ALL_MEASURES, lambda measure: measure.source):
        parts.append(f"\n## {SOURCES[source]}\n\n| measure | unit | adds up | what it means |\n|---|---|---|---|\n")
        parts += [_row(measure) for measure in measures]
    return "".join(parts)


def _row(measure: Measure) -> str:
    (title, definition), (title_zh, definition_zh) = english(measure), chinese(measure)
    name = f"`{measure.name}` {title} ({title_zh})"
    adds_up = "yes" if measure.adds_up else "no"
    return f"| {name} | {UNITS[measure.unit]} | {adds_up} | {definition} {definition_zh} |\n"


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
