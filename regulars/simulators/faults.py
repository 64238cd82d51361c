"""Faults on demand: each a probability, named on the command line and changed while a simulator runs."""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def fault_reader(names: Sequence[str]) -> Callable[[str], dict[str, float]]:
    """Reads faults as a command line names them: "silent=0.05,crash=0.001". What it returns raises ValueError."""

    def read(text: str) -> dict[str, float]:
        parts = (part.partition("=") for part in text.split(",") if part)
        return checked({name: share for name, _, share in parts}, names)

    return read


def checked(faults: Mapping[str, Any], names: Sequence[str]) -> dict[str, float]:
    """Raises ValueError for a fault there is not, or a share that is none."""
    shares: dict[str, float] = {}
    for name, share in faults.items():
        try:
            shares[name] = float(share)
        except (TypeError, ValueError):
            shares[name] = -1.0
        if name not in names or not 0 <= shares[name] <= 1:
            raise ValueError(f"{name}={share}: faults are {', '.join(names)}, from 0 to 1")
    return shares


class Faults:
    """What goes wrong how often, and chance itself, from a seed. Safe between threads."""

    def __init__(self, names: Sequence[str], shares: Mapping[str, float], seed: int | None = None) -> None:
        self._names = names
        self._shares = dict(shares)
        self._chance = random.Random(seed)  # noqa: S311 - faults, not secrets
        self._lock = threading.Lock()

    def become(self, shares: Mapping[str, Any]) -> dict[str, float]:
        """These from now on, and no others. Raises ValueError."""
        self._shares = checked(shares, self._names)
        return self._shares

    def strike(self, name: str) -> bool:
        """Whether this fault happens now."""
        share = self._shares.get(name, 0.0)
        return share > 0 and self.up_to(1.0) < share

    def up_to(self, most: float) -> float:
        """A number from 0 to `most`."""
        with self._lock:
            return self._chance.random() * most

    def one_of(self, choices: Mapping[str, int]) -> str:
        """One of these, each as often as its weight says."""
        with self._lock:
            return self._chance.choices(list(choices), list(choices.values()))[0]
