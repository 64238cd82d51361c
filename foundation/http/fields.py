"""The shapes of what comes in over HTTP: codes, names, currencies, shares, paths."""

import re
import unicodedata
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validate

from foundation.money import is_currency

CODE_MAX = 64
WORDS_MAX = 200
PATH_DEPTH_MAX = 8
UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # the Unicode categories Cc and Cs
CODE = re.compile(rf"[^\s/]{{1,{CODE_MAX}}}")


# Categories of which nothing is seen by itself; rare names are written with letters of private use (Co).
UNSEEN = frozenset({"Cc", "Cf", "Cn", "Cs", "Mc", "Me", "Mn", "Zl", "Zp", "Zs"})
# Blank in every font though Unicode counts them among letters and symbols.
BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def is_visible(text: str) -> bool:
    """Whether there is anything to see: a character that is neither blank, nor a mark upon another, nor a format."""
    return any(unicodedata.category(letter) not in UNSEEN and letter not in BLANKS for letter in text)


def is_text(text: str) -> bool:
    """Whether it can be stored and shown: no control characters, no halves of a surrogate pair."""
    return UNSHOWABLE.search(text) is None


def _check_code(text: str) -> None:
    if not CODE.fullmatch(text) or not is_text(text):
        raise ValidationError(f"must be 1 to {CODE_MAX} visible characters without blanks and slashes")


def _check_words(text: str) -> None:
    if not is_visible(text) or not is_text(text):
        raise ValidationError("must have visible characters only")


def _check_sought(text: str) -> None:
    if not is_text(text):
        raise ValidationError("must have visible characters only")


def _check_currency(text: str) -> None:
    if not is_currency(text):
        raise ValidationError("must be an ISO 4217 currency code")


class Code(fields.String):
    """A code: up to 64 visible characters without blanks and slashes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=[validate.Length(1, CODE_MAX), _check_code], **options)


class Words(fields.String):
    """A name as people write it: one line, blanks around it dropped."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=[validate.Length(1, WORDS_MAX), _check_words], **options)

    def _deserialize(self, *arguments: Any, **options: Any) -> Any:
        return super()._deserialize(*arguments, **options).strip()


class Currency(fields.String):
    """An ISO 4217 code."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=[validate.Length(equal=3), _check_currency], **options)


class SearchWords(fields.String):
    """What somebody looks for: part of a code or name."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=[validate.Length(0, 100), _check_sought], **options)


class Rate(fields.Decimal):
    """A share from 0 to 1 with up to six digits after the point; a string in answers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            places=6,
            allow_nan=False,
            validate=validate.Range(Decimal(0), Decimal(1), error="must be a share from 0 to 1 (0 % to 100 %)"),
            **options,
        )

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> Any:
        return None if value is None else format(value.normalize(), "f")


class CategoryPath(fields.List[Any]):
    """A category by its path from the top: ["FOOD", "DAIRY"]."""

    def __init__(self, **options: Any) -> None:
        super().__init__(Words(), validate=validate.Length(0, PATH_DEPTH_MAX), **options)

    def _deserialize(self, value: Any, *arguments: Any, **options: Any) -> Any:
        # A single name is the path of a category at the top.
        return super()._deserialize([value] if isinstance(value, str) else value, *arguments, **options)
