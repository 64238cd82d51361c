"""Who was in a campaign: the group of each and why, what was sent, what was not and why not. The contact history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from foundation.database import Tx
from marketing.campaigns.rules import Arm
from marketing.campaigns.storage import Campaign
from member_api.contract.coupons import redeemers_of


@dataclass(frozen=True, slots=True)
class Send:
    """A message or a call for one member; `at` when it ended, or was sent."""

    step: str
    channel: str
    state: str
    reason: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class CampaignMember:
    """One member of the list."""

    member_id: int
    arm: Arm
    why: str | None
    assigned_at: datetime
    redeemed: bool
    sends: tuple[Send, ...]


def campaign_members(tx: Tx, campaign: Campaign, arm: Arm | None, after: int, limit: int) -> list[CampaignMember]:
    """Members by id above `after`, of one group or of all, at most `limit`."""
    rows = tx.ask(
        "SELECT member_id, arm, why, assigned_at FROM marketing.campaign_member WHERE campaign_id = %s"
        " AND member_id > %s AND (%s::text IS NULL OR arm = %s) ORDER BY member_id LIMIT %s",
        (campaign.id, after, arm, arm, limit),
    ).fetchall()
    ids = [row[0] for row in rows]
    sends = _sends(tx, campaign, ids)
    done = set(redeemers_of(tx, campaign.reference, ids)) if campaign.plan.treatment.coupon is not None else set()
    return [
        CampaignMember(member, Arm(group), why, at, member in done, tuple(sends.get(member, ())))
        for member, group, why, at in rows
    ]


def _sends(tx: Tx, campaign: Campaign, members: Sequence[int]) -> dict[int, list[Send]]:
    rows = tx.ask(
        "SELECT member_id, step, channel, state, reason, coalesce(ended_at, sent_at, let_through_at)"
        " FROM marketing.message WHERE campaign_id = %s AND member_id = ANY(%s)"
        " UNION ALL SELECT member_id, 'step/' || split_part(key, '/', 4), 'call', state,"
        " coalesce(outcome, end_reason), coalesce(ended_at, done_at)"
        " FROM marketing.task WHERE origin = %s AND member_id = ANY(%s) ORDER BY 1, 2",
        (campaign.id, members, campaign.reference, members),
    )
    sends: dict[int, list[Send]] = {}
    for member, *send in rows:
        sends.setdefault(member, []).append(Send(*send))
    return sends
