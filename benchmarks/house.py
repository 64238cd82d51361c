"""A whole house for the length of a benchmark: servers from their wheels; web, relay and worker as in production."""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from regulars.running.account import server_account
from regulars.running.children import open_log, start_child, stop_child
from regulars.running.environment import adopt, given_environment
from regulars.running.keys import keep_secret
from regulars.running.migrating import migrate
from regulars.running.postgres import free_port
from regulars.running.servers import Servers, servers_under, started

# Not below the repository: the servers run as another account, which may be unable to reach it.
PLACE = Path("/var/tmp")
# Beat is left out: the bench calls the readers of events itself, in the product's rounds only.
BEHIND = ("relay", "worker")
STARTS_S = 60.0


@dataclass(frozen=True, slots=True)
class House:
    """What runs: `processes` by name, the pids whose children belong to them too."""

    environment: Mapping[str, str]
    directory: Path
    programs: Path
    database_url: str
    processes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Web:
    """gunicorn on a port of its own."""

    port: int
    pid: int


@contextmanager
def running_house() -> Iterator[House]:
    """Migrated, with everything behind the web running; gone at the end of the block."""
    directory = Path(tempfile.mkdtemp(prefix="regulars-bench-", dir=PLACE))
    directory.chmod(0o711)
    try:
        servers = servers_under(
            directory,
            server_account(),
            database_password=keep_secret(directory / "database_password", size=16),
            queue_password=keep_secret(directory / "queue_password", size=16),
            logs=directory,
        )
        with ExitStack() as stack:
            addresses = stack.enter_context(started(servers))
            environment = _environment(directory, addresses)
            adopt(environment)
            migrate(environment["DATABASE_URL"])
            pids = _server_pids(servers)
            for name in BEHIND:
                command = [sys.executable, "-m", "regulars", name]
                pids[name] = stack.enter_context(_process(command, environment, name)).pid
            assert servers.postgres is not None
            yield House(environment, directory, servers.postgres.programs, environment["DATABASE_URL"], pids)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _environment(directory: Path, addresses: Mapping[str, str]) -> dict[str, str]:
    metrics = directory / "metrics"
    metrics.mkdir()
    keys = {f"{name}_KEY": f"{n:02x}" * 32 for n, name in enumerate(("SECRET", "IDENTITY", "BLIND_INDEX", "SEAL"), 1)}
    return {
        **{name: value for name, value in given_environment().items() if not name.endswith("_KEY_FILE")},
        **keys,
        **addresses,
        "REGULARS_HOME": str(directory),
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        "LOG_LEVEL": "warning",
    }


def _server_pids(servers: Servers) -> dict[str, int]:
    running = {"postgresql": servers.postgres, "valkey": servers.valkey}
    return {name: server.process.pid for name, server in running.items() if server is not None and server.process}


@contextmanager
def _process(command: Sequence[str], environment: Mapping[str, str], name: str) -> Iterator["subprocess.Popen[bytes]"]:
    with open_log(Path(environment["REGULARS_HOME"]) / f"{name}.log") as output:
        process = start_child(command, environment=environment, output=output)
    try:
        yield process
    finally:
        stop_child(process, signal.SIGTERM, 20)


@contextmanager
def serving(house: House, module: str, name: str, **variables: str) -> Iterator[Web]:
    """`python -m module` as a web server with these variables, once it answers."""
    port = free_port()
    environment = {**house.environment, "PORT": str(port), **variables}
    with _process([sys.executable, "-m", *module.split()], environment, name) as process:
        _wait_until_it_answers(port, process, house.directory / f"{name}.log")
        yield Web(port, process.pid)


def _wait_until_it_answers(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + STARTS_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"{log.name} did not come up:\n{log.read_text(errors='replace')[-3000:]}")
