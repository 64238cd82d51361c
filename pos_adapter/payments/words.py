"""Words of payments, as people read them."""

import re
from collections.abc import Mapping
from typing import Any

from foundation.pages import gettext, lazy

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
    "verdict": lazy("two people decided by other evidence"),
    "refund_verdict": lazy("two people decided the refund by other evidence"),
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
FINDINGS: Mapping[str, Any] = {
    "moved": lazy("The payer was charged"),
    "not_moved": lazy("Nobody was charged"),
}
REFUND_FINDINGS: Mapping[str, Any] = {
    "moved": lazy("The payer has the money back"),
    "not_moved": lazy("The money did not go back"),
}
VERDICT_STATES: Mapping[str, tuple[Any, str]] = {
    "proposed": (lazy("waits for a second person"), "warn"),
    "confirmed": (lazy("confirmed"), "good"),
    "refused": (lazy("refused"), ""),
    "withdrawn": (lazy("withdrawn"), ""),
    "overtaken": (lazy("the bank has told meanwhile"), "info"),
}
# ISO 8583:1987, field 39, as acquirers use it; what a clerk can tell the customer.
RESPONSE_CODES: Mapping[str, Any] = {
    "01": lazy("the card's bank wants to be called"),
    "04": lazy("the card must be kept"),
    "05": lazy("the card was refused"),
    "12": lazy("the transaction is not valid"),
    "13": lazy("the amount is not valid"),
    "14": lazy("the card number is not valid"),
    "25": lazy("the acquirer has no such payment"),
    "30": lazy("the message cannot be read"),
    "33": lazy("the card has expired"),
    "41": lazy("the card was reported lost"),
    "43": lazy("the card was reported stolen"),
    "51": lazy("not enough money on the card"),
    "54": lazy("the card has expired"),
    "55": lazy("the PIN is wrong"),
    "57": lazy("not allowed for this card"),
    "61": lazy("over the card's limit"),
    "65": lazy("the card was used too often"),
    "75": lazy("the PIN was wrong too often"),
    "91": lazy("the card's bank does not answer"),
    "94": lazy("the same message came twice"),
    "96": lazy("a fault at the bank"),
}
# The codes of the wallet apps, as they send them.
APP_CODES: Mapping[str, Any] = {
    "AUTHCODEEXPIRE": lazy("the payment code has expired"),
    "AUTH_CODE_INVALID": lazy("the payment code is not valid"),
    "AUTH_CODE_ERROR": lazy("the payment code is not valid"),
    "NOTENOUGH": lazy("not enough money in the wallet app"),
    "NOTSUPORTCARD": lazy("not allowed for this card"),
    "TRADE_ERROR": lazy("the wallet app refused it"),
    "PAYERROR": lazy("the payer did not pay"),
    "USERPAYING": lazy("waiting for the payer"),
    "NOTPAY": lazy("waiting for the payer"),
    "WAIT_BUYER_PAY": lazy("waiting for the payer"),
    "SYSTEMERROR": lazy("does not know itself"),
    "BANKERROR": lazy("a fault at the bank"),
    "ORDERNOTEXIST": lazy("has no such payment"),
    "ORDERCLOSED": lazy("undone"),
    "ORDERREVERSED": lazy("undone"),
    "REVOKED": lazy("undone"),
    "CLOSED": lazy("undone"),
    "REFUNDNOTEXIST": lazy("has no such refund"),
    "PROCESSING": lazy("under way: the payer types, or it takes time"),
    "REFUNDCLOSE": lazy("refused"),
    "CHANGE": lazy("the payer's card is gone: give it back at the wallet app's desk"),
    "ACQ.PAYMENT_AUTH_CODE_INVALID": lazy("the payment code is not valid"),
    "ACQ.BUYER_BALANCE_NOT_ENOUGH": lazy("not enough money in the wallet app"),
    "ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH": lazy("not enough money on the card"),
    "ACQ.PAYMENT_FAIL": lazy("the payer did not pay"),
    "ACQ.SYSTEM_ERROR": lazy("does not know itself"),
    "AOP.ACQ.SYSTEM_ERROR": lazy("does not know itself"),
    "ACQ.TRADE_NOT_EXIST": lazy("has no such payment"),
    "ACQ.TRADE_HAS_CLOSE": lazy("undone"),
    "TRADE_CLOSED": lazy("undone"),
    "TRADE_SUCCESS": lazy("done"),
    "TRADE_FINISHED": lazy("done"),
}
# What our own side says; a bank's own words stay as they are.
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
    "no such refund": lazy("has no such refund"),
    # Why a settlement's sales could not be posted once everything was paid: the money goes back.
    "insufficient_balance": lazy("there was not enough on the member's account any more"),
    "coupon_used": lazy("a coupon was used elsewhere meanwhile"),
    "coupon_not_usable": lazy("a coupon cannot be used any more"),
    **OUTCOMES,
}
RESPONSE = re.compile(r"response code (\S{2})")


def said(text: str | None) -> str | None:
    """What a rail said, in the reader's language, its own code behind it; words nobody knows stay as they are."""
    if text is None:
        return None
    if (code := RESPONSE.fullmatch(text)) is not None:
        words = RESPONSE_CODES.get(code[1])
        return f"{words} ({code[1]})" if words is not None else gettext("response code %(code)s", code=code[1])
    if text in APP_CODES:
        return f"{APP_CODES[text]} ({text})"
    return str(SAID.get(text, text))


def said_words() -> dict[str, str]:
    """Everything that `said` knows, for the scripts of desks and handhelds, in the reader's language."""
    texts = [*(f"response code {code}" for code in RESPONSE_CODES), *APP_CODES, *SAID]
    return {text: said(text) or text for text in texts}
