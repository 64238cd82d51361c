"""The send gate under fire: senders are killed and stalled, the gateway fails in every way it can, members opt out.

None is sent twice, none is lost, no cap, no consent and no night is broken.

The witness is the gateway's own book: what phones got. `SEND_GATE_MESSAGES` (default 4,000; 200,000 for the record).
"""

import os
import random
import secrets
import signal
import subprocess
import sys
import threading
import time as clock_time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from foundation.clock import SystemClock, local_date
from foundation.database import Database
from foundation.queues import configure_queue
from foundation.reference_cache import drop_all
from foundation.settings import read_settings
from marketing.experiments.standing import set_standing_control
from marketing.messages.contents import TemplateWish, Words, save_template
from marketing.messages.operations import MessageWish, queue_messages
from marketing.messages.policy import policy_in_force, publish_policy
from marketing.messages.rules import Cap, Channel, Language, MessageClass, QuietHours
from member_api.consents.rules import Channel as ConsentChannel
from member_api.consents.rules import ConsentWord, Purpose
from member_api.contract.members import Identifier
from member_api.identifiers.operations import read
from member_api.members.operations import Enrolled, enrol
from member_api.members.rules import NewMember
from regulars.running.servers import Servers
from tests.conftest import ROOT, _clone, _environment, serve
from tests.marketing.messages.phones import KEY, Phones
from tests.organisation.factories import a_store

MESSAGES = int(os.environ.get("SEND_GATE_MESSAGES", "4000"))
EACH = 4  # one receipt and three invitations a member
MEMBERS = MESSAGES // EACH
SENDERS = int(os.environ.get("SEND_GATE_SENDERS", "3"))
KILL_EVERY_S = (0.8, 2.5)
STALL_S = 8.0  # longer than a lease of the sender program
CAP = 2
CAMPAIGN = 7
SEED = 20261122
DEADLINE_S = 240 + MESSAGES / 100
# Of a call that carries hundreds of messages; a small run makes few calls, and needs a worse gateway.
CALL = 0.08 if MESSAGES < 50_000 else 0.015
FAULTS = (
    f"slow={CALL},silent={CALL},late={CALL / 2},error={CALL},busy={CALL},crash={CALL / 3},"
    "refuse=0.01,undelivered=0.01,duplicate=0.05,lost=0.01,delay=0.05"
)
# A yes that came too late for what was already let through: the call that was under way when the no was heard.
UNDER_WAY = timedelta(seconds=10)
STORES = {"AWAKE": "Asia/Tokyo", "ASLEEP": "Etc/UTC"}


@dataclass(frozen=True)
class Person:
    """A member of the test, and what the test knows that the product must find out."""

    id: int
    phone: str
    word: bool | None
    store: str
    status: str

    @property
    def may_be_sold_to(self) -> bool:
        return self.word is True and self.store == "AWAKE" and self.status == "active"


# ------------------------------------------------------------------------------------------------ the stage
def _people(database: Database, chance: random.Random) -> list[Person]:
    people: list[Person] = []
    for start in range(0, MEMBERS, 500):
        with database.transaction() as tx:
            wishes, facts = [], []
            for number in range(start, min(start + 500, MEMBERS)):
                word = chance.choices((True, False, None), (70, 15, 15))[0]
                store = chance.choices(("AWAKE", "ASLEEP"), (80, 20))[0]
                phone = f"+86138{number:08d}"
                consents = () if word is None else (
                    ConsentWord(ConsentChannel.SMS, Purpose.MARKETING, granted=word, at=tx.now),
                )  # fmt: skip
                wishes.append(
                    NewMember(
                        (read(tx, Identifier("phone", phone)),), f"P{number}", home_store=store, consents=consents
                    )
                )
                facts.append((phone, word, store))
            for made, (phone, word, store) in zip(enrol(tx, wishes, by="test", source="test"), facts, strict=True):
                assert isinstance(made, Enrolled)
                status = chance.choices(("active", "frozen", "closed"), (94, 3, 3))[0]
                people.append(Person(made.member_id, phone, word, store, status))
    with database.transaction() as tx:
        for status in ("frozen", "closed"):
            ids = [person.id for person in people if person.status == status]
            tx.ask("UPDATE member.member SET status = %s WHERE id = ANY(%s)", (status, ids))
    return people


def _template(database: Database, code: str, body: str, message_class: MessageClass) -> int:
    wish = TemplateWish(code, code, Channel.SMS, message_class, {Language.EN: Words(body)})
    with database.transaction() as tx:
        return save_template(tx, wish, by="test").id


def _queue(database: Database, people: list[Person]) -> int:
    """One receipt and three invitations for everybody: more than the cap allows."""
    receipt = _template(database, "receipt", "Receipt {{ coupon }} for {{ name }}", MessageClass.TRANSACTIONAL)
    invitation = _template(database, "invitation", "Invitation {{ coupon }} for {{ name }}", MessageClass.MARKETING)
    total = 0
    wishes: list[MessageWish] = []
    for start in range(0, len(people), 5_000):
        wishes = []
        for person in people[start : start + 5_000]:
            for step in range(EACH):
                kind = MessageClass.TRANSACTIONAL if step == 0 else MessageClass.MARKETING
                template = receipt if step == 0 else invitation
                facts = {"coupon": f"C{step}"}
                wishes.append(MessageWish(person.id, CAMPAIGN, f"step/{step}", kind, Channel.SMS, template, facts))
        with database.transaction() as tx:
            total += queue_messages(tx, wishes).queued
    # The same once more, from "another process": nothing may come of it.
    with database.transaction() as tx:
        assert queue_messages(tx, wishes).queued == 0
    return total


def _publish(database: Database, *, idempotent: bool) -> None:
    """A cap, and a night that it is just now where ASLEEP lies, and not where AWAKE does."""
    now = datetime.now(UTC)
    quiet = QuietHours(
        (now - timedelta(hours=2)).time().replace(microsecond=0),
        (now + timedelta(hours=4)).time().replace(microsecond=0),
    )
    with database.transaction() as tx:
        says = replace(
            policy_in_force(tx).says,
            quiet=quiet,
            caps=(Cap(MessageClass.MARKETING, Channel.SMS, 7, CAP),),
            rate_per_second=max(200, MESSAGES // 20),  # a small run is long enough to be disturbed
            default_language=Language.EN,
            gateway_idempotent=idempotent,
        )
        publish_policy(tx, says, valid_from=None, by="test")
        for code, zone in STORES.items():
            a_store(tx, code, timezone=zone)
        # Nobody is held out from everything here; that has its own test.
        set_standing_control(tx, local_date(tx.now, database.settings.company_timezone), 0, "nobody", "test")


# ------------------------------------------------------------------------------------------------ the fire
class Senders:
    """Sender processes that are killed, stalled and started again."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = {**os.environ, **environment}
        self.running = [self._start() for _ in range(SENDERS)]
        self.kills = self.stalls = 0

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "tests.journeys.sender_program"], cwd=ROOT, env=self.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def harass(self, chance: random.Random) -> None:
        """Kill one and start another in its place; now and then only stop one for longer than its lease."""
        place = chance.randrange(len(self.running))
        if chance.random() < 0.15:
            stalled = self.running[place]
            stalled.send_signal(signal.SIGSTOP)
            threading.Timer(STALL_S, stalled.send_signal, [signal.SIGCONT]).start()
            self.stalls += 1
            return
        self.running[place].kill()
        self.running[place].wait(10)
        self.running[place] = self._start()
        self.kills += 1

    def revive(self) -> None:
        for place, process in enumerate(self.running):
            if process.poll() is not None:
                self.running[place] = self._start()

    def stop(self) -> None:
        for process in self.running:
            process.kill()
            process.wait(10)


@contextmanager
def _always_up(phones: Phones) -> Iterator[list[int]]:
    """Start the gateway again whenever it has crashed."""
    stop = threading.Event()
    crashes: list[int] = []

    def watch() -> None:
        while not stop.wait(0.1):
            if not phones.running():
                crashes.append(1)
                phones.start()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield crashes
    finally:
        stop.set()
        watcher.join()


def _someone_says_no(phones: Phones, chance: random.Random, said: dict[str, datetime]) -> None:
    """Somebody who just got an invitation answers TD."""
    got = [entry for entry in phones.tail(2_000) if "Invitation" in entry["text"] and entry["to"] not in said]
    if not got:
        return
    number = chance.choice(got)["to"]
    try:
        answer = httpx.post(
            f"{phones.url}/v1/replies", json={"from": number, "text": "TD"},
            headers={"Authorization": f"Bearer {KEY}"}, timeout=2, trust_env=False,
        )  # fmt: skip
    except httpx.HTTPError:
        return
    if answer.status_code == 202:
        said[number] = datetime.now(UTC)


def _under_way(database: Database) -> int:
    with database.transaction(read_only=True) as tx:
        row = tx.ask(
            "SELECT count(*) FROM marketing.message WHERE state = 'sending' "
            "OR state = 'queued' AND reason IS DISTINCT FROM 'quiet_hours'"
        ).fetchone()
    assert row is not None
    return int(row[0])


# ------------------------------------------------------------------------------------------------ the test
@pytest.fixture
def stage(
    servers: Servers, environment: Mapping[str, str], tmp_path: Path
) -> Iterator[tuple[Database, dict[str, str], Path]]:
    """A new database of its own, and the environment of processes that work on it."""
    drop_all()
    address = _clone(servers, f"gate_{secrets.token_hex(4)}")
    variables = {**_environment(servers, address, tmp_path), "SMS_GATEWAY_KEY": KEY}
    configure_queue()
    database = Database(read_settings(variables), SystemClock())
    yield database, variables, tmp_path
    database.dispose()
    drop_all()


@pytest.mark.slow
@pytest.mark.timeout(int(DEADLINE_S * 2 + 300))
@pytest.mark.parametrize("idempotent", [True, False], ids=["gateway-can-be-asked", "gateway-cannot-be-asked"])
def test_none_twice_none_lost_and_no_rule_broken(
    stage: tuple[Database, dict[str, str], Path], idempotent: bool
) -> None:
    database, variables, where = stage
    chance = random.Random(SEED)
    _publish(database, idempotent=idempotent)
    people = _people(database, chance)
    total = _queue(database, people)
    assert total == MEMBERS * EACH
    said: dict[str, datetime] = {}
    with serve(variables, where / "web.log") as web:
        way = "--idempotent" if idempotent else "--no-idempotent"
        phones = Phones(where / "book.jsonl", "--report-to", web.base_url, "--faults", FAULTS, "--seed", str(SEED), way)
        variables["SMS_GATEWAY_URL"] = phones.url
        with _always_up(phones) as crashes:
            began = clock_time.monotonic()
            senders = Senders(variables)
            try:
                while _under_way(database) and clock_time.monotonic() - began < DEADLINE_S:
                    clock_time.sleep(chance.uniform(*KILL_EVERY_S))
                    senders.revive()
                    senders.harass(chance)
                    _someone_says_no(phones, chance, said)
                took = clock_time.monotonic() - began
                left = _under_way(database)
                clock_time.sleep(15)  # calls that come late, and reports about them
            finally:
                senders.stop()
        book = phones.got()
        phones.stop()
    print(
        f"\n{total} messages, {len(book)} reached phones in {took:.0f} s ({total / took:.0f} decided a second); "
        f"senders killed {senders.kills} times and stalled {senders.stalls} times, "
        f"gateway crashed {len(crashes)} times, {len(said)} members opted out"
    )
    assert left == 0, "something was never settled"
    _judge(database, people, book, certain=idempotent)


Row = tuple[int, int, str, str, str | None]


def _judge(database: Database, people: list[Person], book: list[dict[str, Any]], *, certain: bool) -> None:
    with database.transaction(read_only=True) as tx:
        rows: list[Row] = tx.ask(  # type: ignore[assignment]
            "SELECT id, member_id, step, state, reason FROM marketing.message ORDER BY id"
        ).fetchall()
        heard = tx.ask(
            "SELECT member_id, max(recorded_at) FROM member.consent_record WHERE NOT granted AND source = 'reply' "
            "GROUP BY 1"
        ).fetchall()
    withdrawn: dict[int, datetime] = {member_id: at for member_id, at in heard}  # noqa: C416 (typed)
    for (state, reason), count in sorted(Counter((row[3], row[4]) for row in rows).items(), key=str):
        print(f"  {state:10} {reason or '':20} {count}")
    _none_twice(book)
    _one_story(rows, book)
    _no_rule_broken({person.phone: person for person in people}, book, withdrawn)
    _none_lost(people, rows, withdrawn)
    if certain:
        # A gateway that can be asked leaves next to nothing open: only who opted out between two tries.
        assert sum(row[3] == "unknown" for row in rows) <= len(withdrawn)


def _none_twice(book: list[dict[str, Any]]) -> None:
    """By the gateway's id, and by what can be read on the phone."""
    assert max(Counter(entry["id"] for entry in book).values()) == 1
    assert max(Counter((entry["to"], entry["text"]) for entry in book).values()) == 1


def _one_story(rows: list[Row], book: list[dict[str, Any]]) -> None:
    """The phones and the send ledger tell the same; what is refused, waits or expired was not sent."""
    arrived = {int(entry["id"].partition("-")[0]) for entry in book}
    assert len(rows) == MEMBERS * EACH
    for id_, _, _, state, reason in rows:
        if state in ("sent", "delivered") or reason == "undelivered":
            assert id_ in arrived, (id_, state, reason)
        elif state in ("refused", "expired", "queued") or reason == "blocked_by_network":
            assert id_ not in arrived, (id_, state, reason)
        else:
            assert state == "unknown", (id_, state, reason)


def _no_rule_broken(
    by_phone: Mapping[str, Person], book: list[dict[str, Any]], withdrawn: Mapping[int, datetime]
) -> None:
    invitations: dict[int, list[datetime]] = defaultdict(list)
    for entry in book:
        person = by_phone[entry["to"]]
        assert person.status != "closed"
        if "Invitation" in entry["text"]:
            assert person.may_be_sold_to, (entry, person)
            invitations[person.id].append(datetime.fromisoformat(entry["at"]))
    assert max(len(got) for got in invitations.values()) == CAP
    for member_id, heard in withdrawn.items():
        late = [at for at in invitations.get(member_id, ()) if at > heard + UNDER_WAY]
        assert late == [], (member_id, heard, late)


def _none_lost(people: list[Person], rows: list[Row], withdrawn: Mapping[int, datetime]) -> None:
    """Who may be sold to got as many as the cap allows, everybody's receipt came, who sleeps still waits."""
    became = {(row[1], row[2]): (row[3], row[4]) for row in rows}
    for person in people:
        if person.status != "closed":
            assert became[person.id, "step/0"][0] in ("sent", "delivered", "failed", "unknown"), person
        steps = [became[person.id, f"step/{n}"] for n in range(1, EACH)]
        if person.may_be_sold_to and person.id not in withdrawn:
            tried = sum(state in ("sent", "delivered", "failed", "unknown") for state, _ in steps)
            assert tried >= CAP, (person, steps)
            assert {reason for state, reason in steps if state == "refused"} <= {"capped"}
        if person.store == "ASLEEP" and person.word is True and person.status == "active":
            assert set(steps) == {("queued", "quiet_hours")}
