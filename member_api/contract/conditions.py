"""What filters may ask of members: answers as sets of member ids, and the evidence for them.

Every function takes the open transaction first and reads only. `today` is the company's day as of which days and ages
are counted. Nothing personal leaves: of age, birthday and gender one learns that a condition holds, not the value.

Errors: none beyond the database's; conditions have been read against MEASURES.
"""

from member_api.conditions.answers import (
    answer,
    in_good_standing,
    no_profiling,
    of_home_stores,
    refuses_profiling,
    tier_holders,
    with_consent,
    without_standing,
)
from member_api.conditions.catalogue import MEASURES
from member_api.conditions.evidence import breakdown, evidence
from member_api.consents.rules import Channel, Purpose
from member_api.ledger.wallets import today

__all__ = [
    "MEASURES",
    "Channel",
    "Purpose",
    "answer",
    "breakdown",
    "evidence",
    "in_good_standing",
    "no_profiling",
    "of_home_stores",
    "refuses_profiling",
    "tier_holders",
    "today",
    "with_consent",
    "without_standing",
]
