"""Reading JSON strictly: what two readers could understand differently, or a database cannot store, is refused.

Refused with 400: bytes that are not UTF-8, malformed JSON, the same name twice in an object, NaN and infinities,
numbers beyond 64 bits, NUL characters, half surrogates, and nesting deeper than 64. A five-line sale of 1.8 kB costs
about 10 us: what is spelled plainly is read by msgspec, anything else by the C scanner with hooks (25 us).
"""

import json
import math
import re
from typing import Any

import msgspec

from foundation.errors import BadRequest

DEPTH_MAX = 64
DIGITS_MAX = 19
INTEGER_MAX = 2**63 - 1


class JsonUnreadable(BadRequest):
    """The body is not JSON as this service takes it."""

    code = "json_unreadable"


def read_json(body: bytes) -> Any:
    """The value that `body` spells. Raises JsonUnreadable with the reason."""
    value = _read_plain(body)
    return _read_any(body) if value is _UNSURE else value


def _read_plain(body: bytes) -> Any:
    """The value of a body that is spelled without anything unusual, by msgspec; _UNSURE of any other.

    msgspec keeps the last of two values with the same name. So we count what follows every name and, of texts, only an
    escaped quote: `":`. Where nothing else can be spelled in two ways, a body with as many of them as its value has,
    when that is written again, has no name twice.
    """
    if b"\\u" in body or _SPACE_BEFORE_COLON.search(body) or _LONG_NUMBER in body.translate(_DIGITS_ALIKE):
        return _UNSURE
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _UNSURE
    if msgspec.json.encode(value).count(b'":') != body.count(b'":') or _is_too_deep(body):
        return _UNSURE
    return value


def _read_any(body: bytes) -> Any:
    try:
        value = _decode(body.decode())
    except UnicodeDecodeError as error:
        raise JsonUnreadable(f"the body is not UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise JsonUnreadable(f"the body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise JsonUnreadable(f"the body is nested deeper than {DEPTH_MAX}") from None
    if _is_too_deep(body):
        raise JsonUnreadable(f"the body is nested deeper than {DEPTH_MAX}")
    if b"\\u0000" in body or b"\\ud" in body or b"\\uD" in body:
        _check_texts(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise JsonUnreadable("an object of the body has the same name twice")
    return value


def _integer(digits: str) -> int:
    if len(digits) < DIGITS_MAX:
        return int(digits)
    if len(digits) > DIGITS_MAX + 1 or not -INTEGER_MAX <= int(digits) <= INTEGER_MAX:
        raise JsonUnreadable("a number of the body has more than 64 bits")
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise JsonUnreadable("a number of the body is too large")
    return value


def _constant(name: str) -> Any:
    raise JsonUnreadable(f"{name} is not JSON")


_decode = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant
).decode


def _is_too_deep(body: bytes) -> bool:
    if body.count(b"[") + body.count(b"{") <= DEPTH_MAX:
        return False
    # Brackets inside texts go first, then the innermost pairs, layer by layer; what is left after 64 is too deep.
    brackets = _without_texts(body).translate(None, delete=_NOT_BRACKETS)
    for _ in range(DEPTH_MAX):
        # A layer may hold both kinds side by side, so one round must not peel two layers.
        peeled = brackets.replace(b"[]", b"\x00").replace(b"{}", b"\x00").replace(b"\x00", b"")
        if peeled == brackets or not peeled:
            return bool(peeled)
        brackets = peeled
    return True


_UNSURE = object()
_SPACE_BEFORE_COLON = re.compile(rb"[ \t\r\n]:")
_DIGITS_ALIKE = bytes(ord("0") if chr(byte).isascii() and chr(byte).isdigit() else ord(" ") for byte in range(256))
_LONG_NUMBER = b"0" * DIGITS_MAX
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def _without_texts(body: bytes) -> bytes:
    # Of a JSON document split at its quotes, once escaped ones are gone, every second piece lies outside of texts.
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(plain.split(b'"')[::2])


def _check_texts(value: Any) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, dict):
            waiting.extend(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise JsonUnreadable("a text of the body has a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise JsonUnreadable("a text of the body has half of a surrogate pair") from None
