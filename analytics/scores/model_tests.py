"""What is told of the models behind potential: how each did on the retailer's own past, and what was fitted.

Apart from the models, which bring half of scikit-learn in: a page needs the figures only.
"""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class ModelTest:
    """One model's figures on the retailer's past, before `as_of`; one row a currency, format, target and model.

    `format` None: all formats together. `target`: `spend` or `probability`. Of spend: `spearman`, `mae` (minor units),
    `top_decile_share`, `total_ratio` (predicted by actual) and `least_chance`; of probability: `brier`, `auc`. The rest
    are None. `chosen`: this one is used. `margin`: by how many per cent its error (mae, brier) is smaller than that of
    the last window, the simplest prediction there is; of the chosen one that is what the choice is worth.
    Without a test (see `reason`) there is one chosen row with every figure None.
    """

    currency: str
    format: str | None
    target: str
    model: str
    chosen: bool
    margin: float | None
    spearman: float | None
    mae: float | None
    top_decile_share: float | None
    total_ratio: float | None
    least_chance: float | None
    brier: float | None
    auc: float | None
    members: int
    horizon_days: int
    days: tuple[date, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class LifeFigures:
    """The parameters of BG/NBD (r, alpha, a, b) and Gamma-Gamma (p, q, gamma) as fitted, times in weeks, money in minor
    units; None: no fit. `modified`: MBG/NBD was likelier and is used in the place of BG/NBD."""

    currency: str
    r: float | None
    alpha: float | None
    a: float | None
    b: float | None
    p: float | None
    q: float | None
    gamma: float | None
    modified: bool = False
