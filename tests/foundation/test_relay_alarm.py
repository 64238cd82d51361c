"""The relay wakes subscribers at once, and not again and again while much is happening."""

import pytest

from foundation import events
from foundation.events import WAKE_PAUSE_S, Alarm, Subscription


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    readers = {
        name: Subscription(name, frozenset(topics), lambda tx, read: None, 100, frozenset(topics))
        for name, topics in {"tills": ["sale.recorded"], "seal": ["journals.posted"]}.items()
    }
    monkeypatch.setattr(events, "_subscriptions", readers)
    return []


def test_a_reader_of_the_topic_is_woken_at_once_and_nobody_else(woken: list[set[str]]) -> None:
    Alarm(woken.append).ring({"sale.recorded"}, now=0.0)
    assert woken == [{"tills"}]


def test_a_reader_is_woken_once_in_the_pause_and_then_for_all_that_came_meanwhile(woken: list[set[str]]) -> None:
    alarm = Alarm(woken.append)
    for step in range(1, 5):
        alarm.ring({"sale.recorded"}, now=step * WAKE_PAUSE_S / 10)
    assert woken == [{"tills"}]
    alarm.ring((), now=2 * WAKE_PAUSE_S)
    assert woken == [{"tills"}, {"tills"}]
    alarm.ring((), now=9 * WAKE_PAUSE_S)
    assert len(woken) == 2


def test_a_busy_reader_does_not_keep_another_waiting(woken: list[set[str]]) -> None:
    alarm = Alarm(woken.append)
    alarm.ring({"sale.recorded"}, now=1.0)
    alarm.ring({"journals.posted"}, now=1.01)
    assert woken == [{"tills"}, {"seal"}]
