"""gunicorn, told in code: threads for many tills at once, a process a core, nothing shared across the fork."""

import gc
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from prometheus_client import multiprocess

from foundation.database import use_database
from foundation.settings import Settings
from regulars.running.children import die_with_parent

# A till keeps its connection between two sales.
KEEPALIVE_S = 75
GRACEFUL_S = 10
# A worker that has not shown itself for this long hangs, and gunicorn replaces it.
SILENT_S = 60
CONNECTIONS_MAX = 1000


class HouseLogger(Logger):  # type: ignore[misc]
    """Hands gunicorn's lines to the logs of the house; the application itself logs its requests."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self.error_log.setLevel(self.LOG_LEVELS.get(cfg.loglevel, logging.INFO))
        self.error_log.propagate = True
        self.access_log.propagate = False


class WebServer(BaseApplication):  # type: ignore[misc]
    """The gunicorn master makes the application once, and forks.

    That halves the start, shares memory, and replaces a dead worker in no time. It is allowed because making the
    application connects to nothing (foundation.http.create_app promises it); a test holds it to that.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        own: dict[str, Any] = {
            "bind": [f"{self._settings.web_host}:{self._settings.port}"],
            "workers": self._settings.web_processes,
            "preload_app": True,
            "worker_class": "regulars.running.patience.PatientWorker",
            "threads": self._settings.web_threads,
            "worker_connections": CONNECTIONS_MAX,
            "keepalive": KEEPALIVE_S,
            "timeout": SILENT_S,
            "graceful_timeout": GRACEFUL_S,
            "backlog": 512,
            "proc_name": "regulars-web",
            # The heartbeat of a worker is a file: in memory, so that a slow disk does not look like a hanging worker.
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108
            "control_socket_disable": True,
            "logger_class": HouseLogger,
            "post_fork": _after_fork,
            "child_exit": _forget_metrics,
            "worker_exit": _leave,
        }
        for name, value in own.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        from regulars.web import create_web_app

        app = create_web_app()
        # 190,000 objects that live as long as the process: out of the collector's sight, or each full collection walks
        # over them (100 ms and more, in which no thread of the process answers).
        gc.collect()
        gc.freeze()
        # A batch of a hundred receipts makes some 15,000 objects and no cycles: look less often (4 % of its time).
        gc.set_threshold(20_000, 20, 50)
        return app


def _after_fork(_server: Any, worker: Any) -> None:
    use_database(None)
    # A worker of a killed master ends at once and frees the port.
    die_with_parent(signal.SIGTERM, parent=worker.ppid, own_group=False)()


def _forget_metrics(_server: Any, worker: Any) -> None:
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def _leave(_server: Any, worker: Any) -> None:
    """End without taking libraries apart: threads of theirs (DuckDB's, the charts') would abort the process."""
    if worker.booted:
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)
