"""Who acted, in words."""

from collections.abc import Iterable, Mapping

from foundation.access import client_names
from foundation.database import Tx
from organisation.contract import staff_names


def actor_names(tx: Tx, actors: Iterable[str]) -> Mapping[str, str]:
    """People by name, machines by what their client is called; whoever is known no more, by what stands there.

    What happened by itself has no name.
    """
    people: dict[int, str] = {}
    machines: dict[str, str] = {}
    for actor in actors:
        kind, _, id = actor.partition(":")
        if kind == "person" and id.isdecimal():
            people[int(id)] = actor
        elif kind == "machine":
            machines[id] = actor
    names = {actor: actor for actor in (*people.values(), *machines.values())}
    if people:
        names |= {people[id]: name for id, name in staff_names(tx, sorted(people)).items()}
    if machines:
        names |= {machines[id]: name for id, name in client_names(tx, machines.keys()).items()}
    return names
