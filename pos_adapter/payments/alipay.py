"""Payment codes of a wallet app, Alipay style: one gateway, a form with `biz_content` as JSON, signed.

- alipay.trade.pay (scene bar_code), .query, .cancel, .refund, alipay.trade.fastpay.refund.query
- a payment is known by our `out_trade_no` (its id), a refund by our `out_request_no` (its number)
- code 10000 done, 10003 the payer types a password, 20000 unknown, 40004 refused, with sub_code

Signed as RSA2 (SHA-256 with RSA, PKCS #1 v1.5): we sign the parameters in order of their names with our private key,
the app signs the bytes of its answer's node as they stand with its own, and each knows the other's public key. Amounts
are decimals in the currency's own number of digits.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from foundation.money import exponent
from foundation.settings import get_settings
from pos_adapter.payments.calling import ANSWER_S, call
from pos_adapter.payments.rails import Order, RefundOrder, Told, register_rail
from pos_adapter.payments.rules import ALIPAY, Outcome, Patience

log = structlog.get_logger(__name__)

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


@dataclass(frozen=True, slots=True)
class Keys:
    """`ours` signs what we say, `theirs` proves what the other side says."""

    ours: RSAPrivateKey
    theirs: RSAPublicKey


@lru_cache(maxsize=8)
def read_keys(ours: str, theirs: str) -> Keys:
    """Keys from PEM: our private one, the other side's public one. Raises ValueError."""
    private, public = load_pem_private_key(ours.encode(), None), load_pem_public_key(theirs.encode())
    if not isinstance(private, RSAPrivateKey) or not isinstance(public, RSAPublicKey):
        raise ValueError("RSA2 takes keys of RSA")  # noqa: TRY004 - a wrong content, not a wrong type
    return Keys(private, public)


class AlipayRail:
    """One merchant's wallet app."""

    def __init__(self, url: str, keys: Keys, answer_s: float = ANSWER_S, patience: Patience = ALIPAY) -> None:
        self._url, self._keys, self._answer_s, self.patience = url.rstrip("/"), keys, answer_s, patience

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
            "app_id": "regulars", "method": method, "format": "JSON", "charset": "utf-8", "sign_type": "RSA2",
            "timestamp": f"{now:%Y-%m-%d %H:%M:%S}", "version": "1.0",
            "biz_content": json.dumps(content, ensure_ascii=False, separators=(",", ":")),
        }  # fmt: skip
        message["sign"] = sign_text(self._keys.ours, text_of(message))
        content_type = "application/x-www-form-urlencoded; charset=utf-8"
        answer = call(f"{self._url}/gateway.do", urlencode(message).encode(), content_type, self._answer_s)
        return None if answer is None else _read(self._keys.theirs, method, answer)


def _refused(answer: Mapping[str, Any], otherwise: Outcome = Outcome.DECLINED) -> Told:
    code, sub = str(answer.get("code", "")), str(answer.get("sub_code", ""))
    if code != REFUSED or sub in UNSURE:
        return Told(Outcome.SYSTEM_ERROR, words=sub or code)
    return Told(Outcome.NOT_FOUND if sub == NOT_EXIST else otherwise, words=sub or code)


def text_of(parameters: Mapping[str, str]) -> bytes:
    """What is signed of a message: all parameters that say something, in order of their names."""
    named = (f"{name}={value}" for name, value in sorted(parameters.items()) if value and name != "sign")
    return "&".join(named).encode()


def sign_text(key: RSAPrivateKey, text: bytes) -> str:
    """The signature over bytes as they stand."""
    return base64.b64encode(key.sign(text, PKCS1v15(), SHA256())).decode()


def is_signed(key: RSAPublicKey, text: bytes, signature: str) -> bool:
    """Whether these bytes come from who holds the private key."""
    try:
        key.verify(base64.b64decode(signature, validate=True), text, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def node_of(method: str) -> str:
    """The name of an answer's node."""
    return f"{method.replace('.', '_')}_response"


def _read(key: RSAPublicKey, method: str, answer: bytes) -> Mapping[str, Any] | None:
    """The node of an answer that is signed; None for anything else."""
    try:
        text = answer.decode("utf-8")
        begin = text.index(":", text.index(f'"{node_of(method)}"')) + 1
        begin += len(text[begin:]) - len(text[begin:].lstrip())
        node, end = json.JSONDecoder().raw_decode(text, begin)
        signature = str(json.loads(text).get("sign", ""))
    except (ValueError, AttributeError):
        return None
    if not isinstance(node, dict) or not is_signed(key, text[begin:end].encode(), signature):
        return None
    return node


def decimal(amount: int, currency: str) -> str:
    """An amount of minor units in the currency's digits: 1990 CNY is "19.90"."""
    return str(Decimal(amount).scaleb(-exponent(currency)))


def _configured() -> AlipayRail | None:
    settings = get_settings()
    if not (settings.wallet_apps_url and settings.alipay_private_key and settings.alipay_public_key):
        return None
    try:
        keys = read_keys(settings.alipay_private_key, settings.alipay_public_key)
    except ValueError:
        log.exception("alipay_keys_unreadable")
        return None
    times = settings.payments_hurry
    return AlipayRail(settings.wallet_apps_url, keys, ANSWER_S / times, ALIPAY.hurried(times))


register_rail("alipay", _configured)
