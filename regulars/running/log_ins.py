"""`demo-credentials.json`: the log-ins of a house that shows the demo."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from foundation.access.clients import ClientUnknown, find_client
from foundation.database import Database, Tx
from foundation.settings import Settings
from regulars.running.home import Home

Credentials = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class LogIns:
    """What `regulars run` prints: the administrator's log-in."""

    username: str
    password: str


def ensure_log_ins(home: Home, settings: Settings, base_url: str) -> LogIns:
    """Make the administrator and the demo's clients unless this database has those of `demo-credentials.json`.

    Writes that file, with the address of this run.
    """
    database = Database(settings)
    try:
        with database.transaction() as tx:
            credentials = _kept(home, tx) or _made(tx)
    finally:
        database.dispose()
    home.write_note(home.credentials, {"base_url": base_url, **credentials})
    return LogIns(credentials["admin"]["username"], credentials["admin"]["password"])


def _kept(home: Home, tx: Tx) -> Credentials | None:
    """The credentials on file, if this database knows them."""
    try:
        note = json.loads(home.credentials.read_text())
        find_client(tx, note["erp"]["client_id"])
    except (OSError, ValueError, KeyError, ClientUnknown):
        return None
    return {name: value for name, value in note.items() if name != "base_url"}


def _made(tx: Tx) -> Credentials:
    # Only a new house needs the rooms of all packages in this process.
    from regulars.running.bootstrap import make_log_ins

    return make_log_ins(tx)
