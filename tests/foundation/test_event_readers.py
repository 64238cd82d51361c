"""Readers of events get each of theirs once, in order, however rare theirs are."""

from collections.abc import Iterator, Sequence

import pytest

from foundation import events
from foundation.database import Database, Tx
from foundation.events import Event, announce, consume, move_batch, subscribe


@pytest.fixture
def seen() -> Iterator[list[str]]:
    """What a reader of `rare.thing` was given."""
    given: list[str] = []

    def keep(_tx: Tx, read: Sequence[Event]) -> None:
        given.extend(event.facts["name"] for event in read)

    subscribe("tests.rare", ("rare.thing",), keep, batch=2)
    yield given
    del events._subscriptions["tests.rare"]


def happens(database: Database, *names: str) -> None:
    """Announce and relay: a name is a rare thing, "" something else."""
    with database.transaction() as tx:
        for name in names:
            announce(tx, "rare.thing" if name else "other.thing", {"name": name})
    with database.transaction() as tx:
        move_batch(tx)


def position(database: Database) -> int:
    with database.transaction() as tx:
        return int(tx.execute("SELECT position FROM foundation.consumer WHERE name = 'tests.rare'").scalar_one())


def test_a_reader_of_rare_topics_gets_on_among_many_others(
    database: Database, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "WINDOW", 10)
    happens(database, *[""] * 35, "a", *[""] * 20, "b", "c", "d", *[""] * 8)
    assert [consume(database, "tests.rare") for _ in range(3)] == [1, 2, 1]
    assert seen == ["a", "b", "c", "d"]
    assert consume(database, "tests.rare") == 0
    assert position(database) == 67


def test_what_one_reading_may_look_at_is_bounded_and_not_lost(
    database: Database, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "WINDOW", 10)
    monkeypatch.setattr(events, "WINDOWS_MAX", 2)
    happens(database, *[""] * 50, "a")
    assert consume(database, "tests.rare") == 0
    assert position(database) == 20
    assert [consume(database, "tests.rare") for _ in range(3)] == [0, 1, 0]
    assert seen == ["a"]
