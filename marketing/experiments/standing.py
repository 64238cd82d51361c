"""The standing control group: members whom no campaign and no trigger reaches, so that marketing as a whole can be told
from no marketing. A salted hash names them; a dated setting says which salt and how many; a new salt rotates them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from pyroaring import BitMap
from sqlalchemy import insert, or_, select, true

from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import FieldError, Invalid
from foundation.events import announce
from foundation.settings import get_settings
from marketing.experiments.assignment import held_out
from marketing.experiments.tables import standing_control

SHARE_MAX = 2_000  # a fifth
SHOWN_MAX = 100
CHUNK = 16_384
FEW = 5_000  # are asked for one by one: about a microsecond each


class StandingControlInvalid(Invalid):
    """The setting contradicts itself, or would change the past."""

    code = "standing_control_invalid"


@dataclass(frozen=True, slots=True)
class StandingControl:
    """Who is held out from everything from a day on: `share` (basis points) under `salt`."""

    valid_from: date
    share: int
    salt: str
    set_by: str


def standing_control_on(tx: Tx, day: date | None = None, known_at: datetime | None = None) -> StandingControl:
    """The setting in force on a day by the company's calendar (None: today), as it was known at a moment (None: now).

    A campaign asks as of its launch: what is set while its members are put into groups, for the same day, would divide
    the first of them by one salt and the rest by another. Days before that are settled: nothing is set for the past.
    """
    table = standing_control.c
    asked = day or _today(tx)
    known = table.set_at <= known_at if known_at is not None else true()
    row = tx.execute(
        select(standing_control)
        .where(table.valid_from <= asked, or_(table.valid_from < asked, known))
        .order_by(table.valid_from.desc(), table.id.desc())
        .limit(1)
    ).one()
    return StandingControl(row.valid_from, row.share, row.salt, row.set_by)


def standing_controls(tx: Tx) -> list[StandingControl]:
    """Every setting, the newest first, at most 100."""
    table = standing_control.c
    rows = tx.execute(select(standing_control).order_by(table.valid_from.desc(), table.id.desc()).limit(SHOWN_MAX))
    return [StandingControl(row.valid_from, row.share, row.salt, row.set_by) for row in rows]


def set_standing_control(tx: Tx, valid_from: date, share: int, salt: str, by: str) -> StandingControl:
    """Hold out another share, or other members, from a day to come (or today) on. Raises StandingControlInvalid."""
    faults = []
    if valid_from < _today(tx):
        faults.append(FieldError("/valid_from", "lies in the past: whom it held out then is settled"))
    if not 0 <= share <= SHARE_MAX:
        faults.append(FieldError("/share", "must be between 0 and 0.2"))
    if faults:
        raise StandingControlInvalid("The standing control group cannot be set so", errors=faults)
    tx.execute(insert(standing_control).values(valid_from=valid_from, share=share, salt=salt, set_by=by, set_at=tx.now))
    announce(tx, "standing_control.set", {"valid_from": valid_from.isoformat(), "share": share})
    return StandingControl(valid_from, share, salt, by)


def company_control(
    tx: Tx, member_ids: Collection[int], day: date | None = None, known_at: datetime | None = None
) -> BitMap:
    """Those of the members whom the standing control group holds out on a day (None: today), see standing_control_on.

    For many members it is remembered by chunks of ids in this process: a million cost 0.6 s once, then milliseconds.
    """
    setting = standing_control_on(tx, day, known_at)
    if len(member_ids) <= FEW:
        return held_out(setting.salt, member_ids, setting.share)
    wanted = BitMap(member_ids)
    found = BitMap()
    for chunk in range(wanted.min() // CHUNK, wanted.max() // CHUNK + 1):
        found |= _held_out_in(setting.salt, setting.share, chunk)
    return found & wanted


@lru_cache(maxsize=4_096)
def _held_out_in(salt: str, share: int, chunk: int) -> BitMap:
    return held_out(salt, range(chunk * CHUNK, (chunk + 1) * CHUNK), share)


def _today(tx: Tx) -> date:
    return local_date(tx.now, get_settings().company_timezone)
