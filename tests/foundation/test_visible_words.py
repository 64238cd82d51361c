"""Names have something to see."""

import pytest
from marshmallow import ValidationError

from foundation.http.fields import Words, is_visible


@pytest.mark.parametrize("text", ["\u200b", "\ufeff\u2060", "\u3164", "\u2800\u2800", "\u0301", "\u00ad \u200d"])
def test_a_name_of_which_nothing_is_seen_is_no_name(text: str) -> None:
    assert not is_visible(text)
    with pytest.raises(ValidationError, match="visible"):
        Words().deserialize(text)


@pytest.mark.parametrize("text", ["张", "A", "\ue000", "नि", "٣", "-", "👩\u200d👧"])
def test_letters_signs_and_rare_characters_are_seen(text: str) -> None:
    assert Words().deserialize(text) == text
