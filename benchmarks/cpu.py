"""Who used the processors: CPU seconds of a process and all its children, from /proc (Linux; elsewhere nothing)."""

import os
from collections.abc import Mapping
from pathlib import Path

PROC = Path("/proc")
TICKS_S = os.sysconf("SC_CLK_TCK")


def cpu_seconds(roots: Mapping[str, int]) -> dict[str, float]:
    """User and system seconds so far, by name of the root process; dead children that were waited for are included."""
    if not PROC.is_dir():
        return dict.fromkeys(roots, 0.0)
    parents, used = _processes()
    by_root = {pid: name for name, pid in roots.items()}
    seconds = dict.fromkeys(roots, 0.0)
    for pid, ticks in used.items():
        at: int | None = pid
        while at and at not in by_root:
            at = parents.get(at)
        if at:
            seconds[by_root[at]] += ticks / TICKS_S
    return seconds


def _processes() -> tuple[dict[int, int], dict[int, int]]:
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text()
        except OSError:
            continue
        # The name, in brackets, may hold anything; fields are counted from behind it (proc(5)).
        fields = text[text.rindex(")") + 2 :].split()
        parents[int(entry.name)] = int(fields[1])
        used[int(entry.name)] = sum(int(field) for field in fields[11:15])
    return parents, used
