"""Child processes that do not outlive their parent."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from regulars.running.account import Account

PR_SET_PDEATHSIG = 1
LOG_BYTES_MAX = 16 * 1024 * 1024
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None


def die_with_parent(
    stop_signal: signal.Signals, *, parent: int | None = None, own_group: bool = True
) -> Callable[[], None]:
    """What a child does before it becomes its program: lead its own group, and ask the kernel for a signal when its
    parent dies, even by kill -9. Linux only; elsewhere the next start clears away what was left.

    Call it in the parent and its answer in the child; a child that calls both names its `parent`.

    The kernel watches the *thread* that started the child, so children are started from the main thread.
    """
    expected = os.getpid() if parent is None else parent

    def prepare() -> None:
        # A parent may hold signals back to ask for them itself; its children must not inherit that.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        # Its own group, so that Ctrl-C reaches the parent alone, which then stops everything in order.
        if own_group:
            os.setpgid(0, 0)
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
            if os.getppid() != expected:
                os.kill(os.getpid(), stop_signal)

    return prepare


def start_child(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    stop_signal: signal.Signals = signal.SIGTERM,
    output: IO[bytes] | int | None = None,
    account: Account | None = None,
    directory: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program that dies with us. `output` takes both its streams; None leaves them on ours."""
    switch = account is not None and account.switch
    return subprocess.Popen(
        list(command),
        env=dict(environment),
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        user=account.uid if switch and account else None,
        group=account.gid if switch and account else None,
        extra_groups=[] if switch else None,
        # Safe here: children are started from the main thread of a parent that has no other.
        preexec_fn=die_with_parent(stop_signal),  # noqa: PLW1509
    )


def open_log(path: Path) -> IO[bytes]:
    """A log to append to; what is too large is put aside first, one generation back."""
    if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
        path.replace(path.with_name(f"{path.name}.1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    return os.fdopen(descriptor, "ab", buffering=0)


def trim_log(path: Path) -> None:
    """Keep a log within its bound while it is written: its content moves one generation back, the file starts again.

    The writer appends, so it goes on at the new beginning; a line written in between is lost, which a log can bear.
    """
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > LOG_BYTES_MAX:
            shutil.copyfile(path, path.with_name(f"{path.name}.1"))
            os.truncate(path, 0)


def is_alive(pid: int) -> bool:
    """Whether a process of this number exists and is not a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with contextlib.suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return state[:1] != ["Z"]
    return True


def command_of(pid: int) -> str:
    """The command line of a process, or an empty string where the machine does not tell."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return ""


def stop_child(child: subprocess.Popen[bytes], stop_signal: signal.Signals, timeout_s: float) -> bool:
    """Ask a child to stop and wait; kill it, with its group, when it does not. True when it stopped by itself."""
    if child.poll() is not None:
        return True
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(stop_signal)
    try:
        child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.kill()
        child.wait(10)
        return False
    return True
