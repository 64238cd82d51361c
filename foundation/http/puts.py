"""What a batch answers for each item: made, changed, left as it was, or refused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from foundation.errors import DomainError
from foundation.http.batches import batch_answer, done, refused

T = TypeVar("T")
W = TypeVar("W")

BATCH_MAX = 1000


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The thing as it is now, and whether it came into being."""

    value: T
    created: bool


Outcome = Done[T] | DomainError


def answer_each(
    name: str,
    items: Sequence[W | DomainError],
    put: Callable[[Sequence[W]], Sequence[Outcome[T]]],
    show: Callable[[T], Mapping[str, Any]],
) -> dict[str, Any]:
    """The answer of a batch: items that could be read are put together, all are answered in order.

    `name` is the body's field that holds the items; faults are placed below `/name/place`.
    """
    outcomes = iter(put([item for item in items if not isinstance(item, DomainError)]))
    results = []
    for place, item in enumerate(items):
        outcome: Outcome[T] = item if isinstance(item, DomainError) else next(outcomes)
        if isinstance(outcome, DomainError):
            results.append(refused(outcome, f"/{name}/{place}"))
        else:
            results.append(done(201 if outcome.created else 200, show(outcome.value)))
    return batch_answer(results)
