"""One spelling for every identifier: what is accepted, what is refused, and that typing it differently finds it."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from member_api.identifiers.rules import (
    IdentifierUnreadable,
    Kind,
    Normalised,
    blind_index,
    last_four_index,
    mask,
    mask_name,
    normalise,
    normalise_name,
    phone_warnings,
)

TODAY = date(2026, 11, 21)
KEY = bytes(range(32))


def spelled(kind: str, value: str) -> str:
    return normalise(kind, value, TODAY).value


def reason_of(kind: str, value: str) -> str:
    with pytest.raises(IdentifierUnreadable) as refusal:
        normalise(kind, value, TODAY)
    # A value under three letters ("A") cannot tell anybody; a longer one must never stand in an error.
    assert len(value) < 3 or value not in str(refusal.value)
    return str(refusal.value.facts["reason"])


# ---------------------------------------------------------------------------------------------- phones
@pytest.mark.parametrize(
    "typed",
    [
        "13800138000",
        "+8613800138000",
        "008613800138000",
        "8613800138000",
        " 8613800138000",  # a + in a query string arrives as a blank
        "+86 138 0013 8000",
        "+86-138-0013-8000",
        "１３８００１３８０００",
        "＋８６　１３８－００１３－８０００",
        "(+86) 138.0013.8000",
        "138–0013—8000",
    ],
)
def test_a_mainland_mobile_is_found_however_it_is_typed(typed: str) -> None:
    assert spelled("phone", typed) == "+8613800138000"


@pytest.mark.parametrize(
    ("typed", "e164"),
    [
        ("+852 9123 4567", "+85291234567"),
        ("00853 6612 3456", "+85366123456"),
        ("+886 912 345 678", "+886912345678"),
        ("+1 (415) 555-2671", "+14155552671"),
        ("+44 7911 123456", "+447911123456"),
        ("+39 06 1234 5678", "+390612345678"),
    ],
)
def test_a_phone_from_elsewhere_keeps_its_country_code(typed: str, e164: str) -> None:
    assert spelled("phone", typed) == e164


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("91234567", "shape"),  # Hong Kong without its code
        ("12800138000", "shape"),
        ("1380013800", "shape"),
        ("138001380000", "shape"),
        ("1380013800A", "shape"),
        ("", "shape"),
        ("+861065529988", "not_a_mobile"),
        ("+999123456789", "country"),
        ("+852912", "length"),
    ],
)
def test_what_is_no_phone_is_refused_with_its_reason_and_without_repeating_it(typed: str, reason: str) -> None:
    assert reason_of("phone", typed) == reason


def test_a_prefix_that_the_published_plan_does_not_know_is_a_warning_and_no_refusal() -> None:
    assert spelled("phone", "15412345678") == "+8615412345678"
    assert phone_warnings("+8615412345678") == ("phone_prefix_unassigned",)
    assert phone_warnings("+8613800138000") == ()
    assert phone_warnings("+85291234567") == ()
    assert phone_warnings("+85211111111") == ("phone_prefix_unassigned",)


mainland = st.from_regex(r"\A1[3-9][0-9]{9}\Z")


@given(
    number=mainland,
    prefix=st.sampled_from(["", "+86", "0086", "86", "＋８６", "+86 ", "0086-"]),
    blanks=st.lists(st.tuples(st.integers(0, 11), st.sampled_from([" ", "-", "　", "–", "\t"])), max_size=4),
    wide=st.booleans(),
)
def test_any_mix_of_prefix_blanks_hyphens_and_width_is_the_same_mainland_mobile(
    number: str, prefix: str, blanks: list[tuple[int, str]], wide: bool
) -> None:
    typed = number
    for at, blank in blanks:
        typed = typed[:at] + blank + typed[at:]
    if wide:
        typed = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in typed)
    assert spelled("phone", prefix + typed) == f"+86{number}"


@given(st.text(max_size=24) | st.from_regex(r"\A[+0]{0,2}[0-9 \-]{5,18}\Z"))
def test_every_phone_that_is_accepted_is_e164_and_settled(typed: str) -> None:
    try:
        e164 = spelled("phone", typed)
    except IdentifierUnreadable:
        return
    assert e164[0] == "+"
    assert e164[1:].isascii()
    assert e164[1:].isdigit()
    assert len(e164) <= 16
    assert spelled("phone", e164) == e164


# ---------------------------------------------------------------------------------------------- cards
@pytest.mark.parametrize(
    ("typed", "card"),
    [("  ab12345 ", "AB12345"), ("ＡＢ１２３", "AB123"), ("6222 0000 1111", "622200001111"), ("贵宾001", "贵宾001")],
)
def test_a_card_is_trimmed_upper_case_and_half_width(typed: str, card: str) -> None:
    assert spelled("card", typed) == card


@pytest.mark.parametrize(
    ("typed", "reason"), [("", "length"), ("   ", "length"), ("1" * 65, "length"), ("A\x00B", "unprintable")]
)
def test_what_is_no_card_is_refused(typed: str, reason: str) -> None:
    assert reason_of("card", typed) == reason


@given(st.text(max_size=80))
def test_every_card_that_is_accepted_is_settled_and_case_does_not_matter(typed: str) -> None:
    try:
        card = spelled("card", typed)
    except IdentifierUnreadable:
        return
    assert spelled("card", card) == card
    assert spelled("card", f" {card} ") == card


@given(st.from_regex(r"\A[A-Za-z0-9]{1,20}\Z"))
def test_letter_case_never_makes_a_second_card(typed: str) -> None:
    assert spelled("card", typed.lower()) == spelled("card", typed.upper())


# ---------------------------------------------------------------------------------------------- e-mail
@pytest.mark.parametrize(
    ("typed", "email"),
    [
        (" Zhang.San@Example.COM ", "zhang.san@example.com"),
        ("张三@例子.中国", "张三@xn--fsqu00a.xn--fiqs8s"),
        ("a+b@mail.example.com", "a+b@mail.example.com"),
        ("ａｂ@ｅｘａｍｐｌｅ．ｃｏｍ", "ab@example.com"),
        ("A@BÜCHER.example", "a@xn--bcher-kva.example"),
    ],
)
def test_an_email_is_case_folded_and_its_domain_is_ascii(typed: str, email: str) -> None:
    assert spelled("email", typed) == email


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("nobody", "shape"),
        ("@example.com", "shape"),
        ("a b@example.com", "shape"),
        ("a@@example.com", "shape"),
        ('"a"@example.com', "shape"),
        ("a@localhost", "domain"),
        ("a@-bad-.com", "domain"),
        ("a@", "domain"),
        (f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 20}.com", "length"),
    ],
)
def test_what_is_no_email_is_refused(typed: str, reason: str) -> None:
    assert reason_of("email", typed) == reason


@given(st.emails() | st.text(max_size=30))
def test_every_email_that_is_accepted_is_settled(typed: str) -> None:
    try:
        email = spelled("email", typed)
    except IdentifierUnreadable:
        return
    assert spelled("email", email) == email
    assert len(email) <= 254


# ---------------------------------------------------------------------------------------------- national ID
def test_the_standards_own_example_is_valid_and_the_x_is_upper_case() -> None:
    assert spelled("national_id", "11010519491231002x") == "11010519491231002X"


def test_an_old_fifteen_digit_number_becomes_eighteen_of_the_century_19() -> None:
    assert spelled("national_id", "110105491231002") == "11010519491231002X"


@pytest.mark.parametrize("area", ["810000", "820000", "830000", "911124"])
def test_residence_permits_and_permanent_resident_cards_are_valid(area: str) -> None:
    stem = f"{area}19900101001"
    assert spelled("national_id", stem + check_character(stem)) == stem + check_character(stem)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("110105194912310021", "check"),
        ("990105194912310", "birth"),
        ("110105194913310021", "birth"),
        ("110105209912310021", "birth"),
        ("000105194912310021", "area"),
        ("1101051949123100", "shape"),
        ("11010519491231002Y", "shape"),
    ],
)
def test_what_is_no_national_id_is_refused(typed: str, reason: str) -> None:
    assert reason_of("national_id", typed) == reason


def check_character(stem: str) -> str:
    """GB 11643-1999 by its weights, as the standard prints them."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[sum(w * int(d) for w, d in zip(weights, stem, strict=True)) % 11]


@given(
    area=st.sampled_from(["110105", "440301", "310115", "830000"]),
    born=st.dates(date(1900, 1, 1), TODAY),
    sequence=st.integers(0, 999),
    wrong=st.integers(0, 16),
)
def test_a_national_id_is_accepted_with_its_check_character_and_with_no_other(
    area: str, born: date, sequence: int, wrong: int
) -> None:
    stem = f"{area}{born:%Y%m%d}{sequence:03d}"
    check = check_character(stem)
    assert spelled("national_id", stem + check.lower()) == stem + check
    other = "0123456789X".replace(check, "")[wrong % 10]
    assert reason_of("national_id", stem + other) == "check"


# ---------------------------------------------------------------------------------------------- other kinds
def test_an_open_id_is_kept_letter_for_letter() -> None:
    assert spelled("wechat_openid", " oABC-def_1 ") == "oABC-def_1"
    assert reason_of("wechat_openid", "a b") == "unprintable"
    assert reason_of("wechat_openid", "") == "length"


# ---------------------------------------------------------------------------------------------- finding and masks
@given(st.sampled_from(["phone", "card", "email"]), st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_the_blind_index_tells_values_and_kinds_apart_and_nothing_else(kind: str, one: str, other: str) -> None:
    assert (blind_index(KEY, kind, one) == blind_index(KEY, kind, other)) == (one == other)
    assert blind_index(KEY, kind, one) != blind_index(KEY, "other", one)
    assert blind_index(KEY, kind, one) != blind_index(bytes(32), kind, one)
    assert len(blind_index(KEY, kind, one)) == 32


def test_the_last_four_of_a_phone_and_of_a_card_are_different_things() -> None:
    assert normalise("phone", "13800138000", TODAY).last_four == "8000"
    assert normalise("card", "ab8000", TODAY).last_four == "8000"
    assert normalise("card", "ab8", TODAY).last_four is None
    assert normalise("email", "a@example.com", TODAY).last_four is None
    assert last_four_index(KEY, "phone", "8000") != last_four_index(KEY, "card", "8000")
    assert last_four_index(KEY, "card", " ab12") == last_four_index(KEY, "card", "AB12")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("张 三", "张三"),
        ("  John   SMITH ", "john smith"),
        ("阿凡提•买买提", "阿凡提·买买提"),
        ("ＪＯＨＮ　Smith", "john smith"),
        ("", ""),
    ],
)
def test_a_whole_name_is_found_however_it_is_typed(typed: str, name: str) -> None:
    assert normalise_name(typed) == name


@pytest.mark.parametrize(
    ("kind", "value", "masked"),
    [
        (Kind.PHONE, "+8613800138000", "138****8000"),
        (Kind.PHONE, "+85291234567", "+852 ****4567"),
        (Kind.CARD, "AB12345678", "****5678"),
        (Kind.CARD, "AB1234", "****"),
        (Kind.EMAIL, "zhang.san@example.com", "z***@example.com"),
        (Kind.NATIONAL_ID, "11010519491231002X", "1****************X"),
        ("wechat_openid", "oABC-def_1", "****ef_1"),
    ],
)
def test_a_mask_shows_what_a_counter_may_see(kind: str, value: str, masked: str) -> None:
    assert mask(Normalised(kind, value)) == masked


def test_a_name_is_masked_to_its_first_character() -> None:
    assert [mask_name(name) for name in ("张三", "欧阳修", "Ann", "")] == ["张*", "欧*", "A*", ""]
