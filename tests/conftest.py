"""What tests stand on: one real PostgreSQL and one real Valkey from the wheels for the whole run, migrated once.

    database        the migrated database, emptied to its state after the migrations before each test that asks for it
    tx              an open transaction on it, rolled back afterwards
    clock           a FixedClock that `database` tells the time by
    fresh_database  a database of its own for a module (a clone, not shared): long-lived servers, destructive tests
    app, http       the whole web application and a Flask test client on `database`
    live_server     the same application as real gunicorn processes on a free port, with a database of its own
    page            a Chromium page (Playwright); skipped with a clear word where no Chromium is installed

Everything is durable as in production: nothing here turns fsync off.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import hypothesis
import psycopg
import pytest
import redis
from psycopg import sql

from foundation.clock import FixedClock
from foundation.database import Database, Tx, use_database
from foundation.queues import queue
from foundation.reference_cache import drop_all, stop_listening
from foundation.settings import Settings, get_settings, read_settings
from regulars.running.account import server_account
from regulars.running.migrating import migrate
from regulars.running.postgres import free_port
from regulars.running.servers import Servers, servers_under, started

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from playwright.sync_api import Browser, BrowserContext, Page, Response

ROOT = Path(__file__).parent.parent
# No test measures time: a busy machine is no fault.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")
# Of the files that come last the one that takes long: a whole house that is started, killed and started again.
LONG_AND_LAST = ROOT / "tests/running/test_house.py"
TEMPLATE = "template_regulars"
SHARED = "shared"
# The keys of the tests are fixed, so that a digest computed twice is the same twice.
KEYS = {
    "SECRET_KEY": "11" * 32,
    "IDENTITY_KEY": "22" * 32,
    "BLIND_INDEX_KEY": "33" * 32,
    "SEAL_KEY": "44" * 32,
}
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# How long a browser test waits for what a person would see; only a test that fails waits so long.
SEEN_WITHIN_MS = 30_000
LEFT_WITHIN_MS = 5_000
# Nobody presses what has not come yet, or what is on its way out: clicks wait for the page that follows. A page that
# was to be left and stayed after all, as after a download, can be pressed again.
COMES_AND_GOES = """
{
  const untouchable = new CSSStyleSheet();
  const touchable = (yes) => untouchable.replaceSync(yes ? "" : "* { pointer-events: none !important; }");
  document.adoptedStyleSheets = [untouchable];
  if (document.readyState !== "complete") {
    touchable(false);
    window.addEventListener("load", () => touchable(true), { once: true });
  }
  const later = window.setTimeout.bind(window);
  window.addEventListener("beforeunload", () => { touchable(false); later(() => touchable(true), 3000); });
}
"""
# What a browser says of an opened address that a reload of the page before it has overtaken.
OVERTAKEN = ("interrupted by another navigation", "net::ERR_ABORTED")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What would be waited for alone at the end of a run is begun first; the rest stays in its order."""
    items.sort(key=lambda item: item.path != LONG_AND_LAST)


# ---------------------------------------------------------------------------------------------- servers


@pytest.fixture(scope="session")
def server_directory() -> Iterator[Path]:
    """A temporary directory that the servers' account can enter (pytest's own is closed to it when root tests)."""
    directory = Path(tempfile.mkdtemp(prefix="regulars-tests-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def servers(server_directory: Path) -> Iterator[Servers]:
    """The PostgreSQL and the Valkey of this run, with a migrated template database."""
    servers = servers_under(
        server_directory,
        server_account(),
        database_password=secrets.token_hex(16),
        queue_password=secrets.token_hex(16),
        logs=server_directory,
        configuration={"log_min_duration_statement": "-1"},
    )
    with started(servers):
        assert servers.postgres is not None
        _admin(servers, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        migrate(servers.postgres.url_of(TEMPLATE))
        assert servers.valkey is not None
        # Before anything is sent: whoever sends first decides for the process where everything is sent to.
        queue.conf.update(broker_url=servers.valkey.url)
        yield servers


def _admin(servers: Servers, statement: sql.Composed) -> None:
    assert servers.postgres is not None
    with psycopg.connect(servers.postgres.url_of("postgres"), autocommit=True) as connection:
        connection.execute(statement)


def _clone(servers: Servers, name: str) -> str:
    """A new database made from the migrated template (about 40 ms); its address. Goes with the servers at the end."""
    _admin(
        servers,
        sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(TEMPLATE)),
    )
    assert servers.postgres is not None
    return servers.postgres.url_of(name)


# ---------------------------------------------------------------------------------------------- settings


def _environment(servers: Servers, database_url: str, home: Path) -> dict[str, str]:
    assert servers.valkey is not None
    return {
        **KEYS,
        "DATABASE_URL": database_url,
        "REDIS_URL": servers.valkey.url,
        "REGULARS_HOME": str(home),
        "LOG_LEVEL": "warning",
        # Tests post as fast as they can; those about limits set their own.
        "RATE_LIMIT_MACHINE": "100000",
        "RATE_LIMIT_PERSON": "100000",
    }


@pytest.fixture(scope="session")
def environment(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The variables of the shared test database, set for this process while tests run that need them."""
    variables = _environment(servers, _clone(servers, SHARED), tmp_path_factory.mktemp("home"))
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    get_settings.cache_clear()
    yield variables
    stop_listening()
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    get_settings.cache_clear()


@pytest.fixture
def settings(environment: Mapping[str, str]) -> Settings:
    """The settings of the test process, as `get_settings()` gives them."""
    return read_settings(environment)


@pytest.fixture
def clock() -> FixedClock:
    """Monday, 5 January 2026, 02:00 UTC (10:00 in Shanghai), until the test moves it."""
    return FixedClock()


# ---------------------------------------------------------------------------------------------- the database


class _Broom:
    """Brings the shared database back to its state after the migrations: a few milliseconds, by what was touched.

    Rows that the migrations wrote are copied back; sequences start where they started. Months made meanwhile stay.
    """

    TOUCHED = """
        SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
          AND c.relname <> 'alembic_version' AND pg_relation_size(c.oid) > 0
    """
    COLUMNS = """
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    """

    def __init__(self, address: str) -> None:
        self.connection = psycopg.connect(address, autocommit=True, application_name="broom")
        # Foreign keys and append-only triggers are for the house, not for the broom.
        self.connection.execute("SET session_replication_role = replica")
        self.seeds = {table: self._copy_out(table) for (table,) in self.connection.execute(self.TOUCHED).fetchall()}
        self.sequences = {name: last for name, last, _ in self._sequences()}

    def sweep(self) -> None:
        self.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
        )
        touched = [table for (table,) in self.connection.execute(self.TOUCHED).fetchall()]
        with self.connection.transaction():
            if touched:
                self.connection.execute(";".join(f"DELETE FROM ONLY {table}" for table in touched))
            for table, (columns, rows) in self.seeds.items():
                with self.connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                    copy.write(rows)
            for name, last, start in self._sequences():
                if last != (seeded := self.sequences.get(name)):
                    value = start if seeded is None else seeded
                    self.connection.execute("SELECT setval(%s, %s, %s)", (name, value, seeded is not None))
            # Readers that hold reference facts in other processes drop them as well.
            self.connection.execute("SELECT pg_notify('reference_cache', '')")

    def close(self) -> None:
        self.connection.close()

    def _sequences(self) -> list[tuple[str, int | None, int]]:
        """Name, last value given out (None before the first) and first value of each sequence."""
        return self.connection.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(sequencename), last_value, start_value "
            "FROM pg_sequences"
        ).fetchall()

    def _copy_out(self, table: str) -> tuple[str, bytes]:
        columns = self.connection.execute(self.COLUMNS, (table,)).fetchone()
        assert columns is not None
        with self.connection.cursor().copy(f"COPY {table} ({columns[0]}) TO STDOUT") as copy:
            return columns[0], b"".join(bytes(block) for block in copy)


@pytest.fixture(scope="session")
def _broom(environment: Mapping[str, str]) -> Iterator[_Broom]:
    broom = _Broom(environment["DATABASE_URL"])
    yield broom
    broom.close()


@pytest.fixture
def database(settings: Settings, clock: FixedClock, _broom: _Broom) -> Iterator[Database]:
    """The database of the process (`foundation.database.database()` too), as the migrations left it."""
    _broom.sweep()
    drop_all()
    database = Database(settings, clock)
    use_database(database)
    yield database
    use_database(None)
    database.dispose()


@pytest.fixture
def tx(database: Database) -> Iterator[Tx]:
    """An open transaction, rolled back at the end; what waits for a commit does not run."""

    with database.engine.connect() as connection:
        yield Tx(connection, database.clock.now())
        connection.rollback()


@pytest.fixture(scope="module")
def fresh_database(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment of a newly cloned database for one module: for servers of its own and for breaking things."""
    name = f"fresh_{secrets.token_hex(6)}"
    return _environment(servers, _clone(servers, name), tmp_path_factory.mktemp(name))


@pytest.fixture
def redis_url(servers: Servers) -> str:
    """The address of an empty Valkey."""
    assert servers.valkey is not None
    with redis.Redis.from_url(servers.valkey.url) as client:
        client.flushall()
    return servers.valkey.url


# ---------------------------------------------------------------------------------------------- the web


@pytest.fixture
def app(database: Database, redis_url: str) -> "Flask":
    """The web application with the rooms of all packages, on `database`."""
    from regulars.web import create_web_app

    return create_web_app()


@pytest.fixture
def http(app: "Flask") -> "Iterator[FlaskClient]":
    """A client that calls the application without a network."""
    with app.test_client() as client:
        yield client


@dataclass(frozen=True, slots=True)
class LiveServer:
    """gunicorn processes that serve `base_url`, on the database that `environment` names."""

    base_url: str
    environment: Mapping[str, str]
    process: "subprocess.Popen[bytes]"


@contextmanager
def serve(environment: Mapping[str, str], log: Path, processes: int = 1) -> Iterator[LiveServer]:
    """Run `regulars web` on a free port until the block ends. Fails with its log when it does not come up."""
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    variables = {
        **{name: value for name, value in os.environ.items() if name not in KEYS},
        **environment,
        "PORT": str(port),
        "WEB_PROCESSES": str(processes),
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "regulars", "web"],
            env=variables,
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_healthy(base_url, process, log)
        yield LiveServer(base_url, variables, process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _wait_until_healthy(base_url: str, process: "subprocess.Popen[bytes]", log: Path, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the web server ended: {log.read_text()[-3000:]}"
        try:
            with urlopen(f"{base_url}/healthz", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the web server did not answer in {timeout_s} s: {log.read_text()[-3000:]}")


@pytest.fixture(scope="module")
def live_server(fresh_database: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The application as a real server, one for a module, on `fresh_database`."""
    with serve(fresh_database, tmp_path_factory.mktemp("live") / "web.log") as server:
        yield server


# ---------------------------------------------------------------------------------------------- the browser


def _without_browser(reason: str) -> None:
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(f"REQUIRE_BROWSER=1, but {reason}")
    pytest.skip(f"BROWSER TEST SKIPPED: {reason}")


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """A headless Chromium of the machine. Skips loudly where there is none; REQUIRE_BROWSER=1 makes that an error."""
    program = next((found for name in CHROMIUM_NAMES if (found := shutil.which(name))), None)
    if program is None:
        _without_browser("no chromium is installed (Debian: apt-get install chromium fonts-noto-cjk)")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=SEEN_WITHIN_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(CHROMIUM_ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: "Browser") -> "Iterator[Callable[..., Page]]":
    """Make pages with their own cookies: new_page(locale="zh-CN", width=390)."""
    contexts = []

    def make(*, locale: str = "en-US", width: int = 1440, height: int = 900) -> "Page":
        context = browser.new_context(
            locale=locale, viewport={"width": width, "height": height}, has_touch=width < 600, is_mobile=width < 600
        )
        contexts.append(context)
        context.set_default_timeout(SEEN_WITHIN_MS)
        context.add_init_script(COMES_AND_GOES)
        return _opens_whatever_reloads(context.new_page())

    yield make
    for context in contexts:
        _end(context)


def _end(context: "BrowserContext") -> None:
    """Close a browser's window. A chromium that is told to while a page of it reloads itself may never answer."""
    from playwright.sync_api import Error

    for page in context.pages:
        with contextlib.suppress(Error):
            page.goto("about:blank", timeout=LEFT_WITHIN_MS)
    context.close()


def _opens_whatever_reloads(page: "Page") -> "Page":
    """The page, whose `goto` opens an address once more if a reload that was under way has overtaken it.

    Pages reload after what was pressed, and for their own news.
    """
    from playwright.sync_api import Error

    goto = page.goto

    def go(url: str, **options: Any) -> "Response | None":
        try:
            return goto(url, **options)
        except Error as error:
            if not any(words in error.message for words in OVERTAKEN):
                raise
        page.wait_for_load_state("load")
        return goto(url, **options)

    page.goto = go  # type: ignore[method-assign,assignment]
    return page


@pytest.fixture
def page(new_page: "Callable[..., Page]") -> "Page":
    """One page on a desktop, in English."""
    return new_page()
