"""What a run found, in figures that a page shows at once: kept with the run, also when its files are gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from analytics.measures.health import MemberHealth
from analytics.scores.contribution_tables import Contribution, CurrencyFacts, FormatFacts
from analytics.scores.model_tests import LifeFigures, ModelTest


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the map: members of a class heading in a direction. Money in minor units, over the window
    (`value`, `spend`) and over the horizon (`predicted_spend`)."""

    contribution_class: str
    direction: str
    members: int
    value: int
    spend: int
    predicted_spend: int


@dataclass(frozen=True, slots=True)
class Move:
    """Members who went from one class to another since the run before; None: not there."""

    before: str | None
    after: str | None
    members: int
    value_before: int
    value_after: int


@dataclass(frozen=True, slots=True)
class CurrencyFindings:
    """What was found of the members of one currency. `curve` are pairs of (percent of members, percent of profit)."""

    facts: CurrencyFacts
    fields: tuple[Field, ...]
    curve: tuple[tuple[float, float], ...]
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """`back_tests` have one row a currency, format, target and model.

    `before` is the run (id, as-of date) that moves are counted from. `refused` members said no to profiling and have
    no scores. `seconds` by step; `memory_mb` is the peak of the process.
    """

    currencies: tuple[CurrencyFindings, ...]
    formats: tuple[FormatFacts, ...]
    back_tests: tuple[ModelTest, ...]
    life: tuple[LifeFigures, ...]
    health: MemberHealth
    refused: int
    before: tuple[int, date] | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    memory_mb: int = 0


def findings_from_json(kept: Mapping[str, Any]) -> Findings:
    """Findings as they were kept."""
    return msgspec.convert(kept, Findings, strict=False)


def findings_as_json(findings: Findings) -> dict[str, Any]:
    """What is kept of them."""
    kept: dict[str, Any] = msgspec.to_builtins(findings)
    return kept


FIELDS = """
SELECT currency, contribution_class, coalesce(direction, 'insufficient') AS direction, count(*) AS members,
    coalesce(sum(contribution_value), 0)::BIGINT AS value, sum(spend)::BIGINT AS spend,
    coalesce(sum(predicted_spend), 0)::BIGINT AS predicted_spend
FROM members GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


def currency_findings(members: pa.Table, contribution: Contribution, moves: pa.Table | None) -> list[CurrencyFindings]:
    """The figures of each currency."""
    with duckdb.connect(":memory:", config={"threads": 1}) as engine:
        engine.register("members", members)
        fields = engine.execute(FIELDS).to_arrow_table().to_pylist()
    curves = contribution.concentration.to_pylist()
    moved = moves.to_pylist() if moves is not None else []
    return [
        CurrencyFindings(
            facts,
            tuple(Field(**_without_currency(row)) for row in _of(fields, facts.currency)),
            tuple(
                (row["member_percent"], row["worth_percent"])
                for row in _of(curves, facts.currency)
                if row["worth_percent"] is not None
            ),
            tuple(
                Move(row["class_before"], row["class_after"], row["members"], row["value_before"], row["value_after"])
                for row in _of(moved, facts.currency)
            ),
        )
        for facts in contribution.currency_facts
    ]


def _of(rows: Sequence[Mapping[str, Any]], currency: str) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["currency"] == currency]


def _without_currency(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "currency"}
