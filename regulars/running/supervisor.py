"""One parent that keeps its programs running: starts them in order, restarts one that dies, stops them all.

Everything happens in one thread: a round every `ROUND_S` looks at every child. A program that dies is started again
after a pause that doubles from half a second to half a minute, and no more than `STARTS_MAX` times within
`STARTS_WINDOW_S`; beyond that once in `SLOW_S`. A till must find its server again, so nobody is given up.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from regulars.running.children import command_of, trim_log
from regulars.running.problems import CannotRun

ROUND_S = 0.1
PAUSE_FIRST_S = 0.5
PAUSE_MAX_S = 30.0
STEADY_S = 60.0
STARTS_MAX = 20
STARTS_WINDOW_S = 600.0
SLOW_S = 60.0
TRIM_EVERY_S = 60.0
PROBE_EVERY_S = 10.0
# A server that has not answered for this long although it runs is taken for hanging.
HANGING_S = 90.0

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Say = Callable[[str], None]


@dataclass(slots=True)
class Program:
    """Something to keep running.

    `spawn` starts it and returns at once; `alive` says whether it does its work (asked every ten seconds, must answer
    within two); None means that running is enough. `stop_timeout_s` is how long it may take to end by itself.
    """

    name: str
    spawn: Callable[[], subprocess.Popen[bytes]]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 15.0
    alive: Callable[[], bool] | None = None
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    pause_s: float = PAUSE_FIRST_S
    answered_at: float = 0.0
    probed_at: float = 0.0
    starts: deque[float] = field(default_factory=lambda: deque(maxlen=STARTS_MAX))

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


@dataclass(slots=True)
class Supervisor:
    """Keeps programs running until told to stop. `say` gets one line per thing that happened."""

    say: Say
    on_change: Callable[[Mapping[str, int]], None] = lambda _pids: None
    programs: list[Program] = field(default_factory=list)
    stopping: bool = False
    _signals: int = 0
    _waits_for_signals: bool = False
    _trimmed_at: float = 0.0

    def add(self, program: Program) -> None:
        """Start a program and keep it running; one that runs already (`process` set) is taken over."""
        self.programs.append(program)
        if program.process is None:
            self._start(program)
        else:
            self._note_start(program)

    def listen(self) -> None:
        """Take Ctrl-C, SIGTERM and SIGHUP as the wish to stop; a second one as haste.

        On Linux they wait until a round asks for them, and then tell who sent them: the operator will want to know.
        """
        if hasattr(signal, "sigtimedwait"):
            signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
            self._waits_for_signals = True
            return
        for number in STOP_SIGNALS:
            signal.signal(number, lambda number, _frame: self._on_signal(signal.Signals(number), 0))

    def run(self, each_round: Callable[[], None] = lambda: None) -> None:
        """Look after the programs until a signal comes. `each_round` is called ten times a second."""
        while not self.stopping:
            self.round()
            each_round()
            self._pause(ROUND_S)

    def round(self) -> None:
        """One look at every program."""
        now = time.monotonic()
        for program in self.programs:
            if self.stopping:
                return
            if program.running:
                self._look_after(program, now)
            elif program.process is not None:
                self._note_death(program, now)
            elif now >= program.due_at:
                self._start(program)
        if now - self._trimmed_at > TRIM_EVERY_S:
            self._trimmed_at = now
            for program in self.programs:
                trim_log(program.log)

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> bool:
        """Look after the programs until `ready()` or the time is up; whether it became ready."""
        deadline = time.monotonic() + timeout_s
        while not self.stopping and time.monotonic() < deadline:
            if ready():
                return True
            self.round()
            self._pause(ROUND_S)
        return False

    def stop(self, *, keep: Sequence[str] = ()) -> None:
        """Stop everything but `keep`: those of the same stop time together, servers that others need afterwards."""
        self.stopping = True
        leaving = [program for program in self.programs if program.name not in keep and program.running]
        for program in leaving:
            self._signal(program)
        for program in leaving:
            assert program.process is not None
            if not self._wait(program):
                self.say(f"{program.name} did not stop within {program.stop_timeout_s:.0f} s and was killed")
        self.programs = [program for program in self.programs if program.name in keep]
        self._tell_pids()

    def _pause(self, seconds: float) -> None:
        """Wait a little, or until somebody wants us to stop."""
        if not self._waits_for_signals:
            time.sleep(seconds)
        elif (told := signal.sigtimedwait(STOP_SIGNALS, seconds)) is not None:
            self._on_signal(signal.Signals(told.si_signo), told.si_pid)

    def _on_signal(self, number: signal.Signals, sender: int) -> None:
        self._signals += 1
        self.stopping = True
        self.say(f"Told to stop by {number.name}" + (f" from pid {sender} ({command_of(sender)})" if sender else ""))

    def _signal(self, program: Program) -> None:
        if program.process is not None:
            with contextlib.suppress(ProcessLookupError):
                program.process.send_signal(program.stop_signal)

    def _wait(self, program: Program) -> bool:
        """Wait for one that was told to stop; a second Ctrl-C ends the patience."""
        process = program.process
        assert process is not None
        deadline = time.monotonic() + program.stop_timeout_s
        while process.poll() is None and time.monotonic() < deadline and self._signals < 2:
            self._pause(0.05)
        if process.poll() is not None:
            return True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait(10)
        return False

    def _start(self, program: Program) -> None:
        try:
            program.process = program.spawn()
        except (CannotRun, OSError) as error:
            self.say(f"{program.name} could not be started: {error}")
            program.process = None
            self._postpone(program, time.monotonic())
            return
        self._note_start(program)

    def _note_start(self, program: Program) -> None:
        now = time.monotonic()
        program.started_at = program.answered_at = program.probed_at = now
        program.starts.append(now)
        self._tell_pids()

    def _note_death(self, program: Program, now: float) -> None:
        assert program.process is not None
        code = program.process.returncode
        # What it started goes with it: a dead parent's workers would keep its port.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(program.process.pid, signal.SIGTERM)
        program.process = None
        if now - program.started_at > STEADY_S:
            program.pause_s = PAUSE_FIRST_S
        pause = self._postpone(program, now)
        cause = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit {code}"
        self.say(f"{program.name} died ({cause}); starting it again in {pause:g} s; its log: {program.log}")
        self._tell_pids()

    def _postpone(self, program: Program, now: float) -> float:
        pause = program.pause_s
        program.pause_s = min(program.pause_s * 2, PAUSE_MAX_S)
        if len(program.starts) == STARTS_MAX and now - program.starts[0] < STARTS_WINDOW_S:
            pause = SLOW_S
        program.due_at = now + pause
        return pause

    def _look_after(self, program: Program, now: float) -> None:
        if program.alive is None or now - program.probed_at < PROBE_EVERY_S:
            return
        program.probed_at = now
        if program.alive():
            program.answered_at = now
        elif now - program.answered_at > HANGING_S:
            self.say(f"{program.name} has not answered for {now - program.answered_at:.0f} s; killing it")
            assert program.process is not None
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(program.process.pid, signal.SIGKILL)

    def _tell_pids(self) -> None:
        self.on_change({p.name: p.process.pid for p in self.programs if p.running and p.process is not None})
