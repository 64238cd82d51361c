"""The near misses that the sister folders know: held out of everything, heard from often enough, an open complaint."""

from datetime import timedelta
from typing import LiteralString

from pyroaring import BitMap

from foundation.bitmaps import ids_where
from foundation.database import Tx
from foundation.pages import lazy
from marketing.experiments.standing import company_control
from marketing.messages.gate import CONSENT_CHANNELS
from marketing.messages.policy import policy_in_force
from marketing.messages.rules import MessageClass
from marketing.target_lists.exclusions import Near, register_exclusion
from marketing.tasks.operations import open_complaints

_OFTEN: LiteralString = """
    SELECT recipient_id AS id FROM marketing.message
    WHERE message_class = %s AND channel = %s AND let_through_at > %s AND recipient_id IS NOT NULL
      AND (state <> 'failed' OR sent_at IS NOT NULL)
    GROUP BY recipient_id HAVING count(*) >= %s"""


def _capped(tx: Tx, near: Near) -> BitMap:
    """Who has reached a cap on marketing messages, of the channel asked for or of any."""
    found = BitMap()
    for cap in policy_in_force(tx).says.caps:
        ways = (None, str(cap.channel), str(CONSENT_CHANNELS[cap.channel]))
        if cap.message_class == MessageClass.MARKETING and near.channel in ways:
            since = tx.now - timedelta(days=cap.window_days)
            found |= ids_where(tx, _OFTEN, (str(cap.message_class), str(cap.channel), since, cap.count_max))
    return found


def _complaining(tx: Tx, near: Near) -> BitMap:
    """Who has a complaint that nobody has settled yet."""
    return BitMap(open_complaints(tx, list(near.members)))


def _held_out(tx: Tx, near: Near) -> BitMap:
    """Who is in the company's standing control group."""
    return company_control(tx, list(near.members))


register_exclusion("capped", lazy("Heard from us often enough"), _capped)
register_exclusion("held_out", lazy("Held out for comparison"), _held_out)
register_exclusion("complaint", lazy("Open complaint"), _complaining)
