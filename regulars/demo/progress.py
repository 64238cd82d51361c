"""How far a load is, for those who watch."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from regulars.demo.report import Tally

PERCENT_SPOKEN = 10


class Spoken:
    """Progress in words where the output is no terminal, a line every PERCENT_SPOKEN per cent."""

    def __init__(self, console: Console, total: int, what: str = "sales") -> None:
        self._console, self._total, self._what = console, total, what
        self._done, self._next = 0, 0

    def advance(self, count: int) -> None:
        """So many more are done."""
        self._done += count
        percent = 100 * self._done // self._total
        if not self._console.is_terminal and percent >= self._next:
            self._console.print(f"{self._what}: {self._done:,} of {self._total:,} ({percent} %)")
            self._next = percent + PERCENT_SPOKEN


@contextmanager
def timed(tally: Tally, what: str) -> Iterator[None]:
    """Note the seconds that a part took, unless it is stopped."""
    started = time.monotonic()
    yield
    tally.seconds[what] = time.monotonic() - started


def bars_on(console: Console) -> Progress:
    """Bars for the parts of a load."""
    return Progress(
        TextColumn("{task.description:<11}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        refresh_per_second=4,
    )
