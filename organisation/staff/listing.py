"""See who works where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import and_, or_, select

from foundation.access import Principal
from foundation.access.people import with_login
from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import NotFound
from foundation.settings import get_settings
from organisation.facts import StaffStatus
from organisation.places import codes_within, place_of
from organisation.staff.roles import Assignment
from organisation.staff.rules import Person
from organisation.staff.storage import KeptPerson, load_people, read, select_staff
from organisation.staff.tables import staff, staff_home
from organisation.stores.tables import store


class StaffUnknown(NotFound):
    """There is nobody with this number, or they are not yours to see."""

    code = "staff_unknown"


@dataclass(frozen=True, slots=True)
class Employment:
    """A person on a day: home store and role of that day, and whether they can log in."""

    id: int
    person: Person
    home_store: str | None
    role: Assignment | None
    has_login: bool


def people_today(tx: Tx) -> date:
    """The day that staff's dates are counted by: the company's."""
    return local_date(tx.now, get_settings().company_timezone)


def find_staff(tx: Tx, viewer: Principal, number: str) -> Employment:
    """One member of staff. Raises StaffUnknown, also where the viewer may not see them."""
    found = load_people(tx, [number])
    employment = next(iter(_employments(tx, found)), None)
    if employment is None or not _may_see(viewer, employment):
        raise StaffUnknown(f"there is nobody with the number {number}")
    return employment


def _may_see(viewer: Principal, employment: Employment) -> bool:
    if viewer.places is None:
        return viewer.may("organisation.read")
    home = employment.home_store
    return home is not None and viewer.may("organisation.read", place_of(home))


def list_staff(
    tx: Tx,
    viewer: Principal,
    *,
    after: str | None = None,
    limit: int = 50,
    search: str | None = None,
    store_code: str | None = None,
    status: StaffStatus | None = None,
) -> Sequence[Employment]:
    """The staff a viewer may see, by number above `after`, at most `limit`.

    `search` looks into number, name and user name.
    """
    today = people_today(tx)
    query = select_staff().order_by(staff.c.number).limit(limit)
    wanted = codes_within(viewer)
    if store_code is not None:
        wanted = frozenset({store_code}) if wanted is None else wanted & {store_code}
    if wanted is not None:
        query = query.where(staff.c.id.in_(_staff_of(wanted, today)))
    if after is not None:
        query = query.where(staff.c.number > after)
    if search:
        looked_at = (staff.c.number, staff.c.name, staff.c.username)
        query = query.where(or_(*(column.icontains(search, autoescape=True) for column in looked_at)))
    if status is not None:
        query = query.where(staff.c.status == status.value)
    return _employments(tx, read(tx, query))


def _staff_of(codes: frozenset[str], today: date) -> Any:
    """Ids of those whose home store of the day is one of these."""
    later = staff_home.alias("later")
    newer = select(later.c.staff_id).where(
        and_(
            later.c.staff_id == staff_home.c.staff_id,
            later.c.valid_from > staff_home.c.valid_from,
            later.c.valid_from <= today,
        )
    )
    return (
        select(staff_home.c.staff_id)
        .join(store, store.c.id == staff_home.c.store_id)
        .where(store.c.code.in_(codes), staff_home.c.valid_from <= today, ~newer.exists())
    )


def _employments(tx: Tx, people: Mapping[str, KeptPerson]) -> list[Employment]:
    today = people_today(tx)
    able = with_login(tx, [str(kept.id) for kept in people.values()]) if people else frozenset()
    return [
        Employment(
            id=kept.id,
            person=kept.person,
            home_store=kept.person.home_on(today),
            role=kept.person.role_on(today),
            has_login=str(kept.id) in able,
        )
        for kept in people.values()
    ]


def names_of(tx: Tx, ids: Sequence[int]) -> Mapping[int, str]:
    """Names by id, for showing who did something."""
    query = select(staff.c.id, staff.c.name).where(staff.c.id.in_(ids))
    return {row.id: row.name for row in tx.execute(query)}
