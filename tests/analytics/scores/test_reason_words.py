"""Why a prediction was made as it was can be said on any page."""

from analytics.prediction.reasons import Reason, said
from analytics.scores.reason_words import REASON_WORDS, reason_words


def test_every_reason_has_words_and_they_are_its_own() -> None:
    assert set(REASON_WORDS) == set(Reason)
    assert {str(words) for words in REASON_WORDS.values()} == {reason.value for reason in Reason}


def test_several_reasons_stay_several() -> None:
    both = said([Reason.BEST, Reason.SHORTER_TEST])
    assert reason_words(both) == both
    assert reason_words("of an older release") == "of an older release"
