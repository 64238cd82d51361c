"""States, reasons and kinds of messages in words of the two languages."""

from collections.abc import Mapping
from typing import Any

from foundation.pages import lazy
from marketing.messages.rules import Channel, Language, MessageClass, MessageState, Reason

STATE_WORDS: Mapping[MessageState, tuple[Any, str]] = {
    MessageState.QUEUED: (lazy("Waiting"), "info"),
    MessageState.SENDING: (lazy("Being sent"), "info"),
    MessageState.SENT: (lazy("Sent"), "good"),
    MessageState.DELIVERED: (lazy("Delivered"), "good"),
    MessageState.FAILED: (lazy("Failed"), "danger"),
    MessageState.REFUSED: (lazy("Not sent"), "warn"),
    MessageState.EXPIRED: (lazy("Out of date"), "warn"),
    MessageState.UNKNOWN: (lazy("Not known"), "danger"),
}
REASON_WORDS: Mapping[Reason, Any] = {
    Reason.NO_CONSENT: lazy("never agreed to messages this way"),
    Reason.OPTED_OUT: lazy("said no to messages this way"),
    Reason.CAPPED: lazy("had as many messages as the cap allows"),
    Reason.QUIET_HOURS: lazy("quiet hours at the home store"),
    Reason.HELD_OUT: lazy("belongs to a control group"),
    Reason.COMPLAINT: lazy("has a complaint that is not settled"),
    Reason.MEMBER_UNKNOWN: lazy("there is no such member"),
    Reason.MEMBER_FROZEN: lazy("the member is frozen"),
    Reason.MEMBER_CLOSED: lazy("the membership has ended"),
    Reason.MEMBER_ERASED: lazy("the member was erased"),
    Reason.NO_ADDRESS: lazy("has no number"),
    Reason.CAMPAIGN_STOPPED: lazy("the campaign was stopped"),
    Reason.DUPLICATE: lazy("got this already, before a merge"),
    Reason.TOO_LATE: lazy("its time was over"),
    Reason.UNREADABLE: lazy("the text could not be filled in"),
    Reason.NUMBER_INVALID: lazy("the number does not exist"),
    Reason.BLOCKED_BY_NETWORK: lazy("blocked by the network"),
    Reason.REJECTED: lazy("the gateway refused it"),
    Reason.UNDELIVERED: lazy("the phone could not be reached"),
    Reason.GATEWAY_AWAY: lazy("the gateway was away"),
    Reason.NO_ANSWER: lazy("the gateway may have sent it and does not say"),
}
CLASS_WORDS: Mapping[MessageClass, Any] = {
    MessageClass.MARKETING: lazy("Marketing"),
    MessageClass.SERVICE: lazy("Service"),
    MessageClass.TRANSACTIONAL: lazy("Transactional"),
}
CLASS_HINTS: Mapping[MessageClass, Any] = {
    MessageClass.MARKETING: lazy("Needs consent, keeps quiet hours and caps, ends with the way to opt out."),
    MessageClass.SERVICE: lazy("Goes to everybody who did not say no; keeps quiet hours."),
    MessageClass.TRANSACTIONAL: lazy("What the member asked for: a receipt, a code. Goes at any hour."),
}
CHANNEL_WORDS: Mapping[Channel, Any] = {
    Channel.SMS: lazy("Text message"),
    Channel.INBOX: lazy("Inbox"),
}
LANGUAGE_WORDS: Mapping[Language, str] = {Language.EN: "English", Language.ZH: "简体中文"}
VARIABLE_WORDS: Mapping[str, Any] = {
    "name": lazy("the member's name"),
    "store": lazy("the home store's name"),
    "points": lazy("a number of points"),
    "amount": lazy("an amount of money"),
    "minimum": lazy("the amount to spend at least"),
    "percent": lazy("a percentage"),
    "coupon": lazy("the code of the member's coupon"),
    "offer": lazy("the name of the offer"),
    "starts_on": lazy("the first day"),
    "ends_on": lazy("the last day"),
    "days": lazy("a number of days"),
}
