"""Made-up values that never change: a number drawn from a fixed seed, the name of what is drawn, and a key.

Not a sequence of random numbers: a household's name does not depend on how many households came before it, so a part
of the demo is the same as that part of the whole, and a second run makes the same content.
"""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from regulars.demo.source import Integers

SEED = 20170101


def draw(what: str, keys: Integers) -> NDArray[np.uint64]:
    """64 bits for each key, evenly spread (the finaliser of splitmix64, Steele et al., OOPSLA 2014)."""
    salt = int.from_bytes(blake2b(f"{SEED}/{what}".encode(), digest_size=8).digest())
    mixed = keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def fractions(what: str, keys: Integers) -> NDArray[np.float64]:
    """A number in [0, 1) for each key."""
    return (draw(what, keys) >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def below(what: str, keys: Integers, ends: int | Integers) -> Integers:
    """A whole number in [0, ends) for each key; `ends` is one number or one for each key."""
    return (draw(what, keys) % np.asarray(ends, dtype=np.uint64)).astype(np.int64)


def weighted(what: str, keys: Integers, weights: Sequence[float]) -> Integers:
    """The position of one of the weights for each key, as often as its weight says."""
    steps = np.cumsum(np.asarray(weights, dtype=np.float64)) / sum(weights)
    return np.minimum(np.searchsorted(steps, fractions(what, keys), side="right"), len(weights) - 1)
