"""Why a prediction was made as it was: fixed sentences, so that pages can say them in any language."""

from collections.abc import Iterable
from enum import StrEnum


class Reason(StrEnum):
    """One fact about how a group of members was predicted."""

    BEST = "best in the rolling back-test"
    TOO_SHORT = "the history is too short to test a prediction of even one week"
    SHORTER_TEST = "the history allows a test of a shorter horizon only, stretched by BG/NBD"
    TOO_FEW_CASES = "too few cases or purchases to learn from"
    ALL_ALIKE = "nearly all did the same, so there was no probability to learn"
    NOBODY_TWICE = "no member has bought on two days"
    RATES_ALIKE = "the members' rates of purchase cannot be told apart"
    NO_LIKELIHOOD = "the likelihood of the purchases has no greatest value"
    TOO_FEW_TICKETS = "fewer than ten members with positive spend"
    TICKETS_ALIKE = "the members' spend a visit cannot be told apart"


SEPARATOR = "; "


def said(reasons: Iterable[Reason]) -> str:
    """All of them in one line."""
    return SEPARATOR.join(reason.value for reason in reasons)
