"""The audit trail in words, for the pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask_babel import pgettext

from foundation.database import Tx
from foundation.pages import gettext, lazy
from foundation.pages.formats import money
from organisation.changes.operations import Change, Subject, changes_of
from organisation.forms import percent_of
from organisation.staff.listing import names_of
from organisation.staff.roles import Assignment, Role, Scope
from organisation.staff.words import role_words
from organisation.words import FORMATS, MODES, STAFF_STATUS, STORE_STATUS

ACTIONS: Mapping[str, Any] = {
    "created": lazy("Created"),
    "changed": lazy("Changed"),
    "left": lazy("Left the company"),
    "revoked": lazy("Revoked"),
    "password issued": lazy("New password issued"),
}
FIELDS: Mapping[str, Any] = {
    "code": lazy("Code"),
    "name": "",
    "format": lazy("Format"),
    "region": lazy("Region"),
    "legal_unit": lazy("Legal unit"),
    "currency": lazy("Currency"),
    "timezone": lazy("Time zone"),
    "opened_on": lazy("Opened on"),
    "closed_on": lazy("Closed on"),
    "status": lazy("Status"),
    "area_m2": lazy("Area (m²)"),
    "effective_from": lazy("Holds from"),
    "supplier": lazy("Supplier"),
    "category": lazy("Category"),
    "brand": lazy("Brand"),
    "floor": lazy("Floor"),
    "takes_points": lazy("Points"),
    "takes_ecoins": lazy("E-coins"),
    "takes_coupons": lazy("Coupons"),
    "mode": lazy("Mode"),
    "rate": lazy("Rate"),
    "guaranteed_minimum": lazy("Guaranteed minimum"),
    "username": lazy("User name"),
    "home_store": lazy("Home store"),
    "role": lazy("Role"),
    "counters": lazy("Counters"),
    "joined_on": lazy("Joined on"),
    "store": lazy("Store"),
    "terminal": lazy("Till"),
    "counter": lazy("Counter"),
    "scopes": lazy("Permissions"),
}

VALUES: Mapping[tuple[str, str], Any] = {
    **{("status", status.value): words for status, words in STAFF_STATUS.items()},
    **{("status", status.value): words for status, words in STORE_STATUS.items()},
    **{("mode", mode.value): words for mode, words in MODES.items()},
    **{("format", code): words for code, words in FORMATS.items()},
}


@dataclass(frozen=True, slots=True)
class ShownField:
    """One changed field; `old` and `new` are None where the trail names the field only."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class ShownChange:
    """One change as people read it."""

    at: datetime
    who: str
    what: str
    fields: Sequence[ShownField]


def shown_changes(
    tx: Tx, subject: Subject, subject_id: int | str, currency: str | None = None
) -> Sequence[ShownChange]:
    """The newest 50 changes of one thing, newest first, with the names of those who made them.

    Amounts are in `currency`.
    """
    changes = changes_of(tx, subject, subject_id)
    people = [int(change.actor_id) for change in changes if change.actor_kind == "person" and change.actor_id.isdigit()]
    names = names_of(tx, people)
    return [
        ShownChange(
            change.at, _who(change, names), str(ACTIONS.get(change.action, change.action)), _fields(change, currency)
        )
        for change in changes
    ]


def _who(change: Change, names: Mapping[int, str]) -> str:
    if change.actor_kind == "person":
        return names.get(int(change.actor_id), change.actor_id)
    if change.actor_kind == "system":
        return str(gettext("Command line"))
    return change.actor_id


def _fields(change: Change, currency: str | None) -> Sequence[ShownField]:
    order = list(FIELDS)
    fields = sorted(change.fields.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order))
    return [
        ShownField(
            _name(change.subject, field),
            *(None, None) if not values else (_value(field, values[0], currency), _value(field, values[1], currency)),
        )
        for field, values in fields
    ]


def _name(subject: Subject, field: str) -> str:
    if field == "name":
        # A person's name and a thing's are two words in Chinese.
        return str(gettext("Name") if subject is Subject.STAFF else pgettext("of a thing", "Name"))
    known, _, rest = field.partition(" ")
    words = str(FIELDS.get(known, known))
    return f"{words} {rest}".strip()


def _value(field: str, value: Any, currency: str | None) -> str:
    if value is None or value == []:
        return "–"
    if isinstance(value, bool):
        return str(gettext("yes") if value else gettext("no"))
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if field == "role":
        return _role(str(value))
    if field == "rate" or field.startswith("rate "):
        return f"{percent_of(Decimal(str(value)))} %"
    if field == "guaranteed_minimum" and currency is not None:
        return money(int(value), currency)
    return str(VALUES.get((field, value), value))


def _role(text: str) -> str:
    """`head_office@region:EAST` as the staff pages say it."""
    role, _, where = text.partition("@")
    scope, _, region = where.partition(":")
    return role_words(Assignment(Role(role), Scope(scope), region or None))
