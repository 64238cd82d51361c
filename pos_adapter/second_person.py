"""What needs a second person: neither a machine, nor whoever began it."""

from foundation.access import Principal, PrincipalKind
from foundation.errors import Forbidden


class SecondPersonNeeded(Forbidden):
    """Whoever began it cannot let it happen, and a machine cannot at all."""

    code = "second_person_needed"


def check_second_person(principal: Principal, *began: str) -> None:
    """Raises SecondPersonNeeded unless this is a person, and none of those who began it (`person:<id>`)."""
    if principal.kind is not PrincipalKind.PERSON:
        raise SecondPersonNeeded("A machine cannot be the second person")
    if principal.actor in began:
        raise SecondPersonNeeded("Whoever began it cannot let it happen: a second person is needed")
