"""The embedded servers together: prepared, started and stopped as a pair, or one of them when the other is given."""

import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from regulars.running.account import Account, owner_of, server_account
from regulars.running.home import Home
from regulars.running.keys import keep_secret
from regulars.running.postgres import PostgresServer
from regulars.running.valkey import ValkeyServer
from regulars.running.wheels import postgres_programs, valkey_program, within_reach


class EmbeddedServer(Protocol):
    """What a supervisor needs of a server: `prepare` then `spawn` start it again after it died."""

    log: Path

    @property
    def process(self) -> subprocess.Popen[bytes] | None: ...

    @property
    def stop_signal(self) -> signal.Signals: ...

    def prepare(self) -> None: ...

    def spawn(self) -> subprocess.Popen[bytes]: ...


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers we bring ourselves; None stands for one that the operator has given."""

    postgres: PostgresServer | None
    valkey: ValkeyServer | None

    def prepare(self) -> None:
        if self.postgres is not None:
            self.postgres.prepare()
        if self.valkey is not None:
            self.valkey.prepare()

    def environment(self) -> dict[str, str]:
        """The addresses to hand to our processes. Valid after `prepare`."""
        addresses: dict[str, str] = {}
        if self.postgres is not None:
            addresses["DATABASE_URL"] = self.postgres.url
        if self.valkey is not None:
            addresses["REDIS_URL"] = self.valkey.url
        return addresses

    def start(self) -> None:
        if self.postgres is not None:
            self.postgres.start()
        if self.valkey is not None:
            self.valkey.start()

    def stop(self) -> None:
        if self.valkey is not None:
            self.valkey.stop()
        if self.postgres is not None:
            self.postgres.stop()


def embedded_servers(home: Home, given: Mapping[str, str]) -> Servers:
    """The servers the house needs of its own: none of those whose address is given."""
    if given.get("DATABASE_URL") and given.get("REDIS_URL"):
        return Servers(None, None)
    account = server_account()
    directory = home.servers_directory(account)
    account = owner_of(directory / "postgresql", account)
    return servers_under(
        directory,
        account,
        database_password=None if given.get("DATABASE_URL") else keep_secret(home.keys / "database_password", size=16),
        queue_password=None if given.get("REDIS_URL") else keep_secret(home.keys / "queue_password", size=16),
        logs=home.logs,
    )


def servers_under(
    directory: Path,
    account: Account,
    *,
    database_password: str | None,
    queue_password: str | None,
    logs: Path,
    configuration: Mapping[str, str] | None = None,
) -> Servers:
    """Servers with their data below `directory`; one without a password is left out."""
    postgres = valkey = None
    if database_password is not None:
        programs = within_reach(postgres_programs() / "postgres", account, directory).parent
        postgres = PostgresServer(
            directory / "postgresql",
            account,
            programs,
            database_password,
            logs / "postgresql.log",
            configuration=configuration or {},
        )
    if queue_password is not None:
        valkey = ValkeyServer(
            directory / "valkey",
            account,
            within_reach(valkey_program(), account, directory),
            queue_password,
            logs / "valkey.log",
        )
    return Servers(postgres, valkey)


@contextmanager
def started(servers: Servers) -> Iterator[dict[str, str]]:
    """The servers up for the length of a block; yields their addresses."""
    servers.prepare()
    try:
        servers.start()
        yield servers.environment()
    finally:
        servers.stop()
