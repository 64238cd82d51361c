"""Counting live, freezing, reading frozen lists.

Freezing keeps the set, the filter, the state of the sales it saw (event position) and what was measured of every
member: a list that was frozen says the same for ever. Functions take the open transaction first and never commit.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from pyroaring import BitMap
from sqlalchemy import RowMapping, func, insert, select, text, update

import marketing.target_lists.usual_exclusions  # noqa: F401 - registers them
from analytics.contract.conditions import CLASS_CHOICES
from foundation.access import Principal
from foundation.conditions import Condition, Operator
from foundation.database import Tx
from foundation.errors import Invalid, NotFound
from foundation.events import announce
from marketing.target_lists.catalogue import MEASURES, answer_all
from marketing.target_lists.choosing import Chosen, Question, choose, obeyed, picked_by
from marketing.target_lists.chunks import Seen, all_members, ids_after, seen_of, write_chunks
from marketing.target_lists.exclusions import Near, exclusions
from marketing.target_lists.explaining import measure_members, seen_now
from marketing.target_lists.filters import Filter, read_filter
from marketing.target_lists.tables import target_list
from member_api.contract.conditions import breakdown as breakdown_of
from member_api.contract.conditions import of_home_stores
from member_api.contract.members import masked_names

SAMPLE = 10
NEAR_SAMPLE = 3
# A list of everywhere has no places: NULL, or of an earlier release the JSON null.
OF_PLACES = (
    "(json_typeof(target_list.places) IS DISTINCT FROM 'array' OR EXISTS (SELECT FROM json_array_elements_text("
    "CASE json_typeof(target_list.places) WHEN 'array' THEN target_list.places ELSE '[]' END) AS place "
    "WHERE place = ANY(CAST(:places AS text[]))))"
)


class TargetListUnknown(NotFound):
    """There is no such list."""

    code = "target_list_unknown"


class TargetListEmpty(Invalid):
    """The filter chooses nobody: there is nothing to freeze."""

    code = "target_list_empty"


@dataclass(frozen=True, slots=True)
class TargetList:
    """A frozen list as it is stored. `count` is of the whole list, whoever looks at it; `places` None: everywhere.

    `breakdown` and `near_misses` were counted when it was frozen.
    """

    id: int
    name: str
    filter: Filter
    filter_hash: bytes
    model: str | None
    as_of: date
    lake_position: int | None
    scoring_run: int | None
    places: frozenset[str] | None
    leave_out: tuple[str, ...]
    channel: str | None
    count: int
    breakdown: Mapping[str, Mapping[str, int]]
    near_misses: Mapping[str, int]
    created_by: str
    created_at: datetime
    archived_at: datetime | None


@dataclass(frozen=True, slots=True)
class Preview:
    """A live count. `sample` are members with what was measured; `near_samples` a few of each near miss."""

    chosen: Chosen
    breakdown: Mapping[str, Mapping[str, int]]
    sample: Sequence[Seen]
    near_samples: Mapping[str, Sequence[int]]
    names: Mapping[int, str]


# ------------------------------------------------------------------------------------------------ counting live
def preview(tx: Tx, question: Question, *, only_count: bool = False) -> Preview:
    """Who would be on the list now. `only_count` leaves breakdown and samples out. Writes nothing.

    Raises ExclusionUnknown, LakeDamaged.
    """
    chosen = choose(tx, question, near_misses=not only_count)
    if only_count:
        return Preview(chosen, {}, (), {}, {})
    sampled = spread(chosen.members, SAMPLE)
    seen = seen_now(tx, question, chosen.told, sampled)
    near = {name: spread(members, NEAR_SAMPLE) for name, members in chosen.near.items()}
    names = masked_names(tx, {*sampled, *(id_ for ids in near.values() for id_ in ids)})
    return Preview(chosen, break_down(tx, chosen.members, question.today), [seen[id_] for id_ in sampled], near, names)


def spread(members: BitMap, count: int) -> list[int]:
    """Up to `count` members from the whole range of ids, the same ones for the same set."""
    size = len(members)
    return [members[n * size // count] for n in range(count)] if size > count else list(members)


def break_down(tx: Tx, members: BitMap, today: date) -> dict[str, dict[str, int]]:
    """The set by tier, home store, age band, and by contribution class where there are scores."""
    found = {name: dict(counts) for name, counts in breakdown_of(tx, members, today).items()}
    classes = [Condition("contribution_class", Operator.ANY, (code,)) for code, _ in CLASS_CHOICES]
    told = answer_all(tx, classes, today)
    if told.scoring_run is not None:
        counts = {
            code: members.intersection_cardinality(selection.ids)
            for (code, _), selection in zip(CLASS_CHOICES, told.selections, strict=True)
        }
        counts[""] = len(members) - sum(counts.values())
        found["class"] = {code: count for code, count in counts.items() if count}
    return found


# ------------------------------------------------------------------------------------------------ freezing
def freeze(tx: Tx, name: str, question: Question, *, by: str, model: str | None = None) -> TargetList:
    """Freeze who is chosen now, with the reasons. Announces `target_list.frozen`.

    Raises TargetListEmpty, ExclusionUnknown, LakeDamaged.
    """
    chosen = choose(tx, question)
    if not chosen.members:
        raise TargetListEmpty("The filter chooses nobody")
    evidence = measure_members(tx, question, chosen.told, chosen.members)
    list_id = _insert(tx, name, question, chosen, by, model)
    write_chunks(tx, list_id, evidence)
    announce(tx, "target_list.frozen", {"list_id": list_id, "count": len(chosen.members)})
    return _read(tx, list_id)


def _insert(tx: Tx, name: str, question: Question, chosen: Chosen, by: str, model: str | None) -> int:
    places = None if question.stores is None else sorted(f"store/{store}" for store in question.stores)
    statement = insert(target_list).values(
        name=name,
        filter=question.filter.body,
        filter_hash=question.filter.hash,
        model=model,
        as_of=question.today,
        lake_position=chosen.told.position,
        scoring_run=chosen.told.scoring_run,
        places=places,
        leave_out=sorted(chosen.left_out),
        channel=question.channel,
        member_count=len(chosen.members),
        breakdown=break_down(tx, chosen.members, question.today),
        near_misses={reason: len(members) for reason, members in chosen.near.items()},
        created_by=by,
        created_at=tx.now,
    )
    list_id: int = tx.execute(statement.returning(target_list.c.id)).scalar_one()
    return list_id


# ------------------------------------------------------------------------------------------------ reading
def read_list(tx: Tx, principal: Principal, list_id: int) -> TargetList:
    """A list that somebody may see, archived or not. Raises TargetListUnknown.

    Whoever sees some stores only sees lists of these stores, and of all lists of the company the members of these.
    """
    found = _read(tx, list_id)
    if not sees(principal, found):
        raise TargetListUnknown("There is no such list")
    return found


def sees(principal: Principal, found: TargetList) -> bool:
    """Whether a list is of a place that the principal sees anything of."""
    return principal.places is None or found.places is None or bool(principal.places & found.places)


def lists(
    tx: Tx, principal: Principal, *, before: int | None, limit: int, archived: bool = False, search: str = ""
) -> list[TargetList]:
    """Lists with ids below `before`, the newest first, that the principal sees anything of."""
    put_away = target_list.c.archived_at
    query = select(target_list).where(put_away.is_not(None) if archived else put_away.is_(None))
    if before is not None:
        query = query.where(target_list.c.id < before)
    if search:
        query = query.where(func.strpos(func.lower(target_list.c.name), search.lower()) > 0)
    if principal.places is not None:
        query = query.where(text(OF_PLACES).bindparams(places=sorted(principal.places)))
    rows = tx.execute(query.order_by(target_list.c.id.desc()).limit(limit)).mappings()
    return [_target_list(row) for row in rows]


def _read(tx: Tx, list_id: int) -> TargetList:
    row = tx.execute(select(target_list).where(target_list.c.id == list_id)).mappings().one_or_none()
    if row is None:
        raise TargetListUnknown("There is no such list")
    return _target_list(row)


def _target_list(row: RowMapping) -> TargetList:
    return TargetList(
        row["id"],
        row["name"],
        read_filter(_json(row["filter"]), MEASURES),
        bytes(row["filter_hash"]),
        row["model"],
        row["as_of"],
        row["lake_position"],
        row["scoring_run"],
        None if row["places"] is None else frozenset(_json(row["places"])),
        tuple(_json(row["leave_out"])),
        row["channel"],
        row["member_count"],
        _json(row["breakdown"]),
        _json(row["near_misses"]),
        row["created_by"],
        row["created_at"],
        row["archived_at"],
    )


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def archive(tx: Tx, list_id: int, *, by: str) -> TargetList:
    """Put a list away; it stays readable, and campaigns that use it go on. Again: nothing happens."""
    tx.execute(
        update(target_list)
        .where(target_list.c.id == list_id, target_list.c.archived_at.is_(None))
        .values(archived_at=tx.now, archived_by=by)
    )
    return _read(tx, list_id)


def members_of(tx: Tx, list_id: int, after: int, limit: int, within: BitMap | None = None) -> list[int]:
    """Up to `limit` members with ids above `after`, ascending; of those in `within` only, if said."""
    return ids_after(tx, list_id, after, min(limit, 100_000), within)


def members_in(tx: Tx, list_id: int) -> BitMap:
    """The whole set."""
    return all_members(tx, list_id)


def visible_members(tx: Tx, principal: Principal) -> BitMap | None:
    """Members whose home stores somebody sees; None: everybody."""
    return None if principal.places is None else of_home_stores(tx, stores_within(principal) or frozenset())


def stores_within(principal: Principal) -> frozenset[str] | None:
    """The codes of the stores whose members somebody sees; None: all."""
    if principal.places is None:
        return None
    return frozenset(place.removeprefix("store/") for place in principal.places if place.startswith("store/"))


# ------------------------------------------------------------------------------------------------ explaining
@dataclass(frozen=True, slots=True)
class Explained:
    """One member beside a filter: `is_in`, what was measured, and the reasons for which it is left out or may not be
    reached. `frozen`: measured when the list was; else now."""

    is_in: bool
    seen: Seen
    near: tuple[str, ...]
    left_out: tuple[str, ...]
    frozen: bool


def explain_member(tx: Tx, question: Question, member_id: int) -> Explained:
    """Why a member is chosen now, or is not."""
    told = answer_all(tx, question.filter.conditions, question.today)
    alone = BitMap([member_id])
    picked = picked_by(tx, question, told) & alone
    near = tuple(
        name for name, each in exclusions().items() if member_id in each.bitmap(tx, Near(alone, question.channel))
    )
    left_out = tuple(name for name in near if name in obeyed(question))
    seen = seen_now(tx, question, told, [member_id])[member_id]
    return Explained(bool(picked) and not left_out, seen, near, left_out, frozen=False)


def explain_in_list(tx: Tx, found: TargetList, member_id: int) -> Explained:
    """Why a member is on a frozen list, as measured then; why it is not, as measured now for the list's day."""
    seen = seen_of(tx, found.id, [member_id]).get(member_id)
    if seen is not None:
        return Explained(True, seen, (), (), frozen=True)
    now = explain_member(tx, question_of(found), member_id)
    return replace(now, is_in=False)


def question_of(found: TargetList) -> Question:
    """What a frozen list asked."""
    stores = None if found.places is None else frozenset(place.removeprefix("store/") for place in found.places)
    return Question(found.filter, found.as_of, frozenset(found.leave_out), found.channel, stores)
