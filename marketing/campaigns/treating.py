"""Giving treated members what the plan says: coupons, multipliers, messages, calls. Campaigns and triggers share it.

Every part is done once for a reference and a member, whoever asks again: coupons, wishes and tasks have keys of their
own in the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from foundation.database import Tx
from foundation.settings import get_settings
from marketing.campaigns.plans import StepPlan, Treatment, Way
from marketing.experiments.standing import company_control
from marketing.messages.contents import TemplateWish, Text, Words, finished_text
from marketing.messages.operations import MessageWish, queue_messages
from marketing.messages.policy import policy_in_force
from marketing.messages.rendering import sample_values
from marketing.messages.rules import Channel, Language, MessageClass
from marketing.messages.standing import complaining
from marketing.tasks.operations import TaskWish, create_tasks
from member_api.contract import contacts
from member_api.contract.coupons import (
    CouponOffer,
    Multiplier,
    coupon_codes,
    grant_multiplier,
    issue_coupons,
    redeemers_of,
)

MESSAGE_LIFE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Occasion:
    """On whose behalf members are treated.

    `reference` names the offer and the origin of tasks ("campaign/7"), `campaign_id` the campaign of messages (None
    for triggers), `first_day` the day from which the offer counts, `by` who is written down.
    """

    reference: str
    campaign_id: int | None
    first_day: date
    by: str

    def send_name(self, number: int) -> str:
        """What the send ledger calls the step: within its campaign, or beside the other triggers."""
        return f"step/{number}" if self.campaign_id is not None else f"{self.reference}/step/{number}"


def give_offer(tx: Tx, occasion: Occasion, treatment: Treatment, members: Sequence[int]) -> int:
    """Issue the coupon, or grant the multiplier; how many are new."""
    if treatment.coupon is not None:
        offer = treatment.coupon.offer(occasion.first_day)
        return issue_coupons(tx, offer, members, occasion.reference, by=occasion.by)
    if treatment.multiplier is not None:
        terms = treatment.multiplier.terms(occasion.first_day)
        return grant_multiplier(tx, terms, members, occasion.reference, by=occasion.by)
    return 0


def take_step(
    tx: Tx, occasion: Occasion, treatment: Treatment, number: int, template_id: int | None, members: Sequence[int]
) -> int:
    """Wish for the messages or calls of one step (1 is the first) for these members; how many are new."""
    step = treatment.steps[number - 1]
    if step.channel is Way.CALL:
        return _call(tx, occasion, step, number, members)
    assert template_id is not None, "a message step has its text from the launch on"
    facts = facts_of(treatment, occasion.first_day)
    codes = coupon_codes(tx, occasion.reference, members) if treatment.coupon is not None else {}
    due = moment_of(occasion.first_day + timedelta(days=step.after_days))
    wishes = [
        MessageWish(
            member_id=member,
            campaign_id=occasion.campaign_id,
            step=occasion.send_name(number),
            message_class=MessageClass.MARKETING,
            channel=Channel(step.channel.value),
            template_id=template_id,
            facts=facts | ({"coupon": codes[member]} if member in codes else {}),
            not_before=due,
            expires_at=max(due, tx.now) + MESSAGE_LIFE,
        )
        for member in members
    ]
    return queue_messages(tx, wishes).queued


def still_meant(tx: Tx, occasion: Occasion, step: StepPlan, members: Sequence[int]) -> list[int]:
    """Those whom a reminder is still for: not those who have used their coupon, if it passes them over."""
    if not step.unless_redeemed:
        return list(members)
    done = set(redeemers_of(tx, occasion.reference, members))
    return [member for member in members if member not in done]


def facts_of(treatment: Treatment, first_day: date) -> dict[str, Any]:
    """What the texts of a treatment may show beside the member's own: the terms of its offer."""
    offer: CouponOffer | Multiplier
    if treatment.coupon is not None:
        offer = treatment.coupon.offer(first_day)
        facts: dict[str, Any] = {"currency": offer.currency, "minimum": offer.minimum_spend}
        if offer.amount is not None:
            facts["amount"] = offer.amount
        if offer.percent is not None:
            facts["percent"] = _percent(offer.percent)
        days = treatment.coupon.days
    elif treatment.multiplier is not None:
        offer = treatment.multiplier.terms(first_day)
        facts, days = {"percent": str(offer.percent)}, treatment.multiplier.days
    else:
        return {}
    dates = {"starts_on": offer.starts_on.isoformat(), "ends_on": offer.ends_on.isoformat(), "days": days}
    return facts | {"offer": offer.name} | dates


def facts_brought(treatment: Treatment) -> frozenset[str]:
    """The names of what a text of this treatment can show beside the member's own."""
    brought = set(facts_of(treatment, date.min)) | ({"coupon"} if treatment.coupon is not None else set())
    return frozenset(brought)


def template_wish(code: str, name: str, step: StepPlan) -> TemplateWish:
    """A step's texts as `messages` keeps them. Not for calls."""
    texts = {Language(language): Words(words.body, words.subject) for language, words in step.texts.items()}
    return TemplateWish(code, name, Channel(step.channel.value), MessageClass.MARKETING, texts)


def preview_step(tx: Tx, treatment: Treatment, step: StepPlan, language: Language, first_day: date) -> Text:
    """A message of a treatment as a made-up member would get it: the offer is the real one. Raises TextUnusable."""
    policy = policy_in_force(tx)
    wish = template_wish("preview", "preview", step)
    sample = sample_values(language, get_settings().company_currency)
    facts = facts_of(treatment, first_day)
    if treatment.coupon is not None:
        facts["coupon"] = sample["coupon"]
    return finished_text(policy, wish, language, facts, name=str(sample["name"]), store=str(sample["store"]))


def moment_of(day: date) -> datetime:
    """When a day begins by the company's clock, in UTC."""
    return datetime.combine(day, time(), ZoneInfo(get_settings().company_timezone)).astimezone(UTC)


def _call(tx: Tx, occasion: Occasion, step: StepPlan, number: int, members: Sequence[int]) -> int:
    assert step.task_kind is not None, "checked before the approval"
    due = None
    if step.due_in_days is not None:
        due = occasion.first_day + timedelta(days=step.after_days + step.due_in_days)
    wishes = [
        TaskWish(
            member_id=member,
            kind=step.task_kind,
            key=f"{occasion.reference}/step/{number}/{member}",
            due_on=due,
            note=step.note,
            origin=occasion.reference,
        )
        for member in _may_be_called(tx, members)
    ]
    return create_tasks(tx, wishes, occasion.by).made


def _may_be_called(tx: Tx, members: Sequence[int]) -> list[int]:
    """Only those who agreed to marketing by phone (who was never asked did not), without an open complaint, and whom
    the company's control group does not hold out today: as the gate of messages does."""
    phone = contacts.Channel.PHONE
    said = contacts.reach(tx, members, [phone])
    agreed = {member for member, reach in said.items() if reach.words.get(phone) is True}
    spared = complaining(tx, members) | set(company_control(tx, members))
    return [member for member in members if member in agreed and member not in spared]


def _percent(hundredths: int) -> str:
    """1050 hundredths of a percent as people write it: 10.5."""
    return f"{hundredths / 100:g}"
