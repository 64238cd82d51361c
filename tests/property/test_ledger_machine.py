"""The ledger beside a plain model, through thousands of random steps on the real PostgreSQL: never a difference.

`LEDGER_MACHINE_STEPS` says how many steps (default 1,000; the figure in the notes is of 5,000).
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from foundation.clock import FixedClock, local_date
from foundation.database import Database, Tx
from foundation.events import move_batch
from foundation.identifiers import dated_id
from foundation.partitions import ensure_months
from foundation.settings import Settings
from member_api.contract.ledger import verify_ledger
from member_api.earning.operations import publish_rules
from member_api.ledger.endings import end_holds, expire_lots
from member_api.ledger.operations import (
    Adjustment,
    Grant,
    Step,
    Taking,
    adjust,
    capture_hold,
    grant,
    place_hold,
    redeem,
    release_hold,
)
from member_api.ledger.rules import HoldEnded, InsufficientBalance, Kind
from member_api.ledger.wallets import ask_wallets, complete_wallets, record, today
from member_api.purchases.operations import (
    LineFacts,
    LineReturn,
    Spend,
    plan_reversal,
    post_purchase,
    record_reversal,
)
from member_api.purchases.operations import Purchase as Bought
from member_api.seal.operations import roots_file, seal_everything
from regulars.running.workers import register_everything
from tests.member_api.people import a_member
from tests.organisation.factories import committed_store
from tests.property.conftest import SweptDatabase
from tests.property.ledger_model import Hold, Member, Offer, Purchase, Refused, Rules

STEPS = int(os.environ.get("LEDGER_MACHINE_STEPS", "1000"))
STEPS_A_RUN = 100
# Shrinking a failure takes minutes, for every try is a database: LEDGER_MACHINE_SHRINK=1 asks for it.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
if os.environ.get("LEDGER_MACHINE_SHRINK") == "1":
    PHASES.append(Phase.shrink)
TIMEZONE = "Asia/Shanghai"
MEMBERS = 2

amounts = st.integers(1, 12_000)
units = st.integers(1, 90)
# How much of what is available is asked for: mostly less than all, sometimes too much.
percents = st.one_of(st.integers(1, 100), st.integers(60, 100), st.integers(90, 115))
kinds = st.sampled_from(["points", "points", "ecoin", "cash"])
days = st.one_of(st.none(), st.integers(0, 40))
offers = st.builds(
    Offer, st.just("gift"), st.sampled_from([3000, 9000]), st.integers(5, 60), st.booleans(), st.integers(1, 40)
)
rule_sets = st.builds(
    Rules,
    per_hundred=st.sampled_from([Fraction(1), Fraction(3, 10), Fraction(7, 10), Fraction(0)]),
    market_per_hundred=st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(13, 10)]),
    rounding=st.sampled_from(["floor", "half_up", "half_even"]),
    keep_remainder=st.booleans(),
    split=st.booleans(),
    points_days=st.sampled_from([0, 3, 30, 30]),
    grace_points=st.integers(0, 30),
    grace_ecoin=st.integers(0, 3),
    offers=st.one_of(st.just(()), st.tuples(offers)),
)


whiles = st.one_of(
    st.builds(timedelta, seconds=st.integers(1, 90_000)), st.builds(timedelta, days=st.integers(1, 12))
)  # fmt: skip


def programme(rules: Rules) -> dict[str, Any]:
    """The programme that the rules of the model are, as it is published: a point in a hundred is 10,000 millionths."""
    return {
        "rates": [
            {"micro_points": int(rules.market_per_hundred * 10_000), "format": "market"},
            {"micro_points": int(rules.per_hundred * 10_000)},
        ],
        "rounding": rules.rounding,
        "keep_remainder": rules.keep_remainder,
        "split_points_by_format": rules.split,
        "points_life": {"days": rules.points_days},
        "grace": {"points": rules.grace_points, "ecoin": rules.grace_ecoin},
        "thresholds": [
            {
                "name": offer.name, "currency": "CNY", "spend": offer.spend, "get": offer.get, "repeat": offer.repeat,
                "life": {"days": offer.days},
            }
            for offer in rules.offers
        ],
    }  # fmt: skip


class LedgerMachine(RuleBasedStateMachine):
    """Steps on the real ledger, each done to the model too; after each step the two must look the same."""

    prepare: Callable[[], tuple[Database, FixedClock]]
    steps = 0
    met: ClassVar[Counter[str]] = Counter()  # how many runs met what is rare: said at the end

    purchases: Bundle[tuple[int, Purchase]] = Bundle("purchases")
    holds: Bundle[tuple[int, int, Hold]] = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.database, self.clock = type(self).prepare()
        committed_store(self.database, format="supermarket", currency="CNY", timezone=TIMEZONE)
        self.ids = [a_member(self.database, f"1380013800{n}") for n in range(MEMBERS)]
        self.members = [Member() for _ in self.ids]
        self.published: list[tuple[datetime, int, Rules]] = []
        self.keys = iter(range(10**9))
        self.refusals = 0

    # -------------------------------------------------------------------------------- the two sides
    def today(self) -> date:
        return local_date(self.clock.now(), TIMEZONE)

    def step(self) -> Step:
        return Step(f"machine:test/{next(self.keys)}", "machine:test")

    def rules_now(self) -> Rules:
        valid = [each for each in self.published if each[0] <= self.clock.now()]
        return max(valid, key=lambda each: (each[0], each[1]))[2]

    @contextmanager
    def both(self, *, refused: bool, by: type[Exception] = InsufficientBalance) -> Iterator[Tx]:
        """The real side of a step; it must be refused exactly when the model refuses."""
        type(self).steps += 1
        ensure_months(self.database, [self.today()])
        if refused:
            self.refusals += 1
            with pytest.raises(by), self.database.transaction() as tx:
                yield tx
            # What was over was rolled back with the step, and is over in the model: let the jobs write it down.
            self.the_jobs_run()
        else:
            with self.database.transaction() as tx:
                yield tx

    def model(self, n: int) -> Member:
        """The member's model, as whoever locks the wallet for anything but earning finds it."""
        member = self.members[n]
        member.catch_up(self.clock.now(), self.today())
        return member

    def tried(self, action: Callable[[], Any]) -> tuple[bool, Any]:
        """Whether the model refuses, and what it returns otherwise."""
        try:
            return False, action()
        except Refused:
            return True, None

    # -------------------------------------------------------------------------------- rules and time
    @initialize(rules=rule_sets, welcome=st.integers(1, 300))
    def begin(self, rules: Rules, welcome: int) -> None:
        self.publish(rules)
        for kind in ("points", "ecoin", "cash"):
            self.a_grant(0, kind, welcome, 20, elsewhere=False)

    @rule(rules=rule_sets)
    @precondition(lambda self: len(self.published) < 4)
    def publish_new_rules(self, rules: Rules) -> None:
        self.publish(rules)

    def publish(self, rules: Rules) -> None:
        with self.both(refused=False) as tx:
            version = publish_rules(tx, programme(rules), tx.now, "", "test")
        self.published.append((version.valid_from, version.version, rules))

    @rule(
        by=st.one_of(
            st.integers(1, 40).map(lambda n: timedelta(days=n)), st.integers(1, 900).map(lambda n: timedelta(seconds=n))
        )
    )
    def time_passes(self, by: timedelta) -> None:
        type(self).steps += 1
        self.clock.advance(by)

    @rule(by=st.integers(1, 5))
    def the_clock_jumps_back(self, by: int) -> None:
        # What has expired stays expired, what is open is good again: everybody must have caught up before.
        self.the_jobs_run()
        since = self.clock.now() - self.published[0][0]
        self.clock.advance(-min(timedelta(days=by), since))

    @rule()
    def the_clock_ticks(self) -> None:
        type(self).steps += 1
        self.the_jobs_run()

    def the_jobs_run(self) -> None:
        end_holds(self.database)
        expire_lots(self.database)
        for n in range(MEMBERS):
            self.model(n)

    # -------------------------------------------------------------------------------- selling
    @rule(
        target=purchases, n=st.integers(0, MEMBERS - 1), lines=st.lists(amounts, min_size=1, max_size=3),
        paid=st.integers(0, 50), format=st.sampled_from(["market", "online"]),
        spends=st.lists(st.tuples(kinds, percents), max_size=2),
    )  # fmt: skip
    def a_sale(
        self, n: int, lines: list[int], paid: int, format: str, spends: list[tuple[str, int]]
    ) -> tuple[int, Purchase]:
        rules, now, day = self.rules_now(), self.clock.now(), self.today()
        bases = [amount - min(amount, paid) for amount in lines]
        account = ("points", format if rules.split else None)
        ref = dated_id(day, "test", next(self.keys))
        purchase = Purchase(ref, day, format, rules, lines, bases, list(lines), Fraction(0), account, [], [])
        # Earning looks at overdue points only; meeting some, it catches up like everything else.
        member = self.model(n) if spends or self.members[n].has_overdue_points(day) else self.members[n]
        spends = [(kind, self.share(member, kind, percent)) for kind, percent in spends]
        refused, figures = self.tried(lambda: member.buy(purchase, spends, day))
        facts = [
            LineFacts(k, amount, 0, (), None, None, (("points", min(amount, paid)),) if paid else ())
            for k, amount in enumerate(lines)
        ]
        bought = Bought(
            ref, day, "S01", format, "CNY", now, facts,
            [Spend(k, Kind(kind), wanted) for k, (kind, wanted) in enumerate(spends, 1)],
        )  # fmt: skip
        with self.both(refused=refused) as tx:
            with tx.round_trip() as trip:
                asked = ask_wallets(tx, trip, [self.ids[n]], today(tx))
            wallet = asked.wallets()[self.ids[n]]
            if spends:
                complete_wallets(tx, [wallet])
            block = post_purchase(tx, wallet, bought, None)
            record(tx, [wallet], "test")
        if refused:
            return n, Purchase(None, day, format, rules, [], [], [], Fraction(0), account, [], [])
        assert (block.earned, block.ecoins_earned) == figures
        return n, purchase

    @rule(
        what=purchases, parts=st.lists(st.integers(0, 100), min_size=3, max_size=3), back=st.integers(0, 100),
    )  # fmt: skip
    def a_part_comes_back(self, what: tuple[int, Purchase], parts: list[int], back: int) -> None:
        n, purchase = what
        returned = {
            line: left * min(part, 100) // 100
            for line, (left, part) in enumerate(zip(purchase.left, parts, strict=False))
        }
        restored = {tender: len(lots) * back // 100 for tender, (_, lots) in enumerate(purchase.spent)}
        self.give_back(n, purchase, returned, restored)

    @rule(what=consumes(purchases))
    def everything_comes_back(self, what: tuple[int, Purchase]) -> None:
        n, purchase = what
        restored = {tender: len(lots) for tender, (_, lots) in enumerate(purchase.spent)}
        self.give_back(n, purchase, dict(enumerate(purchase.left)), restored)

    def give_back(self, n: int, purchase: Purchase, returned: dict[int, int], restored: dict[int, int]) -> None:
        returned = {line: amount for line, amount in returned.items() if amount}
        restored = {tender: wanted for tender, wanted in restored.items() if wanted}
        if purchase.ref is None or not (returned or restored):
            return
        day = self.today()
        figures = self.model(n).take_back(purchase, dict(returned), restored, day)
        with self.both(refused=False) as tx:
            plan = plan_reversal(
                tx, dated_id(day, "return", next(self.keys)), day, purchase.ref, purchase.day,
                [LineReturn(line, amount) for line, amount in returned.items()],
                {tender + 1: wanted for tender, wanted in restored.items()}, "S01",
            )  # fmt: skip
            record_reversal(tx, plan, "test")
        assert (plan.points_taken_back, plan.ecoins_taken_back, plan.ecoins_withheld) == figures

    # What is rare by chance, on purpose: spent before it is taken back, and back after it has expired.
    @rule(
        n=st.integers(0, MEMBERS - 1),
        amount=st.integers(9_000, 12_000),
        percent=percents,
        kind=st.sampled_from(["points", "ecoin"]),
    )
    def spent_and_then_given_back(self, n: int, amount: int, percent: int, kind: str) -> None:
        sold = self.a_sale(n, [amount, amount], 0, "online", [])
        self.a_redemption(n, kind, percent)
        self.a_part_comes_back(sold, [percent, 100, 0], 100)

    @rule(
        n=st.integers(0, MEMBERS - 1),
        amount=amounts,
        percent=st.integers(50, 100),
        kind=kinds,
        later=st.integers(1, 40),
    )
    def paid_and_given_back_late(self, n: int, amount: int, percent: int, kind: str, later: int) -> None:
        sold = self.a_sale(n, [amount], 0, "market", [(kind, percent)])
        self.time_passes(timedelta(days=later))
        self.a_part_comes_back(sold, [percent, 0, 0], percent)

    # -------------------------------------------------------------------------------- by hand
    @rule(n=st.integers(0, MEMBERS - 1), kind=kinds, amount=units, lasts=days, elsewhere=st.booleans())
    def a_grant(self, n: int, kind: str, amount: int, lasts: int | None, elsewhere: bool) -> None:
        day = self.today()
        last = day + timedelta(days=lasts) if lasts is not None else None
        if last is None and kind == "points":
            rules_days = self.rules_now().points_days
            last = day + timedelta(days=rules_days) if rules_days else None
        self.model(n).bring_in((kind, None), amount, "grant", "welcome", last, usable=not elsewhere)
        conditions = {"stores": ["S99"]} if elsewhere else None
        with self.both(refused=False) as tx:
            grant(tx, self.ids[n], Grant(Kind(kind), amount, "welcome", last, conditions=conditions), self.step())

    def share(self, member: Member, kind: str, percent: int) -> int:
        """So many percent of what is available, but at least one."""
        return max(1, member.available(kind) * percent // 100)

    @rule(n=st.integers(0, MEMBERS - 1), kind=kinds, percent=percents)
    def a_redemption(self, n: int, kind: str, percent: int) -> None:
        member, day = self.model(n), self.today()
        amount = self.share(member, kind, percent)
        refused, _ = self.tried(lambda: member.spend(kind, amount, day))
        with self.both(refused=refused) as tx:
            redeem(tx, self.ids[n], Taking(Kind(kind), amount), "a mug", self.step())

    @rule(n=st.integers(0, MEMBERS - 1), kind=kinds, percent=percents)
    def an_adjustment_takes(self, n: int, kind: str, percent: int) -> None:
        member, day = self.model(n), self.today()
        amount = self.share(member, kind, percent)
        refused, _ = self.tried(lambda: member.spend(kind, amount, day, usable=lambda _lot: True))
        with self.both(refused=refused) as tx:
            adjust(tx, self.ids[n], Adjustment(Kind(kind), -amount, "a mistake"), self.step())

    # -------------------------------------------------------------------------------- holds
    @rule(target=holds, n=st.integers(0, MEMBERS - 1), kind=kinds, percent=percents, seconds=st.integers(1, 9 * 86_400))
    def a_hold(self, n: int, kind: str, percent: int, seconds: int) -> tuple[int, int, Hold]:
        member, day, lasts = self.model(n), self.today(), timedelta(seconds=seconds)
        amount = self.share(member, kind, percent)
        refused, hold = self.tried(lambda: member.hold(kind, amount, self.clock.now() + lasts, day))
        number = 0
        with self.both(refused=refused) as tx:
            number = place_hold(tx, self.ids[n], Taking(Kind(kind), amount), lasts, self.step()).id
        return n, number, hold or Hold(kind, [], self.clock.now(), "released")

    @rule(what=holds, part=st.integers(1, 100))
    def a_capture(self, what: tuple[int, int, Hold], part: int) -> None:
        n, number, hold = what
        if not number:
            return
        member, day = self.model(n), self.today()
        amount = max(1, len(hold.units) * part // 100)
        refused = hold.state != "open"
        if not refused:
            member.capture(hold, amount, day)
            member.expire(day)
        with self.both(refused=refused, by=HoldEnded) as tx:
            capture_hold(tx, number, amount, self.step())

    @rule(what=holds)
    def a_release(self, what: tuple[int, int, Hold]) -> None:
        n, number, hold = what
        if not number:
            return
        member, day = self.model(n), self.today()
        refused = hold.state != "open"
        if not refused:
            member.let_go(hold.units, day)
            hold.state = "released"
            member.expire(day)
        with self.both(refused=refused, by=HoldEnded) as tx:
            release_hold(tx, number, self.step())

    # -------------------------------------------------------------------------------- what must be the same
    @invariant()
    def the_two_look_the_same(self) -> None:
        with self.database.transaction(read_only=True) as tx:
            for id, member in zip(self.ids, self.members, strict=True):
                accounts = tx.ask(
                    "SELECT kind, format, balance, held, debt, remainder FROM member.account WHERE member_id = %s",
                    (id,),
                ).fetchall()
                lots = tx.ask(
                    "SELECT a.kind, a.format, l.origin, l.source, l.expires_on, l.remaining FROM member.lot AS l"
                    " JOIN member.account AS a ON a.id = l.account_id WHERE l.member_id = %s AND l.remaining <> 0",
                    (id,),
                ).fetchall()
                assert_same(member, accounts, lots)

    def rarities(self) -> set[str]:
        lots = [lot for member in self.members for lot in member.lots]
        met = {
            "a debt": any(lot.is_debt for lot in lots),
            "a clawback lent by other lots": any(not lender.is_debt for lot in lots for lender in lot.loans),
            "a repaid debt": any(lot.is_debt and lot.left == 0 for lot in lots),
            "days of grace": any(lot.root for lot in lots),
            "e-coins withheld": any(member.withheld for member in self.members),
            "expired lots": any(lot.expired for lot in lots),
            "holds that timed out": any(hold.state == "expired" for member in self.members for hold in member.holds),
            "captures": any(hold.state == "captured" for member in self.members for hold in member.holds),
            "several versions of rules": len(self.published) > 1,
            "refusals": self.refusals > 0,
        }
        return {name for name, is_met in met.items() if is_met}

    def teardown(self) -> None:
        type(self).met.update(self.rarities())
        self.the_jobs_run()
        self.the_two_look_the_same()
        with self.database.transaction() as tx:
            while move_batch(tx):
                pass
        seal_everything(self.database)
        assert list(verify_ledger(self.database)) == []


def assert_same(member: Member, accounts: list[Any], lots: list[Any]) -> None:
    """Balances, held, debts, remainders of every account, and what is left of every lot."""
    real: Counter[Any] = Counter()
    for kind, format, origin, source, expires, remaining in lots:
        real[(kind, format), origin, source, expires] += remaining
    model = member.open_lots()
    assert real == model
    for kind, format, balance, held, debt, remainder in accounts:
        key = (kind, format)
        assert (balance, held, debt) == (member.balance(key), member.held(key), member.debt(key)), key
        assert Fraction(remainder, 1_000_000) == member.remainders.get(key, Fraction(0))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_ledger_and_the_model_never_differ(settings: Settings, swept_database: SweptDatabase) -> None:
    register_everything()

    def prepare() -> tuple[Database, FixedClock]:
        roots_file(settings).unlink(missing_ok=True)
        return swept_database()

    LedgerMachine.prepare = staticmethod(prepare)
    LedgerMachine.steps = 0
    LedgerMachine.met = Counter()
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        LedgerMachine,
        settings=hypothesis_settings(
            max_examples=max(1, STEPS // STEPS_A_RUN),
            stateful_step_count=STEPS_A_RUN,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            report_multiple_bugs=False,
            phases=PHASES,
        ),
    )
    print(f"{LedgerMachine.steps} steps without a difference; runs that met {dict(LedgerMachine.met)}")
