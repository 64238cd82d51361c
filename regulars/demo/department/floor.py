"""A day on the floor: tickets issued at counters, settled at desks in one go or at the counter, and all that follows.

Every customer of the day lives one story. Most pay at a desk; of every other kind there are a few, so that each page of
the counter shows something: payments by card and wallet app, a top-up, e-coins earned and spent, coupons, points, red
tickets in every state, tickets that still wait. Ids and keys follow from day, customer and step: a day that was
interrupted goes on, and played again it changes nothing.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from regulars.demo.connection import Connection, DemoStopped
from regulars.demo.department.baskets import Basket, Part, baskets_of
from regulars.demo.department.building import CURRENCY, STORE
from regulars.demo.department.calendar import Calendar
from regulars.demo.department.machines import Answer, Machines, get, post
from regulars.demo.department.staffing import DESKS
from regulars.demo.department.takings import Drawer, Takings

TOP_UP, BONUS, TOP_UP_SPENT_MAX = 100_000, 10_000, 80_000
REBATE_FROM, COUPON_FROM, COUPON_OFF = 60_000, 20_000, 2_000
POINTS_A_FEN, POINTS_SPENT_MAX_FEN = 10, 2_000
# Up to this a red ticket needs no floor manager (docs/glossary.md).
RETURN_LIMIT = 50_000
FLOAT = 50_000
RELEASED_SHARE = 0.85
# Where a desk keeps what customers leave there, and how many have been back for it.
SHELF, COMES_BACK_SHARE = "A 3", 0.4
# Shortest, longest and usual wait before paying.
WAITED_S = (40, 600, 150)
LOOK_EVERY_S, LOOKS_MAX = 0.25, 160

# The steps at which a customer is issued tickets.
FIRST, AGAIN = "first", "again"

Lines = list[dict[str, Any]]


class Story(StrEnum):
    """What becomes of a customer's round."""

    AT_THE_DESK = "pays all tickets at the desk"
    MIXED = "pays by cash and card"
    BY_CARD = "pays by card at the counter"
    BY_WALLET_APP = "pays with a phone at the counter"
    TOPS_UP = "tops up and pays from it"
    REBATE = "earns e-coins, spends some, and brings a part back"
    COUPON = "uses a coupon"
    POINTS = "pays a part with points"
    GIVES_BACK = "brings one counter's goods back"
    BY_CARD_AND_BACK = "paid by card at the counter and brings it back"
    NOT_COLLECTED = "never collected what was paid"
    LEAVES_GOODS = "leaves the goods at the desk for a while"
    EXCHANGES = "exchanges for the same value"
    OVER_THE_LIMIT = "brings back what a manager must approve"
    REFUSED = "is told no"
    EDITED = "changes the mind before paying"
    CANCELLED = "leaves without paying"
    WAITS = "has tickets that wait to be paid"


# Of a hundred customers so many live each story, but one at least; the others pay at the desk.
OF_A_HUNDRED = {
    Story.REBATE: 4,
    Story.TOPS_UP: 5,
    Story.COUPON: 3,
    Story.POINTS: 4,
    Story.OVER_THE_LIMIT: 2,
    Story.BY_CARD_AND_BACK: 1,
    Story.BY_CARD: 5,
    Story.BY_WALLET_APP: 6,
    Story.MIXED: 6,
    Story.GIVES_BACK: 3,
    Story.NOT_COLLECTED: 1,
    Story.LEAVES_GOODS: 4,
    Story.EXCHANGES: 2,
    Story.REFUSED: 1,
    Story.EDITED: 3,
    Story.CANCELLED: 2,
    Story.WAITS: 9,
}
FOR_MEMBERS = frozenset({Story.REBATE, Story.TOPS_UP, Story.COUPON, Story.POINTS})


@dataclass(frozen=True, slots=True)
class Issued:
    """A ticket that was issued, and the counter's part that it is."""

    id: str
    part: Part


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer of the day with the story, and the desk that is near."""

    basket: Basket
    story: Story
    desk: str

    @property
    def number(self) -> int:
        return self.basket.number


def fits(story: Story, basket: Basket) -> bool:
    """Whether a round can have this story."""
    takes_part = sum(part.amount for part in basket.parts if part.counter.takes_part)
    if story is Story.REBATE:
        return takes_part >= REBATE_FROM and len(basket.parts) > 1
    if story is Story.COUPON:
        return basket.amount >= COUPON_FROM
    if story in (Story.BY_CARD, Story.BY_WALLET_APP, Story.BY_CARD_AND_BACK):
        return len(basket.parts) == 1
    if story is Story.OVER_THE_LIMIT:
        return basket.parts[0].amount > RETURN_LIMIT
    if story in (Story.GIVES_BACK, Story.NOT_COLLECTED, Story.EXCHANGES, Story.REFUSED):
        return basket.parts[0].amount <= RETURN_LIMIT
    return basket.amount > POINTS_A_FEN


def customers_of(calendar: Calendar, day: date, share: float, cards: Sequence[str]) -> list[Customer]:
    """The customers of a day with their stories, in order of time: each story that is wanted goes to whom it fits."""
    rounds = baskets_of(calendar, day, share, cards)
    wanted = [story for story, of in OF_A_HUNDRED.items() for _ in range(max(len(rounds) * of // 100, 1))]
    found = []
    for basket in rounds:
        story = next((each for each in wanted if fits(each, basket)), None)
        if story is not None:
            wanted.remove(story)
        else:
            story = Story.AT_THE_DESK
        if story in FOR_MEMBERS and basket.customer is None:
            # The first cards are those of people who come often; these are of people who come today.
            basket = replace(basket, customer=cards[-1 - basket.number % (len(cards) // 2)])
        found.append(Customer(basket, story, DESKS[basket.number % len(DESKS)]))
    return found


def ticket_id(day: date, customer: int, counter: str, step: str = FIRST) -> str:
    """The id that the handheld of a counter gives a customer's ticket."""
    return str(uuid5(NAMESPACE_URL, f"urn:regulars:demo:{day}-{customer}-{step}-{counter}"))


class DayOnTheFloor:
    """Plays one day through the machines of the store and counts what they are told.

    `shown` is what the handhelds' clocks show, the same when the day is played again: tickets were issued minutes
    before, and have waited since. `wait` passes the time while a bank is asked, at most LOOKS_MAX times a payment.
    """

    def __init__(
        self, machines: Machines, day: date, shown: Callable[[], datetime], wait: Callable[[], None] | None = None
    ) -> None:
        self._machines = machines
        self._day = day
        self._shown = shown
        self._wait = wait or (lambda: time.sleep(LOOK_EVERY_S))
        self._shifts: dict[str, str] = {}
        self.takings = Takings()

    def open_shifts(self) -> None:
        """A cashier opens every desk, with change in the drawer."""
        for desk, machine in self._machines.desks.items():
            wish = {"store": STORE, "terminal": desk, "float": FLOAT, "cashier": f"YZ-{desk}"}
            self._shifts[desk] = post(machine, "/v1/shifts", wish, f"{self._day}-shift-{desk}")["id"]
            self.takings.drawers[desk] = Drawer(FLOAT)

    def hand_in(self, desk: str, over: int = 0) -> Answer:
        """Count the drawer of a desk, miscounted by `over`, and hand the cash in; the shift as it is then."""
        machine, shift = self._machines.desks[desk], self._shifts[desk]
        counted = [{"kind": kind, "amount": n} for kind, n in self.takings.drawers[desk].counted(over).items()]
        key = f"{self._day}-{desk}"
        post(machine, f"/v1/shifts/{shift}/count", {"tenders": counted}, f"{key}-count")
        return post(machine, f"/v1/shifts/{shift}/hand-in", {}, f"{key}-hand-in")

    def play(self, customers: Sequence[Customer]) -> Iterator[Customer]:
        """Let one customer after the other live the story; yields each when it is over."""
        for customer in customers:
            self._live(customer)
            yield customer

    def _live(self, customer: Customer) -> None:
        lives = {
            Story.MIXED: self._mixed,
            Story.BY_CARD: self._at_the_counter,
            Story.BY_WALLET_APP: self._at_the_counter,
            Story.BY_CARD_AND_BACK: self._at_the_counter,
            Story.TOPS_UP: self._tops_up,
            Story.REBATE: self._rebate,
            Story.COUPON: self._coupon,
            Story.POINTS: self._points,
            Story.LEAVES_GOODS: self._leaves_goods,
            Story.GIVES_BACK: self._brings_back,
            Story.NOT_COLLECTED: self._brings_back,
            Story.EXCHANGES: self._brings_back,
            Story.OVER_THE_LIMIT: self._brings_back,
            Story.REFUSED: self._brings_back,
            Story.EDITED: self._before_paying,
            Story.CANCELLED: self._before_paying,
            Story.WAITS: self._before_paying,
        }
        lives.get(customer.story, self._settled)(customer)

    # ------------------------------------------------------------------------------------------ stories

    def _settled(self, customer: Customer) -> None:
        tickets = self._issue_all(customer)
        self._settle(customer, tickets, [{"kind": self._way(customer), "amount": customer.basket.amount}])
        self._release(customer, tickets)

    def _mixed(self, customer: Customer) -> None:
        tickets = self._issue_all(customer)
        owed = customer.basket.amount
        in_cash = min(owed // 2, 50_000)
        tenders = [{"kind": "cash", "amount": in_cash}, {"kind": "card", "amount": owed - in_cash}]
        self._settle(customer, tickets, tenders)
        self._release(customer, tickets)

    def _leaves_goods(self, customer: Customer) -> None:
        tickets = self._issue_all(customer)
        paid = self._settle(customer, tickets, [{"kind": self._way(customer), "amount": customer.basket.amount}])
        desk, here = self._desk(customer), {"terminal": customer.desk}
        wish = {"store": STORE, "settlement": paid["id"], "pieces": len(tickets), "place": SHELF, **here}
        parcel = post(desk, "/v1/parcels", wish, self._key(customer, "parcel"))
        self.takings.tickets["at the desk"] += len(tickets)
        if customer.basket.chance("comes back").random() < COMES_BACK_SHARE:
            handed = {"proof": "slip", **here}
            post(desk, f"/v1/parcels/{parcel['id']}/hand-out", handed, self._key(customer, "hand-out"))

    def _at_the_counter(self, customer: Customer) -> None:
        [ticket] = self._issue_all(customer)
        owed = customer.basket.amount
        payment = {"rail": "card", "token": f"yz-{self._day:%Y%m%d}-{customer.number}"}
        kind = "card"
        if customer.story is Story.BY_WALLET_APP:
            # 13...: WeChat style, 28...: Alipay style; a code pays once, so it names day and customer.
            payment = {
                "rail": "code",
                "code": f"{(13, 28)[customer.number % 2]}{self._day:%Y%m%d}{customer.number:08d}",
            }
            kind = "code"
        tender = {"kind": kind, "amount": owed, "payment": payment}
        self._settle(
            customer, [ticket], [tender], machine=self._handheld(ticket), terminal=f"H-{ticket.part.counter.code}"
        )
        self._release(customer, [ticket], all_of_them=True)
        if customer.story is Story.BY_CARD_AND_BACK:
            self._refund(customer, self._red_ticket(customer, ticket))

    def _tops_up(self, customer: Customer) -> None:
        member = self._member(customer)
        wish = {"amount": TOP_UP, "bonus": BONUS, "tender": "card", "currency": CURRENCY}
        post(self._desk(customer), f"/v1/members/{member}/topups", wish, self._key(customer, "top-up"))
        self.takings.topped_up["card"] += TOP_UP
        self.takings.bonus += BONUS
        if customer.desk in self.takings.drawers:
            self.takings.drawers[customer.desk].taken["card"] += TOP_UP
        tickets = self._issue_all(customer)
        owed = customer.basket.amount
        stored = min(owed, TOP_UP_SPENT_MAX)
        tenders = [{"kind": "stored_value", "amount": stored}, {"kind": "card", "amount": owed - stored}]
        self._settle(customer, tickets, [tender for tender in tenders if tender["amount"]])
        self._release(customer, tickets)

    def _rebate(self, customer: Customer) -> None:
        tickets = self._issue_all(customer)
        earned = self._settle(customer, tickets, [{"kind": "card", "amount": customer.basket.amount}])
        self._release(customer, tickets, all_of_them=True)
        ecoins = (earned.get("ecoins") or {}).get("earned", 0)
        largest = max((t for t in tickets if t.part.counter.takes_part), key=lambda each: each.part.amount)
        spent = min(ecoins * 3 // 4, largest.part.amount // 2)
        if spent:
            again = [self._issue(customer, largest.part, AGAIN)]
            owed = largest.part.amount
            tenders = [{"kind": "ecoin", "amount": spent}, {"kind": "code", "amount": owed - spent}]
            self._settle(customer, again, tenders, step=AGAIN)
            self._release(customer, again, AGAIN, all_of_them=True)
        self._refund(customer, self._red_ticket(customer, min(tickets, key=lambda each: each.part.amount)))

    def _coupon(self, customer: Customer) -> None:
        member, office = self._member(customer), self._machines.office
        offer = {
            "name": "店庆券 Anniversary coupon", "currency": CURRENCY, "amount": COUPON_OFF,
            "minimum_spend": COUPON_FROM, "starts_on": self._day.isoformat(), "ends_on": self._day.isoformat(),
            "stores": [STORE],
        }  # fmt: skip
        offered = post(office, "/v1/coupon-offers", offer, f"{self._day}-coupon-offer")
        given = {"members": [member]}
        post(office, f"/v1/coupon-offers/{offered['id']}/coupons", given, self._key(customer, "coupon"))
        coupons = get(self._desk(customer), f"/v1/members/{member}/coupons?limit=100")["items"]
        code = next(each["code"] for each in coupons if each["reference"] == offered["reference"])
        tickets = self._issue_all(customer)
        tenders = [{"kind": "card", "amount": customer.basket.amount - COUPON_OFF}]
        self._settle(customer, tickets, tenders, coupons=[{"code": code, "amount": COUPON_OFF}])
        self._release(customer, tickets)

    def _points(self, customer: Customer) -> None:
        tickets = self._issue_all(customer)
        first, rest = tickets[:1], tickets[1:]
        paid = self._settle(customer, first, [{"kind": "card", "amount": first[0].part.amount}])
        more = rest or [self._issue(customer, tickets[0].part, AGAIN)]
        owed = sum(ticket.part.amount for ticket in more)
        available = (paid.get("points") or {}).get("available", 0)
        by_points = max(min(available // POINTS_A_FEN, owed // 2, POINTS_SPENT_MAX_FEN), 0)
        tenders: Lines = [{"kind": "card", "amount": owed - by_points}]
        if by_points > 0:
            tenders.append({"kind": "points", "amount": by_points, "units": by_points * POINTS_A_FEN})
        self._settle(customer, more, tenders, step=AGAIN)
        self._release(customer, [*first, *more])

    def _brings_back(self, customer: Customer) -> None:
        tickets = self._issue_all(customer)
        self._settle(customer, tickets, [{"kind": self._way(customer), "amount": customer.basket.amount}])
        not_collected = customer.story is Story.NOT_COLLECTED
        self._release(customer, tickets[1:] if not_collected else tickets, all_of_them=True)
        if not_collected:
            red = self._red_ticket(customer, tickets[0], machine=self._desk(customer), kind="not_collected")
        elif customer.story is Story.EXCHANGES:
            given = [{"line": n, **line} for n, line in enumerate(tickets[0].part.lines, 1)]
            red = self._red_ticket(customer, tickets[0], kind="exchange", given=given)
        else:
            red = self._red_ticket(customer, tickets[0])
        if customer.story is Story.REFUSED:
            why = {"reason": "标签已剪 The label is cut off"}
            post(self._handheld(tickets[0]), f"/v1/returns/{red['id']}/refuse", why, self._key(customer, "refuse"))
        elif red["state"] == "approved":
            self._refund(customer, red)

    def _before_paying(self, customer: Customer) -> None:
        tickets = self._issue_all(customer)
        first = tickets[0]
        if customer.story is Story.CANCELLED:
            why = {"why": "顾客离开 The customer has left"}
            for ticket in tickets:
                key = self._key(customer, "cancel", ticket)
                post(self._handheld(ticket), f"/v1/tickets/{ticket.id}/cancel", why, key)
                self.takings.tickets["cancelled"] += 1
        elif customer.story is Story.EDITED:
            version = get(self._handheld(first), f"/v1/tickets/{first.id}")["version"]
            if version == 1:
                lines = [{"line": n, **line} for n, line in enumerate(first.part.lines, 1)]
                lines[0]["salesperson"] = lines[0]["salesperson"].rpartition("-")[0] + "-2"
                self._handheld(first).send("PUT", f"/v1/tickets/{first.id}", {"lines": lines, "version": version})
            self._settle(customer, tickets, [{"kind": "code", "amount": customer.basket.amount}])
            self._release(customer, tickets)
        else:
            self.takings.tickets["waiting"] += len(tickets)

    # ------------------------------------------------------------------------------------------ their steps

    def _key(self, customer: Customer, step: str, ticket: Issued | None = None) -> str:
        at = f"-{ticket.part.counter.code}" if ticket is not None else ""
        return f"{self._day}-{customer.number}-{step}{at}"

    def _desk(self, customer: Customer) -> Connection:
        return self._machines.desks[customer.desk]

    def _handheld(self, ticket: Issued) -> Connection:
        return self._machines.handhelds[ticket.part.counter.code]

    def _way(self, customer: Customer) -> str:
        return customer.basket.chance("paid at the desk by").choice(("card", "card", "code", "code", "cash"))

    def _member(self, customer: Customer) -> str:
        found = get(self._desk(customer), f"/v1/members?identifier=card:{customer.basket.customer}")["items"]
        if not found:
            raise DemoStopped(f"Card {customer.basket.customer} is no member's")
        id: str = found[0]["id"]
        return id

    def _waited(self, customer: Customer) -> timedelta:
        """How long a customer walks and stands in line before paying."""
        return timedelta(seconds=int(customer.basket.chance("waits").triangular(*WAITED_S)))

    def _issue_all(self, customer: Customer) -> list[Issued]:
        return [self._issue(customer, part, FIRST) for part in customer.basket.parts]

    def _issue(self, customer: Customer, part: Part, step: str) -> Issued:
        key = f"{self._key(customer, step)}-{part.counter.code}"
        ticket = Issued(ticket_id(self._day, customer.number, part.counter.code, step), part)
        card = customer.basket.customer
        wish = {
            "id": ticket.id,
            "store": STORE,
            "counter": part.counter.code,
            "member": {"kind": "card", "value": card} if card is not None else None,
            "issued_at": (self._shown() - self._waited(customer)).isoformat(),
            "lines": [{"line": n, **line} for n, line in enumerate(part.lines, 1)],
        }
        post(self._handheld(ticket), "/v1/tickets", wish, key)
        self.takings.tickets["issued"] += 1
        return ticket

    def _settle(
        self, customer: Customer, tickets: Sequence[Issued], tenders: Lines, *, step: str = "settle",
        coupons: Lines | None = None, machine: Connection | None = None, terminal: str | None = None,
    ) -> Answer:  # fmt: skip
        """Settle tickets; where a payment is to be taken, wait for its end. Returns the settlement as it ended."""
        till = machine or self._desk(customer)
        wish: dict[str, Any] = {
            "store": STORE,
            "terminal": terminal or customer.desk,
            "tickets": [ticket.id for ticket in tickets],
            "tenders": tenders,
        }
        if machine is None:
            wish["cashier"] = f"YZ-{customer.desk}"
        if coupons:
            wish["coupons"] = coupons
        answer = post(till, "/v1/settlements", wish, self._key(customer, step))
        answer = self._until(lambda: get(till, f"/v1/settlements/{answer['id']}"), answer, "pending")
        if answer["state"] != "paid":
            raise DemoStopped(f"Settlement {answer['id']} is {answer['state']}: {answer.get('failure')}")
        self._count(wish["terminal"], tickets, tenders, coupons or [], answer)
        return answer

    def _count(self, terminal: str, tickets: Sequence[Issued], tenders: Lines, coupons: Lines, answer: Answer) -> None:
        takings = self.takings
        takings.settlements += 1
        takings.sales += len(answer["sales"])
        takings.tickets["paid"] += len(tickets)
        takings.ecoins_earned += (answer.get("ecoins") or {}).get("earned", 0)
        for tender in [*tenders, *({"kind": "coupon", "amount": each["amount"]} for each in coupons)]:
            takings.paid[tender["kind"]] += tender["amount"]
            if "payment" in tender:
                takings.by_rail += tender["amount"]
            elif terminal in takings.drawers:
                takings.drawers[terminal].taken[tender["kind"]] += tender["amount"]

    def _release(
        self, customer: Customer, tickets: Sequence[Issued], step: str = "release", *, all_of_them: bool = False
    ) -> None:
        """Hand the goods over: mostly at once; some customers collect later."""
        for ticket in tickets:
            luck = customer.basket.chance(f"collects at {ticket.part.counter.code}").random()
            if all_of_them or luck < RELEASED_SHARE:
                key = self._key(customer, step, ticket)
                post(self._handheld(ticket), f"/v1/tickets/{ticket.id}/release", {}, f"{key}-{ticket.id[:8]}")
                self.takings.tickets["released"] += 1

    def _red_ticket(
        self, customer: Customer, ticket: Issued, *, machine: Connection | None = None, kind: str = "return",
        given: Lines | None = None,
    ) -> Answer:  # fmt: skip
        """The counter takes all of a ticket back; within the limit the red ticket is approved with that."""
        wish: dict[str, Any] = {"ticket": ticket.id, "kind": kind, "reason": "不合适 Does not suit"}
        if machine is None:
            wish["clerk"] = ticket.part.lines[0]["salesperson"]
        if given:
            wish["given"] = given
        return post(machine or self._handheld(ticket), "/v1/returns", wish, self._key(customer, "red"))

    def _refund(self, customer: Customer, red: Answer) -> None:
        """Give the money of an approved red ticket back at the desk; one over the limit waits for a manager."""
        if red["state"] != "approved":
            return
        desk = self._desk(customer)
        wish = {"terminal": customer.desk}
        post(desk, f"/v1/returns/{red['id']}/refund", wish, self._key(customer, "refund"))
        refunded = self._until(lambda: get(desk, f"/v1/returns/{red['id']}"), {"state": "refunding"}, "refunding")
        self.takings.returns += 1
        drawer = self.takings.drawers.get(customer.desk)
        for tender in refunded["refund"]["tenders"]:
            self.takings.given_back[tender["kind"]] += tender["amount"]
            if tender["ours"]:
                self.takings.by_rail -= tender["amount"]
            elif drawer is not None:
                drawer.taken[tender["kind"]] -= tender["amount"]

    def _until(self, look: Callable[[], Answer], answer: Answer, state: str) -> Mapping[str, Any]:
        """Look again until it is no longer in that state."""
        for _ in range(LOOKS_MAX):
            if answer["state"] != state:
                return answer
            answer = look()
            if answer["state"] == state:
                self._wait()
        raise DemoStopped(f"{answer.get('id', 'It')} is still {state}")
