"""The processes behind the web: Celery worker, Celery beat, and the relay of events."""

import importlib
import os
import pkgutil
import signal
import threading
from types import FrameType

from celery.signals import setup_logging, worker_process_init

from foundation.database import database, use_database
from foundation.events import run_relay
from foundation.live import Teller
from foundation.logging import configure_logging
from foundation.queues import QueueName, configure_queue, wake_subscribers
from foundation.settings import Settings, get_settings
from regulars.running.children import die_with_parent
from regulars.running.home import Home

PACKAGES = ("foundation", "organisation", "member_api", "pos_adapter", "analytics", "marketing", "regulars")
# Rooms that register something when they are imported: Celery tasks, readers of events, checks, what pages are told.
REGISTERING_ROOMS = ("tasks", "subscribers", "checks", "live")
WORKER_PROCESSES = 2
PAYMENT_THREADS = 8
TASKS_PER_CHILD = 2_000
# A process that has scored is followed by a new one: what scoring needed would stay with it for good.
MEMORY_PER_CHILD_KB = 1_000_000
PROCESSES = (
    *("--concurrency", str(WORKER_PROCESSES)),
    *("--max-tasks-per-child", str(TASKS_PER_CHILD)),
    *("--max-memory-per-child", str(MEMORY_PER_CHILD_KB)),
)
THREADS = ("--pool", "threads", "--concurrency", str(PAYMENT_THREADS))


def register_everything() -> list[str]:
    """Import every room that registers tasks, subscribers or checks; returns their names."""
    imported = []
    for package in PACKAGES:
        paths = importlib.import_module(package).__path__
        for room in pkgutil.walk_packages(paths, prefix=f"{package}."):
            if room.name.rpartition(".")[2] in REGISTERING_ROOMS:
                importlib.import_module(room.name)
                imported.append(room.name)
    return imported


def run_worker(settings: Settings, *, payments: bool = False) -> None:
    """Work on the queues until told to stop. A task that was under way is given again to another worker.

    Payments have workers of their own: somebody stands at a counter and waits. They wait for banks, so these are
    threads; all else is work, for processes.
    """
    register_everything()
    _log_as_the_house_does(settings)
    worker_process_init.connect(_after_fork, weak=False)
    configure_queue().worker_main(
        [
            "worker",
            *("--loglevel", settings.log_level),
            *(THREADS if payments else PROCESSES),
            *("--queues", ",".join(queue.value for queue in queues_of(payments=payments))),
            *("--hostname", f"regulars-{'payments-' if payments else ''}{os.getpid()}@%h"),
            *("--without-gossip", "--without-mingle"),
        ]
    )


def queues_of(*, payments: bool) -> list[QueueName]:
    """What a worker listens to."""
    return [queue for queue in QueueName if (queue is QueueName.PAYMENTS) is payments]


def _log_as_the_house_does(settings: Settings) -> None:
    """Whoever takes this signal sets the logs up; Celery then leaves them alone."""
    setup_logging.connect(lambda **_: configure_logging(settings.log_level), weak=False)


def _after_fork(**_facts: object) -> None:
    use_database(None)
    die_with_parent(signal.SIGTERM, parent=os.getppid(), own_group=False)()


def run_beat(settings: Settings, home: Home) -> None:
    """Send the periodic tasks. One for the whole house; with two, everything is sent twice (harmless, but waste)."""
    register_everything()
    _log_as_the_house_does(settings)
    home.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    configure_queue().Beat(loglevel=settings.log_level, schedule=str(home.run / "beat-schedule"), pidfile=None).run()


def run_the_relay() -> None:
    """Give committed events their positions until told to stop. A second relay waits for the first to go."""
    register_everything()
    configure_queue()
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    run_relay(database(), stop, wake_subscribers, Teller(get_settings().redis_url).tell)
