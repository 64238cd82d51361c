"""A few follow-up tasks for members of the demo's store, so that the pages of follow-up show something.

The members are the demo's; that somebody called them, and what they said, is made up, and each task says so. Posted
like everything else: over HTTP, with keys that make a second run change nothing. The days follow from the data's last
day, not from today, for the same reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import blake2b
from typing import Any

import msgspec

from regulars.demo.connection import Connection
from regulars.demo.dates import SOURCE_LAST_DAY
from regulars.demo.people import Member
from regulars.demo.places import staff_number

MADE_UP = "Made up for the demo."
# Who works in the demo's store: place in its staff, role, user name.
CLERKS = (
    (1, "store_manager", "demo-manager"),
    (2, "service_desk", "demo-desk-1"),
    (3, "service_desk", "demo-desk-2"),
    (4, "counter_staff", "demo-counter"),
)


@dataclass(frozen=True, slots=True)
class Story:
    """A task as it is made and what became of it. `due` counts days after the data's last day; `clerk` None: the pool.

    `outcome` None: not completed; `content` None: nobody called back; `undone`: a first call-back said so.
    """

    kind: str
    due: int
    clerk: int | None
    note: str
    started: bool = False
    logged: str | None = None
    outcome: str | None = None
    minutes: int = 5
    content: int | None = None
    undone: bool = False


STORIES = (
    Story("complaint", 2, 2, "The yoghurt was past its date.", started=True, logged="Asked the dairy counter."),
    Story("call", 3, 2, "Asked for the wine list."),
    Story("win_back", 7, 2, "Bought every week until spring."),
    Story("birthday", 7, 2, "Prefers a call in the evening."),
    Story("call", 9, 2, "New member; asks about delivery."),
    Story("call", 7, 3, "Wanted to know when the salmon is on offer."),
    Story("birthday", 8, 3, "Collects the present at the desk."),
    Story("win_back", 12, 3, "Moved; is the store in the new street known?"),
    Story("call", 7, 4, "Asked for the perfume that was sold out."),
    Story("call", 8, None, "Would like to hear about the cooking evening."),
    Story("win_back", 10, None, "Two visits since summer."),
    Story("birthday", 9, None, "Round birthday."),
    Story("call", 5, 2, "Ordered a cake.", True, "Spoke at once.", "coming", 4),
    Story("call", 6, 3, "Asked for lactose-free cheese.", True, None, "done", 7, 5),
    Story("birthday", 6, 3, "Likes flowers.", True, None, "done", 3, 4),
    Story("win_back", 6, 2, "Has not been here since May.", True, "Parking is the trouble.", "coming", 9, 4),
    Story("complaint", 5, 3, "Charged twice for bread.", True, "Found both receipts.", "goodwill", 18, 5),
    Story("complaint", 6, 3, "The queue at the fish counter.", True, None, "done", 12, None),
    Story("call", 6, 4, "Asked about gift cards.", True, None, "unreachable", 2),
    Story("call", 7, 4, "Wanted a call about the lipstick.", True, None, "done", 3, 1, undone=True),
)


def seed_follow_up(office: Connection, store: str, enrolled: Sequence[Member], offset_weeks: int) -> int:
    """Give a few of the store's staff roles, and make the tasks above for its members; how many tasks.

    A second time it changes nothing. Raises DemoStopped when the server refuses something.
    """
    at_home = [member for member in enrolled if member.home_store == store][: len(STORIES)]
    _hire(office, store)
    last_day = SOURCE_LAST_DAY + timedelta(weeks=offset_weeks)
    for member, story in zip(at_home, STORIES, strict=False):
        _tell(office, store, member, story, last_day)
    return min(len(at_home), len(STORIES))


def _hire(office: Connection, store: str) -> None:
    staff = [
        {"number": staff_number(store, place), "role": role, "scope": "store", "username": username}
        for place, role, username in CLERKS
    ]
    office.send("PUT", "/v1/staff/batch", {"staff": staff})


def _tell(office: Connection, store: str, member: Member, story: Story, last_day: date) -> None:
    clerk = staff_number(store, story.clerk) if story.clerk is not None else None
    wish: dict[str, Any] = {
        "member": {"kind": "card", "value": member.card},
        "kind": story.kind,
        "due_on": (last_day + timedelta(days=story.due)).isoformat(),
        "store": store,
        "note": f"{story.note} {MADE_UP}",
        **({"assignee": clerk} if clerk is not None else {"pool": True}),
    }
    task = _post(office, "/v1/tasks", wish, story.note)["id"]
    address = f"/v1/tasks/{task}"
    if story.started:
        _post(office, f"{address}/start", {}, story.note)
    if story.logged is not None:
        _post(office, f"{address}/log", {"note": f"{story.logged} {MADE_UP}", "contact": "reached"}, story.note)
    if story.outcome is not None:
        _post(office, f"{address}/complete", {"outcome": story.outcome, "minutes": story.minutes}, story.note)
    if story.content is not None:
        heard = {"done": not story.undone, "content": story.content, "staff": staff_number(store, 1)}
        _post(office, f"{address}/callback", {**heard, "comment": MADE_UP}, story.note)


def _post(office: Connection, path: str, wish: Mapping[str, Any], story: str) -> Mapping[str, Any]:
    body = msgspec.json.encode(wish)
    # The same thing for two stories is two things.
    digest = blake2b(b"|".join((path.encode(), story.encode(), body)), digest_size=16).hexdigest()
    reply = office.send("POST", path, body, key=f"demo-task-{digest}")
    answer: Mapping[str, Any] = msgspec.json.decode(reply.content)
    return answer
