"""How campaigns are said on pages, in the reader's language."""

from collections.abc import Mapping
from typing import Any

from foundation.pages import lazy
from marketing.campaigns.plans import Goal, Measured, Way
from marketing.campaigns.rules import Arm, CampaignState, What
from marketing.messages.rules import MessageState, Reason

GOALS: Mapping[Goal, Any] = {
    Goal.SALES: lazy("More sales"),
    Goal.PROFIT: lazy("More profit"),
    Goal.VISITS: lazy("More visits"),
    Goal.WIN_BACK: lazy("Members who come back"),
}
MEASURES: Mapping[Measured, Any] = {
    Measured.SALES: lazy("Sales"),
    Measured.PROFIT: lazy("Profit"),
    Measured.VISITS: lazy("Visits"),
}
WAYS: Mapping[Way, Any] = {
    Way.SMS: lazy("Text message"),
    Way.INBOX: lazy("Inbox"),
    Way.CALL: lazy("Phone call"),
}
STATES: Mapping[CampaignState, tuple[Any, str]] = {
    CampaignState.DRAFT: (lazy("Draft"), ""),
    CampaignState.SUBMITTED: (lazy("Waits for approval"), "warn"),
    CampaignState.APPROVED: (lazy("Approved"), "info"),
    CampaignState.LAUNCHING: (lazy("Being launched"), "info"),
    CampaignState.RUNNING: (lazy("Running"), "good"),
    CampaignState.STOPPED: (lazy("Stopped"), "danger"),
    CampaignState.FINISHED: (lazy("Finished"), ""),
}
DONE: Mapping[str, Any] = {
    What.CREATED: lazy("Made"),
    What.EDITED: lazy("Edited"),
    What.SUBMITTED: lazy("Submitted"),
    What.APPROVED: lazy("Approved"),
    What.REJECTED: lazy("Rejected"),
    What.LAUNCHED: lazy("Launched"),
    What.ALL_REACHED: lazy("Everybody reached"),
    What.STOPPED: lazy("Stopped"),
    What.FINISHED: lazy("Finished"),
    "resumed": lazy("Resumed"),
    "paused": lazy("Paused"),
}
ARMS: Mapping[Arm, tuple[Any, str]] = {
    Arm.TREATED: (lazy("Gets it"), "good"),
    Arm.HELD_OUT: (lazy("Kept back"), "info"),
    Arm.COMPANY_CONTROL: (lazy("Company-wide control"), "info"),
    Arm.LEFT_OUT: (lazy("Left out"), ""),
}
WHY: Mapping[str, Any] = {
    "control_group": lazy("by lot, to see what the others would have done anyway"),
    "company_control": lazy("by lot, gets no campaign at all"),
    "member_unknown": lazy("there is no such member"),
    "member_merged": lazy("merged with another member"),
    "member_closed": lazy("membership closed"),
    "member_erased": lazy("erased"),
    "cooling_down": lazy("heard from it a short while ago"),
}
MESSAGE_STATES: Mapping[str, tuple[Any, str]] = {
    MessageState.QUEUED: (lazy("waits"), ""),
    MessageState.SENDING: (lazy("on its way"), "info"),
    MessageState.SENT: (lazy("sent"), "info"),
    MessageState.DELIVERED: (lazy("arrived"), "good"),
    MessageState.FAILED: (lazy("failed"), "danger"),
    MessageState.REFUSED: (lazy("not sent"), "warn"),
    MessageState.EXPIRED: (lazy("too late, not sent"), "warn"),
    MessageState.UNKNOWN: (lazy("sent, fate unknown"), "warn"),
    # tasks
    "open": (lazy("to be called"), ""),
    "started": (lazy("begun"), "info"),
    "done": (lazy("called"), "good"),
    "called_back": (lazy("called, confirmed"), "good"),
    "cancelled": (lazy("not called"), "warn"),
}
REASONS: Mapping[str, Any] = {
    Reason.NO_CONSENT: lazy("no consent"),
    Reason.OPTED_OUT: lazy("opted out"),
    Reason.CAPPED: lazy("had enough messages already"),
    Reason.QUIET_HOURS: lazy("quiet hours"),
    Reason.HELD_OUT: lazy("held out"),
    Reason.COMPLAINT: lazy("open complaint"),
    Reason.MEMBER_UNKNOWN: lazy("there is no such member"),
    Reason.MEMBER_FROZEN: lazy("member frozen"),
    Reason.MEMBER_CLOSED: lazy("membership closed"),
    Reason.MEMBER_ERASED: lazy("erased"),
    Reason.NO_ADDRESS: lazy("no number"),
    Reason.CAMPAIGN_STOPPED: lazy("campaign stopped"),
    Reason.DUPLICATE: lazy("sent before"),
    Reason.TOO_LATE: lazy("too late"),
    Reason.UNREADABLE: lazy("text cannot be made"),
    Reason.NUMBER_INVALID: lazy("number invalid"),
    Reason.BLOCKED_BY_NETWORK: lazy("blocked by the network"),
    Reason.REJECTED: lazy("rejected by the gateway"),
    Reason.UNDELIVERED: lazy("not delivered"),
    Reason.GATEWAY_AWAY: lazy("gateway away"),
    Reason.NO_ANSWER: lazy("no answer from the gateway"),
}
