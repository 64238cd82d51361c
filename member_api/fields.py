"""The shapes of what comes in about members over HTTP. No message repeats what was sent: it may be personal."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields, validate

from foundation.errors import NotFound
from foundation.http import Schema, id_of
from foundation.http.fields import is_text, is_visible
from member_api.members.rules import MemberUnknown

REASON_MAX = 500
VALUE_MAX = 254
PROSE_MAX = 4000
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def _check_text(text: str) -> None:
    if not is_text(text):
        raise ValidationError("must have visible characters only")


class IdentifierText(fields.String):
    """An identifier as somebody wrote it; its kind's rule reads it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=[validate.Length(1, VALUE_MAX), _check_text], **options)


class Moment(fields.AwareDateTime):
    """An aware moment of this and the neighbouring centuries: what every program along the way can represent."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=validate.Range(EARLIEST, LATEST, error="must lie between 1900 and 2200"), **options)


class Reason(fields.String):
    """Why something is done, in a person's words; kept sealed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=[validate.Length(1, REASON_MAX), self._not_blank, _check_text], **options)

    @staticmethod
    def _not_blank(text: str) -> None:
        if not is_visible(text):
            raise ValidationError("must say something")


class Prose(fields.String):
    """A text of several lines."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=[validate.Length(1, PROSE_MAX), self._check], **options)

    @staticmethod
    def _check(text: str) -> None:
        if not is_visible(text) or not is_text(text.replace("\n", " ")):
            raise ValidationError("must have visible characters only")


class KindCode(fields.String):
    """The code of a kind of identifier."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            validate=validate.Regexp(
                re.compile(r"[a-z][a-z0-9_]{1,31}\Z"),
                error="a letter, then letters, digits and underscores, lower case",
            ),
            **options,
        )


class IdentifierSchema(Schema):
    """A member is named by one of these: {"kind": "phone", "value": "+8613800138000"}."""

    kind = KindCode(required=True)
    value = IdentifierText(required=True)


class ConsentValue(fields.Field[Any]):
    """true, false, or {"granted", "wording", "at", "place", "proof"}."""

    def __init__(self, said: type[Schema], **options: Any) -> None:
        super().__init__(**options)
        self._said = said()

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> Any:
        if isinstance(value, bool):
            return {"granted": value}
        if isinstance(value, Mapping):
            return self._said.load(value)
        raise ValidationError("must be true, false or an object that says granted")


def member_id_of(text: str, error: type[NotFound] = MemberUnknown) -> int:
    """The id in an address. Raises MemberUnknown for what cannot be one."""
    return id_of(text, error("There is nothing of that number"))
