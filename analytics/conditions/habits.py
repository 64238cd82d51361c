"""The condition on sensitivity to promotions: it compares members with each other, so all are worked out at once."""

from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyroaring import BitMap

from analytics.conditions.lake_session import LakeSession
from analytics.conditions.questions import Asked
from analytics.conditions.scores import compared
from analytics.promotions.sensitivity import promotion_sensitivity
from analytics.scores.reading import as_bitmap
from foundation.bitmaps import ids_of
from foundation.conditions import Facts, Selection

MEASURE = "promotion_sensitivity"


def who(lake: LakeSession, asked: Asked) -> Selection:
    """Whose sensitivity passes; of whom too little is known, nothing passes."""
    table = _sensitivities(lake, asked)
    passed = compared(table["sensitivity"], asked.condition)
    return Selection(as_bitmap(table["member_id"].filter(pc.fill_null(passed, False))))


def facts(lake: LakeSession, asked: Asked, members: BitMap) -> Facts:
    """The sensitivity of these members."""
    table = _sensitivities(lake, asked)
    ids = pc.cast(table["member_id"], pa.uint32()).combine_chunks()
    mine = pc.is_in(ids, value_set=ids_of(members))
    return Facts(ids.filter(mine), table["sensitivity"].combine_chunks().filter(mine))


def _sensitivities(lake: LakeSession, asked: Asked) -> pa.Table:
    """member_id ascending and sensitivity, of the currency asked for; over the year that ends today."""

    def make(whole: Any) -> pa.Table:
        found = promotion_sensitivity(whole, asked.today + timedelta(days=1))
        return found.filter(pc.equal(found["currency"], asked.currency)).select(["member_id", "sensitivity"])

    return lake.table((MEASURE, asked.today, asked.currency), make)
