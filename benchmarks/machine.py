"""What the figures were measured on."""

import os
import platform
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psycopg

SYNCS = 300


@dataclass(frozen=True, slots=True)
class Machine:
    """Client, web server and database share it. `fdatasync_us` is the median of 8 kB appended and synced."""

    measured_at: str
    cores: int
    processor: str
    memory_gb: float
    system: str
    python: str
    postgresql: str
    gunicorn: str
    psycopg: str
    fdatasync_us: float
    load_before: float


def describe(database_url: str, directory: Path) -> Machine:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SHOW server_version").fetchone()
        assert row is not None
    return Machine(
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        cores=os.cpu_count() or 0,
        processor=_processor(),
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        system=f"{platform.system()} {platform.release()}",
        python=sys.version.split()[0],
        postgresql=str(row[0]),
        gunicorn=version("gunicorn"),
        psycopg=version("psycopg"),
        fdatasync_us=round(_fdatasync_us(directory), 1),
        load_before=round(os.getloadavg()[0], 2),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _fdatasync_us(directory: Path) -> float:
    block = bytes(8192)
    with tempfile.TemporaryFile(dir=directory) as file:
        taken = []
        for _ in range(SYNCS):
            os.write(file.fileno(), block)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e6
