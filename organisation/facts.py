"""What other packages learn about stores, counters and staff: frozen, and shared between requests."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class StoreStatus(StrEnum):
    PLANNED = "planned"
    OPEN = "open"
    CLOSED = "closed"


class CounterStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class CounterMode(StrEnum):
    """Whose goods a counter sells (RETAIL.md section 1)."""

    OWN = "own"
    CONCESSION = "concession"
    CONSIGNMENT = "consignment"
    LEASED = "leased"


class StaffStatus(StrEnum):
    ACTIVE = "active"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """One store as it is now.

    `currency` is ISO 4217 and `timezone` IANA; `currency_fixed` says that something was posted in it (see
    `contract.fix_currency`). `format`, `region` and `legal_unit` are codes.
    """

    id: int
    code: str
    name: str
    format: str
    region: str | None
    legal_unit: str
    currency: str
    currency_fixed: bool
    timezone: str
    status: StoreStatus


@dataclass(frozen=True, slots=True)
class AreaDays:
    """What a place had to sell on in a period: a store, one of its counters, or a category (path) of a supermarket.

    `open_days` are days between opening and closing; `area_m2_days` the sum over them of the area in force, in
    m2 x day; None: zero, or unknown on any of them.
    """

    store_id: int
    counter_id: int | None
    category: tuple[str, ...] | None
    open_days: int
    area_m2_days: Decimal | None


@dataclass(frozen=True, slots=True)
class CounterTerms:
    """What was agreed from a day on: whose goods, the share of the contract base that the store keeps (扣率, 0 to 1),
    and the guaranteed minimum a month in minor units of the store's currency (保底); None: nothing agreed."""

    valid_from: date
    mode: CounterMode
    rate: Decimal | None
    guaranteed_minimum: int | None


@dataclass(frozen=True, slots=True)
class PromotionRate:
    """The rate during one promotion, from a day on; None: the ordinary rate again."""

    promotion: str
    valid_from: date
    rate: Decimal | None


@dataclass(frozen=True, slots=True)
class CounterFacts:
    """One counter: what it is now, and its dated terms, oldest first.

    `legal_unit` and `format` are the counter's own or else its store's; `supplier` is a code; `category` a path from
    the top, empty if none. What depends on the day is asked with the business date of the sale.
    """

    id: int
    code: str
    name: str
    store_id: int
    legal_unit: str
    supplier: str | None
    format: str
    category: tuple[str, ...]
    brand: str | None
    floor: str | None
    takes_points: bool
    takes_ecoins: bool
    takes_coupons: bool
    status: CounterStatus
    terms: tuple[CounterTerms, ...]
    promotion_rates: tuple[PromotionRate, ...]

    def terms_on(self, day: date) -> CounterTerms:
        """The terms in force on a day; before the first ones, the first."""
        for terms in reversed(self.terms):
            if terms.valid_from <= day:
                return terms
        return self.terms[0]

    def mode_on(self, day: date) -> CounterMode:
        return self.terms_on(day).mode

    def rate_on(self, day: date, promotion: str | None = None) -> Decimal | None:
        """The rate for a sale of that day, under a promotion's own rate if one was agreed."""
        agreed = [each for each in self.promotion_rates if each.promotion == promotion and each.valid_from <= day]
        special = agreed[-1].rate if agreed else None
        return self.terms_on(day).rate if special is None else special


@dataclass(frozen=True, slots=True)
class StaffFacts:
    """One member of staff, as others may know them: the number on receipts, and whether they still work here."""

    id: int
    number: str
    status: StaffStatus
