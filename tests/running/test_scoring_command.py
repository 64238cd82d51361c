"""`regulars score`: the operator scores from a terminal, also while the house is down."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from rich.console import Console

from analytics.runs.working import turn_to_score
from foundation.clock import FixedClock
from foundation.database import Database
from foundation.events import announce
from regulars.running import scoring
from regulars.running.scoring import run_here, show_status
from tests.analytics.lake_factory import write_lake
from tests.analytics.runs.shop import AS_OF, purchases


@pytest.fixture(autouse=True)
def at_the_office(clock: FixedClock) -> None:
    clock.at = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)


def test_a_run_from_the_terminal_needs_neither_worker_nor_relay(database: Database, redis_url: str) -> None:
    write_lake(database, purchases(110))
    with database.transaction() as tx:
        announce(tx, "something.happened", {"id": 1})
    said, told = StringIO(), StringIO()
    assert run_here(database, AS_OF, 28, Console(file=said, width=120))
    assert "Done in" in said.getvalue()
    assert "110 members" in said.getvalue()
    show_status(database, 10, Console(file=told, width=160))
    assert "command" in told.getvalue()
    assert "done" in told.getvalue()


def test_while_somebody_else_scores_the_terminal_watches(
    database: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "WAIT_MAX_S", 1.0)
    said = StringIO()
    with turn_to_score(database) as turn:
        assert turn is not None
        assert not run_here(database, AS_OF, 28, Console(file=said, width=120))
    assert "Still queued" in said.getvalue()


def test_before_the_first_run_the_status_says_how_to_start_one(database: Database) -> None:
    said = StringIO()
    show_status(database, 10, Console(file=said, width=120))
    assert "regulars score run" in said.getvalue()
