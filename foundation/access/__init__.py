"""Who may do what: principals, permissions, machines' clients and tokens, people's log-ins and sessions."""

from foundation.access.permissions import (
    Access,
    PermissionUndeclared,
    access_of,
    allow,
    allow_anyone,
    allow_signed_in,
    declare_permission,
    declared_permissions,
)
from foundation.access.principal import (
    NotSignedIn,
    PermissionMissing,
    PlaceForbidden,
    Principal,
    PrincipalKind,
    acting_as,
    current_principal,
    principal_or_none,
)

__all__ = [
    "Access",
    "NotSignedIn",
    "PermissionMissing",
    "PermissionUndeclared",
    "PlaceForbidden",
    "Principal",
    "PrincipalKind",
    "access_of",
    "acting_as",
    "allow",
    "allow_anyone",
    "allow_signed_in",
    "current_principal",
    "declare_permission",
    "declared_permissions",
    "principal_or_none",
]
