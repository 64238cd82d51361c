"""How values look on a page: money, points, moments, days; in the reader's language and the store's time zone."""

import re
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import babel.dates
import babel.numbers
import flask
from flask_babel import get_locale

from foundation.money import exponent, format_money

SUPERFLUOUS_ZERO = re.compile(r"\.0(?!\d)")


def money(amount: int | None, currency: str) -> str:
    """Minor units as people write them; an en dash for nothing known."""
    if amount is None:
        return "–"
    text = format_money(amount, currency, _language())
    # English writes CN¥ to tell it from Japan's; at home there is one yen sign.
    return text.replace("CN¥", "¥") if currency == flask.current_app.config["COMPANY_CURRENCY"] else text


def short_money(amount: int | None, currency: str) -> str:
    """Minor units as a figure of few digits: ¥12K, ¥1.2万; for charts and narrow places."""
    if amount is None:
        return "–"
    value, language = Decimal(amount).scaleb(-exponent(currency)), _language()
    if abs(value) < (10_000 if language.startswith("zh") else 1_000):
        text = babel.numbers.format_currency(value, currency, "¤#,##0", locale=language, currency_digits=False)
    else:
        text = babel.numbers.format_compact_currency(value, currency, locale=language, fraction_digits=1)
    text = SUPERFLUOUS_ZERO.sub("", text)
    return text.replace("CN¥", "¥") if currency == flask.current_app.config["COMPANY_CURRENCY"] else text


def number(value: int | None) -> str:
    """A whole number with separators: points, e-coins, counts."""
    return "–" if value is None else babel.numbers.format_decimal(value, locale=_language())


def moment(value: datetime | None, timezone: str | None = None) -> str:
    """An aware moment as date and time of day in `timezone` (the store's; the company's if not given)."""
    if value is None:
        return "–"
    zone = ZoneInfo(timezone or flask.current_app.config["COMPANY_TIMEZONE"])
    return babel.dates.format_datetime(value.astimezone(zone), "yyyy-MM-dd HH:mm", tzinfo=zone, locale=_language())


def time_of_day(value: datetime | None, timezone: str | None = None) -> str:
    """Hours and minutes of an aware moment in `timezone`."""
    if value is None:
        return "–"
    zone = ZoneInfo(timezone or flask.current_app.config["COMPANY_TIMEZONE"])
    return value.astimezone(zone).strftime("%H:%M")


def day(value: date | None) -> str:
    """A calendar day, written the same in both languages so that nobody mistakes the month."""
    return "–" if value is None else value.isoformat()


def weekday(value: date) -> str:
    """The name of the day of the week."""
    return babel.dates.format_date(value, "EEEE", locale=_language())


FILTERS = {
    "money": money,
    "short_money": short_money,
    "number": number,
    "moment": moment,
    "time_of_day": time_of_day,
    "day": day,
    "weekday": weekday,
    "exponent": exponent,
}


def _language() -> str:
    return str(get_locale() or "en")
