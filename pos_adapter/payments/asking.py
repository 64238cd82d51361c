"""Which rail a payment takes, and what that needs: read from what the till sends."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from foundation.errors import FieldError
from pos_adapter.payments.rails import RailUnknown

# What stands on the payer's phone says whose it is.
CODES = {"alipay": re.compile(r"(2[5-9]|30)[0-9]{14,22}"), "wechat": re.compile(r"1[0-5][0-9]{16}")}


class Wanted(Protocol):
    """A payment as the body of a request names it."""

    @property
    def rail(self) -> str: ...
    @property
    def code(self) -> str | None: ...
    @property
    def token(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Ask:
    """What a rail needs for the first message. `facts` are kept sealed, and only until it was sent."""

    rail: str
    facts: Mapping[str, Any]


def asked_of(n: int, wanted: Wanted | None) -> Ask:
    """The rail of the nth tender's payment. Raises RailUnknown for a code that is nobody's."""
    assert wanted is not None
    if wanted.rail == "card":
        return Ask("card", {"token": wanted.token} if wanted.token else {})
    code = wanted.code or ""
    name = next((name for name, pattern in CODES.items() if pattern.fullmatch(code)), None)
    if name is None:
        raise RailUnknown(
            "This is no payment code that we know",
            errors=[FieldError(f"/tenders/{n - 1}/payment/code", "belongs to no wallet app")],
        )
    return Ask(name, {"code": code})
