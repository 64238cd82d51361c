"""Bank cards through an acquirer over ISO 8583:1987 (ASCII) on TCP, each message behind its length in two bytes.

- sale, 0200 / 0210: processing code 000000; known by trace number (DE 11), date and time (DE 7), terminal (DE 41) and
  merchant (DE 42).
- refund, 0200 / 0210: processing code 200000; names the sale by its retrieval reference (DE 37) and DE 90.
- reversal, 0400 / 0410: names the original by trace number, date and time in DE 90.
- echo, 0800 / 0810: network management code 301 (DE 70).

No card number passes through here: the reader sends it to the acquirer itself and hands us a token (DE 48); what comes
back is masked (DE 44). Every call has a time limit; an answer that is not to our message is not listened to.
"""

import socket
import struct
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime

import iso8583
from iso8583.specs import default_ascii

from foundation.settings import get_settings
from pos_adapter.payments.rails import Order, RefundOrder, Told, register_rail
from pos_adapter.payments.rules import CARD, Outcome, Patience

ANSWER_S = 10.0
MESSAGE_MAX = 4096
ANSWERS_MAX = 5
APPROVED = "00"
NOT_LOCATED = "25"
SYSTEM = frozenset({"06", "68", "91", "96"})
SALE, REFUND = "000000", "200000"
LENGTH = struct.Struct(">H")
TRACES = 999_999

Message = Mapping[str, str]


class CardRail:
    """One acquirer. A connection for each message: what comes late comes to nobody, and is reversed like silence."""

    def __init__(self, address: str, answer_s: float = ANSWER_S, patience: Patience = CARD) -> None:
        host, _, port = address.rpartition(":")
        self._address = (host or "127.0.0.1", int(port))
        self._answer_s = answer_s
        self.patience = patience

    def pay(self, order: Order) -> Told:
        """Ask for a sale."""
        token = str((order.ask or {}).get("token") or "")[:64]
        return self._told(order, SALE, {"t": "0200"} | ({"48": token} if token else {}))

    def query(self, order: Order) -> Told:
        """ISO 8583 has no query: whoever does not know reverses."""
        return Told(Outcome.NO_ANSWER, words="an acquirer is not asked, it is told to reverse")

    def reverse(self, order: Order) -> Told:
        """Take back a sale, whether or not it was approved; the acquirer says the same however often it is told."""
        told = self._told(order, SALE, {"t": "0400", "90": _original(order)})
        if told.outcome is Outcome.SUCCEEDED:
            return Told(Outcome.UNDONE, told.reference)
        return told

    def refund(self, order: RefundOrder) -> Told:
        """Give back a part of an approved sale."""
        sale = order.of
        back = Order(
            sale.id, sale.store, sale.terminal, order.trace, order.amount, sale.currency, order.at, sale.reference
        )
        return self._told(back, REFUND, {"t": "0200", "90": _original(sale)})

    def query_refund(self, order: RefundOrder) -> Told:
        """As with a sale: an acquirer is not asked."""
        return Told(Outcome.NO_ANSWER, words="an acquirer is not asked, it is told to reverse")

    def reverse_refund(self, order: RefundOrder) -> Told:
        """Take back a refund whose answer did not come, so that it can be asked for again."""
        sale = order.of
        back = Order(sale.id, sale.store, sale.terminal, order.trace, order.amount, sale.currency, order.at)
        told = self._told(back, REFUND, {"t": "0400", "90": _original(back)})
        return Told(Outcome.UNDONE) if told.outcome is Outcome.SUCCEEDED else told

    def echo(self) -> bool:
        """Whether the acquirer is there."""
        message = {"t": "0800", "7": _stamp(datetime.now(UTC)), "11": "000001", "70": "301"}
        answer = self._exchange(bytes(iso8583.encode(message, default_ascii)[0]), "0800", "000001")
        return answer is not None and answer.get("39") == APPROVED

    def _told(self, order: Order, processing: str, message: Message) -> Told:
        try:
            raw, _ = iso8583.encode({**_elements(order, processing), **message}, default_ascii)
        except (iso8583.EncodeError, KeyError) as error:
            # Nothing was sent: what cannot be said in ISO 8583 has not been asked for.
            return Told(Outcome.DECLINED, words=f"cannot be said in ISO 8583: {error}")
        answer = self._exchange(bytes(raw), message["t"], stan(order.trace))
        if answer is None:
            return Told(Outcome.NO_ANSWER, words="the acquirer did not answer")
        code, reference, account = answer.get("39", ""), answer.get("37"), answer.get("44")
        if code == APPROVED:
            return Told(Outcome.SUCCEEDED, reference, account)
        if code == NOT_LOCATED:
            return Told(Outcome.NOT_FOUND, words="the acquirer has no such payment")
        if code in SYSTEM:
            return Told(Outcome.SYSTEM_ERROR, words=f"response code {code}")
        return Told(Outcome.DECLINED, reference, account, f"response code {code}")

    def _exchange(self, raw: bytes, type_: str, trace: str) -> Message | None:
        """Send a message and wait for the answer to it; None where none came in time, or none that can be read."""
        until = time.monotonic() + self._answer_s
        try:
            with closing(socket.create_connection(self._address, timeout=self._answer_s)) as connection:
                connection.sendall(LENGTH.pack(len(raw)) + raw)
                return _answer_to(connection, type_, trace, until)
        except (OSError, iso8583.DecodeError, ValueError):
            return None


def _answer_to(connection: socket.socket, type_: str, trace: str, until: float) -> Message:
    wanted = f"{type_[:2]}{int(type_[2]) + 1}0"
    for _ in range(ANSWERS_MAX):
        (length,) = LENGTH.unpack(_exactly(connection, LENGTH.size, until))
        if length > MESSAGE_MAX:
            raise ValueError("longer than a message can be")
        answer, _ = iso8583.decode(_exactly(connection, length, until), default_ascii)
        if answer["t"] == wanted and answer.get("11") == trace:
            return answer
    raise ValueError("only answers to other messages came")


def _elements(order: Order, processing: str) -> dict[str, str]:
    return {
        "3": processing,
        "4": f"{order.amount:012d}",
        "7": _stamp(order.at),
        "11": stan(order.trace),
        "37": (order.reference or "").rjust(12, "0")[:12],
        "41": order.terminal[:8].ljust(8),
        "42": order.store[:15].ljust(15),
        "49": currency_number(order.currency),
    }


def stan(trace: int) -> str:
    """The six digits of a trace number; with the day and the store they say which message is meant."""
    return f"{(trace - 1) % TRACES + 1:06d}"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%m%d%H%M%S")


def _original(order: Order) -> str:
    """DE 90: type, trace number, date and time of the original, and two institutions that nobody asks for."""
    return f"0200{stan(order.trace)}{_stamp(order.at)}".ljust(42, "0")


def currency_number(code: str) -> str:
    """The ISO 4217 number of a currency, as messages carry it. Raises KeyError for one that cards are not paid in."""
    return NUMBERS[code]


NUMBERS = {
    "AUD": "036", "CAD": "124", "CHF": "756", "CNY": "156", "EUR": "978", "GBP": "826", "HKD": "344", "JPY": "392",
    "KRW": "410", "MOP": "446", "NZD": "554", "SGD": "702", "THB": "764", "TWD": "901", "USD": "840",
}  # fmt: skip


def _exactly(connection: socket.socket, size: int, until: float) -> bytes:
    parts = b""
    while len(parts) < size:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        part = connection.recv(size - len(parts))
        if not part:
            raise OSError("the acquirer hung up")
        parts += part
    return parts


def _configured() -> CardRail | None:
    settings = get_settings()
    if not settings.acquirer:
        return None
    times = settings.payments_hurry
    return CardRail(settings.acquirer, ANSWER_S / times, CARD.hurried(times))


register_rail("card", _configured)
