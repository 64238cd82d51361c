"""Tasks in words, for the pages."""

from collections.abc import Mapping
from typing import Any

from foundation.pages import gettext, lazy
from marketing.tasks.reading import Which
from marketing.tasks.rules import CancelReason, Contact, HandOverReason, TaskState, What

STATE_WORDS: Mapping[TaskState, tuple[Any, str]] = {
    TaskState.OPEN: (lazy("To do"), "info"),
    TaskState.STARTED: (lazy("Under way"), "warn"),
    TaskState.DONE: (lazy("Done"), "good"),
    TaskState.CALLED_BACK: (lazy("Confirmed"), "good"),
    TaskState.CANCELLED: (lazy("Cancelled"), ""),
}
COMPLAINT_WORDS: Mapping[TaskState, tuple[Any, str]] = {
    TaskState.OPEN: (lazy("Complaint received"), "danger"),
    TaskState.STARTED: (lazy("Looked into"), "warn"),
    TaskState.DONE: (lazy("Answered"), "info"),
    TaskState.CALLED_BACK: (lazy("Settled"), "good"),
    TaskState.CANCELLED: (lazy("Withdrawn"), ""),
}
WHAT_WORDS: Mapping[What, Any] = {
    What.MADE: lazy("Task made"),
    What.ASSIGNED: lazy("Assigned"),
    What.TAKEN: lazy("Taken from the pool"),
    What.PUT_BACK: lazy("Put back into the pool"),
    What.HANDED_OVER: lazy("Handed over"),
    What.MOVED: lazy("Moved to another day"),
    What.STARTED: lazy("Started"),
    What.LOGGED: lazy("Work log"),
    What.COMPLETED: lazy("Completed"),
    What.CALLED_BACK: lazy("Member called back: it was done"),
    What.REOPENED: lazy("Member called back: it was not done"),
    What.CANCELLED: lazy("Task cancelled"),
    What.REMINDED: lazy("Reminded"),
    What.ESCALATED: lazy("Late: the manager was told"),
}
WHICH_WORDS: Mapping[Which, Any] = {
    Which.OVERDUE: lazy("Overdue"),
    Which.TODAY: lazy("Due today"),
    Which.LATER: lazy("Later"),
    Which.POOL: lazy("Pool"),
    Which.CALL_BACKS: lazy("Call-backs"),
}
NOTHING_WORDS: Mapping[Which, tuple[Any, Any]] = {
    Which.OVERDUE: (lazy("Nothing is late"), lazy("Well done.")),
    Which.TODAY: (lazy("Nothing is due today"), lazy("Have a look at the pool, or at what comes later.")),
    Which.LATER: (lazy("Nothing is planned"), lazy("What is due on later days appears here.")),
    Which.POOL: (lazy("The pool is empty"), lazy("Tasks that nobody has yet appear here; whoever has time takes one.")),
    Which.CALL_BACKS: (
        lazy("Nobody is to be called back"),
        lazy("Of what colleagues have done, a share chosen by chance appears here: ask the member how it went."),
    ),
}
CONTACT_WORDS: Mapping[Contact, Any] = {
    Contact.REACHED: lazy("Reached"),
    Contact.NO_ANSWER: lazy("No answer"),
    Contact.MESSAGE_LEFT: lazy("Left a message"),
    Contact.WRONG_NUMBER: lazy("Wrong number"),
    Contact.MET: lazy("Met in the store"),
}
CANCEL_WORDS: Mapping[CancelReason, Any] = {
    CancelReason.NOT_NEEDED: lazy("Not needed any more"),
    CancelReason.DUPLICATE: lazy("There is another task for it"),
    CancelReason.MEMBER_DECLINED: lazy("The member does not want it"),
    CancelReason.UNREACHABLE: lazy("The member cannot be reached"),
    CancelReason.CAMPAIGN_STOPPED: lazy("The campaign was stopped"),
    CancelReason.OTHER: lazy("Other reason"),
}
HAND_OVER_WORDS: Mapping[HandOverReason, Any] = {
    HandOverReason.AWAY: lazy("Away for some days"),
    HandOverReason.LEFT: lazy("Has left"),
    HandOverReason.OVERLOAD: lazy("Has too much to do"),
    HandOverReason.BETTER_KNOWN: lazy("Another knows the member better"),
    HandOverReason.OTHER: lazy("Other reason"),
}
_REASONS: Mapping[str, Any] = {
    **{reason.value: words for reason, words in CANCEL_WORDS.items()},
    **{reason.value: words for reason, words in HAND_OVER_WORDS.items()},
    "not_done": lazy("The member says it was not done"),
}


def state_words(state: TaskState, *, complaint: bool) -> tuple[Any, str]:
    """A state in a word, and its colour; a complaint has words of its own for the same states."""
    return (COMPLAINT_WORDS if complaint else STATE_WORDS)[state]


def reason_words(reason: str | None) -> str:
    """Why something happened; a move tells the two days."""
    if reason is None:
        return ""
    if "/" in reason:
        before, _, after = reason.partition("/")
        return str(gettext("from %(before)s to %(after)s", before=before, after=after))
    return str(_REASONS.get(reason, reason))


def origin_words(origin: str) -> str:
    """Where a task comes from."""
    kind, _, name = origin.partition("/")
    known = {
        "hand": gettext("made by hand"),
        "campaign": gettext("from campaign %(name)s", name=name),
        "list": gettext("from target list %(name)s", name=name),
        "trigger": gettext("from the trigger %(name)s", name=name),
        "demo": gettext("made up for the demo"),
    }
    return str(known.get(kind, origin))


def late_words(days: int) -> str:
    """How late something is."""
    return str(gettext("1 day late") if days == 1 else gettext("%(days)s days late", days=days))
