"""What a consent is: channel by purpose, a yes or a no, with what proves it. No word at all means no."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from foundation.errors import FieldError, Invalid


class Channel(StrEnum):
    """The ways to a member. `any` stands for purposes that know no channel."""

    SMS = "sms"
    EMAIL = "email"
    PHONE = "phone"
    POST = "post"
    APP = "app"
    WECHAT = "wechat"
    WECOM = "wecom"
    DINGTALK = "dingtalk"
    ANY = "any"


class Purpose(StrEnum):
    """What the member says yes or no to. `national_id`: keeping the number, for the prepaid registry only."""

    MARKETING = "marketing"
    PROFILING = "profiling"
    NATIONAL_ID = "national_id"


# Marketing needs a way to the member; the others are about what is kept and computed.
CHANNEL_FREE = frozenset({Purpose.PROFILING, Purpose.NATIONAL_ID})


class ConsentUnreadable(Invalid):
    """The channel or the purpose is none of ours, or the two do not go together."""

    code = "consent_unreadable"


@dataclass(frozen=True, slots=True)
class ConsentWord:
    """One yes or no of a member.

    `wording` is the version of the text that was shown (None: the one in force), `at` when it was said, `place` where
    (a store), `proof` where its evidence lies (a signature's or a recording's reference; kept sealed).
    """

    channel: Channel
    purpose: Purpose
    granted: bool
    at: datetime
    wording: str | None = None
    place: str | None = None
    proof: str | None = None


def read_name(name: str) -> tuple[Channel, Purpose]:
    """The short name of a consent in an enrolment: a channel means marketing there, a purpose means itself.

    "sms" -> (sms, marketing), "profiling" -> (any, profiling). Raises ConsentUnreadable.
    """
    if name in CHANNEL_FREE:
        return Channel.ANY, Purpose(name)
    if name != Channel.ANY and name in Channel.__members__.values():
        return Channel(name), Purpose.MARKETING
    known = sorted({*Channel, *CHANNEL_FREE} - {Channel.ANY})
    raise ConsentUnreadable("There is no such consent", errors=[FieldError("/consents", f"one of {', '.join(known)}")])


def check_pair(channel: Channel, purpose: Purpose) -> None:
    """Marketing names a channel, every other purpose names `any`. Raises ConsentUnreadable."""
    if (channel == Channel.ANY) != (purpose in CHANNEL_FREE):
        raise ConsentUnreadable(f"{purpose} does not go with the channel {channel}")


def latest_words(words: list[ConsentWord]) -> dict[tuple[Channel, Purpose], ConsentWord]:
    """What holds after these words: for each pair the one said last; of equals the later in the list."""
    holds: dict[tuple[Channel, Purpose], ConsentWord] = {}
    for word in sorted(words, key=lambda word: word.at):
        holds[word.channel, word.purpose] = word
    return holds
