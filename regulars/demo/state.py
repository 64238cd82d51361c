"""What the loader keeps in REGULARS_HOME, so that a killed load goes on and the dates stay where they were.

demo-progress.json  the offset in weeks, and how far each lane came; written after each answer, whole or not at all
demo-loaded.json    written once when everything was posted; `regulars run` loads the demo while it is missing
"""

import os
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

Kept = TypeVar("Kept", bound=msgspec.Struct)

PROGRESS = "demo-progress.json"
LOADED = "demo-loaded.json"


class Plan(msgspec.Struct, frozen=True):
    """What makes a load the same load: with another plan, batches hold other receipts and progress means nothing.

    That the database is the same one is told by whether it still knows the client of the progress.
    """

    offset_weeks: int
    baskets: int
    lanes: int
    batch_sales: int


class Progress(msgspec.Struct, frozen=True):
    """How far a load came. `client` is the machine that posts the sales; `answered[lane]` counts its batches."""

    plan: Plan
    client_id: str
    client_secret: str
    answered: list[int]


class Loaded(msgspec.Struct, frozen=True):
    """What stands in the database, in counts and in cents, and how many weeks it was moved."""

    offset_weeks: int
    at: datetime
    baskets: int
    lines: int
    amount: int
    seconds: float


def read_progress(home: Path) -> Progress | None:
    """The progress of an earlier load, None if there is none or it cannot be read."""
    return read_note(home / PROGRESS, Progress)


def write_progress(home: Path, progress: Progress) -> None:
    """Keep the progress; readable by the owner alone, because it holds a secret."""
    write_note(home / PROGRESS, progress)


def read_loaded(home: Path) -> Loaded | None:
    """What was loaded into this home, None if nothing or not all."""
    return read_note(home / LOADED, Loaded)


def write_loaded(home: Path, loaded: Loaded) -> None:
    """Say that the demo is complete."""
    write_note(home / LOADED, loaded)


def read_note(path: Path, kind: type[Kept]) -> Kept | None:
    """A JSON note, None if it is not there or is not of this kind."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def write_note(path: Path, kept: msgspec.Struct) -> None:
    """Write a JSON note that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(kept), indent=2) + b"\n")
    unfinished.rename(path)
