"""An open page is told everything once, whatever comes between: a race while it joins, a broker that loses things."""

import json
import threading

import pytest
from flask import Flask

from foundation import events, live
from foundation.database import Database
from foundation.events import Event
from foundation.live import Message, Stream, TooManyStreams, _Hub, frame

TOPIC = "test.happened"


@pytest.fixture
def hub(database: Database, monkeypatch: pytest.MonkeyPatch) -> _Hub:
    """A hub without a broker: what the broker would say is said by the test."""
    monkeypatch.setitem(events._live, TOPIC, lambda facts: str(facts["store"]))
    return _Hub(database, thread=threading.Thread())


def happen(database: Database, *stores: str) -> list[Message]:
    """Events of these stores in the table."""
    told = []
    with database.transaction() as tx:
        newest = events.last_position(tx)
        for position, store in enumerate(stores, newest + 1):
            facts = {"store": store}
            tx.ask(
                "INSERT INTO foundation.event (position, topic, facts, at) VALUES (%s, %s, %s, %s)",
                (position, TOPIC, json.dumps(facts), tx.now),
            )
            told.append(Message(position, TOPIC, facts))
        tx.ask("UPDATE foundation.relay SET position = %s", (newest + len(stores),))
    return told


class Page:
    """A stream and what it was told, by position."""

    def __init__(self, after: int, channel: str = "S01") -> None:
        self.got: list[int] = []
        self.stream = Stream(channel, lambda m: frame(m.position, m.topic, {}), after, self._take)

    def _take(self, data: bytes) -> bool:
        self.got += [int(line[4:]) for line in data.decode().split("\n") if line.startswith("id: ")]
        return True


def test_what_happened_before_it_joined_is_told_before_what_happens_meanwhile(
    database: Database, hub: _Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = happen(database, "S01")
    page, read = Page(first.position - 1), _Hub._read

    def slowly(hub: _Hub, since: int) -> tuple[list[Message], int]:
        found = read(hub, since)
        (second,) = happen(database, "S01")
        hub.tell("S01", [first])
        hub.tell("S01", [second])
        return found

    monkeypatch.setattr(_Hub, "_read", slowly)
    hub.join(page.stream)
    assert page.got == [first.position, first.position + 1]


def test_what_the_broker_lost_is_told_although_later_things_were(database: Database, hub: _Hub) -> None:
    page, other = Page(0), Page(0, "S02")
    hub.join(page.stream)
    hub.join(other.stream)
    one, two, three, four = happen(database, "S01", "S01", "S02", "S01")
    hub.tell("S01", [one])
    hub.tell("S01", [four])  # two and three got lost
    hub.catch_up()
    assert page.got == [one.position, four.position, two.position]
    assert other.got == [three.position]
    hub.tell("S01", [two])  # late after all
    hub.catch_up()
    assert (len(page.got), hub.told) == (3, set())


def test_a_page_that_could_not_be_told_what_it_missed_does_not_stay(hub: _Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: _Hub, since: int) -> tuple[list[Message], int]:
        raise OSError(f"the database is away: nothing after {since}")

    monkeypatch.setattr(_Hub, "_read", away)
    with pytest.raises(OSError, match="away"):
        hub.join(Page(0).stream)
    assert not hub.streams


def test_a_page_too_many_is_refused_before_its_answer_begins(hub: _Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_hub", hub)
    monkeypatch.setattr(live, "STREAMS_MAX", 0)
    with Flask("web").test_request_context("/"), pytest.raises(TooManyStreams):
        live.stream("S01", lambda _: b"", lambda _: [])
    assert not hub.streams


def test_who_was_away_for_too_long_lists_anew_and_nothing_is_looked_for() -> None:
    asked: list[int] = []

    def missed(after: int) -> list[Event]:
        asked.append(after)
        return []

    newest = live.MISSED_POSITIONS_MAX + 7
    told = [b"".join(live._replay(lambda _: b"", since, newest, missed)) for since in (None, 6, 7)]
    assert [each.split(b"\n")[1:2] for each in told] == [[b"event: hello"], [b"event: reset"], []]
    assert asked == [7]
