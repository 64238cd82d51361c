"""REGULARS_HOME: where the running house keeps its data, keys, logs and the note of what is running.

keys/                     the secrets, one a file (see keys.py); back these up, apart from the database
postgresql/ valkey/       data of the embedded servers (elsewhere when their account cannot come in here)
servers-directory         says where, in that case
logs/                     one file a process, two generations of 16 MiB each
run/                      processes.json and addresses.json while running, the lock, metrics of the web processes
demo-credentials.json     log-ins of the demo
demo-progress.json        how far the demo was posted, and by how many weeks its dates were moved
demo-loaded.json          that it was posted completely
sms-book.jsonl            what phones would have got: the book of the demo's SMS gateway, which sends nothing
no-demo                   a backup was restored here: no demo, no demo log-ins
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from regulars.running.account import Account, can_reach
from regulars.running.children import is_alive
from regulars.running.postgres import directory_name
from regulars.running.problems import CannotRun

SPARE_ROOT = Path("/var/lib/regulars")


@dataclass(frozen=True, slots=True)
class Home:
    """The paths below REGULARS_HOME."""

    root: Path

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def metrics(self) -> Path:
        return self.run / "metrics"

    @property
    def credentials(self) -> Path:
        return self.root / "demo-credentials.json"

    @property
    def demo_mark(self) -> Path:
        return self.root / "demo-loaded.json"

    @property
    def department_mark(self) -> Path:
        return self.root / "demo-department-loaded.json"

    @property
    def acquirer_book(self) -> Path:
        """What the simulator of an acquirer booked."""
        return self.root / "acquirer-book.jsonl"

    @property
    def wallet_apps_book(self) -> Path:
        """What the simulator of wallet apps booked."""
        return self.root / "wallet-apps-book.jsonl"

    @property
    def sms_book(self) -> Path:
        return self.root / "sms-book.jsonl"

    @property
    def no_demo(self) -> Path:
        return self.root / "no-demo"

    @property
    def processes(self) -> Path:
        return self.run / "processes.json"

    @property
    def addresses(self) -> Path:
        return self.run / "addresses.json"

    @property
    def servers_note(self) -> Path:
        return self.root / "servers-directory"

    def prepare(self) -> None:
        """Make what is missing. The servers' account may walk through the root directory, but not read it."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o711 if os.geteuid() == 0 else 0o700)
        for directory in (self.keys, self.logs, self.run):
            directory.mkdir(mode=0o700, exist_ok=True)

    def servers_directory(self, account: Account) -> Path:
        """Where the embedded servers keep their data: here, or a directory their account can reach.

        The choice is written down, so that later starts find the data even when permissions have changed meanwhile.
        """
        if self.servers_note.exists():
            return Path(self.servers_note.read_text().strip())
        if can_reach(account, self.root):
            chosen = self.root
        else:
            chosen = SPARE_ROOT / directory_name(self.root)
            if chosen.exists():
                # Of a home in this place that was thrown away, with the keys that open those data.
                chosen = chosen.with_name(f"{chosen.name}-{secrets.token_hex(3)}")
            chosen.mkdir(parents=True, exist_ok=True)
            for directory in (SPARE_ROOT, chosen):
                directory.chmod(0o711)
            if not can_reach(account, chosen):
                raise CannotRun(
                    f"The account {account.name} can reach neither {self.root} nor {chosen}: "
                    "set REGULARS_HOME to a directory it can enter."
                )
            self.servers_note.write_text(f"{chosen}\n")
        return chosen

    def has_data(self) -> bool:
        """Whether an embedded database was made for this home."""
        directory = Path(self.servers_note.read_text().strip()) if self.servers_note.exists() else self.root
        return (directory / "postgresql" / "data" / "PG_VERSION").exists()

    @contextmanager
    def only_one(self) -> Iterator[None]:
        """Hold the house for this process. The kernel drops the lock with the process, so it is never stale.

        Raises CannotRun when another process holds it.
        """
        self.run.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.run / "lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise CannotRun(
                    f"Regulars runs already on {self.root} (pid {file.read().strip() or 'unknown'}): "
                    "`regulars status` tells more; stop that one, or set REGULARS_HOME to another directory."
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def write_note(self, path: Path, note: Mapping[str, object]) -> None:
        """Write a JSON note that only the owner reads, whole or not at all."""
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(note, file, indent=2, ensure_ascii=False)
            file.write("\n")
        unfinished.rename(path)

    def note_processes(self, pids: Mapping[str, int]) -> None:
        """Write down what runs now, for `regulars status` and for whoever wants to kill something on purpose."""
        self.write_note(self.processes, {"parent": os.getpid(), **pids})

    def running_addresses(self) -> dict[str, str] | None:
        """DATABASE_URL, REDIS_URL and BASE_URL of the house that runs now, or None when it is down."""
        try:
            note = json.loads(self.addresses.read_text())
        except (OSError, ValueError):
            return None
        if not is_alive(int(note["parent"])):
            return None
        return {name: str(note[name]) for name in ("DATABASE_URL", "REDIS_URL", "BASE_URL")}

    def running_processes(self) -> dict[str, int]:
        """Name and pid of every process of the running house; empty when it is down."""
        try:
            note: dict[str, int] = json.loads(self.processes.read_text())
        except (OSError, ValueError):
            return {}
        return {name: pid for name, pid in note.items() if pid and is_alive(pid)}
