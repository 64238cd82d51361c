"""DuckDB as the lake uses it: opened after the fork, alone in its process, bounded in memory and threads."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from foundation.settings import Settings

THREADS_MAX = 4


@contextmanager
def open_engine(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of its own in memory; what does not fit into ANALYTICS_MEMORY_MB spills into the lake's directory."""
    spill = settings.lake / "tmp"
    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{settings.analytics_memory_mb}MB",
            "threads": min(os.cpu_count() or 1, THREADS_MAX),
            "temp_directory": str(spill),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def path_list(paths: "list[Path] | list[str]") -> str:
    """Paths as a list in SQL."""
    return "[" + ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths) + "]"
