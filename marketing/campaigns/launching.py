"""Carrying an approved plan out in bounded batches that any worker can take up where another was killed.

First every member of the list is assigned to a group, so that the control group is set aside before anything leaves;
then the offer, then the steps, each with a cursor of its own. A batch is one transaction that holds the campaign's row:
what it did and how far it got commit together, and a stop waits for one batch at most.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import structlog

from foundation.clock import local_date
from foundation.database import Database, Tx
from foundation.errors import DomainError
from foundation.settings import get_settings
from marketing.campaigns.operations import cancel_calls, take_back_offer
from marketing.campaigns.rules import Arm, CampaignState, What, arms
from marketing.campaigns.storage import Campaign, lock_if_free, move
from marketing.campaigns.treating import Occasion, give_offer, still_meant, take_step
from marketing.experiments.assignment import held_out
from marketing.experiments.standing import company_control
from marketing.target_lists.operations import members_of
from member_api.contract.members import MemberFacts, MemberStatus, resolve_members

log = structlog.get_logger(__name__)

ASSIGN_BATCH = 10_000
TREAT_BATCH = 1_000
BATCHES_MAX = 500  # of one task; beat sends the next
FAILURE_MAX = 500
CLEARED_WITHIN = timedelta(days=7)  # of the stop; then nothing is left, or nobody can do it
HOUSE = "system:campaigns"
COUNTED = (MemberStatus.ACTIVE, MemberStatus.FROZEN)


class Progress(StrEnum):
    """What a batch found."""

    WORKED = "worked"  # there may be more
    IDLE = "idle"  # nothing to do now
    TAKEN = "taken"  # somebody else is at it


@dataclass(frozen=True, slots=True)
class Step:
    """How far a step of a launched campaign is; 0 is the offer."""

    number: int
    template_id: int | None
    due_on: date
    reached_member: int
    wished: int
    passed_over: int
    done: bool


def work_on(database: Database, campaign_id: int) -> None:
    """Do batches of one campaign until there is nothing to do now. Harmless twice and at once."""
    for _ in range(BATCHES_MAX):
        try:
            with database.transaction() as tx:
                if work_once(tx, campaign_id) is not Progress.WORKED:
                    return
        except DomainError as error:
            # The plan was right when it was approved; something it names is gone. Somebody has to look.
            log.exception("campaign_batch_failed", campaign=campaign_id, code=error.code)
            _note_failure(database, campaign_id, error)
            return


def work_on_each(database: Database, campaign_ids: Iterable[int]) -> None:
    """`work_on` one after the other; a fault that nobody expected in one does not keep the others waiting."""
    for campaign_id in campaign_ids:
        try:
            work_on(database, campaign_id)
        except Exception:
            log.exception("campaign_batch_failed", campaign=campaign_id)


def work_once(tx: Tx, campaign_id: int) -> Progress:
    """Do the next batch of a campaign, if there is one."""
    campaign = lock_if_free(tx, campaign_id)
    if campaign is None:
        return Progress.TAKEN
    if campaign.state is CampaignState.STOPPED:
        return _clear_up(tx, campaign)
    if campaign.state not in (CampaignState.LAUNCHING, CampaignState.RUNNING):
        return Progress.IDLE
    if campaign.state is CampaignState.LAUNCHING and not campaign.all_assigned:
        return _assign(tx, campaign)
    today = local_date(tx.now, get_settings().company_timezone)
    steps = steps_of(tx, campaign.id)
    due = next((step for step in steps if not step.done and step.due_on <= today), None)
    if due is not None:
        return _take(tx, campaign, due)
    if campaign.state is CampaignState.LAUNCHING:
        move(tx, campaign, What.ALL_REACHED, HOUSE)
        return Progress.WORKED
    assert campaign.ends_on is not None
    if today > campaign.ends_on and all(step.done for step in steps):
        move(tx, campaign, What.FINISHED, HOUSE, facts={"finished_at": tx.now})
    return Progress.IDLE


# ------------------------------------------------------------------------------------------------ assigning
def _assign(tx: Tx, campaign: Campaign) -> Progress:
    """Put the next members of the list into their groups."""
    members = members_of(tx, campaign.plan.list_id, campaign.reached_member, ASSIGN_BATCH)
    if not members:
        _finish_assigning(tx, campaign)
        return Progress.WORKED
    share, launched = campaign.plan.control_share, campaign.launched_at
    groups = group_members(tx, members, campaign.reference, share, campaign.started_on, launched)
    tx.ask(
        "INSERT INTO marketing.campaign_member (campaign_id, member_id, arm, why, assigned_at)"
        " SELECT %s, m, arm, why, %s FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS x (m, arm, why)",
        (
            campaign.id, tx.now, list(groups), [arm.value for arm, _ in groups.values()],
            [why for _, why in groups.values()],
        ),
    )  # fmt: skip
    tx.ask(
        "UPDATE marketing.campaign SET reached_member = %s, assigned = assigned + %s, progressed_at = %s,"
        " failure = NULL WHERE id = %s",
        (members[-1], len(members), tx.now, campaign.id),
    )
    return Progress.WORKED


def _finish_assigning(tx: Tx, campaign: Campaign) -> None:
    """A list says how many it has; whatever it says, after its last member all are assigned."""
    tx.ask("UPDATE marketing.campaign SET members_max = assigned WHERE id = %s", (campaign.id,))


def group_members(
    tx: Tx,
    members: Sequence[int],
    salt: str,
    control_share: int,
    day: date | None,
    known_at: datetime | None = None,
) -> dict[int, tuple[Arm, str | None]]:
    """The group of each member and why, by id: set-based, deterministic for a salt, a day, and what was known of the
    standing control group at a moment (None: now)."""
    facts = resolve_members(tx, members)
    standings = {member: _standing(member, facts.get(member)) for member in members}
    counted = [member for member, standing in standings.items() if standing is None]
    return arms(members, standings, company_control(tx, counted, day, known_at), held_out(salt, counted, control_share))


def _standing(member: int, facts: object) -> str | None:
    """Why a member is not to be counted; None if to be."""
    if not isinstance(facts, MemberFacts):
        return "member_unknown"
    if facts.id != member:
        return "member_merged"
    return None if facts.status in COUNTED else f"member_{facts.status.value}"


# ------------------------------------------------------------------------------------------------ treating
def steps_of(tx: Tx, campaign_id: int) -> list[Step]:
    """The steps of a launched campaign, the offer first."""
    rows = tx.ask(
        "SELECT step, template_id, due_on, reached_member, wished, passed_over, done_at IS NOT NULL"
        " FROM marketing.campaign_step WHERE campaign_id = %s ORDER BY step",
        (campaign_id,),
    )
    return [Step(*row) for row in rows]


def _take(tx: Tx, campaign: Campaign, step: Step) -> Progress:
    """Give the next treated members what a step has for them."""
    members = _treated_after(tx, campaign.id, step.reached_member, TREAT_BATCH)
    assert campaign.started_on is not None
    occasion = Occasion(campaign.reference, campaign.id, campaign.started_on, campaign.launched_by or HOUSE)
    treatment = campaign.plan.treatment
    meant, wished = members, 0
    if members and step.number == 0:
        wished = give_offer(tx, occasion, treatment, members)
    elif members:
        meant = still_meant(tx, occasion, treatment.steps[step.number - 1], members)
        wished = take_step(tx, occasion, treatment, step.number, step.template_id, meant) if meant else 0
    tx.ask(
        "UPDATE marketing.campaign_step SET reached_member = greatest(reached_member, %s), wished = wished + %s,"
        " passed_over = passed_over + %s, done_at = CASE WHEN %s THEN %s::timestamptz END"
        " WHERE campaign_id = %s AND step = %s",
        (
            members[-1] if members else 0, wished, len(members) - len(meant), len(members) < TREAT_BATCH, tx.now,
            campaign.id, step.number,
        ),
    )  # fmt: skip
    tx.ask("UPDATE marketing.campaign SET progressed_at = %s, failure = NULL WHERE id = %s", (tx.now, campaign.id))
    return Progress.WORKED


def _treated_after(tx: Tx, campaign_id: int, after: int, limit: int) -> list[int]:
    rows = tx.ask(
        "SELECT member_id FROM marketing.campaign_member WHERE campaign_id = %s AND arm = 'treated' AND member_id > %s"
        " ORDER BY member_id LIMIT %s",
        (campaign_id, after, limit),
    )
    return [member for (member,) in rows]


# ------------------------------------------------------------------------------------------------ ending, waking
def _clear_up(tx: Tx, campaign: Campaign) -> Progress:
    """Deal with the next calls and coupons that a campaign left behind when it was stopped."""
    if cancel_calls(tx, campaign, campaign.stopped_by or HOUSE):
        return Progress.WORKED
    if not campaign.taking_back:
        return Progress.IDLE
    if take_back_offer(tx, campaign):
        return Progress.WORKED
    tx.ask("UPDATE marketing.campaign SET taking_back = false WHERE id = %s", (campaign.id,))
    return Progress.IDLE


def campaigns_at_work(tx: Tx, limit: int = 1_000) -> list[int]:
    """Campaigns that have something to do now: launching, taking back, calls to cancel, due steps, or over."""
    today = local_date(tx.now, get_settings().company_timezone)
    rows = tx.ask(
        "SELECT c.id FROM marketing.campaign AS c WHERE c.state = 'launching' OR c.taking_back"
        " OR (c.state = 'stopped' AND c.stopped_at > %s AND EXISTS (SELECT FROM marketing.task AS t"
        " WHERE t.origin = 'campaign/' || c.id AND t.state IN ('open', 'started')))"
        " OR (c.state = 'running' AND (c.ends_on < %s OR EXISTS (SELECT FROM marketing.campaign_step AS s"
        " WHERE s.campaign_id = c.id AND s.done_at IS NULL AND s.due_on <= %s))) ORDER BY c.id LIMIT %s",
        (tx.now - CLEARED_WITHIN, today, today, limit),
    )
    return [campaign for (campaign,) in rows]


def _note_failure(database: Database, campaign_id: int, error: DomainError) -> None:
    with database.transaction() as tx:
        words = f"{error.code}: {error.detail}"[:FAILURE_MAX]
        tx.ask("UPDATE marketing.campaign SET failure = %s WHERE id = %s", (words, campaign_id))
