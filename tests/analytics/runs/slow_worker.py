"""A worker that can be killed: works on runs as the task does, lingering in every step."""

import time

from analytics.runs.operations import ScoringRun
from analytics.runs.rules import Step
from analytics.runs.scoring import score
from analytics.runs.working import Teller, work_on_runs
from foundation.database import Database
from foundation.settings import get_settings

LINGER_S = 0.4


class Lingering(Teller):
    """Tells of a step, and then takes its time."""

    __slots__ = ()

    def begin(self, step: Step) -> None:
        super().begin(step)
        time.sleep(LINGER_S)


def score_slowly(database: Database, run: ScoringRun, teller: Teller) -> None:
    teller.__class__ = Lingering
    score(database, run, teller)


if __name__ == "__main__":
    work_on_runs(Database(get_settings()), score_slowly)
