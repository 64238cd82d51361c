"""What the rest of marketing knows about members that forbids selling to them now."""

from collections.abc import Collection

import msgspec

from foundation.database import Tx
from marketing.experiments.standing import company_control
from marketing.tasks.operations import open_complaints


def complaining(tx: Tx, member_ids: Collection[int]) -> set[int]:
    """Those with a complaint that nobody has settled yet."""
    return set(open_complaints(tx, member_ids))


# The campaign has set these aside when it was launched; here is the last door, should its messages come after all.
CONTROL = """
SELECT c.campaign_id, c.member_id FROM json_to_recordset(%s::json) AS x(campaign_id bigint, member_id bigint)
JOIN marketing.campaign_member c ON c.campaign_id = x.campaign_id AND c.member_id = x.member_id
WHERE c.arm IN ('held_out', 'company_control')
"""


def held_out(tx: Tx, sends: Collection[tuple[int | None, int]]) -> set[tuple[int | None, int]]:
    """Of these pairs of campaign and member, those that the company's or the campaign's control group holds out."""
    company = company_control(tx, {member_id for _, member_id in sends})
    rows = [{"campaign_id": campaign_id, "member_id": member_id} for campaign_id, member_id in sends if campaign_id]
    set_aside = tx.ask(CONTROL, (msgspec.json.encode(rows).decode(),)).fetchall() if rows else []
    return {(campaign_id, member_id) for campaign_id, member_id in sends if member_id in company} | {
        (campaign_id, member_id) for campaign_id, member_id in set_aside
    }
