"""Why a prediction was made as it was, in the reader's language."""

from collections.abc import Mapping
from typing import Any

from analytics.prediction.reasons import SEPARATOR, Reason
from foundation.pages import lazy

REASON_WORDS: Mapping[str, Any] = {
    Reason.BEST: lazy("best in the rolling back-test"),
    Reason.TOO_SHORT: lazy("the history is too short to test a prediction of even one week"),
    Reason.SHORTER_TEST: lazy("the history allows a test of a shorter horizon only, stretched by BG/NBD"),
    Reason.TOO_FEW_CASES: lazy("too few cases or purchases to learn from"),
    Reason.ALL_ALIKE: lazy("nearly all did the same, so there was no probability to learn"),
    Reason.NOBODY_TWICE: lazy("no member has bought on two days"),
    Reason.RATES_ALIKE: lazy("the members' rates of purchase cannot be told apart"),
    Reason.NO_LIKELIHOOD: lazy("the likelihood of the purchases has no greatest value"),
    Reason.TOO_FEW_TICKETS: lazy("fewer than ten members with positive spend"),
    Reason.TICKETS_ALIKE: lazy("the members' spend a visit cannot be told apart"),
}


def reason_words(reason: str) -> str:
    """The reason of a back-test row, translated; what has no words yet stays as it is."""
    return SEPARATOR.join(str(REASON_WORDS.get(each, each)) for each in reason.split(SEPARATOR))
