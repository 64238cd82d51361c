"""Money is an integer in the currency's minor unit; only a page turns it into a decimal."""

from decimal import Decimal
from functools import lru_cache

from babel.numbers import format_currency, get_currency_precision, list_currencies


@lru_cache(maxsize=512)
def is_currency(code: str) -> bool:
    """Whether `code` is an ISO 4217 currency code."""
    return code in list_currencies()


@lru_cache(maxsize=512)
def exponent(currency: str) -> int:
    """Digits after the point: 2 for CNY, 0 for JPY, 3 for KWD (source: CLDR currency data, through Babel)."""
    return get_currency_precision(currency)


def format_money(amount: int, currency: str, locale: str = "en") -> str:
    """`amount` minor units as people write them: 199000 CNY -> "CN¥1,990.00"."""
    return format_currency(Decimal(amount).scaleb(-exponent(currency)), currency, locale=locale)


def half_up(numerator: int, denominator: int) -> int:
    """numerator / denominator, rounded to the nearest whole, halves up; the denominator is above zero.

    Below zero it is the same negated: what is taken back comes to what it was, to the cent.
    """
    rounded = (2 * abs(numerator) + denominator) // (2 * denominator)
    return rounded if numerator >= 0 else -rounded
