"""Five-line sales as the bytes of requests, made so cheaply that the maker does not count.

What stays the same is rendered once: a product's part of a line, a till's part of a receipt.
"""

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

LINES = 5
PROMOTION = "P1"
COUNTER = "C1"


@dataclass(slots=True)
class Till:
    """A till with its token, and the next number of its receipts."""

    store: str
    terminal: str
    token: str
    sequence: int = 1


@dataclass(frozen=True, slots=True)
class Shop:
    """What receipts are made of. `members` are JSON values that name a member; dates are ISO texts."""

    business_date: str
    occurred_at: str
    products: int
    members: Sequence[str]


@dataclass(slots=True)
class Maker:
    """Makes receipts and requests for one connection; `seed` decides who buys what."""

    shop: Shop
    path: str
    tills: Sequence[Till]
    members: Sequence[str]
    seed: int
    chance: random.Random = field(init=False)
    turn: int = 0

    def __post_init__(self) -> None:
        self.start_over()

    def start_over(self) -> None:
        """Buy by `seed` from here on."""
        self.chance = random.Random(self.seed)

    def single(self) -> bytes:
        """The body of a request with one sale."""
        return self.receipt(self.next_till(), self._somebody())

    def batch(self, sales: int) -> bytes:
        """The body of a request with so many sales of one till."""
        till = self.next_till()
        return b'{"sales":[%s]}' % b",".join([self.receipt(till, self._somebody()) for _ in range(sales)])

    def request(self, body: bytes) -> bytes:
        """The whole request, from the till whose turn it is."""
        return request("POST", self.path, self.tills[self.turn % len(self.tills)].token, body)

    def next_till(self) -> Till:
        self.turn += 1
        return self.tills[self.turn % len(self.tills)]

    def receipt(self, till: Till, member: str) -> bytes:
        """A sale of five lines. `member` is a JSON value."""
        chosen = [int(self.chance.random() * self.shop.products) for _ in range(LINES)]
        total = sum([_price(product) for product in chosen])
        lines = b",".join([b'{"line":%d,%s' % (n, _line(product)) for n, product in enumerate(chosen, 1)])
        sequence, till.sequence = till.sequence, till.sequence + 1
        return (
            b'{"store":"%s","terminal":"%s","business_date":"%s","sequence":%d,"type":"sale","occurred_at":"%s",'
            b'"currency":"CNY","member":%s,"lines":[%s],"tenders":[{"kind":"card","amount":%d,"reference":"A%08d"}]}'
        ) % (
            till.store.encode(),
            till.terminal.encode(),
            self.shop.business_date.encode(),
            sequence,
            self.shop.occurred_at.encode(),
            member.encode(),
            lines,
            total,
            sequence,
        )

    def _somebody(self) -> str:
        return self.members[int(self.chance.random() * len(self.members))]


def request(method: str, path: str, token: str, body: bytes) -> bytes:
    """A machine's request with a key of its own, head and body."""
    return (
        b"%s %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n"
        b"Idempotency-Key: %s\r\nContent-Length: %d\r\n\r\n%s"
    ) % (method.encode(), path.encode(), token.encode(), new_key().encode(), len(body), body)


def new_key() -> str:
    """An Idempotency-Key that was never used."""
    return os.urandom(12).hex()


def product_code(number: int) -> str:
    return f"69{number:011d}"


def _price(product: int) -> int:
    return 500 + product * 7919 % 9500


@lru_cache(maxsize=100_000)
def _line(product: int) -> bytes:
    price = _price(product)
    promoted = f'"promotion":"{PROMOTION}","discounts":[{{"kind":"markdown","promotion":"{PROMOTION}","amount":100}}],'
    return (
        f'"kind":"goods","product":"{product_code(product)}","counter":"{COUNTER}","quantity":"1.000",'
        f'"unit_price":{price + 100},"amount":{price},"regular_amount":{price + 100},"tax_rate":"0.13",'
        f'{promoted if product % 5 == 0 else ""}"salesperson":"E7"}}'
    ).encode()
