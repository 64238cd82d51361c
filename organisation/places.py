"""Places: what a store is to access rules, and which rows a principal may see."""

from sqlalchemy import ColumnElement, true

from foundation.access import Principal
from organisation.stores.tables import store

PREFIX = "store/"


def place_of(store_code: str) -> str:
    """The place that a store is to access rules."""
    return f"{PREFIX}{store_code}"


def codes_within(principal: Principal) -> frozenset[str] | None:
    """The codes of the stores a principal acts in; None: all."""
    if principal.places is None:
        return None
    return frozenset(place.removeprefix(PREFIX) for place in principal.places if place.startswith(PREFIX))


def stores_within(principal: Principal) -> ColumnElement[bool]:
    """The condition that narrows a query over `store` to the principal's places."""
    codes = codes_within(principal)
    return true() if codes is None else store.c.code.in_(codes)
