"""The way out to an SMS gateway over HTTP: hand messages over, and ask what became of them.

The wire is a small JSON of our own that the simulator speaks (regulars/simulators/sms_gateway.py); an adapter for a
real gateway has the same two methods. A message is known by our id on both sides.

What a call does not say is as important as what it says. `NotTaken` means that the gateway certainly does not have the
message: nobody listened, or it said so. Whatever leaves the question open (no answer in time, a connection that broke
half way, an error of theirs) is `Uncertain`, and is asked about before anything is tried again.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
import msgspec

from foundation.settings import get_settings
from marketing.messages.gate import Outgoing
from marketing.messages.rules import Reason

# A line a call says nothing that the table of the gateway does not.
logging.getLogger("httpx").setLevel(logging.WARNING)
CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 10.0
CONNECTIONS_MAX = 8
FAILURE_WORDS_MAX = 200


# ------------------------------------------------------------------------------------------------ answers
@dataclass(frozen=True, slots=True)
class Taken:
    """The gateway has it, and calls it `reference`."""

    reference: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """The phone has it."""

    reference: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The gateway will never send it; or, with `tried`, it did and the phone was not reached."""

    reason: Reason
    tried: bool = False


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The gateway certainly does not have it."""


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The gateway may have it."""


Answer = Taken | Arrived | Rejected | NotTaken | Uncertain


@dataclass(frozen=True, slots=True)
class Answers:
    """One answer a message, by our id, and what was wrong with the call as a whole (None: nothing)."""

    by_id: Mapping[str, Answer]
    failure: str | None = None


class _Result(msgspec.Struct, frozen=True):
    id: str
    status: Literal["accepted", "delivered", "refused", "failed", "unknown"]
    reference: str = ""
    code: str = ""


class _Results(msgspec.Struct, frozen=True):
    results: list[_Result] = msgspec.field(default_factory=list)


CODES: Mapping[str, Reason] = {
    "number_invalid": Reason.NUMBER_INVALID,
    "blocked": Reason.BLOCKED_BY_NETWORK,
    "undelivered": Reason.UNDELIVERED,
}


def read_code(code: str) -> Reason:
    """A gateway's word for why a message did not arrive, in ours."""
    return CODES.get(code, Reason.REJECTED)


# ------------------------------------------------------------------------------------------------ the client
@dataclass(frozen=True, slots=True)
class SmsGateway:
    """One gateway, over connections that are kept. Safe to share between threads."""

    url: str
    client: httpx.Client = field(repr=False)

    def hand_over(self, outgoing: Sequence[Outgoing]) -> Answers:
        """Give messages to the gateway, in one call; never raises."""
        messages = [{"id": m.gateway_id, "to": m.address, "text": m.text} for m in outgoing]
        return self._call("/v1/messages", {"messages": messages}, [m.gateway_id for m in outgoing], Uncertain())

    def ask(self, gateway_ids: Sequence[str]) -> Answers:
        """What became of messages, in one call; never raises. `NotTaken` is what the gateway says it does not have."""
        return self._call("/v1/messages/find", {"ids": list(gateway_ids)}, gateway_ids, NotTaken())

    def _call(self, path: str, body: Any, ids: Sequence[str], unknown: Answer) -> Answers:
        try:
            answer = self.client.post(path, content=msgspec.json.encode(body))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return _all(ids, NotTaken(), f"nobody listens ({type(error).__name__})")
        except httpx.HTTPError as error:
            return _all(ids, Uncertain(), f"no answer ({type(error).__name__})")
        if answer.status_code in (429, 503) or 400 <= answer.status_code < 500:
            return _all(ids, NotTaken(), f"refused the call with {answer.status_code}")
        if answer.status_code != httpx.codes.OK:
            return _all(ids, Uncertain(), f"failed with {answer.status_code}")
        try:
            results = msgspec.json.decode(answer.content, type=_Results).results
        except msgspec.MsgspecError:
            return _all(ids, Uncertain(), "answered what cannot be read")
        said = {result.id: _answer(result, unknown) for result in results}
        return Answers({id_: said.get(id_, Uncertain()) for id_ in ids})


def _all(ids: Sequence[str], answer: Answer, failure: str) -> Answers:
    return Answers(dict.fromkeys(ids, answer), failure[:FAILURE_WORDS_MAX])


def nobody_called(outgoing: Sequence[Outgoing]) -> Answers:
    """What is known without a call: the gateway does not have these, as far as this try goes."""
    return Answers({message.gateway_id: NotTaken() for message in outgoing})


def _answer(result: _Result, unknown: Answer) -> Answer:
    match result.status:
        case "accepted":
            return Taken(result.reference)
        case "delivered":
            return Arrived(result.reference)
        case "refused" | "failed":
            return Rejected(read_code(result.code), tried=result.status == "failed")
        case _:
            return unknown


def open_gateway(url: str, key: str, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> SmsGateway:
    """A gateway at an address, with a pool of connections and a limit on every wait."""
    return SmsGateway(
        url,
        httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
            timeout=httpx.Timeout(answer_timeout_s, connect=CONNECT_TIMEOUT_S, pool=CONNECT_TIMEOUT_S),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX),
            trust_env=False,
        ),
    )


_gateways: dict[tuple[str, str], SmsGateway] = {}


def the_gateway() -> SmsGateway | None:
    """The gateway that the settings name, one a process; None where there is none."""
    settings = get_settings()
    if not settings.sms_gateway_url:
        return None
    address = (settings.sms_gateway_url, settings.sms_gateway_key)
    if address not in _gateways:
        _gateways[address] = open_gateway(*address)
    return _gateways[address]
