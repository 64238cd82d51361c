"""Make tasks, and say what came of them: what target lists, campaigns and triggers build on.

    create_tasks(tx, [TaskWish(member_id=7, kind="call", due_on=day, key="campaign/3/member/7", origin="campaign/3")])

Whoever makes tasks names a key: the same wish twice, in one call or in two, makes one task.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pyroaring import BitMap64

from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import FieldError, Invalid
from foundation.events import announce
from foundation.settings import get_settings
from marketing.permissions import TASKS_MANAGE, TASKS_WORK
from marketing.tasks.assignment import Rota, Wanted, assign
from marketing.tasks.kinds import TaskKind, TaskKindNotUsable, kinds_by_code, list_kinds, settings_now
from marketing.tasks.rules import Settings, TaskState, What
from member_api.contract.members import MemberFacts, MemberStatus, resolve_members
from member_api.contract.service import NewNote, enrolled_by, keep_notes
from organisation.contract import Colleague, staff_by_id, staff_by_number, staff_on_duty, stores_by_code
from pos_adapter.contract.service import who_served

BATCH_MAX = 1_000
SERVED_WITHIN = timedelta(days=365)
KNOWN_BY_MAX = 5
NOTE = "task/note"


class TaskStoreUnknown(Invalid):
    """There is no such store."""

    code = "store_unknown"


class AssigneeUnknown(Invalid):
    """Nobody with this number works here now."""

    code = "assignee_unknown"


@dataclass(frozen=True, slots=True)
class TaskWish:
    """One thing to be done for one member.

    `kind` is the code of a kind; `due_on` a day by the store's calendar (None: as the kind says); `assignee` the number
    of a member of staff; `store` a code. Without an assignee the task is given to somebody of the store who knows the
    member or has room, unless `pool` leaves it to be taken; without a store it goes to the member's home store.
    `origin` says where it comes from: "hand", "campaign/7", "list/3", "trigger/birthday". `key` names the wish.
    """

    member_id: int
    kind: str
    key: str
    due_on: date | None = None
    store: str | None = None
    assignee: str | None = None
    note: str | None = None
    origin: str = "hand"
    pool: bool = False


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """What became of wishes. `refused` counts those that were not made by their reason; `ids` are all ids by key."""

    made: int
    already: int
    assigned: int
    pooled: int
    refused: Mapping[str, int]
    ids: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TaskOutcomes:
    """What came of the tasks of one origin. Minutes are those that were logged; the cost is in minor units of the
    company's currency. `content_sum` / `content_count` is how content the members were, 1 to 5."""

    total: int
    by_state: Mapping[TaskState, int]
    by_outcome: Mapping[str, int]
    successes: int
    standard_minutes: int
    minutes: int
    cost: int
    currency: str
    refuted: int
    content_sum: int
    content_count: int


def create_tasks(tx: Tx, wishes: Sequence[TaskWish], by: str = "system:marketing") -> TaskCounts:
    """Make the tasks that are wished for and not made yet. Any number; a thousand share their statements.

    Raises TaskKindNotUsable, TaskStoreUnknown and AssigneeUnknown before anything is written: these are mistakes of
    the caller. A member who is unknown, closed or erased gets no task and is counted in `refused`.
    """
    kinds = _kinds(tx, wishes)
    people = _assignees(tx, wishes)
    _check_stores(tx, wishes)
    settings = settings_now(tx)
    unique = list({wish.key: wish for wish in wishes}.values())
    batches = [unique[place : place + BATCH_MAX] for place in range(0, len(unique), BATCH_MAX)]
    parts = [_Batch(tx, batch, kinds, people, settings, by).make() for batch in batches]
    refused: Counter[str] = Counter()
    for part in parts:
        refused.update(part.refused)
    return TaskCounts(
        made=sum(part.made for part in parts),
        already=sum(part.already for part in parts) + len(wishes) - len(unique),
        assigned=sum(part.assigned for part in parts),
        pooled=sum(part.pooled for part in parts),
        refused=refused,
        ids={key: task_id for part in parts for key, task_id in part.ids.items()},
    )


def task_outcomes(tx: Tx, campaign_id: int) -> TaskOutcomes:
    """What came of the tasks that a campaign made."""
    return outcomes_of(tx, f"campaign/{campaign_id}")


def outcomes_of(tx: Tx, origin: str) -> TaskOutcomes:
    """What came of the tasks of one origin."""
    rows = tx.ask(
        "SELECT state, outcome, count(*), count(*) FILTER (WHERE success), sum(standard_minutes)::bigint,"
        " sum(minutes)::bigint, sum(refuted)::bigint, coalesce(sum(content), 0)::bigint, count(content)"
        " FROM marketing.task WHERE origin = %s GROUP BY state, outcome",
        (origin,),
    ).fetchall()
    by_state: Counter[TaskState] = Counter()
    by_outcome: Counter[str] = Counter()
    for row in rows:
        by_state[TaskState(row[0])] += row[2]
        if row[1] is not None:
            by_outcome[row[1]] += row[2]
    successes, standard, minutes, refuted, content_sum, content_count = (
        sum(row[place] for row in rows) for place in range(3, 9)
    )
    return TaskOutcomes(
        total=sum(by_state.values()),
        by_state=by_state,
        by_outcome=by_outcome,
        successes=successes,
        standard_minutes=standard,
        minutes=minutes,
        cost=settings_now(tx).cost(minutes),
        currency=get_settings().company_currency,
        refuted=refuted,
        content_sum=content_sum,
        content_count=content_count,
    )


def open_complaints(tx: Tx, member_ids: Collection[int]) -> BitMap64:
    """Those of the members with a complaint that nobody has confirmed to be dealt with yet."""
    rows = tx.ask(
        "SELECT DISTINCT member_id FROM marketing.task WHERE complaint AND state IN ('open', 'started', 'done')"
        " AND member_id = ANY(%s)",
        (list(member_ids),),
    )
    return BitMap64(member_id for (member_id,) in rows)


# ------------------------------------------------------------------------------------------------ checking a wish
def _kinds(tx: Tx, wishes: Sequence[TaskWish]) -> Mapping[str, TaskKind]:
    kinds = kinds_by_code(tx, {wish.kind for wish in wishes})
    for wish in wishes:
        if wish.kind not in kinds or kinds[wish.kind].retired:
            raise TaskKindNotUsable(
                f"no task can be of the kind {wish.kind}",
                errors=[FieldError("/kind", f"one of: {', '.join(kind.code for kind in list_kinds(tx))}")],
            )
    return kinds


def _check_stores(tx: Tx, wishes: Sequence[TaskWish]) -> None:
    codes = {wish.store for wish in wishes if wish.store is not None}
    unknown = sorted(codes - stores_by_code(tx, codes).keys())
    if unknown:
        raise TaskStoreUnknown(
            f"there is no store {unknown[0]}", errors=[FieldError("/store", "there is no such store")]
        )


def _assignees(tx: Tx, wishes: Sequence[TaskWish]) -> Mapping[str, Colleague]:
    return workers_by_number(tx, {wish.assignee for wish in wishes if wish.assignee is not None})


def workers_by_number(tx: Tx, numbers: Collection[str], pointer: str = "/assignee") -> dict[str, Colleague]:
    """Those with these numbers, all of whom work here now. Raises AssigneeUnknown."""
    known = staff_by_number(tx, numbers)
    people = staff_by_id(tx, [facts.id for facts in known.values()]) if known else {}
    found = {number: people[facts.id] for number, facts in known.items() if facts.id in people}
    for number in sorted(numbers):
        if number not in found or not found[number].at_work:
            raise AssigneeUnknown(
                f"nobody with the number {number} works here",
                errors=[FieldError(pointer, "unknown, or has left")],
            )
    return found


# ------------------------------------------------------------------------------------------------ making
@dataclass(frozen=True, slots=True)
class _Planned:
    """A wish with everything that was decided about it but who gets it."""

    wish: TaskWish
    member_id: int
    kind: TaskKind
    store: str | None
    due_on: date


class _Batch:
    """One batch of wishes: who is meant, where it belongs, who gets it, written down."""

    def __init__(
        self,
        tx: Tx,
        wishes: Sequence[TaskWish],
        kinds: Mapping[str, TaskKind],
        people: Mapping[str, Colleague],
        settings: Settings,
        by: str,
    ) -> None:
        self.tx, self.kinds, self.people, self.settings, self.by = tx, kinds, people, settings, by
        self.today = local_date(tx.now, get_settings().company_timezone)
        self.ids: dict[str, int] = self._made_before(wishes)
        self.already = len(self.ids)
        self.fresh = [wish for wish in wishes if wish.key not in self.ids]
        self.refused: Counter[str] = Counter()

    def make(self) -> TaskCounts:
        planned = self._plan()
        given = self._give(planned)
        notes = self._keep_notes(planned)
        made = self._write(planned, given, notes)
        assigned = sum(1 for plan, clerk in zip(planned, given, strict=True) if clerk and plan.wish.key in made)
        return TaskCounts(
            made=len(made),
            already=self.already + len(planned) - len(made),
            assigned=assigned,
            pooled=len(made) - assigned,
            refused=self.refused,
            ids=self.ids,
        )

    def _made_before(self, wishes: Sequence[TaskWish]) -> dict[str, int]:
        rows = self.tx.ask(
            "SELECT key, id FROM marketing.task WHERE key = ANY(%s)", ([wish.key for wish in wishes],)
        ).fetchall()
        return dict(rows)

    def _plan(self) -> list[_Planned]:
        members = resolve_members(self.tx, {wish.member_id for wish in self.fresh})
        planned = []
        for wish in self.fresh:
            member = members[wish.member_id]
            if not isinstance(member, MemberFacts):
                self.refused["member_unknown"] += 1
            elif member.status in (MemberStatus.CLOSED, MemberStatus.ERASED):
                self.refused[f"member_{member.status}"] += 1
            else:
                kind = self.kinds[wish.kind]
                due_on = wish.due_on or self.today + timedelta(days=kind.template.due_in_days)
                planned.append(_Planned(wish, member.id, kind, self._store_of(wish, member), due_on))
        return planned

    def _store_of(self, wish: TaskWish, member: MemberFacts) -> str | None:
        if wish.store is not None:
            return wish.store
        if wish.assignee is not None and self.people[wish.assignee].home_store is not None:
            return self.people[wish.assignee].home_store
        home = member.home_store
        return home if home is not None and stores_by_code(self.tx, (home,)) else None

    def _give(self, planned: Sequence[_Planned]) -> list[int | None]:
        """Who gets each task. Two batches at once may give one clerk more than there is room for; a manager sees it."""
        given: list[int | None] = [
            self.people[plan.wish.assignee].id if plan.wish.assignee is not None else None for plan in planned
        ]
        seeking = [
            place
            for place, plan in enumerate(planned)
            if given[place] is None and not plan.wish.pool and plan.store is not None
        ]
        if not seeking:
            return given
        clerks = clerks_of(self.tx, {plan.store for plan in planned if plan.store is not None})
        rota = rota_of(self.tx, [clerk for here in clerks.values() for clerk in here], self.today, self.settings)
        for place, clerk in enumerate(given):
            if clerk is not None:
                rota.add(clerk, planned[place].due_on, planned[place].kind.template.standard_minutes)
        known_by = known_by_whom(self.tx, [planned[place].member_id for place in seeking]) if clerks else {}
        wanted = [_wanted(planned[place], known_by) for place in seeking]
        for place, chosen in zip(seeking, assign(wanted, clerks, rota), strict=True):
            given[place] = chosen
        return given

    def _keep_notes(self, planned: Sequence[_Planned]) -> list[int | None]:
        with_note = [place for place, plan in enumerate(planned) if plan.wish.note]
        kept = keep_notes(
            self.tx, [NewNote(planned[place].member_id, NOTE, planned[place].wish.note or "") for place in with_note]
        )
        notes: list[int | None] = [None] * len(planned)
        for place, note_id in zip(with_note, kept, strict=True):
            notes[place] = note_id
        return notes

    def _write(
        self, planned: Sequence[_Planned], given: Sequence[int | None], notes: Sequence[int | None]
    ) -> dict[str, int]:
        """Write what is new; a wish that somebody else fulfilled at the same moment stays theirs."""
        if not planned:
            return {}
        rows = self.tx.ask(
            "INSERT INTO marketing.task (key, member_id, kind_id, kind_version, complaint, origin, state, store,"
            " assignee_id, due_on, standard_minutes, note_id, made_by, made_at)"
            " SELECT w.key, w.member_id, w.kind_id, w.version, w.complaint, w.origin, 'open', w.store, w.assignee,"
            " w.due_on, w.minutes, w.note, %s, %s FROM unnest(%s::text[], %s::bigint[], %s::integer[], %s::integer[],"
            " %s::boolean[], %s::text[], %s::text[], %s::integer[], %s::date[], %s::integer[], %s::bigint[])"
            " WITH ORDINALITY AS w(key, member_id, kind_id, version, complaint, origin, store, assignee, due_on,"
            " minutes, note, place) ORDER BY w.key ON CONFLICT (key) DO NOTHING RETURNING key, id, assignee_id",
            (
                self.by,
                self.tx.now,
                [plan.wish.key for plan in planned],
                [plan.member_id for plan in planned],
                [plan.kind.id for plan in planned],
                [plan.kind.version for plan in planned],
                [plan.kind.complaint for plan in planned],
                [plan.wish.origin for plan in planned],
                [plan.store for plan in planned],
                list(given),
                [plan.due_on for plan in planned],
                [plan.kind.template.standard_minutes for plan in planned],
                list(notes),
            ),
        ).fetchall()
        made = {key: task_id for key, task_id, _ in rows}
        self._record([(task_id, clerk) for _, task_id, clerk in rows])
        lost = [plan.wish.key for plan in planned if plan.wish.key not in made]
        if lost:
            self.ids.update(self.tx.ask("SELECT key, id FROM marketing.task WHERE key = ANY(%s)", (lost,)).fetchall())
        self.ids.update(made)
        return made

    def _record(self, made: Sequence[tuple[int, int | None]]) -> None:
        self.tx.ask(
            "INSERT INTO marketing.task_change (task_id, at, by, what, state, assignee_to)"
            " SELECT w.task, %s, %s, %s, 'open', w.clerk FROM unnest(%s::bigint[], %s::integer[]) AS w(task, clerk)",
            (self.tx.now, self.by, What.MADE.value, [task for task, _ in made], [clerk for _, clerk in made]),
        )
        for task_id, _ in made:
            announce(self.tx, "task.made", {"task": str(task_id)})


def _wanted(plan: _Planned, known_by: Mapping[int, tuple[int, ...]]) -> Wanted:
    assert plan.store is not None
    minutes = plan.kind.template.standard_minutes
    return Wanted(plan.store, plan.due_on, minutes, known_by.get(plan.member_id, ()))


def clerks_of(tx: Tx, stores: Collection[str]) -> dict[str, list[int]]:
    """Those who do tasks in these stores, by store; whoever hands them out gets one only by name."""
    clerks: dict[str, list[int]] = {}
    for person in staff_on_duty(tx, stores):
        works, hands_out = TASKS_WORK in person.permissions, TASKS_MANAGE in person.permissions
        if works and not hands_out and person.home_store is not None:
            clerks.setdefault(person.home_store, []).append(person.id)
    return clerks


def rota_of(tx: Tx, clerks: Collection[int], today: date, settings: Settings) -> Rota:
    """What these members of staff have to do already."""
    rows = tx.ask(
        "SELECT assignee_id, due_on, sum(standard_minutes)::integer FROM marketing.task"
        " WHERE assignee_id = ANY(%s) AND state IN ('open', 'started') GROUP BY assignee_id, due_on",
        (list(clerks),),
    )
    return Rota(today, settings.minutes_per_day, rows)


def known_by_whom(tx: Tx, member_ids: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """Ids of the staff who know each member, the best first: on most receipts of a year, then who enrolled them."""
    served = who_served(tx, member_ids, tx.now - SERVED_WITHIN)
    enrolled = enrolled_by(tx, member_ids)
    numbers = {each.salesperson for each in served} | set(enrolled.values())
    staff = staff_by_number(tx, numbers)
    known: dict[int, list[int]] = {}
    for member_id, number in [(each.member_id, each.salesperson) for each in served] + list(enrolled.items()):
        person = staff.get(number)
        if person is not None:
            known.setdefault(member_id, []).append(person.id)
    return {member_id: tuple(dict.fromkeys(ids))[:KNOWN_BY_MAX] for member_id, ids in known.items()}
