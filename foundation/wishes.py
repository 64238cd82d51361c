"""What a PUT leaves out stays as it is; what it names as null is taken away. The two are told apart here."""

from enum import Enum
from typing import Final, Literal, TypeVar

T = TypeVar("T")


class Left(Enum):
    """The one value of fields that were left out."""

    OUT = "left out"


LEFT_OUT: Final = Left.OUT
LeftOut = Literal[Left.OUT]


def or_else(wish: "T | LeftOut", otherwise: T) -> T:
    """What was wished for, or `otherwise` where the field was left out."""
    return otherwise if wish is LEFT_OUT else wish
