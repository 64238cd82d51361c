"""Pages of campaigns: the list, the editor, the plan with its approval and progress, the members, the result."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import flask
from flask_babel import get_locale

from foundation.access import Principal, PrincipalKind, allow, current_principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import DomainError
from foundation.http import Pages, first_page, id_in, transactional
from foundation.money import exponent
from foundation.pages import gettext, render
from foundation.pages.formats import money, number
from foundation.settings import get_settings
from marketing.campaigns import result_page
from marketing.campaigns.estimating import Estimate, estimate
from marketing.campaigns.http import ASK_AGAIN_S, campaign_id_of
from marketing.campaigns.kept_results import results_at_hand
from marketing.campaigns.launching import steps_of
from marketing.campaigns.members import CampaignMember, campaign_members
from marketing.campaigns.plans import CouponPlan, MultiplierPlan, Plan, StepPlan, Treatment, Way
from marketing.campaigns.rules import Arm, CampaignState
from marketing.campaigns.storage import Campaign, changes_of, list_campaigns, read_campaign
from marketing.campaigns.treating import preview_step
from marketing.campaigns.words import ARMS, DONE, GOALS, MESSAGE_STATES, REASONS, STATES, WAYS, WHY
from marketing.experiments.assignment import BASIS_POINTS
from marketing.messages.rules import Language
from marketing.messages.words import VARIABLE_WORDS
from marketing.permissions import CAMPAIGNS_APPROVE, CAMPAIGNS_READ, CAMPAIGNS_WRITE
from marketing.target_lists.operations import TargetListUnknown, lists, read_list
from marketing.tasks.kinds import kinds_by_code, list_kinds
from member_api.contract.members import masked_names
from organisation.contract import staff_names

campaigns_pages = Pages("campaigns", __name__, url_prefix="/campaigns")

SHOWN = 50
LISTS_MAX = 200
SHARES = ("0", "0.05", "0.1", "0.2", "0.3", "0.5")
EDITABLE = (CampaignState.DRAFT, CampaignState.SUBMITTED, CampaignState.APPROVED)
ALIVE = (*EDITABLE, CampaignState.LAUNCHING, CampaignState.RUNNING)
NATIVE = {Language.EN: "English", Language.ZH: "中文"}


# ------------------------------------------------------------------------------------------------ the list
@campaigns_pages.route("")
@allow(CAMPAIGNS_READ)
@transactional
def list_page(tx: Tx) -> str:
    """Campaigns, the newest first."""
    asked = flask.request.args.get("state", "")
    state = CampaignState(asked) if asked in set(CampaignState) else None
    before = id_in(flask.request.args.get("cursor"))
    found = list_campaigns(tx, current_principal(), state, before, SHOWN + 1)
    shown, following = first_page(found, SHOWN, lambda campaign: campaign.id)
    names = names_of(tx, [campaign.created_by for campaign in shown])
    return render(
        "campaigns/list.html",
        campaigns=[_row(campaign, names) for campaign in shown],
        may_write=current_principal().may(CAMPAIGNS_WRITE),
        filters=[("/campaigns", gettext("All"))] + [(f"/campaigns?state={s.value}", w) for s, (w, _) in STATES.items()],
        here=f"/campaigns?state={state.value}" if state else "/campaigns",
        filtered=state is not None,
        next=_address("/campaigns", state=asked, cursor=following) if following else "",
        first=_address("/campaigns", state=asked) if before is not None else "",
    )


def _row(campaign: Campaign, names: dict[str, str]) -> dict[str, Any]:
    return {
        "id": campaign.id,
        "name": campaign.name,
        "goal": GOALS[campaign.plan.goal],
        "state": STATES[campaign.state],
        "members": campaign.members_max,
        "started": campaign.started_on,
        "ends": campaign.ends_on,
        "by": names[campaign.created_by],
    }


def _address(path: str, **arguments: Any) -> str:
    given = {name: value for name, value in arguments.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def names_of(tx: Tx, whoever: Sequence[str]) -> dict[str, str]:
    """Names for who did something: person:17 is a member of staff; a machine is called so."""
    people = {by: int(by.removeprefix("person:")) for by in whoever if by.removeprefix("person:").isdigit()}
    known = staff_names(tx, list(people.values()))
    itself, machine = gettext("the system"), gettext("another system")
    return {
        by: known.get(people[by], by)
        if by in people
        else itself
        if by.startswith("system:") or by == "migration"
        else machine
        for by in whoever
    }


# ------------------------------------------------------------------------------------------------ the editor
@campaigns_pages.route("/new")
@allow(CAMPAIGNS_WRITE)
@transactional
def new_page(tx: Tx) -> str:
    """An empty campaign; `?list=3` chooses its target list."""
    asked = flask.request.args.get("list", "")
    return _editor(tx, None, Plan(int(asked) if asked.isdigit() and len(asked) < 18 else 0))


@campaigns_pages.route("/<campaign>/edit")
@allow(CAMPAIGNS_WRITE)
@transactional
def edit_page(tx: Tx, campaign: str) -> Any:
    """The campaign as planned, to be changed."""
    found = read_campaign(tx, current_principal(), campaign_id_of(campaign))
    if found.state not in EDITABLE:
        return flask.redirect(f"/campaigns/{found.id}", 303)
    return _editor(tx, found, found.plan)


def _editor(tx: Tx, campaign: Campaign | None, plan: Plan) -> str:
    principal = current_principal()
    chosen = lists(tx, principal, before=None, limit=LISTS_MAX)
    share = format((Decimal(plan.control_share) / BASIS_POINTS).normalize(), "f")
    return render(
        "campaigns/edit.html",
        campaign=campaign,
        plan=plan,
        decided=campaign is not None and campaign.state is not CampaignState.DRAFT,
        lists=[(str(each.id), f"{each.name} ({number(each.count)})") for each in chosen],
        list_id=plan.list_id or "",
        goals=[(goal.value, words) for goal, words in GOALS.items()],
        share=share,
        shares=[(each, share_words(each)) for each in sorted({*SHARES, share}, key=Decimal)],
        **treatment_choices(tx, plan.treatment),
    )


def treatment_choices(tx: Tx, treatment: Treatment) -> dict[str, Any]:
    """What the editors of campaigns and triggers need to show a treatment."""
    kinds = list_kinds(tx)
    return {
        "offer": "coupon" if treatment.coupon else "multiplier" if treatment.multiplier else "none",
        "coupon": treatment.coupon or {},
        "multiplier": treatment.multiplier or {},
        "kinds": [(kind.code, kind.template.name.in_language(language_of_page())) for kind in kinds],
        "currency": get_settings().company_currency,
        "formats": [],
        "variables": list(VARIABLE_WORDS.items()),
        "tongues": [(each.value, words) for each, words in NATIVE.items()],
        "typed_money": typed_money,
        "typed_percent": typed_percent,
    }


def language_of_page() -> str:
    """en or zh, as the page speaks."""
    return "zh" if str(get_locale() or "en").startswith("zh") else "en"


def typed_money(amount: Any, currency: str) -> str:
    """Minor units as they are typed into a field: 1050 CNY is 10.50; nothing for nothing."""
    if not isinstance(amount, int):
        return ""
    digits = exponent(currency)
    return format(Decimal(amount).scaleb(-digits), f".{digits}f")


def typed_percent(hundredths: Any) -> str:
    """Hundredths of a percent as they are typed: 1050 is 10.5; nothing for nothing."""
    return f"{hundredths / 100:g}" if isinstance(hundredths, int) else ""


def share_words(share: str) -> Any:
    """0.1 as 10 %; nobody kept back is said as what it means."""
    if Decimal(share) == 0:
        return gettext("Nobody: the effect cannot be told")
    return f"{float(share) * 100:g} %"


# ------------------------------------------------------------------------------------------------ one campaign
@campaigns_pages.route("/<campaign>")
@allow(CAMPAIGNS_READ)
@transactional
def plan_page(tx: Tx, campaign: str) -> str:
    """The plan, what to expect, how far it is, and what was done."""
    principal = current_principal()
    found = read_campaign(tx, principal, campaign_id_of(campaign))
    changes = changes_of(tx, found.id)
    names = names_of(tx, [change.by for change in changes])
    expected = _expected(tx, principal, found)
    return _render(
        tx,
        "campaigns/plan.html",
        found,
        plan_facts=_plan_facts(found),
        estimate=_estimate_facts(expected) if expected else None,
        visible=_visible_words(expected) if expected else "",
        steps=step_views(tx, found.plan.treatment, found.started_on or _today(tx)),
        progress=_progress(tx, found),
        changes=[
            {
                "at": change.at, "what": DONE.get(change.what, change.what), "by": names[change.by],
                "version": change.version, "note": change.note,
            }
            for change in changes
        ],
    )  # fmt: skip


def _render(tx: Tx, template: str, campaign: Campaign, **context: Any) -> str:
    principal = current_principal()
    address = f"/campaigns/{campaign.id}"
    hands = {campaign.created_by, campaign.edited_by, campaign.submitted_by}
    is_second = principal.kind is PrincipalKind.PERSON and principal.actor not in hands
    submitted = campaign.state is CampaignState.SUBMITTED
    may_decide = submitted and is_second and principal.may(CAMPAIGNS_APPROVE)
    return render(
        template,
        campaign=campaign,
        address=f"/v1{address}",
        goal=GOALS[campaign.plan.goal],
        list_name=_list_name(tx, principal, campaign.plan.list_id),
        has_offer=campaign.plan.treatment.coupon is not None or campaign.plan.treatment.multiplier is not None,
        may={
            "edit": campaign.state in EDITABLE and principal.may(CAMPAIGNS_WRITE),
            "submit": campaign.state is CampaignState.DRAFT and principal.may(CAMPAIGNS_WRITE),
            "decide": may_decide,
            "launch": campaign.state is CampaignState.APPROVED and principal.may(CAMPAIGNS_WRITE),
            "stop": campaign.state in ALIVE and principal.may(CAMPAIGNS_WRITE),
        },
        waits_for_you=may_decide,
        waits_for_another=submitted and not may_decide,
        life=_life(campaign),
        tabs=[
            (address, gettext("Plan")),
            (f"{address}/results", gettext("Result")),
            (f"{address}/members", gettext("Members")),
        ],
        **context,
    )


def _list_name(tx: Tx, principal: Principal, list_id: int) -> Any:
    try:
        return read_list(tx, principal, list_id).name
    except TargetListUnknown:
        return gettext("a list outside of your stores")


LIFE = (
    CampaignState.DRAFT,
    CampaignState.SUBMITTED,
    CampaignState.APPROVED,
    CampaignState.LAUNCHING,
    CampaignState.RUNNING,
    CampaignState.FINISHED,
)


def _life(campaign: Campaign) -> list[tuple[Any, str]]:
    """The way of a campaign, with where it is: (words, done | now | stopped | nothing)."""
    if campaign.state is CampaignState.STOPPED:
        passed = LIFE[:5] if campaign.launched_at else LIFE[:1]
        return [(STATES[state][0], "done") for state in passed] + [(STATES[CampaignState.STOPPED][0], "stopped")]
    place = LIFE.index(campaign.state)
    return [(STATES[state][0], "done" if at < place else "now" if at == place else "") for at, state in enumerate(LIFE)]


def _plan_facts(campaign: Campaign) -> list[tuple[Any, Any]]:
    plan, company = campaign.plan, get_settings().company_currency
    return [
        (gettext("What it is for"), GOALS[plan.goal]),
        (gettext("What they get"), offer_words(plan.treatment)),
        (gettext("Kept back"), share_words(str(Decimal(plan.control_share) / BASIS_POINTS))),
        (gettext("Measured for"), gettext("%(days)s days", days=plan.measure_days)),
        (gettext("Budget"), money(plan.budget, company)),
    ] + ([(gettext("Measured"), f"{campaign.started_on} – {campaign.ends_on}")] if campaign.started_on else [])


def offer_words(treatment: Treatment) -> Any:
    """The offer in a sentence."""
    if treatment.coupon is not None:
        return _coupon_words(treatment.coupon)
    if treatment.multiplier is not None:
        return _multiplier_words(treatment.multiplier)
    return gettext("Nothing but the message")


def _coupon_words(coupon: CouponPlan) -> str:
    if coupon.amount is not None:
        worth = gettext("%(amount)s off", amount=money(coupon.amount, coupon.currency))
    else:
        worth = gettext("%(percent)s %% off", percent=f"{(coupon.percent or 0) / 100:g}")
    parts = [gettext("%(name)s: %(words)s", name=coupon.name, words=worth)]
    if coupon.minimum_spend:
        parts.append(gettext("from %(amount)s", amount=money(coupon.minimum_spend, coupon.currency)))
    parts.append(gettext("good for %(days)s days", days=coupon.days))
    return str(gettext(", ")).join(str(part) for part in parts)


def _multiplier_words(multiplier: MultiplierPlan) -> Any:
    return gettext(
        "%(name)s: points times %(factor)s for %(days)s days",
        name=multiplier.name,
        factor=f"{multiplier.percent / 100:g}",
        days=multiplier.days,
    )


def _expected(tx: Tx, principal: Principal, campaign: Campaign) -> Estimate | None:
    """What to expect of a campaign that has not begun; nothing while its list cannot be read."""
    if campaign.state not in EDITABLE:
        return None
    try:
        return estimate(tx, principal, campaign.plan)
    except DomainError:
        return None


def _estimate_facts(found: Estimate) -> list[tuple[Any, Any]]:
    costs, currency = found.costs, found.currency

    def most(amount: int | None) -> Any:
        return gettext("no limit") if amount is None else money(amount, currency)

    return [
        (gettext("On the list"), number(found.members)),
        (gettext("Get it"), number(found.treated)),
        (gettext("Kept back"), number(found.held_out)),
        (gettext("Company-wide control"), number(found.company_control)),
        (gettext("Messages"), most(costs.messages)),
        (gettext("Calls"), money(costs.calls, currency)),
        (gettext("Coupons, all used"), most(costs.coupons_at_most)),
        (gettext("Points beyond the usual, expected"), money(costs.points_expected, currency)),
        (gettext("At most"), most(costs.at_most)),
    ]  # fmt: skip


def _visible_words(found: Estimate) -> Any:
    if found.smallest_visible is None or found.mean_sales is None:
        return gettext("Too few members or too few purchases: the result will say “not enough members to tell”.")
    return gettext(
        "Members of this list spent %(mean)s each in as many days. An effect from about %(visible)s a member on would "
        "show; a smaller one would not.",
        mean=money(found.mean_sales, found.currency),
        visible=money(found.smallest_visible, found.currency),
    )


def step_views(tx: Tx, treatment: Treatment, first_day: Any) -> list[dict[str, Any]]:
    """The steps of a treatment as pages show them: texts as a made-up member gets them."""
    return [
        {
            "number": place,
            "channel": WAYS[step.channel],
            "when": gettext("at once") if not step.after_days else gettext("after %(days)s days", days=step.after_days),
            "texts": _text_views(tx, treatment, step, first_day),
            "facts": _call_facts(tx, step) if step.channel is Way.CALL else [],
        }
        for place, step in enumerate(treatment.steps, 1)
    ]


def _text_views(tx: Tx, treatment: Treatment, step: StepPlan, first_day: Any) -> list[dict[str, Any]]:
    views = []
    for language in step.texts:
        try:
            text = preview_step(tx, treatment, step, Language(language), first_day)
            note = ""
            if text.size is not None:
                note = gettext(
                    "%(count)s letters · parts to pay: %(parts)s", count=len(text.body), parts=text.size.segments
                )
            view = {"subject": text.subject, "body": text.body, "note": note}
        except DomainError as error:
            view = {"subject": step.texts[language].subject, "body": step.texts[language].body, "note": error.detail}
        views.append(view | {"language": NATIVE[Language(language)]})
    return views


def _call_facts(tx: Tx, step: StepPlan) -> list[tuple[Any, Any]]:
    kind = kinds_by_code(tx, [step.task_kind or ""]).get(step.task_kind or "")
    due = gettext("%(days)s days", days=step.due_in_days) if step.due_in_days is not None else None
    return [
        (gettext("Kind of task"), kind.template.name.in_language(language_of_page()) if kind else step.task_kind),
        (gettext("Due within"), due),
        (gettext("Note for the clerk"), step.note),
    ]  # fmt: skip


def _progress(tx: Tx, campaign: Campaign) -> list[tuple[Any, int, int, str]]:
    """Rows of words, how many, of how many, and a note: the groups first, then the offer and every step."""
    if campaign.launched_at is None:
        return []
    rows = [(gettext("Groups drawn by lot"), campaign.assigned, campaign.members_max or 0, "")]
    treated = _treated(tx, campaign.id)
    has_offer = campaign.plan.treatment.coupon is not None or campaign.plan.treatment.multiplier is not None
    for step in steps_of(tx, campaign.id):
        if step.number == 0:
            if has_offer:
                rows.append((gettext("Offer given"), step.wished, treated, ""))
            continue
        way = WAYS[campaign.plan.treatment.steps[step.number - 1].channel]
        words = gettext("Step %(number)s: %(way)s", number=step.number, way=way)
        note = "" if step.done else gettext("on %(day)s", day=step.due_on.isoformat())
        if step.passed_over:
            note = gettext("%(count)s had used their coupon", count=number(step.passed_over))
        rows.append((words, step.wished, treated - step.passed_over, note))
    return rows


def _treated(tx: Tx, campaign_id: int) -> int:
    row = tx.ask(
        "SELECT count(*) FROM marketing.campaign_member WHERE campaign_id = %s AND arm = 'treated'", (campaign_id,)
    ).fetchone()
    return int(row[0]) if row else 0


def _today(tx: Tx) -> Any:
    return local_date(tx.now, get_settings().company_timezone)


# ------------------------------------------------------------------------------------------------ results, members
@campaigns_pages.route("/<campaign>/results")
@allow(CAMPAIGNS_READ)
@transactional
def results_page(tx: Tx, campaign: str) -> Any:
    """What came of it, in words that need no statistics."""
    found = read_campaign(tx, current_principal(), campaign_id_of(campaign))
    if found.started_on is None:
        words = gettext("The result begins with the launch.")
        return _render(tx, "campaigns/results.html", found, results=None, nothing=words)
    kept = results_at_hand(tx, found)
    if kept is None:
        return _render(tx, "campaigns/results_awaited.html", found, again_s=ASK_AGAIN_S)
    shown = result_page.view(kept.results)
    return _render(tx, "campaigns/results.html", found, results=kept.results, worked_out_at=kept.worked_out_at, **shown)


@campaigns_pages.route("/<campaign>/members")
@allow(CAMPAIGNS_READ)
@transactional
def members_page(tx: Tx, campaign: str) -> str:
    """Who was in it, in which group and why, what was sent and why not."""
    found = read_campaign(tx, current_principal(), campaign_id_of(campaign))
    asked, after = flask.request.args.get("arm", ""), id_in(flask.request.args.get("cursor"))
    arm = Arm(asked) if asked in set(Arm) else None
    rows = campaign_members(tx, found, arm, after or 0, SHOWN + 1)
    shown, following = first_page(rows, SHOWN, lambda row: row.member_id)
    names = masked_names(tx, [row.member_id for row in shown])
    path = f"/campaigns/{found.id}/members"
    return _render(
        tx,
        "campaigns/members.html",
        found,
        members=[_member(row, names) for row in shown],
        arms=[(path, gettext("All"))] + [(f"{path}?arm={each.value}", words) for each, (words, _) in ARMS.items()],
        here=f"{path}?arm={arm.value}" if arm else path,
        next=_address(path, arm=asked, cursor=following) if following else "",
        first=_address(path, arm=asked) if after else "",
    )


def _member(row: CampaignMember, names: dict[int, str]) -> dict[str, Any]:
    why = WHY.get(row.why or "", row.why)
    return {
        "id": row.member_id,
        "name": names.get(row.member_id) or gettext("Member %(id)s", id=row.member_id),
        "arm": ARMS[row.arm],
        "why": why or "–",
        "redeemed": row.redeemed,
        "sends": [
            {
                "channel": WAYS[Way(send.channel)],
                "state": MESSAGE_STATES.get(send.state, (send.state, ""))[0],
                "kind": MESSAGE_STATES.get(send.state, (send.state, ""))[1],
                "reason": REASONS.get(send.reason or "", send.reason),
            }
            for send in row.sends
        ],
    }
