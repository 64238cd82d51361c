"""`regulars run`: the whole house under one parent."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from foundation.settings import Settings, get_settings
from regulars.running.children import open_log, start_child, stop_child
from regulars.running.environment import adopt, own_environment
from regulars.running.home import Home
from regulars.running.keys import keep_key_pair
from regulars.running.log_ins import LogIns, ensure_log_ins
from regulars.running.migrating import migrate
from regulars.running.postgres import free_port
from regulars.running.problems import CannotRun
from regulars.running.servers import EmbeddedServer, Servers, embedded_servers
from regulars.running.supervisor import Program, Supervisor

SERVERS = ("postgresql", "valkey")
# What runs beside the servers, by the name of its command.
PROCESSES = {
    "web": ["web"],
    "worker": ["worker"],
    "payments": ["worker", "--payments"],
    "beat": ["beat"],
    "relay": ["relay"],
}
STAND_IN_GATEWAY = "sms-gateway"
STAND_IN_ACQUIRER, STAND_IN_WALLET_APPS = "acquirer", "wallet-apps"
# Whose key pair: ours as a merchant, and the one of the wallet app that stands in.
ALIPAY_MERCHANT, ALIPAY_APP = "alipay_merchant", "alipay_app"
READY_TIMEOUT_S = 180.0
PORTS_END = 65536
DEMO_ATTEMPTS = 4
DEMO_PAUSE_S = 10.0
# PostgreSQL writes a checkpoint when it stops.
SERVER_STOP_S = 60.0
PROBE_TIMEOUT_S = 2.0


class Teller:
    """Says what happens, to the terminal and to logs/house.log, one line each."""

    def __init__(self, home: Home) -> None:
        self._log = home.logs / "house.log"

    def __call__(self, text: str) -> None:
        now = datetime.now().astimezone()
        print(f"{now:%H:%M:%S} {text}", flush=True)
        with open_log(self._log) as log:
            log.write(f"{now.isoformat(timespec='seconds')} {text}\n".encode())


def run_house(home: Home, given: Mapping[str, str], *, demo: bool, sales: bool, department: bool = True) -> None:
    """Start everything, keep it running until Ctrl-C or SIGTERM, stop everything.

    Raises CannotRun when it cannot start; then nothing is left running.
    """
    began = time.monotonic()
    with home.only_one():
        say = Teller(home)
        environment = own_environment(home, given, demo=demo and not home.no_demo.exists())
        refuse_taken_port(environment)
        stand_in = demo and _name_stand_in_gateway(environment)
        controls = _name_payment_stand_ins(home, environment) if demo else {}
        _clear(home.metrics)
        servers = embedded_servers(home, given)
        supervisor = Supervisor(say, on_change=home.note_processes)
        supervisor.listen()
        try:
            _start_servers(home, servers, supervisor, environment, say)
            settings = get_settings()
            _migrate(settings, say)
            demo = demo and not home.no_demo.exists()
            log_ins = ensure_log_ins(home, settings, base_url(settings)) if demo else None
            if stand_in:
                supervisor.add(_stand_in_gateway(home, environment, settings))
                say(
                    f"No SMS gateway is named, so a simulator stands in for one ({settings.sms_gateway_url}): "
                    "text messages go into its book and nowhere else"
                )
            for name, control in controls.items():
                supervisor.add(_payment_stand_in(name, control, home, environment))
                say(
                    f"No {name.replace('-', ' ').rstrip('s')} is named, so a simulator stands in for one and moves no "
                    f"money; its book and faults: http://127.0.0.1:{control}"
                )
            for name in PROCESSES:
                supervisor.add(_our_program(name, home, environment, settings))
            if not supervisor.wait_until(lambda: ready(settings), READY_TIMEOUT_S) and not supervisor.stopping:
                raise CannotRun(f"The web server is not ready after {READY_TIMEOUT_S:.0f} s; see {home.logs}/web.log.")
            if not supervisor.stopping:
                _welcome(settings, home, servers, log_ins, time.monotonic() - began, say)
                lacks = demo_lacks(home, department=department) if demo and sales else None
                _DemoRun(home, environment, say, lacks).keep_with(supervisor)
        finally:
            _stop(supervisor, home, say)


def base_url(settings: Settings) -> str:
    """Where a browser on this machine finds the house."""
    host = "127.0.0.1" if settings.web_host in ("0.0.0.0", "::") else settings.web_host  # noqa: S104
    return f"http://{host}:{settings.port}"


def ready(settings: Settings) -> bool:
    """Whether /readyz says that every part works."""
    return _answers(f"{base_url(settings)}/readyz", needed=200)


def refuse_taken_port(environment: Mapping[str, str]) -> None:
    """Raises CannotRun when somebody else listens where the web server should."""
    host, wished = environment.get("WEB_HOST") or "127.0.0.1", environment.get("PORT") or "8000"
    if not wished.isdecimal() or not 0 < int(wished) < PORTS_END:
        raise CannotRun(f"PORT must be a number from 1 to {PORTS_END - 1}, not {wished!r}.")
    port = int(wished)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotRun(
                f"Port {port} on {host} cannot be had ({error.strerror}): stop who has it, or choose another: "
                f"make run PORT={port + 1}"
            ) from None


def _start_servers(
    home: Home, servers: Servers, supervisor: Supervisor, environment: dict[str, str], say: Callable[[str], None]
) -> None:
    servers.prepare()
    # Each program takes its server over from here on, so that a failed start leaves nothing behind either.
    if (postgres := servers.postgres) is not None:
        try:
            postgres.start()
        finally:
            _take_over(supervisor, "postgresql", postgres)
        say(f"PostgreSQL runs as {postgres.account.name} on {postgres.directory}")
    if (valkey := servers.valkey) is not None:
        try:
            valkey.start()
        finally:
            _take_over(supervisor, "valkey", valkey)
    environment.update(servers.environment())
    adopt(environment)
    addresses = {name: environment[name] for name in ("DATABASE_URL", "REDIS_URL")}
    home.write_note(home.addresses, {"parent": os.getpid(), "BASE_URL": base_url(get_settings()), **addresses})


def _take_over(supervisor: Supervisor, name: str, server: EmbeddedServer) -> None:
    def again() -> subprocess.Popen[bytes]:
        server.prepare()
        return server.spawn()

    if server.process is not None:
        program = Program(name, again, server.log, stop_signal=server.stop_signal, stop_timeout_s=SERVER_STOP_S)
        program.process = server.process
        supervisor.add(program)


def _migrate(settings: Settings, say: Callable[[str], None]) -> None:
    before, after = migrate(settings.database_url)
    if before != after:
        say(f"The database was migrated from {before or 'nothing'} to {after}")


def _our_program(name: str, home: Home, environment: Mapping[str, str], settings: Settings) -> Program:
    log = home.logs / f"{name}.log"
    own = dict(environment)
    if name == "web":
        # Its processes add their counts up through files here (prometheus_client). Not the worker's: it makes new
        # processes all the time, and each would leave its files for ever.
        own["PROMETHEUS_MULTIPROC_DIR"] = str(home.metrics)

    def spawn() -> subprocess.Popen[bytes]:
        with open_log(log) as output:
            return start_child([sys.executable, "-m", "regulars", *PROCESSES[name]], environment=own, output=output)

    alive = (lambda: _answers(f"{base_url(settings)}/healthz", needed=None)) if name == "web" else None
    return Program(name, spawn, log, alive=alive)


def _name_stand_in_gateway(environment: dict[str, str]) -> bool:
    """Where the demo's gateway will be, for everybody to know; False where the operator named a real one."""
    if environment.get("SMS_GATEWAY_URL"):
        return False
    environment["SMS_GATEWAY_URL"] = f"http://127.0.0.1:{free_port()}"
    environment["SMS_GATEWAY_KEY"] = secrets.token_hex(16)
    return True


def _stand_in_gateway(home: Home, environment: Mapping[str, str], settings: Settings) -> Program:
    """A program of its own, as a gateway is: it reports to our web server and keeps its book over restarts."""
    log = home.logs / f"{STAND_IN_GATEWAY}.log"
    port = settings.sms_gateway_url.rpartition(":")[2]
    command = [sys.executable, "-m", "regulars.simulators.sms_gateway", "--port", port]
    command += ["--book", str(home.sms_book), "--report-to", base_url(settings)]

    def spawn() -> subprocess.Popen[bytes]:
        with open_log(log) as output:
            return start_child(command, environment=environment, output=output)

    return Program(STAND_IN_GATEWAY, spawn, log)


def _name_payment_stand_ins(home: Home, environment: dict[str, str]) -> dict[str, int]:
    """Where the demo's acquirer and wallet apps will be; the ports to steer those that the operator named none for."""
    controls: dict[str, int] = {}
    if not environment.get("ACQUIRER"):
        environment["ACQUIRER"] = f"127.0.0.1:{free_port()}"
        controls[STAND_IN_ACQUIRER] = port = free_port()
        environment["ACQUIRER_FILES"] = f"http://127.0.0.1:{port}/daily/{{day}}.csv"
    if not environment.get("WALLET_APPS_URL"):
        environment["WALLET_APPS_URL"] = f"http://127.0.0.1:{free_port()}"
        environment["WALLET_APPS_KEY"] = secrets.token_hex(16)
        environment["ALIPAY_PRIVATE_KEY_FILE"] = str(keep_key_pair(home.keys, ALIPAY_MERCHANT)[0])
        environment["ALIPAY_PUBLIC_KEY_FILE"] = str(keep_key_pair(home.keys, ALIPAY_APP)[1])
        controls[STAND_IN_WALLET_APPS] = free_port()
    return controls


def _payment_stand_in(name: str, control: int, home: Home, environment: Mapping[str, str]) -> Program:
    """A program of its own, as a bank is: it keeps its book over restarts."""
    acquirer = name == STAND_IN_ACQUIRER
    address = environment["ACQUIRER" if acquirer else "WALLET_APPS_URL"]
    log = home.logs / f"{name}.log"
    command = [sys.executable, "-m", f"regulars.simulators.{name.replace('-', '_')}"]
    command += ["--port", address.rpartition(":")[2], "--control", str(control)]
    command += ["--book", str(home.acquirer_book if acquirer else home.wallet_apps_book)]
    if not acquirer:
        private, public = keep_key_pair(home.keys, ALIPAY_APP)[0], keep_key_pair(home.keys, ALIPAY_MERCHANT)[1]
        command += ["--alipay-key", str(private), "--alipay-merchant", str(public)]

    def spawn() -> subprocess.Popen[bytes]:
        with open_log(log) as output:
            return start_child(command, environment=environment, output=output)

    return Program(name, spawn, log)


def _answers(url: str, needed: int | None) -> bool:
    try:
        with urlopen(url, timeout=PROBE_TIMEOUT_S) as answer:  # noqa: S310 (an address of our own)
            return needed is None or answer.status == needed
    except HTTPError as error:
        return needed is None or error.code == needed
    except (URLError, OSError):
        return False


def _clear(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700, parents=True)


def _stop(supervisor: Supervisor, home: Home, say: Callable[[str], None]) -> None:
    if supervisor.programs:
        say("Stopping")
    supervisor.stop(keep=SERVERS)
    supervisor.stop(keep=("postgresql",))
    supervisor.stop()
    home.processes.unlink(missing_ok=True)
    home.addresses.unlink(missing_ok=True)
    say("Stopped")


def _welcome(
    settings: Settings,
    home: Home,
    servers: Servers,
    log_ins: LogIns | None,
    took_s: float,
    say: Callable[[str], None],
) -> None:
    address = base_url(settings)
    lines = [
        "",
        f"  Regulars is ready after {took_s:.1f} s:  {address}/",
        f"  API      {address}/docs   {address}/openapi.json",
        f"  Watch    {address}/readyz   {address}/metrics   logs in {home.logs}",
    ]
    if log_ins is not None:
        lines.append(f"  Log in   {log_ins.username}   {log_ins.password}")
        lines.append(f"  Machines' credentials (till, handheld, desk, erp): {home.credentials}")
    if servers.postgres is not None and servers.postgres.directory.parent != home.root:
        lines.append(
            f"  The account {servers.postgres.account.name}, which runs PostgreSQL, cannot enter {home.root}; "
            f"the data are in {servers.postgres.directory.parent}"
        )
    lines.append("  Ctrl-C stops everything.")
    say("Ready")
    print("\n".join([*lines, ""]), flush=True)


def demo_lacks(home: Home, *, department: bool) -> list[str] | None:
    """What the demo still lacks, as options of `regulars demo`; None where it is whole."""
    groceries, department = not home.demo_mark.exists(), department and not home.department_mark.exists()
    if not groceries and not department:
        return None
    return ([] if groceries else ["--no-groceries"]) + ([] if department else ["--no-department"])


class _DemoRun:
    """Posts the demo beside the running house, once; its progress shows on the terminal.

    A demo that stops, because the web was killed, say, goes on a little later: every answer it got is kept.
    """

    def __init__(
        self, home: Home, environment: Mapping[str, str], say: Callable[[str], None], options: Sequence[str] | None
    ) -> None:
        """`options` of `regulars demo`; None: it is not to be posted."""
        self._home, self._environment, self._say = home, environment, say
        self._options = options or ()
        self._attempts_left = DEMO_ATTEMPTS if options is not None else 0
        self._process: subprocess.Popen[bytes] | None = None
        self._due_at = self._began = time.monotonic()

    def keep_with(self, supervisor: Supervisor) -> None:
        """Look after the house until it is told to stop and, meanwhile, the demo."""
        try:
            supervisor.run(self._look)
        finally:
            if self._process is not None:
                stop_child(self._process, signal.SIGTERM, 5)

    def _look(self) -> None:
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            self._ended(self._process.returncode, now)
        elif self._process is None and self._attempts_left and now >= self._due_at:
            self._attempts_left -= 1
            self._process = start_child(
                [sys.executable, "-m", "regulars", "demo", "--home", str(self._home.root), *self._options],
                environment=self._environment,
            )

    def _ended(self, code: int, now: float) -> None:
        self._process = None
        if code == 0:
            self._attempts_left = 0
            self._say(f"The demo is complete, {now - self._began:.0f} s after the house was ready")
        elif self._attempts_left:
            self._due_at = now + DEMO_PAUSE_S
            self._say(f"The demo stopped (exit {code}) and goes on in {DEMO_PAUSE_S:.0f} s")
        else:
            self._say(f"The demo was not posted completely (exit {code}); the next start goes on with it")
