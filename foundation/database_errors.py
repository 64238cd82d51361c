"""What a fault of the database means to whoever caused it: try again, a value out of range, or a fault of ours."""

import psycopg
import sqlalchemy.exc

from foundation.errors import Conflict, DomainError, Invalid, Unavailable

RETRY_AFTER_S = 1


class DatabaseBusy(Unavailable):
    """The transaction lost against others (serialisation, deadlock, a time-out) or found no free connection."""

    code = "database_busy"


class DatabaseAway(Unavailable):
    """The database cannot be reached, is starting, or closed the connection."""

    code = "database_away"


class ValueOutOfRange(Invalid):
    """A value has the right shape but cannot be stored: too large, or no such date."""

    code = "value_out_of_range"


class RecordedMeanwhile(Conflict):
    """Somebody else recorded the same thing at the same moment."""

    code = "recorded_meanwhile"


# SQLSTATE, or its first two digits (the class), to what the caller is told.
_MEANINGS: dict[str, type[DomainError]] = {
    "40": DatabaseBusy,  # serialisation failure, deadlock
    "55P03": DatabaseBusy,  # lock time-out
    "57014": DatabaseBusy,  # statement time-out
    "25P03": DatabaseBusy,  # idle in transaction for too long
    "53": DatabaseBusy,  # out of memory, disk, connections
    "57P01": DatabaseAway,
    "57P02": DatabaseAway,
    "57P03": DatabaseAway,
    "25006": DatabaseAway,  # a replica that took over is not writable yet
    "08": DatabaseAway,
    "22": ValueOutOfRange,
    "23505": RecordedMeanwhile,
}
_WORDS: dict[type[DomainError], str] = {
    DatabaseBusy: "the database is busy; send the same request again",
    DatabaseAway: "the database cannot be reached at this moment; send the same request again",
    ValueOutOfRange: "a value cannot be stored: it is too large or does not exist",
    RecordedMeanwhile: "the same thing was recorded by somebody else at the same moment",
}


def translate(error: BaseException) -> DomainError | None:
    """The domain error that a database error stands for; None if it is a fault of ours (or no database error)."""
    if isinstance(error, sqlalchemy.exc.TimeoutError):
        return DatabaseBusy(_WORDS[DatabaseBusy])
    original = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    if not isinstance(original, psycopg.Error):
        return None
    if isinstance(original, psycopg.DataError):
        return ValueOutOfRange(_WORDS[ValueOutOfRange])  # refused by psycopg itself: a NUL in a text has no SQLSTATE
    state = original.sqlstate or ("08000" if isinstance(original, psycopg.OperationalError) else "")
    meaning = _MEANINGS.get(state) or _MEANINGS.get(state[:2])
    return meaning(_WORDS[meaning]) if meaning else None


def lost_a_race(error: BaseException) -> bool:
    """Whether another transaction was faster (unique key, deadlock, serialisation): the same work may be done again."""
    original = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    return isinstance(original, psycopg.Error) and original.sqlstate in ("23505", "40P01", "40001")


def describe(error: BaseException) -> str:
    """One line about an error that is fit for a log: without statement, parameters or the values of a row."""
    original = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    if isinstance(original, psycopg.Error):
        state = original.sqlstate or "no sqlstate"
        words = original.diag.message_primary or str(original).strip().partition("\n")[0]
        return f"{type(original).__name__} ({state}): {words}"
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:500]}"
