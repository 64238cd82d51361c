"""A lake whose files are gone (directory lost, database restored) is made again without being asked."""

import structlog

from analytics.lake.backfilling import Backfilled, backfill
from analytics.lake.manifest import live_files
from foundation.database import Database

log = structlog.get_logger(__name__)


def missing_files(home: Database) -> list[str]:
    """Paths of files that the manifest names and the directory lacks."""
    with home.transaction(read_only=True) as tx:
        return [file.path for file in live_files(tx) if not (home.settings.lake / file.path).exists()]


def heal(home: Database) -> Backfilled | None:
    """Make the lake again if files are missing; None if all is well. Raises LakeBehind."""
    missing = missing_files(home)
    if not missing:
        return None
    log.error("lake_files_missing", files=len(missing), first=missing[0])
    return backfill(home)
