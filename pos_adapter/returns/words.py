"""Red tickets in words for people."""

from collections.abc import Mapping
from typing import Any

from foundation.pages import lazy
from pos_adapter.returns.rules import RedKind, RedState

STATE_WORDS: Mapping[RedState, tuple[Any, str]] = {
    RedState.ISSUED: (lazy("Waits for approval"), "warn"),
    RedState.APPROVED: (lazy("To refund"), "info"),
    RedState.REFUNDING: (lazy("Money on its way"), "warn"),
    RedState.REFUNDED: (lazy("Refunded"), "good"),
    RedState.EXCHANGED: (lazy("Exchanged"), "good"),
    RedState.REFUSED: (lazy("Refused"), "danger"),
}
KIND_WORDS: Mapping[RedKind, Any] = {
    RedKind.RETURN: lazy("Goods came back"),
    RedKind.NOT_COLLECTED: lazy("Paid, not collected"),
    RedKind.EXCHANGE: lazy("Even exchange"),
}
# What happened, for the history of a red ticket.
STEP_WORDS: Mapping[RedState, Any] = {
    RedState.ISSUED: lazy("Issued"),
    RedState.APPROVED: lazy("Approved"),
    RedState.REFUNDING: lazy("Refund started"),
    RedState.REFUNDED: lazy("Refunded"),
    RedState.EXCHANGED: lazy("Exchanged"),
    RedState.REFUSED: lazy("Refused"),
}
RAIL_WORDS: Mapping[str, tuple[Any, str]] = {
    "created": (lazy("asked for"), "info"),
    "pending": (lazy("under way to the payer"), "info"),
    "unknown": (lazy("not known yet"), "warn"),
    "succeeded": (lazy("is back"), "good"),
    "failed": (lazy("was refused"), "danger"),
}
# What the system itself notes as a reason.
REASON_WORDS: Mapping[str, Any] = {"within the limit": lazy("within the limit")}
INSTEAD = (("cash", lazy("Cash")), ("bank_transfer", lazy("Bank transfer")))
