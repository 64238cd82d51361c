"""One reader of JSON, by two ways: what the quick way takes, the strict way reads the same."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.http.json_reading import _UNSURE, JsonUnreadable, _read_any, _read_plain, read_json

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6) | st.sampled_from(
    ['":', '"', "a", "\\", '\\":', '"a":1', ":", " :", "1" * 19, "{", "[["]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | TEXTS | st.floats(-1e9, 1e9, width=32),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(VALUES, st.booleans(), st.sampled_from([(",", ":"), (", ", ": "), (" ,", " : ")]))
def test_every_spelling_is_read_as_it_was_written(value: Any, escaped: bool, between: tuple[str, str]) -> None:
    body = json.dumps(value, ensure_ascii=escaped, separators=between).encode()
    assert read_json(body) == value == _read_any(body)


@settings(deadline=None)
@given(VALUES, VALUES, TEXTS, TEXTS, st.sampled_from([":", " :", ": "]))
def test_a_name_that_stands_twice_is_always_refused(one: Any, other: Any, name: str, text: str, colon: str) -> None:
    spelled = json.dumps(name, ensure_ascii=False)
    body = (
        f"[{json.dumps(text, ensure_ascii=False)},{{{spelled}:{json.dumps(one, ensure_ascii=False)},"
        f"{spelled}{colon}{json.dumps(other, ensure_ascii=False)}}}]"
    ).encode()
    assert _read_plain(body) is _UNSURE
    with pytest.raises(JsonUnreadable):
        read_json(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"\\u0061":2}', b'{"a":"\\u0022:","a":2}', b"NaN", b"1e400", b"9223372036854775808", b"[1,]", b"",
        b'"\xff"', b'"\\u0000"', b'"\\ud800"', b'"\x00"', b"[" * 65 + b"]" * 65, b"[" * 100_000, b"\xef\xbb\xbf1",
    ],
)  # fmt: skip
def test_what_two_readers_could_understand_differently_is_refused(body: bytes) -> None:
    with pytest.raises(JsonUnreadable):
        read_json(body)


def test_a_receipt_goes_the_quick_way() -> None:
    body = b'{"store":"S01","member":{"kind":"phone","value":"+8613800138000"},"lines":[{"line":1,"amount":1990}]}'
    assert _read_plain(body) == json.loads(body)
