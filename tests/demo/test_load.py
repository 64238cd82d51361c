"""A part of the demo over real HTTP: the database equals the source to the cent, and nothing happens twice."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from foundation.database import Database, use_database
from foundation.settings import get_settings
from regulars.demo import state
from regulars.demo.check import check_demo
from regulars.demo.connection import ClientLogin, DemoStopped
from regulars.demo.load import load_demo
from regulars.demo.report import DemoReport
from regulars.demo.source import Source
from regulars.running.bootstrap import make_log_ins
from tests.conftest import LiveServer

BASKETS = 300

# Everything that a posting moves. The moment of recording and the answers to requests are not among it.
BOOKS = (
    "SELECT count(*), sum(amount), min(sequence), max(sequence) FROM pos.sale",
    "SELECT count(*), sum(amount), sum(regular_amount), sum(quantity) FROM pos.sale_line",
    "SELECT count(*), sum(amount), sum(face) FROM pos.tender",
    "SELECT count(*), sum(balance), max(id) FROM member.account",
    "SELECT count(*), max(id) FROM member.member",
    "SELECT count(*) FROM member.journal",
    "SELECT count(*) FROM pos.product",
    "SELECT count(*) FROM pos.promotion",
    "SELECT count(*) FROM organisation.change",
)


@contextmanager
def _entered(server: LiveServer) -> Iterator[Database]:
    """The server's settings and database in this process."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        get_settings.cache_clear()
        database = Database(get_settings())
        use_database(database)
        yield database
        use_database(None)
        database.dispose()
    get_settings.cache_clear()


@pytest.fixture(scope="module")
def head_office(live_server: LiveServer) -> ClientLogin:
    with _entered(live_server) as database, database.transaction() as tx:
        made = make_log_ins(tx)["erp"]
    return ClientLogin(made["client_id"], made["client_secret"])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def _load(server: LiveServer, home: Path, head_office: ClientLogin, **options: int | bool) -> DemoReport:
    wishes: Mapping[str, int | bool] = {"offset_weeks": 0, "baskets": BASKETS, "batch_sales": 40, **options}
    return load_demo(server.base_url, home, head_office, console=Console(file=io.StringIO()), **wishes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def loaded(live_server: LiveServer, home: Path, head_office: ClientLogin) -> DemoReport:
    return _load(live_server, home, head_office)


def _books(server: LiveServer) -> list[tuple[object, ...]]:
    with psycopg.connect(server.environment["DATABASE_URL"]) as connection:
        return [connection.execute(query).fetchone() or () for query in BOOKS]  # type: ignore[arg-type]


@pytest.mark.slow
def test_everything_is_accepted_and_only_unknown_products_are_flagged(loaded: DemoReport) -> None:
    assert loaded.refusals == ()
    assert (loaded.sales.new, loaded.sales.known) == (BASKETS, 0)
    assert loaded.flags.keys() <= {"unknown_product"}
    assert loaded.points > 0


@pytest.mark.slow
def test_lines_and_money_in_the_database_equal_the_source_to_the_cent(
    live_server: LiveServer, home: Path, loaded: DemoReport, source: Source
) -> None:
    with _entered(live_server):
        check = check_demo(home)
    assert [found for found in check.findings if not found.equal] == []
    by_name = {found.what.strip(): found.stored for found in check.findings}
    assert by_name["receipts"] == BASKETS
    assert by_name["lines"] == loaded.lines == len(source.first(BASKETS).lines.amount)
    assert by_name["amount, cents"] == loaded.money.amount == int(source.first(BASKETS).lines.amount.sum())


@pytest.mark.slow
def test_a_second_start_has_nothing_left_to_send(
    live_server: LiveServer, home: Path, head_office: ClientLogin, loaded: DemoReport
) -> None:
    before = _books(live_server)
    report = _load(live_server, home, head_office)
    assert (report.sales.new, report.sales.known, report.sales.skipped) == (0, 0, BASKETS)
    assert _books(live_server) == before


@pytest.mark.slow
@pytest.mark.parametrize("batch_sales", [40, 70])
def test_posting_everything_again_changes_nothing_whether_or_not_the_requests_are_the_same(
    live_server: LiveServer, home: Path, head_office: ClientLogin, loaded: DemoReport, batch_sales: int
) -> None:
    before = _books(live_server)
    report = _load(live_server, home, head_office, again=True, batch_sales=batch_sales)
    assert report.refusals == ()
    assert (report.sales.new, report.sales.known) == (0, BASKETS)
    assert {part.new for part in report.parts} == {0}
    assert _books(live_server) == before


@pytest.mark.slow
def test_a_load_that_was_stopped_goes_on_where_it_stopped_and_with_the_same_dates(
    live_server: LiveServer, tmp_path: Path, head_office: ClientLogin, loaded: DemoReport
) -> None:
    _load(live_server, tmp_path, head_office, baskets=200)
    progress = state.read_progress(tmp_path)
    assert progress is not None
    stopped = state.Progress(progress.plan, progress.client_id, progress.client_secret, [1, 0])
    state.write_progress(tmp_path, stopped)
    report = _load(live_server, tmp_path, head_office, baskets=200)
    assert (report.sales.skipped, report.sales.known) == (40, 160)


@pytest.mark.slow
def test_the_offset_of_the_first_run_is_kept_for_this_home(
    live_server: LiveServer, tmp_path: Path, head_office: ClientLogin, loaded: DemoReport
) -> None:
    state.write_loaded(tmp_path, state.Loaded(0, datetime(2026, 11, 21, tzinfo=UTC), BASKETS, 0, 0, 0.0))
    report = load_demo(
        live_server.base_url, tmp_path, head_office, baskets=BASKETS, console=Console(file=io.StringIO())
    )
    assert report.offset_weeks == 0
    assert (report.sales.new, report.sales.known) == (0, BASKETS)


def test_a_wrong_log_in_stops_the_load_before_anything_is_sent(live_server: LiveServer, tmp_path: Path) -> None:
    with pytest.raises(DemoStopped, match="401"):
        _load(live_server, tmp_path, ClientLogin("nobody", "nothing"))
