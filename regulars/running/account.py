"""Which system account the embedded servers run as, and whether it can reach their files.

PostgreSQL refuses to run as root. When root starts the house, the servers run as an account that exists already
(`regulars`, else `postgres`, else `nobody`): starting a shop's software must not change the machine's user list,
nor open a private directory such as /root to everybody.
"""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from regulars.running.problems import CannotRun

CANDIDATES = ("regulars", "postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A system account. `switch` is false when we are that account already and cannot become another."""

    name: str
    uid: int
    gid: int
    switch: bool

    def own(self, path: Path) -> None:
        """Give one file or directory to the account."""
        if self.switch:
            os.chown(path, self.uid, self.gid)


def server_account() -> Account:
    """The account for the embedded servers: our own, or an unprivileged one when we are root.

    Raises CannotRun when we are root and the machine has none of the candidates.
    """
    if os.geteuid() != 0:
        # A container may run under a uid without a name; then its number has to do.
        uid = os.geteuid()
        try:
            name = pwd.getpwuid(uid).pw_name
        except KeyError:
            raise CannotRun(
                f"User id {uid} has no name on this machine and PostgreSQL wants one: add it to /etc/passwd, "
                "or set DATABASE_URL and REDIS_URL to servers of your own."
            ) from None
        return Account(name, uid, os.getegid(), switch=False)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid, switch=True)
    raise CannotRun(
        f"PostgreSQL does not run as root and none of {', '.join(CANDIDATES)} exists: add a user 'regulars'."
    )


def owner_of(directory: Path, otherwise: Account) -> Account:
    """The account that owns a data directory already, so that another start does not lock itself out."""
    if not otherwise.switch or not directory.exists():
        return otherwise
    uid = directory.stat().st_uid
    if uid in (0, otherwise.uid):
        return otherwise
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise CannotRun(f"{directory} belongs to user id {uid}, which does not exist on this machine.") from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)


def can_reach(account: Account, path: Path) -> bool:
    """Whether the account can walk into `path` (or its nearest existing parent); the kernel answers."""
    while not path.exists() and path != path.parent:
        path = path.parent
    if not account.switch:
        return os.access(path, os.X_OK)
    probe = subprocess.run(
        ["/bin/sh", "-c", 'cd "$1"', "sh", str(path if path.is_dir() else path.parent)],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        env={},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=10,
    )
    return probe.returncode == 0
