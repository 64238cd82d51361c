"""The promise of an interval, tried on campaigns that go through the whole product.

A marketer plans over HTTP, a colleague approves, the worker launches; the till posts what the members buy to
/v1/sales/batch; relay and exporter bring it into the lake; the result is read over HTTP. Of every campaign the means
must be exactly what the till has posted, and its interval must hold what was planted in it: nothing in one half of the
campaigns, 15.00 for each treated member in the other. How many may miss is the binomial bound of the 95 % promised.

LIFT_CAMPAIGNS says how many of each there are: 1 unless told otherwise, 20 for the figure (less than a minute).
"""

import os
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from scipy.stats import binom

from analytics.conditions.lake_session import close_lake_session
from foundation.clock import FixedClock
from foundation.database import Database
from marketing.campaigns.launching import work_on
from organisation.staff.roles import Role
from tests.journeys.one_till import SCOPES, a_till, catch_up, enrol
from tests.marketing.campaigns.factories import LETTER, a_list, arms_of, next_day, now
from tests.organisation.callers import Caller, a_machine, a_person_at_the_screen
from tests.organisation.factories import a_person_with_login

CAMPAIGNS = int(os.environ.get("LIFT_CAMPAIGNS", "1"))
MEMBERS = 600
DAYS = 14
TEXTS = {language: {"subject": words.subject, "body": words.body} for language, words in LETTER.texts.items()}

pytestmark = [pytest.mark.slow]


class House:
    """Who takes part: two marketers, the till, and a list of 600."""

    def __init__(self, http: FlaskClient, database: Database) -> None:
        self._http = http
        self._database = database
        self.till = a_till(http, database)
        enrol(self.till, MEMBERS)
        with database.transaction() as tx:
            for number in ("anna", "bo"):
                a_person_with_login(tx, number, name=number.title(), role=Role.MARKETER)
            self.target_list = str(a_list(tx))

    def marketer(self, name: str) -> Caller:
        """Somebody who has just logged in: no session lives through a campaign."""
        return a_person_at_the_screen(self._http, self._database, name)

    def sell(self, day: date, bought: Mapping[int, int]) -> None:
        """Post what members bought on a day; the till asks for a token first, its last one is of another week."""
        self.till.caller = a_machine(self._http, self._database, SCOPES)
        self.till.post([self.till.receipt(member, day, amount) for member, amount in sorted(bought.items())])
        catch_up(self._database)


@pytest.fixture
def house(http: FlaskClient, database: Database) -> House:
    return House(http, database)


@pytest.mark.parametrize("planted", [0, 1_500], ids=["that do nothing", "with a planted effect"])
def test_campaigns_keep_the_promise_of_their_interval(
    house: House, database: Database, clock: FixedClock, planted: int
) -> None:
    held = sum(_campaign_holds(house, database, clock, number, planted) for number in range(CAMPAIGNS))
    close_lake_session()
    # One campaign alone has no bound; its dice are fixed, and it is not one of the twentieth part that may miss.
    assert held >= max(1, binom.ppf(0.025, CAMPAIGNS, 0.95))
    print(f"{held} of {CAMPAIGNS} intervals hold {planted}")


def _campaign_holds(house: House, database: Database, clock: FixedClock, number: int, planted: int) -> bool:
    """One campaign of 14 days from its plan to its result; whether the interval holds what was planted."""
    campaign = _launched(house, database, number)
    running = now(database, campaign)
    assert running.started_on is not None
    groups = arms_of(database, campaign)
    bought = _spend((planted, number))
    for member in groups["treated"]:
        bought[member] = bought.get(member, 0) + planted
    day = next_day(clock, DAYS) - timedelta(days=DAYS - 3)
    house.sell(day, {member: amount for member, amount in bought.items() if amount})
    sales = _sales(house.marketer("anna"), campaign)
    for arm, mean in (("treated", sales["treated_mean"]), ("held_out", sales["control_mean"])):
        assert mean == pytest.approx(sum(bought.get(m, 0) for m in groups[arm]) / len(groups[arm]), abs=0.01)
    assert running.started_on <= day <= running.started_on + timedelta(days=DAYS)
    return bool(sales["low"] <= planted <= sales["high"])


def _launched(house: House, database: Database, number: int) -> int:
    """Planned and submitted by Anna, approved by Bo, launched and worked on; its id."""
    plan = {
        "name": f"Spring {number}", "target_list": house.target_list, "control_share": "0.2", "measure_days": DAYS,
        "steps": [{"channel": "inbox", "texts": TEXTS}],
    }  # fmt: skip
    anna, bo = house.marketer("anna"), house.marketer("bo")
    campaign = _did(anna.post("/v1/campaigns", plan))["id"]
    for caller, what in ((anna, "submit"), (bo, "approve"), (anna, "launch")):
        _did(caller.post(f"/v1/campaigns/{campaign}/{what}"))
    work_on(database, int(campaign))
    return int(campaign)


def _sales(caller: Caller, campaign: int) -> Mapping[str, Any]:
    results = _did(caller.get(f"/v1/campaigns/{campaign}/results"))
    (currency,) = results["currencies"]
    assert currency["currency"] == "CNY"
    sales: Mapping[str, Any] = currency["sales"]
    return sales


def _spend(seed: tuple[int, int]) -> dict[int, int]:
    """Zero-inflated lognormal spend: who buys at all, and for how much."""
    generator = np.random.default_rng(seed)
    amounts = np.where(generator.random(MEMBERS) < 0.55, 3_000 * generator.lognormal(0, 1.1, MEMBERS), 0)
    return {member: int(amount) for member, amount in enumerate(amounts, 1) if amount >= 1}


def _did(answer: Any) -> Any:
    assert 200 <= answer.status_code < 300, answer.text
    return answer.json
