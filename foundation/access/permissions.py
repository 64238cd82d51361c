"""Permissions are declared by the package that owns what they protect; every view names one, or says it is open."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])

_ATTRIBUTE = "__regulars_access__"
_declared: dict[str, str] = {}


class PermissionUndeclared(Exception):
    """A view names a permission that no package declared, or names none: the application refuses to start."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a view asks of who calls it; permission None means open without a token.

    `signed_in_only` marks the few pages that every member of staff has, whatever the role (own password, log-out).
    `door` names another way in (doors.py), by which alone the view is entered.
    """

    permission: str | None
    signed_in_only: bool = False
    door: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether anybody may enter."""
        return self.permission is None and not self.signed_in_only and self.door is None


def declare_permission(name: str, words: str) -> str:
    """Make a permission known and return its name. `words` say in plain English what its holder can do.

    Declaring the same name twice with the same words is harmless; with other words it raises ValueError.
    """
    if _declared.setdefault(name, words) != words:
        raise ValueError(f"permission {name} is declared twice: {_declared[name]!r} and {words!r}")
    return name


def declared_permissions() -> dict[str, str]:
    """Name -> words of all permissions, by name. Machines' scopes are these same names."""
    return dict(sorted(_declared.items()))


def allow(permission: str) -> Callable[[View], View]:
    """The view is for callers who hold `permission`; the place (store) is checked inside, with Principal.require."""

    def mark(view: View) -> View:
        return _mark(view, Access(permission))

    return mark


def allow_anyone(view: View) -> View:
    """The view is open without a token: health, metrics, documentation, log-in. Nothing else."""
    return _mark(view, Access(None))


def allow_signed_in(view: View) -> View:
    """The view is for everyone who is signed in, whatever they may do: own password, log-out, start page."""
    return _mark(view, Access(None, signed_in_only=True))


def allow_by(door: str) -> Callable[[View], View]:
    """The view is for whoever came in by this door (doors.py), about themselves."""

    def mark(view: View) -> View:
        return _mark(view, Access(None, door=door))

    return mark


def access_of(view: Callable[..., Any]) -> Access | None:
    """What the view declared, None if it declared nothing."""
    found: Access | None = getattr(view, _ATTRIBUTE, None)
    return found


def _mark(view: View, access: Access) -> View:
    if _ATTRIBUTE in vars(view):
        raise PermissionUndeclared(f"{view.__qualname__} declares its access twice")
    setattr(view, _ATTRIBUTE, access)
    return view
