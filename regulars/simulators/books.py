"""A simulator's book: a file of lines that is only added to, and read again when the program starts."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


class BookFile:
    """Entries in a file, or nowhere. Used with its owner's lock held."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file = None if path is None else path.open("ab")

    def entries(self) -> Iterator[dict[str, Any]]:
        """What was written before. Half a line, left by a process that was killed, is cut off."""
        if self._path is None:
            return
        complete, _, torn = self._path.read_bytes().rpartition(b"\n")
        if torn:
            self._path.write_bytes(complete + b"\n" if complete else b"")
        for line in complete.splitlines():
            yield json.loads(line)

    def add(self, entries: Sequence[dict[str, Any]]) -> None:
        """One write, so that a kill leaves whole lines but the last."""
        if self._file is not None and entries:
            self._file.write("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in entries).encode())
            self._file.flush()
