"""The gate's decision, with values alone: hours, caps, classes; and the parts of a text message."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing.messages.rendering import TextUnusable, as_html, render, values_for, variables_of
from marketing.messages.reports import is_opt_out
from marketing.messages.rules import (
    Candidate,
    Cap,
    Channel,
    Expire,
    Language,
    LetThrough,
    MessageClass,
    QuietHours,
    Reached,
    Reason,
    Recipient,
    Refuse,
    Wait,
    Word,
    decide,
    decide_all,
    quiet_until,
)
from marketing.messages.segments import Encoding, Size, size_of
from member_api.contract.members import MemberStatus

NOON = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)  # noon in Shanghai
NIGHT = QuietHours(time(21), time(9))


def a_candidate(message_class: MessageClass = MessageClass.MARKETING, **facts: Any) -> Candidate:
    person = Recipient(
        7, MemberStatus.ACTIVE, "Asia/Shanghai", {Channel.SMS: Word.YES}, frozenset({Channel.SMS, Channel.INBOX})
    )
    plain: dict[str, Any] = {"channel": Channel.SMS, "expires_at": NOON + timedelta(days=3), "recipient": person}
    return Candidate(1, message_class, **(plain | facts))


# ------------------------------------------------------------------------------------------------ the hours
@pytest.mark.parametrize(
    ("local", "zone", "until"),
    [
        ("2026-03-04T20:59:59+08:00", "Asia/Shanghai", None),
        ("2026-03-04T21:00:00+08:00", "Asia/Shanghai", "2026-03-05T09:00:00+08:00"),
        ("2026-03-05T08:59:59+08:00", "Asia/Shanghai", "2026-03-05T09:00:00+08:00"),
        ("2026-03-05T09:00:00+08:00", "Asia/Shanghai", None),
        # The night in which New York's clocks go forward is an hour shorter; the one in autumn an hour longer.
        ("2026-03-07T22:00:00-05:00", "America/New_York", "2026-03-08T09:00:00-04:00"),
        ("2026-10-31T22:00:00-04:00", "America/New_York", "2026-11-01T09:00:00-05:00"),
    ],
)
def test_quiet_hours_go_by_the_local_clock(local: str, zone: str, until: str | None) -> None:
    expected = None if until is None else datetime.fromisoformat(until)
    assert quiet_until(datetime.fromisoformat(local), zone, NIGHT) == expected


def test_quiet_hours_in_the_day_and_none_at_all() -> None:
    siesta = QuietHours(time(11), time(13))
    assert quiet_until(NOON, "Asia/Shanghai", siesta) == datetime(2026, 3, 4, 5, 0, tzinfo=UTC)
    assert quiet_until(NOON, "Asia/Shanghai", QuietHours(time(9), time(9))) is None


@given(
    moment=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),  # noqa: DTZ001
    zone=st.sampled_from(["Asia/Shanghai", "America/New_York", "Europe/London", "Asia/Kathmandu", "Pacific/Apia"]),
    begins=st.times(),
    ends=st.times(),
)
def test_quiet_hours_always_end_within_a_day_and_then_are_over(
    moment: datetime, zone: str, begins: time, ends: time
) -> None:
    quiet = QuietHours(begins, ends)
    until = quiet_until(moment, zone, quiet)
    if until is not None:
        assert moment < until <= moment + timedelta(hours=25)


# ------------------------------------------------------------------------------------------------ caps and classes
def test_a_cap_counts_its_own_class_and_channel_within_its_window() -> None:
    cap = [Cap(MessageClass.MARKETING, Channel.SMS, 7, 2)]
    week = timedelta(days=7)

    def decided(*reached: Reached) -> Any:
        return decide(a_candidate(), now=NOON, quiet=NIGHT, caps=cap, reached=reached)

    fresh = Reached(MessageClass.MARKETING, Channel.SMS, NOON - week + timedelta(seconds=1))
    old = Reached(MessageClass.MARKETING, Channel.SMS, NOON - week)
    others = [
        Reached(MessageClass.TRANSACTIONAL, Channel.SMS, NOON),
        Reached(MessageClass.MARKETING, Channel.INBOX, NOON),
    ]
    assert decided(fresh, fresh) == Refuse(Reason.CAPPED)
    assert isinstance(decided(fresh, old, *others * 5), LetThrough)


@given(st.integers(0, 6), st.integers(0, 12))
def test_however_many_are_wished_for_no_more_than_the_cap_leave(most: int, wished: int) -> None:
    candidates = [a_candidate(step=str(n)) for n in range(wished)]
    caps = [Cap(MessageClass.MARKETING, Channel.SMS, 1, most)]
    decisions = decide_all(candidates, now=NOON, quiet=NIGHT, caps=caps, reached={})
    assert sum(isinstance(decision, LetThrough) for decision in decisions) == min(most, wished)


def test_the_same_send_twice_in_a_batch_leaves_once() -> None:
    decisions = decide_all([a_candidate(), a_candidate()], now=NOON, quiet=NIGHT, caps=[], reached={})
    assert decisions[1] == Refuse(Reason.DUPLICATE)


def test_the_hour_makes_it_wait_unless_it_would_be_too_late() -> None:
    late = NOON + timedelta(hours=10)
    waits = decide(a_candidate(), now=late, quiet=NIGHT, caps=[])
    assert waits == Wait(datetime(2026, 3, 5, 1, 0, tzinfo=UTC), Reason.QUIET_HOURS)
    short = a_candidate(expires_at=late + timedelta(hours=2))
    assert decide(short, now=late, quiet=NIGHT, caps=[]) == Expire(Reason.QUIET_HOURS)
    receipt = a_candidate(MessageClass.TRANSACTIONAL)
    assert isinstance(decide(receipt, now=late, quiet=NIGHT, caps=[]), LetThrough)


# ------------------------------------------------------------------------------------------------ the parts of a text
@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", Size(Encoding.GSM_7, 0, 0)),
        ("a" * 160, Size(Encoding.GSM_7, 160, 1)),
        ("a" * 161, Size(Encoding.GSM_7, 161, 2)),
        ("a" * 306, Size(Encoding.GSM_7, 306, 2)),
        ("a" * 307, Size(Encoding.GSM_7, 307, 3)),
        ("€" * 80, Size(Encoding.GSM_7, 160, 1)),
        # A letter of two septets is not torn apart: 76 fit into 153.
        ("€" * 153, Size(Encoding.GSM_7, 306, 3)),
        ("字" * 70, Size(Encoding.UCS_2, 70, 1)),
        ("字" * 71, Size(Encoding.UCS_2, 71, 2)),
        ("字" * 135, Size(Encoding.UCS_2, 135, 3)),
        ("a" * 70 + "。", Size(Encoding.UCS_2, 71, 2)),
        ("😀" * 35, Size(Encoding.UCS_2, 70, 1)),
        ("😀" * 67, Size(Encoding.UCS_2, 134, 3)),
    ],
)
def test_parts_are_counted_as_networks_count_them(text: str, size: Size) -> None:
    assert size_of(text) == size


# ------------------------------------------------------------------------------------------------ texts
def test_a_value_is_a_value_and_never_a_template() -> None:
    values = values_for(Language.EN, {"coupon": "{{ name }}"}, name="<b>{{ store }}</b>\x00\nLi", store=None)
    assert render("{{ name }} {{ coupon }}", values) == "<b>{{ store }}</b> Li {{ name }}"
    assert as_html("<b>&\n\nx") == "<p>&lt;b&gt;&amp;</p><p>x</p>"


def test_money_is_shown_in_its_currency_and_language() -> None:
    facts = {"amount": 2000, "currency": "CNY"}
    assert render("{{ amount }}", values_for(Language.ZH, facts, name=None, store=None)) == "¥20.00"
    assert render("{{ amount }}", values_for(Language.EN, facts, name=None, store=None)) == "CN¥20.00"


def test_a_missing_name_gets_another_word() -> None:
    values = values_for(Language.EN, {}, name=None, store=None)
    assert render("Dear {{ name or 'friend' }}", values) == "Dear friend"
    with pytest.raises(TextUnusable):
        render("{{ points }}", values)


@pytest.mark.parametrize(
    "source",
    [
        "{{ range(10) }}",
        "{{ name.upper() }}",
        "{{ name|center(9999999) }}",
        "{% for a in name %}x{% endfor %}",
        "{% macro x() %}{% endmacro %}",
        "{% include 'x' %}",
        "{% extends 'x' %}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ name ~ name }}",
        "{{ [name] }}",
        "{{ name[0] }}",
        "{% set x = 1 %}",
        "{{ self }}",
        "{% raw %}",
        "{{ " + "(" * 900 + "name" + ")" * 900 + " }}",
        "{{ " + "not " * 450 + "name }}",
        "{% if name %}" * 100 + "x" + "{% endif %}" * 100,
        "x" * 2_001,
    ],
)
def test_what_is_more_than_a_letter_needs_is_refused_or_harmless(source: str) -> None:
    try:
        variables_of(source)
        assert len(render(source, {"name": "Li"})) <= 2_000
    except TextUnusable:
        return


@pytest.mark.parametrize(
    ("text", "no"),
    [("TD", True), ("退订", True), ("回T退订", False), ("stop", True), ("Don't stop", False), ("", False), ("t", True)],
)
def test_only_a_plain_no_is_a_no(text: str, no: bool) -> None:
    assert is_opt_out(text) is no
