"""Campaigns as they are kept: reading, locking, and writing down what happened to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString

import msgspec

from foundation.access import Principal
from foundation.database import Tx
from marketing.campaigns.plans import Plan
from marketing.campaigns.rules import CampaignState, CampaignUnknown, What, state_after
from marketing.campaigns.trail import Change, Trail


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign with its present plan. `edited_by` made this version; whoever did what is named as person:17."""

    id: int
    name: str
    state: CampaignState
    version: int
    plan: Plan
    places: frozenset[str] | None
    created_by: str
    created_at: datetime
    edited_by: str
    edited_at: datetime
    submitted_by: str | None
    submitted_at: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    decision_note: str | None
    launched_by: str | None
    launched_at: datetime | None
    started_on: date | None
    ends_on: date | None
    stopped_by: str | None
    stopped_at: datetime | None
    stop_reason: str | None
    taking_back: bool
    finished_at: datetime | None
    members_max: int | None
    reached_member: int
    assigned: int
    progressed_at: datetime | None
    failure: str | None

    @property
    def reference(self) -> str:
        """How coupons, multipliers and tasks name the campaign; also the salt of its control group."""
        return f"campaign/{self.id}"

    @property
    def all_assigned(self) -> bool:
        return self.members_max is not None and self.assigned >= self.members_max


TRAIL = Trail("campaign")
_SELECT: LiteralString = """
SELECT c.id, c.name, c.state, c.version, v.plan::text, c.places, c.created_by, c.created_at, v.edited_by, v.edited_at,
       c.submitted_by, c.submitted_at, c.decided_by, c.decided_at, c.decision_note, c.launched_by, c.launched_at,
       c.started_on, c.ends_on, c.stopped_by, c.stopped_at, c.stop_reason, c.taking_back, c.finished_at, c.members_max,
       c.reached_member, c.assigned, c.progressed_at, c.failure
FROM marketing.campaign AS c
JOIN marketing.campaign_version AS v ON v.campaign_id = c.id AND v.version = c.version
"""
_LOCK: LiteralString = _SELECT + "WHERE c.id = %s FOR UPDATE OF c"
_LOCK_IF_FREE: LiteralString = _SELECT + "WHERE c.id = %s FOR UPDATE OF c SKIP LOCKED"
_PAGE: LiteralString = _SELECT + (
    "WHERE (%s::text IS NULL OR c.state = %s) AND (%s::bigint IS NULL OR c.id < %s)"
    " AND (%s::text[] IS NULL OR (c.places IS NOT NULL AND"
    " ARRAY(SELECT json_array_elements_text(c.places)) <@ %s::text[]))"
    " ORDER BY c.id DESC LIMIT %s"
)


def _campaign(row: Sequence[Any]) -> Campaign:
    places = None if row[5] is None else frozenset(row[5])
    plan = msgspec.json.decode(row[4], type=Plan)
    return Campaign(row[0], row[1], CampaignState(row[2]), row[3], plan, places, *row[6:])


# ------------------------------------------------------------------------------------------------ reading
def read_campaign(tx: Tx, principal: Principal | None, campaign_id: int) -> Campaign:
    """One campaign. Raises CampaignUnknown, also for what lies outside of the principal's places (None: anywhere)."""
    return _seen(principal, tx.ask(_SELECT + "WHERE c.id = %s", (campaign_id,)).fetchone())


def lock_campaign(tx: Tx, principal: Principal | None, campaign_id: int) -> Campaign:
    """The same, locked until the commit; waits for a batch that is being worked on. Raises CampaignUnknown."""
    return _seen(principal, tx.ask(_LOCK, (campaign_id,)).fetchone())


def lock_if_free(tx: Tx, campaign_id: int) -> Campaign | None:
    """The campaign, locked; None if somebody else has it."""
    row = tx.ask(_LOCK_IF_FREE, (campaign_id,)).fetchone()
    return _campaign(row) if row is not None else None


def list_campaigns(
    tx: Tx, principal: Principal, state: CampaignState | None, before: int | None, limit: int
) -> list[Campaign]:
    """Campaigns of the principal's places, the newest first, at most `limit`."""
    places = None if principal.places is None else sorted(principal.places)
    rows = tx.ask(_PAGE, (state, state, before, before, places, places, limit))
    return [_campaign(row) for row in rows]


def changes_of(tx: Tx, campaign_id: int) -> list[Change]:
    """What was done to a campaign, the newest first, at most 200."""
    return TRAIL.changes_of(tx, campaign_id)


def _seen(principal: Principal | None, row: Sequence[Any] | None) -> Campaign:
    found = _campaign(row) if row is not None else None
    if found is None or not (principal is None or sees(principal, found.places)):
        raise CampaignUnknown("There is no such campaign")
    return found


def sees(principal: Principal, places: frozenset[str] | None) -> bool:
    """Whether somebody acts everywhere a campaign reaches; None reaches everywhere."""
    return principal.places is None or (places is not None and places <= principal.places)


# ------------------------------------------------------------------------------------------------ writing
def insert_campaign(tx: Tx, name: str, plan: Plan, places: frozenset[str] | None, by: str) -> int:
    """A new draft; its id."""
    row = tx.ask(
        "INSERT INTO marketing.campaign (name, state, version, list_id, places, created_by, created_at)"
        " VALUES (%s, 'draft', 1, %s, %s, %s, %s) RETURNING id",
        (name, plan.list_id, _places_json(places), by, tx.now),
    ).fetchone()
    assert row is not None
    TRAIL.keep_version(tx, row[0], 1, plan, by)
    TRAIL.record(tx, row[0], What.CREATED, CampaignState.DRAFT, 1, by)
    return int(row[0])


def insert_next_version(
    tx: Tx, campaign: Campaign, name: str, plan: Plan, places: frozenset[str] | None, by: str
) -> None:
    """The campaign as somebody wants it from now on; it is a draft again, and nothing that was decided counts."""
    after = state_after(campaign.state, What.EDITED)
    version = campaign.version + 1
    TRAIL.keep_version(tx, campaign.id, version, plan, by)
    tx.ask(
        "UPDATE marketing.campaign SET name = %s, state = %s, version = %s, list_id = %s, places = %s,"
        " submitted_by = NULL, submitted_at = NULL, decided_by = NULL, decided_at = NULL, decision_note = NULL"
        " WHERE id = %s",
        (name, after, version, plan.list_id, _places_json(places), campaign.id),
    )
    TRAIL.record(tx, campaign.id, What.EDITED, after, version, by)


def move(
    tx: Tx, campaign: Campaign, what: What, by: str, note: str | None = None, facts: Mapping[str, Any] | None = None
) -> CampaignState:
    """Do something to a locked campaign: its new state, what comes with it (columns), and the trace of it.

    Raises CampaignStateWrong.
    """
    after = state_after(campaign.state, what)
    TRAIL.set_columns(tx, campaign.id, {"state": after, **(facts or {})})
    TRAIL.record(tx, campaign.id, what, after, campaign.version, by, note)
    return after


def _places_json(places: frozenset[str] | None) -> str | None:
    return None if places is None else msgspec.json.encode(sorted(places)).decode()
