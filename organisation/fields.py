"""The shapes of what comes in over HTTP: money, time, squares of metres, and what the whole house shares."""

from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from marshmallow import ValidationError, fields, validate

from foundation.http.fields import CODE_MAX, CategoryPath, Code, Currency, Rate, SearchWords, Words

__all__ = ["CategoryPath", "Code", "Currency", "Rate", "SearchWords", "SquareMetres", "TimeZone", "Words"]


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _check_timezone(text: str) -> None:
    if text not in _time_zones():
        raise ValidationError("must be an IANA time zone such as Asia/Shanghai")


class TimeZone(fields.String):
    """An IANA time zone name."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=[validate.Length(1, CODE_MAX), _check_timezone], **options)


AREA_MAX = Decimal(10_000_000)


class SquareMetres(fields.Decimal):
    """An area in square metres: 0 to ten million, two digits after the point; a JSON number in answers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            places=2,
            allow_nan=False,
            validate=validate.Range(Decimal(0), AREA_MAX, error="must be from 0 to 10,000,000"),
            **options,
        )

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> Any:
        return None if value is None else float(value)
