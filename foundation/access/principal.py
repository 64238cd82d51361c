"""Who is asking: a machine (OAuth2 client), a person (staff) or a member for themselves; what each may do where."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from foundation.errors import Forbidden, Unauthenticated


class PrincipalKind(StrEnum):
    MACHINE = "machine"
    PERSON = "person"
    MEMBER = "member"  # came in by a door of their own (doors.py), sees themselves, holds no permission


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who was recognised.

    `id` is the client id of a machine, or the opaque id that the package owning staff or members gave it.
    `permissions` are permission names (for a machine: its scopes). `places` are opaque names such as
    `store/S01`; None means everywhere. `bindings` tie a machine to one spot, for example
    `{"store": "S01", "terminal": "T1"}` or `{"store": "S01", "counter": "C12"}`; a person has none.
    `locale` is a person's chosen language (`en`, `zh`), or None for the browser's wish.
    """

    kind: PrincipalKind
    id: str
    name: str
    permissions: frozenset[str]
    places: frozenset[str] | None = frozenset()
    bindings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    locale: str | None = None

    @property
    def actor(self) -> str:
        """How somebody is written down in books and histories: `person:17`, `machine:till-1`."""
        return f"{self.kind.value}:{self.id}"

    def may(self, permission: str, place: str | None = None) -> bool:
        """True when the permission is held and, if a place is named, held there."""
        if permission not in self.permissions:
            return False
        return place is None or self.places is None or place in self.places

    def require(self, permission: str, place: str | None = None) -> None:
        """Raise PermissionMissing or PlaceForbidden unless `may(permission, place)`."""
        if permission not in self.permissions:
            raise PermissionMissing(f"the permission {permission} is needed", permission=permission)
        if not self.may(permission, place):
            raise PlaceForbidden("this place is outside of what you may see and do")

    def require_everywhere(self) -> None:
        """Raise PlaceForbidden for whoever acts in some places only: for what holds for the whole company."""
        if self.places is not None:
            raise PlaceForbidden("this holds for the whole company, beyond the stores that you act in")


class NotSignedIn(Unauthenticated):
    """No token and no session, or one that is unknown, expired or revoked."""

    code = "unauthenticated"


class PermissionMissing(Forbidden):
    """Recognised, but without the permission that the route asks for."""

    code = "permission_missing"


class PlaceForbidden(Forbidden):
    """The permission is held, but not for this store."""

    code = "place_forbidden"


_current: ContextVar[Principal | None] = ContextVar("principal", default=None)


def current_principal() -> Principal:
    """Who the request being answered comes from. Raises NotSignedIn where nobody was recognised."""
    principal = _current.get()
    if principal is None:
        raise NotSignedIn("no valid access token and no session")
    return principal


def principal_or_none() -> Principal | None:
    """Like current_principal, for the few routes that are open without a token."""
    return _current.get()


def set_current_principal(principal: Principal | None) -> None:
    """Called by the web layer at the start of each request; nobody else needs it."""
    _current.set(principal)


@contextmanager
def acting_as(principal: Principal) -> Iterator[Principal]:
    """Make `principal` the current one inside the block: for tasks that act for somebody, and for tests."""
    token = _current.set(principal)
    try:
        yield principal
    finally:
        _current.reset(token)
