"""The machines of the department store: its tills of the past, a handheld at every counter, the desks, head office.

Each has a client of its own, bound to its place, made over HTTP by keys that follow from the place: made again, the
same client is told again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import msgspec

from regulars.demo.connection import ClientLogin, Connection
from regulars.demo.department.building import COUNTERS, STORE
from regulars.demo.department.staffing import DESKS
from regulars.running.bootstrap import DESK_SCOPES, HANDHELD_SCOPES

Connect = Callable[[ClientLogin], Connection]
Answer = Mapping[str, Any]


def post(machine: Connection, path: str, body: Mapping[str, Any], key: str) -> Answer:
    """Send what makes or moves something, under a key of the demo's. Raises DemoStopped when it is refused."""
    answer: Answer = msgspec.json.decode(machine.send("POST", path, body, key=f"yunzhang-{key}").content)
    return answer


def get(machine: Connection, path: str) -> Answer:
    """Ask for something. Raises DemoStopped when it is refused."""
    answer: Answer = msgspec.json.decode(machine.send("GET", path, b"").content)
    return answer


@dataclass(frozen=True, slots=True)
class Machines:
    """Everybody who calls, by place: handhelds by counter, desks by terminal. Use as a context: it hangs up for all."""

    office: Connection
    tills: Connection
    handhelds: Mapping[str, Connection]
    desks: Mapping[str, Connection]

    def __enter__(self) -> "Machines":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for machine in (self.tills, *self.handhelds.values(), *self.desks.values()):
            machine.close()


def make_machines(office: Connection, connect: Connect) -> Machines:
    """A client for every place of the store, by the head office's token (scope clients.write)."""

    def made(name: str, scopes: Sequence[str], **place: str) -> Connection:
        wish = {"name": f"Yunzhang {name}", "scopes": sorted(scopes), "store": STORE, **place}
        answer = post(office, "/v1/clients", wish, f"client-{name.replace(' ', '-')}")
        return connect(ClientLogin(answer["client_id"], answer["client_secret"]))

    return Machines(
        office,
        made("tills", ["sales.post"]),
        {
            counter.code: made(f"handheld {counter.code}", sorted(HANDHELD_SCOPES), counter=counter.code)
            for counter in COUNTERS
        },
        {desk: made(f"desk {desk}", sorted(DESK_SCOPES), terminal=desk) for desk in DESKS},
    )
