"""Words of payments, as people read them."""

from collections.abc import Mapping
from typing import Any

from foundation.pages import lazy

RAILS: Mapping[str, Any] = {
    "card": lazy("Bank card"),
    "wechat": lazy("WeChat code"),
    "alipay": lazy("Alipay code"),
}
STATES: Mapping[str, tuple[Any, str]] = {
    "created": (lazy("about to be sent"), "info"),
    "pending": (lazy("waiting for the answer"), "info"),
    "succeeded": (lazy("paid"), "good"),
    "failed": (lazy("not paid"), ""),
    "reversing": (lazy("being undone"), "warn"),
    "reversed": (lazy("undone, nobody was charged"), ""),
    "unknown": (lazy("not known: we go on asking"), "danger"),
}
REFUND_STATES: Mapping[str, tuple[Any, str]] = {
    "created": (lazy("about to be asked for"), "info"),
    "pending": (lazy("under way"), "info"),
    "succeeded": (lazy("given back"), "good"),
    "failed": (lazy("refused"), "danger"),
    "unknown": (lazy("not known: we go on asking"), "danger"),
}
ACTIONS: Mapping[str, Any] = {
    "pay": lazy("asked for the payment"),
    "query": lazy("asked what became of it"),
    "reverse": lazy("told to undo it"),
    "give_up": lazy("given up here"),
    "refund_pay": lazy("asked for the refund"),
    "refund_void": lazy("told to void the sale"),
    "refund_query": lazy("asked what became of the refund"),
    "refund_reverse": lazy("told to undo the refund"),
}
OUTCOMES: Mapping[str, Any] = {
    "succeeded": lazy("done"),
    "declined": lazy("refused"),
    "paying": lazy("under way: the payer types, or it takes time"),
    "no_answer": lazy("no answer"),
    "system_error": lazy("does not know itself"),
    "not_found": lazy("has no such payment"),
    "undone": lazy("undone"),
}
DIFFERENCES: Mapping[str, tuple[Any, str]] = {
    "missing_here": (lazy("in their file, not with us"), "danger"),
    "missing_there": (lazy("with us, not in their file"), "danger"),
    "amount_differs": (lazy("the amount differs"), "warn"),
}
TYPES: Mapping[str, Any] = {"sale": lazy("Payment"), "refund": lazy("Refund")}
# What our rails say themselves; a bank's own words stay as they are.
SAID: Mapping[str, Any] = {
    "the acquirer did not answer": lazy("the acquirer did not answer"),
    "the acquirer has no such payment": lazy("the acquirer has no such payment"),
    "the wallet app did not answer": lazy("the wallet app did not answer"),
    "the wallet app has taken it on": lazy("the wallet app has taken it on"),
    "waiting for the payer": lazy("waiting for the payer"),
    "not in the file": lazy("not in the file"),
    "not known here": lazy("not known here"),
    "twice in the file": lazy("twice in the file"),
    "voided": lazy("undone on its day"),
    "response code 05": lazy("the card was refused (05)"),
    **OUTCOMES,
}
