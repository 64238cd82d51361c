"""Tasks for everybody on a target list; what followed a task; and two at the same moment."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import DBAPIError

from foundation.clock import FixedClock, local_date
from foundation.database import Database, Tx
from foundation.errors import DomainError
from marketing.experiments.assignment import held_out
from marketing.experiments.standing import set_standing_control
from marketing.tasks import from_list
from marketing.tasks.operations import create_tasks
from marketing.tasks.scope import actor_of
from marketing.tasks.working import start, take
from organisation.staff.roles import Role, Scope
from organisation.staff.storage import load_people
from tests.marketing.campaigns.factories import a_list
from tests.marketing.tasks.factories import a_clerk, a_member_of, a_shop, a_task, a_wish, acting
from tests.organisation.callers import Caller, a_person_at_the_screen
from tests.organisation.factories import a_store
from tests.pos_adapter.sales.factories import post, receipt


@pytest.fixture
def members(app: Any, database: Database) -> list[int]:
    """Three members of S01 and one of S02; the manager of S01 and an administrator."""
    with database.transaction() as tx:
        a_shop(tx)
        a_store(tx, "S02")
        a_clerk(tx, "HQ", home_store=None, role=Role.ADMINISTRATOR, scope=Scope.COMPANY)
        stores = ("S01", "S01", "S01", "S02")
        return [a_member_of(tx, f"1380013800{n}", store=store) for n, store in enumerate(stores)]


@pytest.fixture
def admin(members: list[int], http: FlaskClient, database: Database) -> Caller:
    return a_person_at_the_screen(http, database, "hq")


def a_target_list(database: Database) -> int:
    with database.transaction() as tx:
        return a_list(tx)


# ------------------------------------------------------------------------------------------------ lists
def test_everybody_on_a_list_gets_one_task_however_often_it_is_asked(admin: Caller, database: Database) -> None:
    list_id = a_target_list(database)
    first = admin.post("/v1/tasks/from-list", {"list": str(list_id), "kind": "call", "note": "Tell of the wine week"})
    assert (first.status_code, first.json) == (
        200,
        {"made": 4, "already": 0, "assigned": 3, "pooled": 1, "refused": {}},
    )
    again = admin.post("/v1/tasks/from-list", {"list": str(list_id), "kind": "call"}).json
    assert (again["made"], again["already"]) == (0, 4)
    found = admin.get(f"/v1/tasks?origin=list%2F{list_id}").json
    assert len(found["items"]) == 4


def test_the_companys_control_group_is_left_alone(admin: Caller, database: Database, members: list[int]) -> None:
    with database.transaction() as tx:
        day = local_date(tx.now, "Asia/Shanghai")
        salt = next(f"salt/{n}" for n in range(1_000) if len(held_out(f"salt/{n}", members, 2_000)) == 1)
        set_standing_control(tx, day, 2_000, salt, "person:1")
        (spared,) = held_out(salt, members, 2_000)
    made = admin.post("/v1/tasks/from-list", {"list": str(a_target_list(database)), "kind": "call"}).json
    assert (made["made"], made["refused"]) == (3, {"company_control": 1})
    assert spared not in {int(task["member"]) for task in admin.get("/v1/tasks").json["items"]}


def test_a_list_that_is_too_long_makes_nothing(
    admin: Caller, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(from_list, "MEMBERS_MAX", 3)
    answer = admin.post("/v1/tasks/from-list", {"list": str(a_target_list(database)), "kind": "call"})
    assert (answer.status_code, answer.json["code"]) == (422, "list_too_long")
    assert admin.get("/v1/tasks").json["items"] == []


def test_who_may_not_see_lists_makes_no_tasks_from_them(admin: Caller, http: FlaskClient, database: Database) -> None:
    manager = a_person_at_the_screen(http, database, "m1")
    body = {"list": str(a_target_list(database)), "kind": "call"}
    assert manager.post("/v1/tasks/from-list", body).status_code == 403
    assert admin.post("/v1/tasks/from-list", {**body, "list": "999"}).status_code == 404
    assert admin.get("/follow-up/from-list?list=" + body["list"]).status_code == 200


# ------------------------------------------------------------------------------------------------ what followed
def test_what_a_member_bought_after_a_task_stands_beside_it(
    admin: Caller, http: FlaskClient, database: Database, clock: FixedClock, members: list[int]
) -> None:
    named = {"kind": "phone", "value": "13800138000"}
    post(database, receipt(9_000, sequence=1, member=named))
    made = admin.post("/v1/tasks", {"member": str(members[0]), "kind": "call", "assignee": "E1"}).json
    clerk = a_person_at_the_screen(http, database, "e1")
    clock.advance(timedelta(minutes=1))
    clerk.post(f"/v1/tasks/{made['id']}/start")
    clerk.post(f"/v1/tasks/{made['id']}/complete", {"outcome": "coming"})
    clock.advance(timedelta(days=1))
    occurred = clock.now().isoformat()
    post(database, receipt(5_000, sequence=2, member=named, occurred_at=occurred))
    [row] = a_person_at_the_screen(http, database, "hq").get("/v1/task-figures").json["clerks"]
    assert (row["staff"], row["earned"]) == ("E1", {"CNY": 5_000})


def test_the_badge_says_how_much_waits_now(
    admin: Caller, http: FlaskClient, database: Database, members: list[int]
) -> None:
    for day in ("2026-01-04", "2026-01-05", "2026-01-09"):
        admin.post("/v1/tasks", {"member": str(members[0]), "kind": "call", "assignee": "E1", "due_on": day})
    admin.post("/v1/tasks", {"member": str(members[0]), "kind": "call", "store": "S01", "pool": True})
    waiting = a_person_at_the_screen(http, database, "e1").get("/v1/tasks/waiting").json
    assert waiting == {"now": 2, "overdue": 1, "today": 1, "later": 1, "pool": 1, "call_backs": 0}


# ------------------------------------------------------------------------------------------------ at one moment
def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """What each of these returned or was refused with, all begun at the same moment."""
    barrier, outcomes = threading.Barrier(len(works)), [None] * len(works)

    def run(place: int) -> None:
        barrier.wait()
        try:
            outcomes[place] = works[place]()
        except (DomainError, DBAPIError) as error:
            outcomes[place] = error  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.mark.parametrize("move", [take, start])
def test_of_two_who_reach_for_a_task_at_the_same_moment_one_has_it(
    database: Database, members: list[int], move: Callable[..., Any]
) -> None:
    with database.transaction() as tx:
        task = a_task(tx, members[0], pool=True)
        people = load_people(tx, ["E1", "E2"])
        actors = [actor_of(acting(tx, people[number])) for number in ("E1", "E2")]

    def reach(who: int) -> Any:
        with database.transaction() as tx:
            return move(tx, actors[who], task)

    outcomes = at_once([lambda: reach(0), lambda: reach(1)])
    codes = sorted(getattr(outcome, "code", "has it") for outcome in outcomes)
    assert codes == ["has it", "task_taken"]


def test_the_same_wish_at_the_same_moment_makes_one_task(database: Database, members: list[int]) -> None:
    def wish() -> Any:
        with database.transaction() as tx:
            return create_tasks(tx, [a_wish(member, key=f"campaign/7/{member}") for member in members])

    counts = at_once([wish] * 4)
    assert sum(each.made for each in counts) == len(members)
    assert sum(each.already for each in counts) == 3 * len(members)
    assert len({tuple(sorted(each.ids.items())) for each in counts}) == 1
    with database.transaction() as tx:
        assert made(tx) == len(members)


def made(tx: Tx) -> int:
    return int(tx.execute("SELECT count(*) FROM marketing.task_change WHERE what = 'made'").scalar_one())
