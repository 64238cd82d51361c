"""Who may change whom: pure decisions over what the actor may do and what the person may do before and after."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from foundation.access import PlaceForbidden, Principal
from foundation.errors import FieldError
from organisation.places import codes_within, place_of
from organisation.staff.roles import Reach, reach_of
from organisation.staff.rules import Person, RoleNotYours

WRITE = "staff.write"


@dataclass(frozen=True, slots=True)
class Authority:
    """What one actor may do to staff on a day.

    `region_stores` are the stores of each region, `declared` all permissions there are.
    """

    actor: Principal
    today: date
    region_stores: Mapping[str, Collection[str]]
    declared: Collection[str]

    def check(self, before: Person | None, after: Person) -> None:
        """Whether the actor may make of `before` what `after` is.

        Nobody touches who works outside of their places, nor who reaches further than they do, nor gives more than they
        have, on any day that differs. Raises PermissionMissing, PlaceForbidden, RoleNotYours.
        """
        self.actor.require(WRITE)
        if before is not None:
            self._check_day(before, self.today)
        for day in sorted({self.today, *after.homes, *after.roles}):
            if day >= self.today and (before is None or _differs(before, after, day)):
                self._check_day(after, day)

    def _check_day(self, person: Person, day: date) -> None:
        home = person.home_on(day)
        if home is not None:
            self.actor.require(WRITE, place_of(home))
        elif self.actor.places is not None:
            raise PlaceForbidden("who has no home store is for those who may act everywhere")
        mine = Reach(self.actor.permissions, codes_within(self.actor))
        if not mine.covers(self.reach(person, day)):
            raise RoleNotYours(
                "this role reaches beyond your own", errors=[FieldError("/role", "reaches beyond your own role")]
            )

    def reach(self, person: Person, day: date) -> Reach:
        """What the person may do on a day, and where."""
        held = person.role_on(day)
        in_region = self.region_stores.get(held.region, ()) if held is not None and held.region else ()
        return reach_of(held, person.home_on(day), in_region, self.declared)


def _differs(before: Person, after: Person, day: date) -> bool:
    return before.home_on(day) != after.home_on(day) or before.role_on(day) != after.role_on(day)
