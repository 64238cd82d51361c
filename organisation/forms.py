"""Forms of pages: what was typed becomes what the schemas of /v1 read, and faults go back to their fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import flask
from flask_babel import gettext
from marshmallow import Schema, ValidationError

from foundation.errors import DomainError
from foundation.http.batches import field_errors

PATH_SEPARATOR = "/"
LIST_SEPARATORS = ",，、;；"
TYPED_MAX = 2_000


class Typed(StrEnum):
    """How a field is typed, and what an empty one means."""

    #: left out when empty
    WORDS = "words"
    #: null when empty
    OPTIONAL = "optional"
    #: a tick
    FLAG = "flag"
    #: FOOD / DAIRY
    PATH = "path"
    #: C1, C2
    LIST = "list"
    #: 25 for a quarter; null when empty
    PERCENT = "percent"
    #: several ticks or choices under one name
    CHOICES = "choices"


@dataclass(frozen=True, slots=True)
class Form:
    """What a form shows: the text of each field, the fault at each field, and one fault for the whole."""

    values: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    faults: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    fault: str = ""

    def refused(self, error: DomainError) -> "Form":
        """The same form with the faults of a refusal, each at its field if the form has it."""
        return self._with([(fault.pointer, fault.detail) for fault in error.errors], error.detail)

    def unreadable(self, error: ValidationError) -> "Form":
        """The same form with the faults of its schema."""
        return self._with([(fault.pointer, fault.detail) for fault in field_errors(error.messages)], "")

    def _with(self, faults: Sequence[tuple[str, str]], otherwise: str) -> "Form":
        placed = {pointer.strip("/").split("/")[0]: gettext(words) for pointer, words in faults}
        known = {name: words for name, words in placed.items() if name in self.values}
        rest = [words for name, words in placed.items() if name not in self.values]
        whole = gettext(otherwise) if otherwise else " ".join(rest)
        return replace(self, faults=known, fault=whole if rest or not known else "")


def typed_form(names: Mapping[str, Typed]) -> Form:
    """The form as it was sent."""
    sent = flask.request.form
    values = {
        name: sent.getlist(name) if kind is Typed.CHOICES else sent.get(name, "")[:TYPED_MAX].strip()
        for name, kind in names.items()
    }
    return Form(values)


def read_form(schema: Schema, form: Form, names: Mapping[str, Typed], **more: Any) -> dict[str, Any]:
    """What the schema makes of a form. Raises marshmallow's ValidationError."""
    raw = {name: _raw(kind, form.values[name]) for name, kind in names.items()}
    loaded: dict[str, Any] = schema.load({name: value for name, value in raw.items() if value is not None} | more)
    empty = {name for name, value in raw.items() if value is None and names[name] in (Typed.OPTIONAL, Typed.PERCENT)}
    return {**loaded, **dict.fromkeys(empty)}


def _raw(kind: Typed, value: Any) -> Any:
    """The JSON value that a field stands for; None: nothing was typed."""
    if kind is Typed.FLAG:
        return value in (True, "true")
    if kind is Typed.CHOICES:
        return list(value)
    if kind is Typed.PATH:
        return [part.strip() for part in value.split(PATH_SEPARATOR) if part.strip()]
    if kind is Typed.LIST:
        for sign in LIST_SEPARATORS[1:]:
            value = value.replace(sign, LIST_SEPARATORS[0])
        return [part.strip() for part in value.split(LIST_SEPARATORS[0]) if part.strip()]
    if kind is Typed.PERCENT and value:
        return _share(value)
    return value or None


def _share(percent: str) -> str:
    try:
        return str(Decimal(percent.rstrip("%％ ")) / 100)
    except InvalidOperation:
        return percent


def percent_of(share: Decimal | None) -> str:
    """A share as it is typed: 0.25 is 25."""
    return "" if share is None else format((share * 100).normalize(), "f")


def area_words(area: Decimal | None) -> str:
    """Square metres as people read them; an en dash where they are not known."""
    return "–" if area is None else format(area.normalize(), ",f")


def path_words(path: Sequence[str]) -> str:
    """A category as it is typed: FOOD / DAIRY."""
    return f" {PATH_SEPARATOR} ".join(path)
