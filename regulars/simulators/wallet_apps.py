"""Wallet apps that move no money: WeChat style and Alipay style over HTTP, a book that cannot lie, faults on demand.

    python -m regulars.simulators.wallet_apps --port 8585 --control 8586 --key secret --book wallets.jsonl \
        --alipay-key app.pem --alipay-merchant merchant.pub.pem --faults silent=0.05,user_paying=0.1

It speaks what pos_adapter/payments/wechat.py and alipay.py describe, and refuses what is not signed. A number of the
merchant's is one payment, a refund number one refund; a payment code pays once. What was reversed before it arrived is
closed, and refused when it comes. On the control port: `PUT /faults {"silent": 0.1}`, `GET /book`,
`GET /daily/<rail>/<YYYY-MM-DD>.csv`, `GET /healthz`.

Faults, each a probability for a call: `slow` (answers within five seconds), `silent` (does it and never answers),
`lost` (neither), `late` (does it when nobody listens any more), `duplicate` (does it twice, as a network may),
`declined`, `user_paying` (the payer types a password: then it is paid, or wrong, or nobody types at all), `typed` (the
payer types a password, and it is right),
`system_error` (done or not, it says that it does not know), `garbage`, `crash` (does it and dies). `--hurry 20` makes
waits as much shorter.
"""

import argparse
import copy
import csv
import io
import json
import os
import secrets
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from foundation.money import exponent
from pos_adapter.payments import alipay, wechat
from regulars.simulators.books import BookFile
from regulars.simulators.control import read_body, send, serve_control
from regulars.simulators.faults import Faults, fault_reader

FAULTS = (
    "slow", "silent", "lost", "late", "duplicate", "declined", "user_paying", "typed", "system_error", "garbage",
    "crash",
)  # fmt: skip
SLOW_S, LATE_S, SILENT_S, TYPING_S, REFUND_S = 5.0, 15.0, 30.0, 25.0, 5.0

Fields = dict[str, Any]


class Book:
    """Payments and refunds by number, in a file of lines that is read again at the start; used with its lock held."""

    def __init__(self, path: Path | None) -> None:
        self.lock = threading.Lock()
        self.payments: dict[str, Fields] = {}
        self.codes: dict[str, str] = {}
        self._file = BookFile(path)
        for entry in self._file.entries():
            self._apply(entry)

    def write(self, entry: Fields) -> None:
        """Book one change."""
        self._file.add([entry])
        self._apply(entry)

    def _apply(self, entry: Fields) -> None:
        number = entry["number"]
        if entry["kind"] == "payment":
            self.payments[number] = entry | {"refunds": {}}
            if entry.get("code"):
                self.codes[entry["code"]] = number
        elif entry["kind"] == "state":
            self.payments[number] |= {"state": entry["state"], "decides_at": None}
        elif entry["kind"] == "refund":
            refund = {name: entry[name] for name in ("amount", "at", "done_at")}
            self.payments[number]["refunds"][entry["refund"]] = refund

    def refunded(self, number: str) -> int:
        return sum(int(refund["amount"]) for refund in self.payments[number]["refunds"].values())

    def shown(self) -> dict[str, Any]:
        """Every payment, with its refunds."""
        with self.lock:
            return {"payments": copy.deepcopy(list(self.payments.values()))}

    def daily(self, path: str) -> str:
        """The file of `<rail>/<day>`: what stands of the day's payments and refunds, one line each."""
        rail, _, day = path.partition("/")
        with self.lock:
            return self._written(rail, day)

    def _written(self, rail: str, day: str) -> str:
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(("type", "merchant", "terminal", "number", "reference", "currency", "amount"))
        for number, payment in self.payments.items():
            if payment["rail"] != rail:
                continue
            place = ("regulars", "")
            if payment["at"][:10] == day and payment["state"] == "paid":
                row = (number, payment["reference"], payment["currency"], payment["amount"])
                writer.writerow(("sale", *place, *row))
            for refund_number, refund in payment["refunds"].items():
                if refund["at"][:10] == day:
                    writer.writerow(("refund", *place, refund_number, "", payment["currency"], refund["amount"]))
        return out.getvalue()


class Refusal(Exception):
    """What was asked for is not done; the word is one of this house's, each app has its own for it."""


class WalletApps:
    """What both apps have in common: they decide about payments, each then says it in its own words."""

    def __init__(self, book: Book, key: str, alipay_keys: alipay.Keys, faults: Faults, hurry: float) -> None:
        self.book, self.key, self.alipay_keys, self.faults, self.hurry = book, key, alipay_keys, faults, hurry

    def wait(self, seconds: float) -> None:
        time.sleep(seconds / self.hurry)

    def pay(self, rail: str, number: str, code: str, amount: int, currency: str) -> Fields:
        """Raises Refusal: used, code, declined, closed."""
        if (known := self.book.payments.get(number)) is not None:
            raise Refusal("closed" if known["state"] == "closed" else "used")
        if not code or code in self.book.codes:
            raise Refusal("code")
        now = time.time()
        state, will, decides_at = "paid", None, None
        if self.faults.strike("declined"):
            state = "failed"
        elif self.faults.strike("user_paying"):
            state, decides_at = "paying", now + self._typing_s()
            will = self.faults.one_of({"paid": 60, "failed": 20, "paying": 20})
        elif self.faults.strike("typed"):
            state, will, decides_at = "paying", "paid", now + self._typing_s()
        self.book.write(
            {
                "kind": "payment", "rail": rail, "number": number, "code": code, "amount": amount,
                "currency": currency, "state": state, "will": will, "decides_at": decides_at,
                "reference": f"{rail[:2]}{len(self.book.payments) + 1:026d}", "at": _now(),
            }
        )  # fmt: skip
        if state == "failed":
            raise Refusal("declined")
        return self.book.payments[number]

    def _typing_s(self) -> float:
        return (0.1 * TYPING_S + self.faults.up_to(0.9 * TYPING_S)) / self.hurry

    def query(self, number: str) -> Fields:
        """The payment as it stands; the payer may have typed meanwhile. Raises Refusal: missing."""
        found = self.book.payments.get(number)
        if found is None:
            raise Refusal("missing")
        if found["state"] == "paying" and found["will"] != "paying" and time.time() >= found["decides_at"]:
            self.book.write({"kind": "state", "number": number, "state": found["will"]})
        return self.book.payments[number]

    def reverse(self, rail: str, number: str) -> Fields:
        """Close a payment, giving back what was paid. Raises Refusal: refunded."""
        if number not in self.book.payments:
            self.book.write(
                {
                    "kind": "payment", "rail": rail, "number": number, "code": None, "amount": 0, "currency": "",
                    "state": "closed", "will": None, "decides_at": None, "reference": "", "at": _now(),
                }
            )  # fmt: skip
        found = self.query(number)
        if found["refunds"]:
            raise Refusal("refunded")
        if found["state"] != "closed":
            self.book.write({"kind": "state", "number": number, "state": "closed"})
        return self.book.payments[number]

    def refund(self, number: str, refund: str, amount: int, *, at_once: bool) -> tuple[Fields, bool]:
        """Give back a part; whether it is new. Raises Refusal: missing, not_paid, differs, too_much, declined."""
        found = self.query(number)
        if found["state"] != "paid":
            raise Refusal("not_paid")
        if (known := found["refunds"].get(refund)) is not None:
            if known["amount"] != amount:
                raise Refusal("differs")
            return known, False
        if self.book.refunded(number) + amount > found["amount"]:
            raise Refusal("too_much")
        if self.faults.strike("declined"):
            raise Refusal("declined")
        done_at = time.time() + (0 if at_once else self.faults.up_to(REFUND_S) / self.hurry)
        self.book.write(
            {"kind": "refund", "number": number, "refund": refund, "amount": amount, "at": _now(), "done_at": done_at}
        )
        return self.book.payments[number]["refunds"][refund], True

    def find_refund(self, refund: str) -> tuple[str, Fields]:
        """A refund and its payment's number. Raises Refusal: missing."""
        for number, payment in self.book.payments.items():
            if (found := payment["refunds"].get(refund)) is not None:
                return number, found
        raise Refusal("missing")


def _now() -> str:
    return datetime.now(UTC).isoformat()


# ------------------------------------------------------------------------------------------------ WeChat style

WECHAT_WORDS = {
    "used": "OUT_TRADE_NO_USED", "code": "AUTH_CODE_INVALID", "declined": "NOTENOUGH", "closed": "ORDERREVERSED",
    "not_paid": "TRADE_STATE_ERROR", "differs": "PARAM_ERROR", "too_much": "REFUND_FEE_MISMATCH",
    "refunded": "INVALID_REQUEST",
}  # fmt: skip
WECHAT_STATES = {"paid": "SUCCESS", "paying": "USERPAYING", "failed": "PAYERROR", "closed": "REVOKED"}


def wechat_answer(apps: WalletApps, path: str, asked: Mapping[str, str]) -> dict[str, str]:
    """What WeChat's style says to a message that is signed."""
    number, refund = asked.get("out_trade_no", ""), asked.get("out_refund_no", "")
    try:
        if path == "/pay/micropay":
            amount, currency = int(asked["total_fee"]), asked.get("fee_type", "CNY")
            found = apps.pay("wechat", number, asked["auth_code"], amount, currency)
            if found["state"] == "paying":
                return {"result_code": "FAIL", "err_code": "USERPAYING"}
            return {"result_code": "SUCCESS", "transaction_id": found["reference"], "total_fee": str(amount)}
        if path == "/pay/orderquery":
            found = apps.query(number)
            state = WECHAT_STATES[found["state"]]
            return {"result_code": "SUCCESS", "trade_state": state, "transaction_id": found["reference"]}
        if path == "/secapi/pay/reverse":
            apps.reverse("wechat", number)
            return {"result_code": "SUCCESS", "recall": "N"}
        if path == "/secapi/pay/refund":
            apps.refund(number, refund, int(asked["refund_fee"]), at_once=False)
            return {"result_code": "SUCCESS", "refund_id": f"re{refund}", "out_refund_no": refund}
        if path == "/pay/refundquery":
            _, given = apps.find_refund(refund)
            state = "SUCCESS" if time.time() >= given["done_at"] else "PROCESSING"
            return {"result_code": "SUCCESS", "refund_status_0": state, "refund_id_0": f"re{refund}"}
    except Refusal as refusal:
        missing = "REFUNDNOTEXIST" if path == "/pay/refundquery" else "ORDERNOTEXIST"
        return {"result_code": "FAIL", "err_code": WECHAT_WORDS.get(str(refusal), missing)}
    return {"result_code": "FAIL", "err_code": "PARAM_ERROR"}


# ------------------------------------------------------------------------------------------------ Alipay style

ALIPAY_WORDS = {
    "used": "ACQ.CONTEXT_INCONSISTENT", "code": "ACQ.PAYMENT_AUTH_CODE_INVALID", "closed": "ACQ.TRADE_HAS_CLOSE",
    "declined": "ACQ.BUYER_BALANCE_NOT_ENOUGH", "missing": "ACQ.TRADE_NOT_EXIST",
    "not_paid": "ACQ.TRADE_STATUS_ERROR", "differs": "ACQ.DISCORDANT_REPEAT_REQUEST",
    "too_much": "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "refunded": "ACQ.TRADE_STATUS_ERROR",
}  # fmt: skip
ALIPAY_STATES = {
    "paid": "TRADE_SUCCESS", "paying": "WAIT_BUYER_PAY", "failed": "TRADE_CLOSED", "closed": "TRADE_CLOSED",
}  # fmt: skip


def alipay_answer(apps: WalletApps, method: str, asked: Mapping[str, Any]) -> Fields:
    """What Alipay's style says to a message that is signed."""
    number, refund = str(asked.get("out_trade_no", "")), str(asked.get("out_request_no", ""))
    try:
        if method == "alipay.trade.pay":
            currency = str(asked.get("trans_currency", "CNY"))
            amount = _minor(asked["total_amount"], currency)
            found = apps.pay("alipay", number, str(asked["auth_code"]), amount, currency)
            code = alipay.PAYING if found["state"] == "paying" else alipay.DONE
            return {"code": code, "trade_no": found["reference"], "buyer_logon_id": "138****0000"}
        if method == "alipay.trade.query":
            found = apps.query(number)
            state = ALIPAY_STATES[found["state"]]
            return {"code": alipay.DONE, "trade_status": state, "trade_no": found["reference"]}
        if method == "alipay.trade.cancel":
            before = apps.book.payments.get(number, {}).get("state")
            apps.reverse("alipay", number)
            action = "refund" if before == "paid" else "close"
            return {"code": alipay.DONE, "retry_flag": "N", "action": action}
        if method == "alipay.trade.refund":
            currency = str(asked.get("refund_currency", "CNY"))
            _, new = apps.refund(number, refund, _minor(asked["refund_amount"], currency), at_once=True)
            return {"code": alipay.DONE, "fund_change": "Y" if new else "N", "trade_no": number}
        if method == "alipay.trade.fastpay.refund.query":
            apps.query(number)
            given = apps.book.payments[number]["refunds"].get(refund)
            named = {"out_request_no": refund, "refund_status": "REFUND_SUCCESS"} if given else {}
            return {"code": alipay.DONE} | named
    except Refusal as refusal:
        return {"code": alipay.REFUSED, "sub_code": ALIPAY_WORDS[str(refusal)]}
    return {"code": "40002", "sub_code": "isv.invalid-parameter"}


def _minor(amount: Any, currency: str) -> int:
    return int(Decimal(str(amount)).scaleb(exponent(currency)))


# ------------------------------------------------------------------------------------------------ over HTTP


class Wallets(ThreadingHTTPServer):
    """A thread for each call."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, apps: WalletApps) -> None:
        super().__init__(("127.0.0.1", port), Call)
        self.apps = apps


class Call(BaseHTTPRequestHandler):
    """One message of a merchant's."""

    server: Wallets

    def do_POST(self) -> None:
        body = read_body(self)
        apps = self.server.apps
        if apps.faults.strike("lost"):
            return self._silence(apps)
        if apps.faults.strike("late"):
            apps.wait(LATE_S)
        unsure = apps.faults.strike("system_error")
        answer = self._judge(apps, body, unsure)
        if apps.faults.strike("duplicate"):
            self._judge(apps, body, unsure)
        if apps.faults.strike("crash"):
            os._exit(70)
        if apps.faults.strike("silent"):
            return self._silence(apps)
        if apps.faults.strike("slow"):
            apps.wait(apps.faults.up_to(SLOW_S))
        if apps.faults.strike("garbage"):
            answer = os.urandom(len(answer))
        return send(self, 200, answer, "text/plain; charset=utf-8")

    def _judge(self, apps: WalletApps, body: bytes, unsure: bool) -> bytes:
        if self.path == "/gateway.do":
            return self._alipay(apps, body, unsure)
        asked = wechat.read_xml(body)
        if asked is None or not wechat.is_signed(apps.key, asked):
            return wechat.written({"return_code": "FAIL", "return_msg": "signature"})
        answer = {"result_code": "FAIL", "err_code": "SYSTEMERROR"}
        if not unsure or apps.faults.up_to(1) < 0.5:
            with apps.book.lock:
                told = wechat_answer(apps, self.path, asked)
            answer = answer if unsure else told
        answer |= {"return_code": "SUCCESS", "nonce_str": secrets.token_hex(8)}
        answer["sign"] = wechat.sign(apps.key, answer)
        return wechat.written(answer)

    def _alipay(self, apps: WalletApps, body: bytes, unsure: bool) -> bytes:
        asked = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        method = asked.get("method", "")
        if not alipay.is_signed(apps.alipay_keys.theirs, alipay.text_of(asked), asked.get("sign", "")):
            answer: Fields = {"code": "40002", "sub_code": "isv.invalid-signature"}
        else:
            answer = {"code": alipay.UNKNOWN, "sub_code": "aop.ACQ.SYSTEM_ERROR"}
            if not unsure or apps.faults.up_to(1) < 0.5:
                with apps.book.lock:
                    told = alipay_answer(apps, method, json.loads(asked.get("biz_content", "{}")))
                answer = answer if unsure else told
        node = json.dumps(answer, ensure_ascii=False)
        signature = alipay.sign_text(apps.alipay_keys.ours, node.encode())
        return f'{{"{alipay.node_of(method)}": {node}, "sign": "{signature}"}}'.encode()

    def _silence(self, apps: WalletApps) -> None:
        apps.wait(SILENT_S)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        return


def main(arguments: list[str] | None = None) -> None:
    """Run until killed."""
    parser = argparse.ArgumentParser(description="A simulator of two wallet apps")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--key", default=os.environ.get("WALLET_APPS_KEY", ""), help="default: WALLET_APPS_KEY")
    parser.add_argument("--alipay-key", type=Path, required=True, help="PEM: our own private key")
    parser.add_argument("--alipay-merchant", type=Path, required=True, help="PEM: the merchant's public key")
    parser.add_argument("--book", type=Path)
    parser.add_argument("--faults", type=fault_reader(FAULTS), default={})
    parser.add_argument("--seed", type=int)
    parser.add_argument("--hurry", type=float, default=1.0)
    asked = parser.parse_args(arguments)
    if not asked.key:
        parser.error("a key is needed: --key or WALLET_APPS_KEY")
    keys = alipay.read_keys(asked.alipay_key.read_text(), asked.alipay_merchant.read_text())
    book, faults = Book(asked.book), Faults(FAULTS, asked.faults, asked.seed)
    apps = WalletApps(book, asked.key, keys, faults, asked.hurry)
    serve_control(asked.control, faults, book.shown, book.daily)
    with Wallets(asked.port, apps) as server:
        sys.stdout.write(f"wallet apps, process {os.getpid()}, on {asked.port}, control on {asked.control}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
