"""The department store over real HTTP, small: complete, as it was made, and the same when it is loaded again."""

import io
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from foundation.database import Database, use_database
from foundation.settings import get_settings
from regulars.demo.connection import ClientLogin
from regulars.demo.department.building import STORE, ZONE
from regulars.demo.department.check import check_department
from regulars.demo.department.load import DepartmentReport, load_department
from regulars.demo.department.notes import LOADED, Made, read_made, write_made
from regulars.running.bootstrap import make_log_ins
from tests.conftest import LiveServer, serve
from tests.journeys.department import banks
from tests.journeys.handheld_scene import take_payments

pytestmark = pytest.mark.slow

DAYS, SHARE = 6, 0.05


@pytest.fixture(scope="module")
def server(fresh_database: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that takes payments, and this process with its settings and rails."""
    folder = tmp_path_factory.mktemp("server")
    with banks(folder) as outside, serve({**fresh_database, **outside}, folder / "web.log") as server:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in server.environment.items():
                patch.setenv(name, value)
            get_settings.cache_clear()
            yield server
        get_settings.cache_clear()


@pytest.fixture(scope="module")
def house(server: LiveServer) -> Iterator[Database]:
    """The server's database, with a worker for payments beside it."""
    stop = threading.Event()
    database = Database(get_settings())
    use_database(database)
    worker = threading.Thread(target=take_payments, args=(database, stop), daemon=True)
    worker.start()
    yield database
    stop.set()
    worker.join()
    use_database(None)
    database.dispose()


@pytest.fixture(scope="module")
def home(house: Database, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which a small store was begun: six days, a twentieth of the customers."""
    home = tmp_path_factory.mktemp("home")
    now = datetime.now(UTC)
    first = now.astimezone(ZoneInfo(ZONE)).date() - timedelta(days=DAYS)
    write_made(home, Made(first, DAYS, SHARE, SHARE, now))
    return home


@pytest.fixture(scope="module")
def loaded(house: Database, home: Path, server: LiveServer) -> DepartmentReport:
    with house.transaction() as tx:
        erp = make_log_ins(tx)["erp"]
    (home / "erp").write_text(f"{erp['client_id']} {erp['client_secret']}")
    return load(server, home)


def load(server: LiveServer, home: Path, *, again: bool = False) -> DepartmentReport:
    erp = ClientLogin(*(home / "erp").read_text().split())
    report = load_department(
        server.base_url, home, erp, offset_weeks=0, again=again, console=Console(file=io.StringIO())
    )
    assert report is not None
    return report


def books(house: Database) -> list[tuple[object, ...]]:
    """Everything that the load moves, the moment of recording left out."""
    queries = (
        "SELECT count(*), sum(amount) FROM pos.sale",
        "SELECT count(*), sum(amount), sum(units) FROM pos.tender",
        "SELECT count(*), sum(amount), sum(version) FROM pos.ticket",
        "SELECT count(*), sum(amount) FROM pos.settlement",
        "SELECT count(*), sum(amount) FROM pos.payment",
        "SELECT count(*), sum(amount) FROM pos.refund",
        "SELECT count(*), sum(amount), sum(version) FROM pos.red_ticket",
        "SELECT count(*) FROM pos.store_day",
        "SELECT count(*), sum(float_amount) FROM pos.shift",
        "SELECT count(*), sum(amount), sum(bonus) FROM member.topup",
        "SELECT count(*), sum(balance) FROM member.account",
        "SELECT count(*) FROM member.journal",
        "SELECT count(*) FROM foundation.client",
        "SELECT count(*) FROM organisation.change",
    )
    with house.transaction(read_only=True) as tx:
        return [tuple(tx.execute(query).one()) for query in queries]


def test_the_store_is_posted_whole_and_stands_as_it_was_made(
    house: Database, home: Path, loaded: DepartmentReport
) -> None:
    assert loaded.complete
    assert loaded.flags == {}
    assert loaded.closed == DAYS
    assert {"waiting", "cancelled", "released"} <= loaded.takings.tickets.keys()
    assert loaded.takings.by_rail > 0
    findings = check_department(home, offset_weeks=0)
    assert findings is not None
    assert [found for found in findings if not found.equal] == []


def test_a_cashier_was_relieved_and_the_days_of_the_tills_are_closed_without_a_difference(
    house: Database, loaded: DepartmentReport
) -> None:
    with house.transaction(read_only=True) as tx:
        shifts = tx.execute("SELECT state, count(*) FROM pos.shift GROUP BY state ORDER BY state").all()
        differences = tx.execute("SELECT count(*) FROM pos.day_difference").scalar_one()
        named = tx.execute("SELECT name FROM organisation.store WHERE code = :code", {"code": STORE}).scalar_one()
    assert [tuple(row) for row in shifts] == [("handed_in", 1), ("open", 2)]
    assert differences == 0
    assert named.endswith("(made up)")


def test_a_load_that_is_complete_has_nothing_left_to_do(
    server: LiveServer, home: Path, loaded: DepartmentReport
) -> None:
    nothing = load_department(server.base_url, home, ClientLogin("nobody", "nothing"))
    assert nothing is None


def test_loading_it_all_again_changes_nothing(
    house: Database, server: LiveServer, home: Path, loaded: DepartmentReport
) -> None:
    before = books(house)
    report = load(server, home, again=True)
    assert report.refusals == ()
    assert {part.what: part.new for part in report.parts if part.new} == {}
    assert report.takings.net == loaded.takings.net
    assert books(house) == before


def test_a_load_that_was_stopped_goes_on_with_the_same_days_tickets_and_keys(
    house: Database, server: LiveServer, home: Path, loaded: DepartmentReport
) -> None:
    before, made = books(house), read_made(home)
    (home / LOADED).unlink()
    report = load(server, home)
    assert report.complete
    assert books(house) == before
    assert read_made(home) == made
