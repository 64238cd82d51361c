"""The application with the rooms of all packages, and what the processes register."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from foundation.queues import QUEUES, QueueName, queue
from regulars.running.house import PROCESSES
from regulars.running.migrating import newest_revision
from regulars.running.workers import queues_of, register_everything

ROOT = Path(__file__).parents[2]
MAKE_APP = """
import os, threading
from regulars.web import create_web_app

create_web_app()
files = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
sockets = [file for file in files if "socket:" in file]
print(len(sockets), threading.active_count())
"""


def test_making_the_application_opens_no_connection_and_no_thread_so_that_it_may_be_forked(
    environment: Mapping[str, str],
) -> None:
    made = subprocess.run(
        [sys.executable, "-c", MAKE_APP],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert made.stdout.split() == ["0", "1"], made.stdout + made.stderr


def test_every_task_goes_to_a_queue_that_a_worker_listens_to() -> None:
    register_everything()
    listened_to = [queue for payments in (False, True) for queue in queues_of(payments=payments)]
    assert sorted(listened_to) == sorted(QueueName)
    assert all(command in PROCESSES.values() for command in (["worker"], ["worker", "--payments"]))
    assert set(QUEUES.values()) <= set(QueueName)
    unknown = {name for name in QUEUES if name not in queue.tasks}
    assert not unknown, f"a queue is named for tasks that nobody registers: {unknown}"


def test_every_periodic_task_is_registered() -> None:
    register_everything()
    for entry in queue.conf.beat_schedule.values():
        assert entry["task"] in queue.tasks


def test_the_migrations_have_one_head() -> None:
    assert newest_revision() is not None
