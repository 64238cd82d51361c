"""What the demo makes up: plausible, the same on every run, and unable to reach anybody."""

import re
from collections import Counter

import numpy as np
import pytest

from regulars.demo.catalogue import catalogue, department_code, departments_of, is_markdown, promotions, week_promotion
from regulars.demo.dates import wall_times
from regulars.demo.payments import WAYS, way_paid
from regulars.demo.people import Member, card_number, members, staff
from regulars.demo.places import Places
from regulars.demo.receipts import per_basket
from regulars.demo.source import Source, cents


@pytest.fixture(scope="module")
def people(source: Source) -> list[Member]:
    return members(source, 0)


def test_each_household_is_a_member_with_a_phone_and_a_card_of_its_own(people: list[Member]) -> None:
    assert len(people) == 2_469
    assert len({member.phone for member in people}) == len({member.card for member in people}) == 2_469
    assert len({member.email for member in people if member.email}) == sum(bool(member.email) for member in people)


def test_no_made_up_number_or_address_can_reach_a_person(people: list[Member]) -> None:
    never_issued = re.compile(r"\+86154[0-9]{8}|\+1[2-9][0-9]{2}55501[0-9]{2}")
    assert all(never_issued.fullmatch(member.phone) for member in people)
    assert all(member.email is None or member.email.endswith("@example.com") for member in people)


def test_names_are_chinese_and_english_and_the_same_on_every_run(source: Source, people: list[Member]) -> None:
    chinese = sum(not member.name.isascii() for member in people)
    assert 1_200 < chinese < 1_500
    assert people == members(source, 0)
    assert people[0].name == "杨志强"


def test_birthdays_lie_in_the_age_band_that_the_source_gives(source: Source, people: list[Member]) -> None:
    for household, member in zip(np.unique(source.baskets.household).tolist(), people, strict=True):
        band = source.age_band.get(household)
        if band is not None:
            low, high = (65, 84) if band == "65+" else (int(age) for age in band.split("-"))
            assert low <= 2017 - member.birthday.year <= high


def test_member_cards_are_ean_13_with_an_in_store_prefix() -> None:
    assert card_number(1) == "2900000000018"
    # The standard's own example of the check digit, in our arithmetic: 978020137962 has 4.
    digits = [int(digit) for digit in card_number(2_500)]
    assert (sum(digits[0::2]) + 3 * sum(digits[1::2])) % 10 == 0


def test_every_store_has_staff_and_the_demos_store_one_for_each_counter(places: Places) -> None:
    people = staff(places)
    assert len({person.number for person in people}) == len(people) > 1_000
    assert {person.home_store for person in people} == {store.code for store in places.stores}
    served = {person.number: person.counters for person in people if person.counters}
    assert served == {f"E367-{at}": [f"C{at}"] for at in range(1, 6)}


def test_big_stores_are_hypermarkets_and_each_store_has_a_name_of_its_own(places: Places) -> None:
    assert len(places.stores) == len({store.code for store in places.stores}) == 457
    assert len({store.name for store in places.stores}) == 457
    assert places.busiest.code == "S367"
    assert places.busiest.format == "hypermarket"
    assert Counter(store.format for store in places.stores).keys() == {"hypermarket", "supermarket", "convenience"}


def test_a_unit_costs_less_than_its_usual_shelf_price_and_fuel_by_the_thousandth_has_no_cost(source: Source) -> None:
    by_code = {product.code: product for product in catalogue(source)}
    assert len(by_code) == 92_331
    costed = [product for product in by_code.values() if product.unit_cost is not None]
    assert len(costed) > 65_000
    fuel = [product for product in by_code.values() if product.category[0] == "FUEL"]
    thousandths = source.lines.product[source.lines.quantity > 1_000]
    assert fuel
    assert all(by_code[str(code)].unit_cost is None for code in np.unique(thousandths).tolist())


def test_every_promotion_that_a_line_names_is_loaded(source: Source) -> None:
    known = {promotion.code: promotion for promotion in promotions(source, 0)}
    departments = departments_of(source.lines, source.products)
    week = np.repeat(source.baskets.week, np.diff(source.baskets.first_line))
    marked = is_markdown(source.lines)
    named = {
        week_promotion(int(number), departments.names[int(at)])
        for number, at in np.unique(np.stack((week[marked], departments.of_line[marked])), axis=1).T
    }
    assert named | {"MEMBER-PRICE", "COUPON-MATCH"} == known.keys()


def test_a_weeks_promotion_covers_every_day_on_which_the_source_sold_in_that_week(source: Source) -> None:
    known = {promotion.code: promotion for promotion in promotions(source, 0)}
    local = wall_times(source.baskets.at, 0).local.astype("datetime64[D]")
    for week in (1, 2, 30, 53):
        days = local[source.baskets.week == week].astype(object)
        promotion = known[week_promotion(week, "GROCERY")]
        assert promotion.starts_on <= min(days)
        assert max(days) <= promotion.ends_on


def test_small_sums_are_paid_in_cash_more_often_than_large_ones(source: Source) -> None:
    total = per_basket(source.lines.amount, source.baskets)
    cash = way_paid(source.baskets, total) == WAYS.index("cash")
    assert cash[total < 1_000].mean() > 1.5 * cash[total >= 1_000].mean()


def test_department_codes_hold_nothing_that_json_would_escape() -> None:
    assert department_code("ELECT &PLUMBING") == "ELECT-PLUMBING"
    assert department_code("CNTRL/STORE SUP") == "CNTRL-STORE-SUP"


def test_an_amount_that_is_no_whole_number_of_cents_is_refused() -> None:
    assert cents(np.array([0.1 + 0.2, 840.0])).tolist() == [30, 84_000]
    with pytest.raises(ValueError, match="whole number of cents"):
        cents(np.array([1.005]))
