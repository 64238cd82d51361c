"""Answers that are kept as long as the lake stands where it stood when they were found."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from analytics.lake.manifest import read_state
from foundation.database import Tx

ANSWERS_MAX = 64
FRESH_S = 30.0

Q = TypeVar("Q", bound=Hashable)
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class _Answer(Generic[A]):
    """What was found when the lake stood at `position`, at a moment of the monotonic clock."""

    found: A
    position: int
    at: float


class Kept(Generic[Q, A]):
    """The last answers of this process to one kind of question, at most `most`.

    An answer is given again as long as the lake stands where it stood, and for FRESH_S in any case: while tills sell,
    the lake moves every few seconds. Whoever shows an answer says how fresh it is. What raises is not kept.
    """

    def __init__(self, most: int = ANSWERS_MAX) -> None:
        self._most = most
        self._answers: dict[Q, _Answer[A]] = {}
        self._lock = Lock()

    def ask(self, tx: Tx, question: Q, find: Callable[[], A]) -> A:
        """The kept answer to a question, or what `find` finds."""
        position, now = read_state(tx).position, time.monotonic()
        with self._lock:
            known = self._answers.get(question)
        if known is not None and (known.position == position or now - known.at < FRESH_S):
            return known.found
        found = find()
        with self._lock:
            if len(self._answers) >= self._most:
                self._answers.clear()
            self._answers[question] = _Answer(found, position, now)
        return found

    def clear(self) -> None:
        """Forget everything; for tests, whose lakes begin again at position 0."""
        with self._lock:
            self._answers.clear()
