"""People: log-ins, sessions, and the one callback that says who a person is."""

from collections.abc import Callable

from foundation.access.principal import Principal
from foundation.database import Tx

PeopleResolver = Callable[[Tx, str], Principal | None]

_resolver: PeopleResolver | None = None


def register_people(resolver: PeopleResolver) -> None:
    """Name the function that turns a person id into a Principal (permissions, places), or None once they have left."""
    global _resolver
    _resolver = resolver


def set_login(tx: Tx, person: str, username: str, password: str) -> None:
    """Give `person` a log-in, or replace username and password; ends their sessions. Raises PasswordTooWeak, UsernameTaken."""
    raise NotImplementedError


def remove_login(tx: Tx, person: str) -> None:
    """The person has left: no log-in any more, every session ends at once. Harmless if there is none."""
    raise NotImplementedError


def access_changed(tx: Tx, subject: str) -> None:
    """Say that a person's or a client's permissions, places or bindings changed: every process forgets what it cached
    once this transaction commits."""
    raise NotImplementedError
