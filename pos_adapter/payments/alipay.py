"""Payment codes of a wallet app, Alipay style: one gateway, a form with `biz_content` as JSON, signed.

- alipay.trade.pay (scene bar_code), .query, .cancel, .refund, alipay.trade.fastpay.refund.query
- a payment is known by our `out_trade_no` (its id), a refund by our `out_request_no` (its number)
- code 10000 done, 10003 the payer types a password, 20000 unknown, 40004 refused, with sub_code

Signed with HMAC-SHA256 by the shared key over the parameters in order of their names; the answer's signature is over
the bytes of its node as they came. Amounts are decimals in the currency's own number of digits.
"""

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from foundation.money import exponent
from foundation.settings import get_settings
from pos_adapter.payments.calling import ANSWER_S, call
from pos_adapter.payments.rails import Order, RefundOrder, Told, register_rail
from pos_adapter.payments.rules import ALIPAY, Outcome, Patience

DONE, PAYING, UNKNOWN = "10000", "10003", "20000"
REFUSED = "40004"
THEIR_ZONE = ZoneInfo("Asia/Shanghai")
NOT_TELLING = Told(Outcome.NO_ANSWER, words="the wallet app did not answer")
TRADE_STATES = {
    "TRADE_SUCCESS": Outcome.SUCCEEDED,
    "TRADE_FINISHED": Outcome.SUCCEEDED,
    "WAIT_BUYER_PAY": Outcome.PAYING,
    "TRADE_CLOSED": Outcome.UNDONE,
}
UNSURE = frozenset({"ACQ.SYSTEM_ERROR", "AOP.ACQ.SYSTEM_ERROR", "ACQ.TRADE_HAS_SUCCESS", "ACQ.CONTEXT_INCONSISTENT"})
NOT_EXIST = "ACQ.TRADE_NOT_EXIST"


class AlipayRail:
    """One merchant's wallet app."""

    def __init__(self, url: str, key: str, answer_s: float = ANSWER_S, patience: Patience = ALIPAY) -> None:
        self._url, self._key, self._answer_s, self.patience = url.rstrip("/"), key, answer_s, patience

    def pay(self, order: Order) -> Told:
        """Take a payment by the code on the payer's phone. 10003: the payer types a password."""
        content = {
            "out_trade_no": order.id.hex,
            "scene": "bar_code",
            "auth_code": str((order.ask or {}).get("code", "")),
            "subject": f"store {order.store}",
            "total_amount": decimal(order.amount, order.currency),
            "trans_currency": order.currency,
            "store_id": order.store,
            "terminal_id": order.terminal[:32],
        }
        answer = self._ask("alipay.trade.pay", content)
        if answer is None:
            return NOT_TELLING
        if answer.get("code") == DONE:
            return Told(Outcome.SUCCEEDED, answer.get("trade_no"), answer.get("buyer_logon_id"))
        if answer.get("code") == PAYING:
            return Told(Outcome.PAYING, answer.get("trade_no"), words="waiting for the payer")
        return _refused(answer)

    def query(self, order: Order) -> Told:
        """What became of a payment."""
        answer = self._ask("alipay.trade.query", {"out_trade_no": order.id.hex})
        if answer is None:
            return NOT_TELLING
        if answer.get("code") == DONE:
            state = str(answer.get("trade_status", ""))
            outcome = TRADE_STATES.get(state, Outcome.SYSTEM_ERROR)
            account = answer.get("buyer_logon_id") if outcome is Outcome.SUCCEEDED else None
            return Told(outcome, answer.get("trade_no"), account, state)
        return _refused(answer, otherwise=Outcome.SYSTEM_ERROR)

    def reverse(self, order: Order) -> Told:
        """Cancel a payment whatever became of it; where it is not there yet, its number is closed."""
        answer = self._ask("alipay.trade.cancel", {"out_trade_no": order.id.hex})
        if answer is None:
            return NOT_TELLING
        if answer.get("code") == DONE:
            again = answer.get("retry_flag") == "Y"
            return Told(Outcome.SYSTEM_ERROR if again else Outcome.UNDONE, answer.get("trade_no"))
        return _refused(answer)

    def refund(self, order: RefundOrder) -> Told:
        """Ask for a part back; the same number asked for again is the same refund."""
        content = {
            "out_trade_no": order.of.id.hex,
            "out_request_no": order.number,
            "refund_amount": decimal(order.amount, order.of.currency),
            "refund_currency": order.of.currency,
        }
        answer = self._ask("alipay.trade.refund", content)
        if answer is None:
            return NOT_TELLING
        if answer.get("code") == DONE:
            # Money moved with this very call only where it says so; otherwise ask.
            moved = answer.get("fund_change") == "Y"
            return Told(Outcome.SUCCEEDED if moved else Outcome.PAYING, answer.get("trade_no"))
        told = _refused(answer)
        return Told(Outcome.DECLINED, words=told.words) if told.outcome is Outcome.NOT_FOUND else told

    def query_refund(self, order: RefundOrder) -> Told:
        """What became of a refund; a refund that they do not name has not been asked for."""
        content = {"out_trade_no": order.of.id.hex, "out_request_no": order.number}
        answer = self._ask("alipay.trade.fastpay.refund.query", content)
        if answer is None:
            return NOT_TELLING
        if answer.get("code") != DONE:
            return _refused(answer, otherwise=Outcome.SYSTEM_ERROR)
        state = answer.get("refund_status", "")
        if state == "REFUND_SUCCESS":
            return Told(Outcome.SUCCEEDED, answer.get("trade_no"))
        named = "out_request_no" in answer
        return Told(Outcome.PAYING if named else Outcome.NOT_FOUND, words=str(state or "no such refund"))

    def reverse_refund(self, order: RefundOrder) -> Told:
        """A refund is asked about by its number, never undone."""
        return self.query_refund(order)

    def _ask(self, method: str, content: Mapping[str, str]) -> Mapping[str, Any] | None:
        now = datetime.now(THEIR_ZONE)  # of the message, not of the payment
        message = {
            "app_id": "regulars", "method": method, "format": "JSON", "charset": "utf-8", "sign_type": "HMAC-SHA256",
            "timestamp": f"{now:%Y-%m-%d %H:%M:%S}", "version": "1.0",
            "biz_content": json.dumps(content, ensure_ascii=False, separators=(",", ":")),
        }  # fmt: skip
        message["sign"] = sign(self._key, message)
        content_type = "application/x-www-form-urlencoded; charset=utf-8"
        answer = call(f"{self._url}/gateway.do", urlencode(message).encode(), content_type, self._answer_s)
        return None if answer is None else _read(self._key, method, answer)


def _refused(answer: Mapping[str, Any], otherwise: Outcome = Outcome.DECLINED) -> Told:
    code, sub = str(answer.get("code", "")), str(answer.get("sub_code", ""))
    if code != REFUSED or sub in UNSURE:
        return Told(Outcome.SYSTEM_ERROR, words=sub or code)
    return Told(Outcome.NOT_FOUND if sub == NOT_EXIST else otherwise, words=sub or code)


def sign(key: str, parameters: Mapping[str, str]) -> str:
    """The signature over all parameters that say something, in order of their names."""
    text = "&".join(f"{name}={value}" for name, value in sorted(parameters.items()) if value and name != "sign")
    return sign_text(key, text.encode())


def sign_text(key: str, text: bytes) -> str:
    """The signature over bytes as they stand."""
    return base64.b64encode(hmac.digest(key.encode(), text, "sha256")).decode()


def node_of(method: str) -> str:
    """The name of an answer's node."""
    return f"{method.replace('.', '_')}_response"


def _read(key: str, method: str, answer: bytes) -> Mapping[str, Any] | None:
    """The node of an answer that is signed; None for anything else."""
    try:
        text = answer.decode("utf-8")
        begin = text.index(":", text.index(f'"{node_of(method)}"')) + 1
        begin += len(text[begin:]) - len(text[begin:].lstrip())
        node, end = json.JSONDecoder().raw_decode(text, begin)
        signature = str(json.loads(text).get("sign", ""))
    except (ValueError, AttributeError):
        return None
    expected = sign_text(key, text[begin:end].encode())
    if not isinstance(node, dict) or not hmac.compare_digest(signature.encode(), expected.encode()):
        return None
    return node


def decimal(amount: int, currency: str) -> str:
    """An amount of minor units in the currency's digits: 1990 CNY is "19.90"."""
    return str(Decimal(amount).scaleb(-exponent(currency)))


def _configured() -> AlipayRail | None:
    settings = get_settings()
    if not (settings.wallet_apps_url and settings.wallet_apps_key):
        return None
    times = settings.payments_hurry
    return AlipayRail(settings.wallet_apps_url, settings.wallet_apps_key, ANSWER_S / times, ALIPAY.hurried(times))


register_rail("alipay", _configured)
