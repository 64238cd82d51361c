"""The parent that keeps its programs running."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from regulars.running.children import is_alive, open_log, start_child, trim_log
from regulars.running.problems import CannotRun
from regulars.running.supervisor import PAUSE_FIRST_S, Program, Supervisor

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(said: list[str]) -> Iterator[Supervisor]:
    supervisor = Supervisor(said.append)
    yield supervisor
    supervisor.stop()


def _program(tmp_path: Path, name: str = "shop", command: list[str] | None = None) -> Program:
    def spawn() -> "subprocess.Popen[bytes]":
        with open_log(tmp_path / f"{name}.log") as output:
            return start_child(command or SLEEP, environment=dict(os.environ), output=output)

    return Program(name, spawn, tmp_path / f"{name}.log", stop_timeout_s=5)


def _until(true: Callable[[], bool], supervisor: Supervisor, timeout_s: float = 15) -> None:
    assert supervisor.wait_until(true, timeout_s), "did not happen in time"


def test_a_program_that_is_killed_starts_again_after_a_pause(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    program = _program(tmp_path)
    supervisor.add(program)
    assert program.process is not None
    first = program.process.pid
    killed_at = time.monotonic()
    os.kill(first, signal.SIGKILL)
    _until(lambda: program.running and program.process is not None and program.process.pid != first, supervisor)
    assert time.monotonic() - killed_at >= PAUSE_FIRST_S
    assert [line for line in said if "shop died (signal SIGKILL)" in line]


def test_a_program_that_keeps_dying_waits_longer_each_time(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    program = _program(tmp_path, command=[sys.executable, "-c", "raise SystemExit(3)"])
    supervisor.add(program)
    _until(lambda: len(said) >= 3, supervisor)
    assert ["in 0.5 s" in said[0], "in 1 s" in said[1], "in 2 s" in said[2]] == [True, True, True]
    assert "(exit 3)" in said[0]


def test_a_program_that_dies_without_end_is_tried_once_a_minute_and_never_given_up(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    program = _program(tmp_path)
    now, pause = 1_000.0, 0.0
    for _ in range(40):
        program.starts.append(now)
        pause = supervisor._postpone(program, now)
        now += 1
    assert pause == 60.0
    assert supervisor._postpone(program, now + 3_600) == 30.0


def test_what_cannot_even_be_started_is_said_and_tried_again(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    attempts: list[int] = []

    def spawn() -> "subprocess.Popen[bytes]":
        attempts.append(1)
        if len(attempts) == 1:
            raise CannotRun("the disk is full")
        return start_child(SLEEP, environment=dict(os.environ))

    program = Program("shop", spawn, tmp_path / "shop.log", stop_timeout_s=5)
    supervisor.add(program)
    _until(lambda: program.running, supervisor)
    assert said == ["shop could not be started: the disk is full"]


def test_stopping_ends_every_program_and_kills_the_one_that_will_not(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    deaf = [
        sys.executable,
        "-c",
        "import signal as s, time; s.signal(s.SIGTERM, s.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
    ]
    programs = [_program(tmp_path, "polite"), _program(tmp_path, "deaf", deaf)]
    programs[1].stop_timeout_s = 0.5
    for program in programs:
        supervisor.add(program)
    pids = [program.process.pid for program in programs if program.process]
    _until(lambda: "deaf" in (tmp_path / "deaf.log").read_text(), supervisor)
    supervisor.stop()
    assert [is_alive(pid) for pid in pids] == [False, False]
    assert said == ["deaf did not stop within 0 s and was killed"]


def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                """
                import os, sys, time
                from regulars.running.children import start_child
                child = start_child(["/bin/sleep", "600"], environment=dict(os.environ))
                print(child.pid, flush=True)
                time.sleep(600)
                """
            ),
        ],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_alive(child)
    parent.kill()
    parent.wait(10)
    deadline = time.monotonic() + 10
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(child)


def test_a_log_stays_within_its_bound_and_keeps_one_generation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regulars.running.children.LOG_BYTES_MAX", 100)
    log = tmp_path / "web.log"
    with open_log(log) as output:
        output.write(b"x" * 200)
        trim_log(log)
        output.write(b"after")
    assert log.read_bytes() == b"after"
    assert (tmp_path / "web.log.1").read_bytes() == b"x" * 200
