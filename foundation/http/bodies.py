"""Reading a JSON body strictly, and decoding it into a msgspec type on the hot path."""

from collections.abc import Callable
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])


def msgspec_body(type_: type) -> Callable[[View], View]:
    """Decode the JSON body into `type_` (a msgspec.Struct) and pass it after `tx`; faults become 422 with JSON pointers.

    The fast way for large or hot bodies, in the place of `@blp.arguments`; the type's JSON schema goes into the
    OpenAPI document. Use `forbid_unknown_fields=True` on the struct.
    """

    def decorate(view: View) -> View:
        raise NotImplementedError("arrives within the hour")

    return decorate
