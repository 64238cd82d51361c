"""Payment codes of a wallet app, WeChat Pay style: XML of version 2 over HTTP, signed by HMAC-SHA256 with a shared key.

- /pay/micropay, /pay/orderquery, /secapi/pay/reverse, /secapi/pay/refund, /pay/refundquery
- a payment is known by our `out_trade_no` (its id), a refund by our `out_refund_no` (its number)
- return_code FAIL is a fault of the message, result_code FAIL one of the matter, with err_code

An answer without a signature of ours is none. XML with a document type is not read: there are no entities in it.
"""

import hmac
import re
from collections.abc import Mapping
from secrets import token_hex
from xml.etree import ElementTree as ET

from foundation.settings import get_settings
from pos_adapter.payments.calling import ANSWER_S, call
from pos_adapter.payments.rails import Order, RefundOrder, Told, register_rail
from pos_adapter.payments.rules import WECHAT, Outcome, Patience

Fields = Mapping[str, str]
NOT_TELLING = Told(Outcome.NO_ANSWER, words="the wallet app did not answer")
TRADE_STATES = {
    "SUCCESS": Outcome.SUCCEEDED,
    "REFUND": Outcome.SUCCEEDED,
    "USERPAYING": Outcome.PAYING,
    "ACCEPT": Outcome.PAYING,
    "NOTPAY": Outcome.PAYING,
    "CLOSED": Outcome.UNDONE,
    "REVOKED": Outcome.UNDONE,
    "PAYERROR": Outcome.DECLINED,
}
REFUND_STATES = {
    "SUCCESS": Outcome.SUCCEEDED,
    "PROCESSING": Outcome.PAYING,
    "REFUNDCLOSE": Outcome.DECLINED,
}
# Their words for "we do not know ourselves"; asked about, never taken for a no.
UNSURE = frozenset({"SYSTEMERROR", "BANKERROR", "BIZERR_NEED_RETRY", "FREQUENCY_LIMITED"})
DOCUMENT_TYPE = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


class WeChatRail:
    """One merchant's wallet app."""

    def __init__(self, url: str, key: str, answer_s: float = ANSWER_S, patience: Patience = WECHAT) -> None:
        self._url, self._key, self._answer_s, self.patience = url.rstrip("/"), key, answer_s, patience

    def pay(self, order: Order) -> Told:
        """Take a payment by the code on the payer's phone. USERPAYING: the payer types a password."""
        answer = self._ask(
            "/pay/micropay",
            {
                "out_trade_no": order.id.hex,
                "body": f"store {order.store}",
                "total_fee": str(order.amount),
                "fee_type": order.currency,
                "auth_code": str((order.ask or {}).get("code", "")),
                "device_info": order.terminal[:32],
            },
        )
        if answer is None:
            return NOT_TELLING
        if answer.get("result_code") == "SUCCESS":
            return self._paid(answer)
        return _refused(answer, paying=("USERPAYING",), unsure=("ORDERPAID", "OUT_TRADE_NO_USED"))

    def query(self, order: Order) -> Told:
        """What became of a payment."""
        answer = self._ask("/pay/orderquery", {"out_trade_no": order.id.hex})
        if answer is None:
            return NOT_TELLING
        if answer.get("result_code") != "SUCCESS":
            return _refused(answer, missing=("ORDERNOTEXIST",), otherwise=Outcome.SYSTEM_ERROR)
        state = answer.get("trade_state", "")
        outcome = TRADE_STATES.get(state, Outcome.SYSTEM_ERROR)
        return self._paid(answer) if outcome is Outcome.SUCCEEDED else Told(outcome, words=state)

    def reverse(self, order: Order) -> Told:
        """Undo a payment whatever became of it; where it is not there yet, its number is closed."""
        answer = self._ask("/secapi/pay/reverse", {"out_trade_no": order.id.hex})
        if answer is None:
            return NOT_TELLING
        if answer.get("result_code") == "SUCCESS":
            again = answer.get("recall") == "Y"
            return Told(Outcome.SYSTEM_ERROR if again else Outcome.UNDONE, answer.get("transaction_id"))
        return _refused(answer, missing=("ORDERNOTEXIST",))

    def refund(self, order: RefundOrder) -> Told:
        """Ask for a part back; their yes says only that it is under way."""
        answer = self._ask(
            "/secapi/pay/refund",
            {
                "out_trade_no": order.of.id.hex,
                "out_refund_no": order.number,
                "total_fee": str(order.of.amount),
                "refund_fee": str(order.amount),
                "refund_fee_type": order.of.currency,
            },
        )
        if answer is None:
            return NOT_TELLING
        if answer.get("result_code") == "SUCCESS":
            return Told(Outcome.PAYING, answer.get("refund_id"), words="the wallet app has taken it on")
        return _refused(answer)

    def query_refund(self, order: RefundOrder) -> Told:
        """What became of a refund."""
        answer = self._ask("/pay/refundquery", {"out_refund_no": order.number})
        if answer is None:
            return NOT_TELLING
        if answer.get("result_code") != "SUCCESS":
            return _refused(answer, missing=("REFUNDNOTEXIST",), otherwise=Outcome.SYSTEM_ERROR)
        state = answer.get("refund_status_0", "")
        # CHANGE: the payer's card is gone; their merchants' desk has to give it back.
        return Told(REFUND_STATES.get(state, Outcome.SYSTEM_ERROR), answer.get("refund_id_0"), words=state)

    def reverse_refund(self, order: RefundOrder) -> Told:
        """A refund is asked about by its number, never undone."""
        return self.query_refund(order)

    @staticmethod
    def _paid(answer: Fields) -> Told:
        return Told(Outcome.SUCCEEDED, answer.get("transaction_id"))

    def _ask(self, path: str, fields: Fields) -> Fields | None:
        message = {"appid": "regulars", "mch_id": "regulars", "nonce_str": token_hex(16), "sign_type": "HMAC-SHA256"}
        message |= fields
        message["sign"] = sign(self._key, message)
        answer = call(f"{self._url}{path}", written(message), "text/xml; charset=utf-8", self._answer_s)
        told = None if answer is None else read_xml(answer)
        if told is None or not is_signed(self._key, told):
            return None
        return told


def _refused(
    answer: Fields, paying: tuple[str, ...] = (), missing: tuple[str, ...] = (), unsure: tuple[str, ...] = (),
    otherwise: Outcome = Outcome.DECLINED,
) -> Told:  # fmt: skip
    code = answer.get("err_code", "")
    if not code or answer.get("return_code") != "SUCCESS":
        return Told(Outcome.SYSTEM_ERROR, words=answer.get("return_msg", ""))
    if code in UNSURE or code in unsure:
        return Told(Outcome.SYSTEM_ERROR, words=code)
    if code in paying:
        return Told(Outcome.PAYING, words=code)
    return Told(Outcome.NOT_FOUND if code in missing else otherwise, words=code)


def sign(key: str, fields: Fields) -> str:
    """The signature over all fields that say something, in order of their names, and the key."""
    text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if value and name != "sign")
    return hmac.digest(key.encode(), f"{text}&key={key}".encode(), "sha256").hex().upper()


def is_signed(key: str, fields: Fields) -> bool:
    """Whether this comes from who knows the key."""
    return hmac.compare_digest(fields.get("sign", "").encode(), sign(key, fields).encode())


def written(fields: Fields) -> bytes:
    """Fields as XML."""
    root = ET.Element("xml")
    for name, value in fields.items():
        ET.SubElement(root, name).text = value
    return bytes(ET.tostring(root, encoding="utf-8"))


def read_xml(body: bytes) -> Fields | None:
    """The fields of a flat document; None for what is none, or has a document type (entities are made there)."""
    try:
        text = body.decode("utf-8")
        if DOCUMENT_TYPE.search(text):
            return None
        root = ET.fromstring(text)  # noqa: S314 - no document type, so no entities, and bounded in size
    except (ValueError, ET.ParseError):
        return None
    return {field.tag: field.text or "" for field in root} if root.tag == "xml" else None


def _configured() -> WeChatRail | None:
    settings = get_settings()
    if not (settings.wallet_apps_url and settings.wallet_apps_key):
        return None
    times = settings.payments_hurry
    return WeChatRail(settings.wallet_apps_url, settings.wallet_apps_key, ANSWER_S / times, WECHAT.hurried(times))


register_rail("wechat", _configured)
