"""The log-ins that `regulars run` wrote: the loader enters with those of the head office (`erp`)."""

from pathlib import Path

import msgspec

from regulars.demo import state
from regulars.demo.connection import ClientLogin


class _Erp(msgspec.Struct):
    client_id: str
    client_secret: str


class _Credentials(msgspec.Struct):
    """The part of `demo-credentials.json` that the loader reads."""

    base_url: str
    erp: _Erp


def read_head_office(home: Path) -> tuple[str, ClientLogin] | None:
    """The address of the server and the head office's client, None if there is no readable demo-credentials.json."""
    found = state.read_note(home / "demo-credentials.json", _Credentials)
    if found is None:
        return None
    return found.base_url, ClientLogin(found.erp.client_id, found.erp.client_secret)
