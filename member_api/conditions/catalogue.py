"""What can be asked of members: balances, tier, age, birthday, home store, consent, standing."""

from collections.abc import Mapping

from foundation.conditions import AMONG, COMPARING, DATING, Measure, Operator, Span, Unit
from foundation.pages import lazy
from member_api.consents.rules import Channel, Purpose

OWNED = lazy("What the member owns")
WHO = lazy("Who the member is")
ALLOWED = lazy("What the member allows")

CHANNEL_CHOICES = (
    (Channel.SMS.value, lazy("Text messages")),
    (Channel.EMAIL.value, lazy("E-mail")),
    (Channel.PHONE.value, lazy("Phone calls")),
    (Channel.POST.value, lazy("Letters")),
    (Channel.APP.value, lazy("App messages")),
    (Channel.WECHAT.value, lazy("WeChat")),
    (Channel.WECOM.value, lazy("WeCom")),
    (Channel.DINGTALK.value, lazy("DingTalk")),
    (Purpose.PROFILING.value, lazy("Working out interests from purchases")),
)
GENDER_CHOICES = (("female", lazy("Female")), ("male", lazy("Male")), ("other", lazy("Other")))
STATUS_CHOICES = (("active", lazy("Good standing")), ("frozen", lazy("Frozen")))

_MEASURES = (
    Measure(
        "points_balance",
        lazy("Points balance"),
        OWNED,
        Unit.COUNT,
        COMPARING,
        hint=lazy("All formats together, without points whose last day has passed"),
    ),
    Measure(
        "points_expiring",
        lazy("Points that expire"),
        OWNED,
        Unit.COUNT,
        COMPARING,
        hint=lazy("Points whose last day lies in the coming days"),
        span=Span.AHEAD,
        span_required=True,
    ),
    Measure("ecoin_balance", lazy("E-coin balance"), OWNED, Unit.MONEY, COMPARING, currency=True),
    Measure("cash_balance", lazy("Stored cash"), OWNED, Unit.MONEY, COMPARING, currency=True),
    Measure("tier", lazy("Tier"), WHO, Unit.CODE, AMONG, options="tier"),
    Measure("age", lazy("Age"), WHO, Unit.YEARS, COMPARING, lowest=0, highest=150),
    Measure(
        "birthday",
        lazy("Birthday"),
        WHO,
        Unit.YES,
        (Operator.EQUAL,),
        hint=lazy("Somebody born on 29 February has the birthday on 28 February in other years"),
        span=Span.AHEAD,
        span_required=True,
    ),
    Measure("birthday_month", lazy("Month of birth"), WHO, Unit.MONTH, AMONG, lowest=1, highest=12),
    Measure("gender", lazy("Gender"), WHO, Unit.CODE, AMONG, choices=GENDER_CHOICES),
    Measure("home_store", lazy("Home store"), WHO, Unit.CODE, AMONG, options="store"),
    Measure("joined", lazy("Became a member"), WHO, Unit.DATE, DATING, span=Span.PAST, span_required=True),
    Measure(
        "status",
        lazy("Standing"),
        WHO,
        Unit.CODE,
        AMONG,
        hint=lazy("Members whose membership has ended are on no list"),
        choices=STATUS_CHOICES,
    ),
    Measure(
        "consent",
        lazy("Consent"),
        ALLOWED,
        Unit.CODE,
        (Operator.ANY, Operator.ALL, Operator.NONE),
        hint=lazy("A channel means marketing by it; nothing said means no"),
        choices=CHANNEL_CHOICES,
    ),
    Measure(
        "no_profiling",
        lazy("Refused profiling"),
        ALLOWED,
        Unit.YES,
        (Operator.EQUAL,),
        hint=lazy("Said no to working out interests from purchases"),
    ),
)
MEASURES: Mapping[str, Measure] = {measure.name: measure for measure in _MEASURES}
