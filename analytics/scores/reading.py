"""Reading the scores of finished runs: by page, by member, as sets. From the files that the manifest names.

Files never change once they are named, and lie in the order of (member_id, currency): a page reads one or two groups of
rows, a set one column. Money is in minor units of the score's currency.
"""

import array
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyroaring import BitMap
from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import distinct_on

from analytics.runs.files import ScoreFile, files_of
from analytics.runs.tables import KEPT, scoring_run
from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import NotFound
from foundation.settings import get_settings
from member_api.contract.conditions import no_profiling

HISTORY_MAX = 24


class ScoresUnknown(NotFound):
    """Nothing was scored as of that date, or nothing at all yet."""

    code = "scores_unknown"


@dataclass(frozen=True, slots=True)
class ScoreSet:
    """The scores of one finished run. `as_of` is exclusive; the horizon is the days from it on.

    `refused` are the members who refuse profiling by now: nothing is told of them, also if the run scored them.
    """

    run_id: int
    as_of: date
    horizon_days: int
    position: int
    complete_until: datetime | None
    finished_at: datetime
    members: Path
    formats: Path
    format_potential: Path
    refused: BitMap = field(repr=False, compare=False, default_factory=BitMap)


@dataclass(frozen=True, slots=True)
class Worth:
    """What a member has been worth over the window. `score` None: too few active members, or not active.

    value = profit - points_cost - contact_cost, None where no cost is known. `regular_ratio`: regular to promotional
    spend, None without promotional spend.
    """

    score: float | None
    contribution_class: str
    value: int | None
    visits: int
    spend: int
    profit: int | None
    points_cost: int
    contact_cost: int
    regular_ratio: float | None
    first_purchase: date | None
    last_purchase: date | None


@dataclass(frozen=True, slots=True)
class Heading:
    """Where a member is heading, and what the horizon will probably bring.

    Slopes in percent a sub-period of 28 days, None where they cannot be told. `periods_*`: the six sub-periods without
    season, oldest first (empty: too little is known; a ticket is None where there was no visit). Categories by id.
    """

    score: float | None
    direction: str
    predicted_spend: int | None
    predicted_profit: int | None
    predicted_visits: float | None
    probability_alive: float | None
    slope_spend: float | None
    slope_visits: float | None
    slope_ticket: float | None
    period_spend: Sequence[float]
    period_visits: Sequence[float]
    period_ticket: Sequence[float | None]
    model: str | None
    probability_model: str | None
    categories_entered: Sequence[int]
    categories_left: Sequence[int]
    categories_grown: Sequence[int]


@dataclass(frozen=True, slots=True)
class Score:
    """One member in one currency, as of a run."""

    member_id: int
    currency: str
    contribution: Worth
    potential: Heading


@dataclass(frozen=True, slots=True)
class FormatScore:
    """A member's contribution in one format (None where nothing happened in the window), and what is predicted there.

    `ranks` are the percentiles (0 to 1) the score was made of: spend, visits, profit, regular; None where there is
    none.
    """

    member_id: int
    currency: str
    format: str
    score: float | None
    value: int | None
    visits: int
    spend: int
    profit: int | None
    regular_share: float | None
    format_share: float | None
    ranks: tuple[float | None, float | None, float | None, float | None]
    predicted_spend: int | None
    probability_alive: float | None
    model: str | None


# ------------------------------------------------------------------------------------------------ which run
def latest_scores(tx: Tx, as_of: date | None = None, horizon_days: int | None = None) -> ScoreSet:
    """The scores that count now: of the latest run as of the latest date; or as of just this date or horizon.

    Raises ScoresUnknown.
    """
    found = score_sets(tx, 1, as_of, horizon_days)
    if found:
        return found[0]
    if as_of is None and horizon_days is None:
        raise ScoresUnknown("Nothing has been scored yet: start a scoring run")
    when = f" as of {as_of}" if as_of else ""
    days = f" for a horizon of {horizon_days} days" if horizon_days else ""
    raise ScoresUnknown(f"Nothing has been scored{when}{days}: start a scoring run for it")


def looks_ahead(tx: Tx) -> ColumnElement[bool]:
    """Whether a run is as of a day that no sale of today can belong to: true sorts last. Tomorrow holds today's."""
    today = local_date(tx.now, get_settings().company_timezone)
    return scoring_run.c.as_of > today + timedelta(days=1)


def score_sets(
    tx: Tx, limit: int, as_of: date | None = None, horizon_days: int | None = None, *, one_a_date: bool = False
) -> list[ScoreSet]:
    """Finished runs whose files are kept, the latest as-of date first; of one date the latest first, or only it.

    Without a date, what looks ahead (as of a day after tomorrow or later: what if nobody came?) stands behind what
    was scored as of now or before: a question is not how members stand.
    """
    run = scoring_run.c
    query = select(run.id, run.as_of, run.horizon_days, run.position, run.complete_until, run.finished_at).where(KEPT)
    if as_of is not None:
        query = query.where(run.as_of == as_of)
    if horizon_days is not None:
        query = query.where(run.horizon_days == horizon_days)
    if one_a_date:
        query = query.ext(distinct_on(run.as_of)).order_by(run.as_of.desc(), run.id.desc())
    else:
        query = query.order_by(looks_ahead(tx), run.as_of.desc(), run.id.desc())
    rows = tx.execute(query.limit(min(limit, 1_000))).all()
    files = files_of(tx, [row.id for row in rows])
    root = get_settings().lake
    refused = no_profiling(tx) if rows else BitMap()
    return [_score_set(row, root, files[row.id], refused) for row in rows]


def scores_of_run(tx: Tx, run_id: int) -> ScoreSet | None:
    """The scores of one run, None if it has none (any more)."""
    run = scoring_run.c
    row = tx.execute(
        select(run.id, run.as_of, run.horizon_days, run.position, run.complete_until, run.finished_at).where(
            KEPT, run.id == run_id
        )
    ).first()
    if row is None:
        return None
    return _score_set(row, get_settings().lake, files_of(tx, [row.id])[row.id], no_profiling(tx))


def _score_set(row: Any, root: Path, files: Mapping[ScoreFile, str], refused: BitMap) -> ScoreSet:
    return ScoreSet(
        row.id,
        row.as_of,
        row.horizon_days,
        row.position,
        row.complete_until,
        row.finished_at,
        members=root / files[ScoreFile.MEMBERS],
        formats=root / files[ScoreFile.FORMATS],
        format_potential=root / files[ScoreFile.FORMAT_POTENTIAL],
        refused=refused,
    )


# ------------------------------------------------------------------------------------------------ rows
def page_of_scores(
    scores: ScoreSet, after: tuple[int, str] | None, limit: int, among: BitMap | None = None
) -> list[Score]:
    """The next scores in the order of member and currency, at most `limit`; of these members only, if said.

    Without the lists of their evidence (periods, categories): those are for one member at a time.
    """
    wanted = None if among is None else _ids(among)
    refused = _ids(scores.refused)
    rows: list[Score] = []
    for table in _groups(scores.members, lambda _, highest: after is None or highest >= after[0], PAGE_COLUMNS):
        if after is not None:
            table = table.filter(pc.or_(
                pc.greater(table["member_id"], after[0]),
                pc.and_(pc.equal(table["member_id"], after[0]), pc.greater(table["currency"], after[1])),
            ))  # fmt: skip
        if len(refused):
            table = table.filter(pc.invert(pc.is_in(table["member_id"], value_set=refused)))
        if wanted is not None:
            table = table.filter(pc.is_in(table["member_id"], value_set=wanted))
        rows += [_score(row) for row in table.slice(0, limit - len(rows)).to_pylist()]
        if len(rows) == limit:
            break
    return rows


def scores_of(scores: ScoreSet, member_ids: Collection[int]) -> dict[int, list[Score]]:
    """The scores of these members, one for each currency they buy in; those without are left out."""
    found: dict[int, list[Score]] = {}
    for row in _rows_of(scores.members, _told(scores, member_ids)):
        found.setdefault(row["member_id"], []).append(_score(row))
    return found


def formats_of(scores: ScoreSet, member_ids: Collection[int]) -> dict[int, list[FormatScore]]:
    """What these members are worth by currency and format, and what is predicted."""
    rows: dict[tuple[int, str, str], dict[str, Any]] = {}
    for path in (scores.formats, scores.format_potential):
        for row in _rows_of(path, _told(scores, member_ids)):
            rows.setdefault((row["member_id"], row["currency"], row["format"]), {}).update(row)
    found: dict[int, list[FormatScore]] = {}
    for key in sorted(rows):
        found.setdefault(key[0], []).append(_format(rows[key]))
    return found


# ------------------------------------------------------------------------------------------------ sets
Test = Callable[[pa.Table], Any]


def members_where(scores: ScoreSet, columns: Sequence[str], test: Test, currency: str | None = None) -> BitMap:
    """The members of whom `test` is true: it gets a table of these columns and answers an Arrow array of booleans.

    Null is not true. With `currency` only scores in it count, else a score in any currency does.
    """
    names = [*dict.fromkeys(["member_id", *columns, *(["currency"] if currency else [])])]
    table = pq.read_table(scores.members, columns=names, memory_map=True)
    if currency is not None:
        table = table.filter(pc.equal(table["currency"], currency))
    return as_bitmap(table["member_id"].filter(pc.fill_null(test(table), False))) - scores.refused


def as_bitmap(ids: pa.ChunkedArray) -> BitMap:
    """Member ids as a set."""
    return BitMap(array.array("I", ids.to_numpy().astype(np.uint32).tobytes()))


def _ids(members: BitMap) -> pa.Array:
    return pa.array(np.array(members, np.int64))


def _told(scores: ScoreSet, member_ids: Collection[int]) -> list[int]:
    return [member for member in member_ids if member not in scores.refused]


# ------------------------------------------------------------------------------------------------ files
@lru_cache(maxsize=64)
def _footer(path: Path) -> pq.FileMetaData:
    return pq.read_metadata(path)


def _groups(path: Path, wanted: Callable[[int, int], bool], columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The groups of rows whose lowest and highest member are wanted, in order."""
    footer = _footer(path)
    if not footer.num_rows:
        return
    column = footer.schema.names.index("member_id")
    with pq.ParquetFile(path, metadata=footer, memory_map=True) as file:
        for group in range(footer.num_row_groups):
            statistics = footer.row_group(group).column(column).statistics
            if wanted(statistics.min, statistics.max):
                yield file.read_row_group(group, columns=columns)


def _rows_of(path: Path, member_ids: Collection[int]) -> Iterator[dict[str, Any]]:
    wanted = sorted(set(member_ids))
    if not wanted:
        return
    ids = pa.array(wanted, pa.int64())
    sorted_ids = np.array(wanted)

    def touches(lowest: int, highest: int) -> bool:
        return bool(np.searchsorted(sorted_ids, lowest) < np.searchsorted(sorted_ids, highest, side="right"))

    for table in _groups(path, touches):
        yield from table.filter(pc.is_in(table["member_id"], value_set=ids)).to_pylist()


WORTH = (
    "visits", "spend", "profit", "points_cost", "contact_cost", "regular_ratio", "first_purchase", "last_purchase",
)  # fmt: skip
HEADING = (
    "predicted_spend", "predicted_profit", "predicted_visits", "probability_alive",
    "slope_spend", "slope_visits", "slope_ticket", "model", "probability_model",
)  # fmt: skip
HEADING_LISTS = (
    "period_spend", "period_visits", "period_ticket", "categories_entered", "categories_left", "categories_grown",
)  # fmt: skip
PAGE_COLUMNS = (
    "member_id", "currency", "contribution_score", "contribution_class", "contribution_value", *WORTH,
    "potential_score", "direction", *HEADING,
)  # fmt: skip
INSUFFICIENT = "insufficient"


def _score(row: Mapping[str, Any]) -> Score:
    worth = {name: row[name] for name in WORTH}
    heading: dict[str, Any] = {name: row[name] for name in HEADING}
    heading |= {name: tuple(row.get(name) or ()) for name in HEADING_LISTS}
    return Score(
        row["member_id"],
        row["currency"],
        Worth(row["contribution_score"], row["contribution_class"], row["contribution_value"], **worth),
        Heading(row["potential_score"], row["direction"] or INSUFFICIENT, **heading),
    )


def _format(row: Mapping[str, Any]) -> FormatScore:
    return FormatScore(
        row["member_id"],
        row["currency"],
        row["format"],
        row.get("score"),
        row.get("contribution_value"),
        row.get("visits") or 0,
        row.get("spend") or 0,
        row.get("profit"),
        row.get("regular_share"),
        row.get("format_share"),
        (row.get("pr_spend"), row.get("pr_visits"), row.get("pr_profit"), row.get("pr_regular")),
        row.get("predicted_spend"),
        row.get("probability_alive"),
        row.get("model"),
    )
