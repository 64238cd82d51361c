"""Left out or taken away: every PUT of the house tells them apart, so it lives in foundation."""

from foundation.wishes import LEFT_OUT, LeftOut, or_else

__all__ = ["LEFT_OUT", "LeftOut", "or_else"]
