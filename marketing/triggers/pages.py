"""Pages of triggers: the list with the standing control group, the editor, one trigger with for whom it fired."""

from datetime import date
from decimal import Decimal
from typing import Any

import flask

from foundation.access import PrincipalKind, allow, current_principal
from foundation.clock import local_date
from foundation.conditions import Unit
from foundation.database import Tx
from foundation.http import Pages, first_page, id_in, make_cursor, read_cursor, transactional
from foundation.money import exponent
from foundation.pages import gettext, lazy, render
from foundation.pages.formats import number
from foundation.settings import get_settings
from marketing.campaigns.pages import (
    SHARES,
    names_of,
    offer_words,
    share_words,
    step_views,
    treatment_choices,
    typed_money,
)
from marketing.campaigns.result_page import currency_view
from marketing.campaigns.words import ARMS, DONE, WHY
from marketing.experiments.assignment import BASIS_POINTS
from marketing.experiments.standing import StandingControl, standing_control_on
from marketing.permissions import CAMPAIGNS_APPROVE, CAMPAIGNS_READ, CAMPAIGNS_WRITE
from marketing.target_lists.models import MODELS, Model, Parameter
from marketing.triggers.http import trigger_id_of
from marketing.triggers.kept_results import results_at_hand
from marketing.triggers.results import MEASURE_DAYS
from marketing.triggers.rules import Occasion, TriggerPlan, TriggerState
from marketing.triggers.storage import Trigger, arms_of, changes_of, firings_of, list_triggers, read_trigger
from member_api.contract.members import masked_names

triggers_pages = Pages("triggers", __name__, url_prefix="/triggers")

SHOWN = 50
STATES: dict[TriggerState, tuple[Any, str]] = {
    TriggerState.DRAFT: (lazy("Draft"), ""),
    TriggerState.SUBMITTED: (lazy("Waits for approval"), "warn"),
    TriggerState.ACTIVE: (lazy("Watching"), "good"),
    TriggerState.PAUSED: (lazy("Paused"), ""),
}
OCCASIONS: dict[Occasion, Any] = {
    Occasion.ENTERED: lazy("Each time the member comes to fit"),
    Occasion.YEARLY: lazy("Once a year"),
    Occasion.MONTHLY: lazy("Once a month"),
    Occasion.ONCE: lazy("Once ever"),
}


# ------------------------------------------------------------------------------------------------ the list
@triggers_pages.route("")
@allow(CAMPAIGNS_READ)
@transactional
def list_page(tx: Tx) -> str:
    """Triggers, the newest first, and whom the whole company holds out."""
    principal = current_principal()
    before = id_in(flask.request.args.get("cursor"))
    found = list_triggers(tx, None, before, SHOWN + 1)
    shown, following = first_page(found, SHOWN, lambda trigger: trigger.id)
    setting = standing_control_on(tx)
    return render(
        "triggers/list.html",
        triggers=[_row(trigger) for trigger in shown],
        may_write=principal.may(CAMPAIGNS_WRITE) and principal.places is None,
        may_set=principal.may(CAMPAIGNS_APPROVE) and principal.places is None,
        standing=_standing(tx, setting),
        share=format((Decimal(setting.share) / BASIS_POINTS).normalize(), "f"),
        salt=setting.salt.replace("/", "-"),
        today=_today(tx),
        next=f"/triggers?cursor={following}" if following else "",
        first="/triggers" if before is not None else "",
    )


def _row(trigger: Trigger) -> dict[str, Any]:
    return {
        "id": trigger.id,
        "name": trigger.name,
        "watches": _watches(trigger.plan),
        "occasion": OCCASIONS[trigger.plan.occasion],
        "state": STATES[trigger.state],
        "fired": trigger.fired,
        "looked": trigger.evaluated_at,
    }


def _watches(plan: TriggerPlan) -> Any:
    model = MODELS.get(plan.model or "")
    return model.words if model else gettext("A filter of its own")


def _standing(tx: Tx, setting: StandingControl) -> list[tuple[Any, Any]]:
    return [
        (gettext("Share of all members"), f"{setting.share / 100:g} %"),
        (gettext("Since"), setting.valid_from.isoformat()),
        (gettext("Set by"), names_of(tx, [setting.set_by])[setting.set_by]),
    ]


# ------------------------------------------------------------------------------------------------ the editor
@triggers_pages.route("/new")
@allow(CAMPAIGNS_WRITE)
@transactional
def new_page(tx: Tx) -> str:
    """An empty trigger for birthdays, to be changed into what is wanted."""
    return _editor(tx, None, TriggerPlan(MODELS["birthday"].filter, Occasion.YEARLY, "birthday", cool_down_days=180))


@triggers_pages.route("/<trigger>/edit")
@allow(CAMPAIGNS_WRITE)
@transactional
def edit_page(tx: Tx, trigger: str) -> str:
    """The trigger as planned, to be changed."""
    found = read_trigger(tx, trigger_id_of(trigger))
    return _editor(tx, found, found.plan)


def _editor(tx: Tx, trigger: Trigger | None, plan: TriggerPlan) -> str:
    share = format((Decimal(plan.control_share) / BASIS_POINTS).normalize(), "f")
    return render(
        "triggers/edit.html",
        trigger=trigger,
        plan=plan,
        decided=trigger is not None and trigger.state is not TriggerState.DRAFT,
        own_filter=plan.model is None,
        models=[(model.name, model.words) for model in MODELS.values()],
        numbers=[_numbers(model, plan) for model in MODELS.values()],
        occasions=[(occasion.value, words) for occasion, words in OCCASIONS.items()],
        share=share,
        shares=[(each, share_words(each)) for each in sorted({*SHARES, share}, key=Decimal)],
        **treatment_choices(tx, plan.treatment),
    )


def _numbers(model: Model, plan: TriggerPlan) -> dict[str, Any]:
    given = plan.parameters if plan.model == model.name else {}
    return {
        "name": model.name,
        "hint": model.hint,
        "numbers": [_number(each, given.get(each.name, each.default)) for each in model.parameters],
    }


def _number(parameter: Parameter, value: int) -> dict[str, Any]:
    currency = get_settings().company_currency
    if parameter.unit is Unit.MONEY:
        data: dict[str, Any] = {"type": "money", "exponent": exponent(currency)}
        return {"name": parameter.name, "words": parameter.words, "value": typed_money(value, currency), "data": data,
                "suffix": currency}  # fmt: skip
    return {"name": parameter.name, "words": parameter.words, "value": value, "data": {"type": "integer"}, "suffix": ""}


# ------------------------------------------------------------------------------------------------ one trigger
@triggers_pages.route("/<trigger>")
@allow(CAMPAIGNS_READ)
@transactional
def trigger_page(tx: Tx, trigger: str) -> str:
    """What it watches for and does, for whom it fired, what was done to it."""
    principal = current_principal()
    found = read_trigger(tx, trigger_id_of(trigger))
    changes = changes_of(tx, found.id)
    names = names_of(tx, [change.by for change in changes])
    cursor = flask.request.args.get("cursor")
    before = read_cursor(cursor, date, int) if cursor else None
    everywhere = principal.places is None
    # For whom it fired, and what that brought, is about members of every store: for whoever acts everywhere.
    firings = firings_of(tx, found.id, before, SHOWN + 1) if everywhere else []  # type: ignore[arg-type]
    shown = firings[:SHOWN]
    masked = masked_names(tx, [firing.member_id for firing in shown])
    hands = {found.created_by, found.edited_by, found.submitted_by}
    is_second = principal.kind is PrincipalKind.PERSON and principal.actor not in hands
    submitted = found.state is TriggerState.SUBMITTED
    may_decide = submitted and is_second and everywhere and principal.may(CAMPAIGNS_APPROVE)
    may_write = everywhere and principal.may(CAMPAIGNS_WRITE)
    path = f"/triggers/{found.id}"
    return render(
        "triggers/trigger.html",
        trigger=found,
        address=f"/v1{path}",
        state=STATES[found.state],
        may={
            "edit": may_write,
            "submit": may_write and found.state is TriggerState.DRAFT,
            "decide": may_decide,
            "pause": may_write and found.state is TriggerState.ACTIVE,
            "resume": may_write and found.state is TriggerState.PAUSED,
        },
        measure_days=MEASURE_DAYS,
        waits_for_you=may_decide,
        waits_for_another=submitted and not may_decide,
        plan_facts=_plan_facts(found),
        groups=[(gettext("Looked at"), found.evaluated_on)]
        + [(ARMS[arm][0], number(count)) for arm, count in arms_of(tx, found.id).items()],
        effects=_effects(tx, found) if everywhere else None,
        steps=step_views(tx, found.plan.treatment, _today(tx)),
        firings=[
            {
                "id": firing.member_id,
                "name": masked.get(firing.member_id) or gettext("Member %(id)s", id=firing.member_id),
                "day": firing.fired_on,
                "arm": ARMS[firing.arm],
                "why": WHY.get(firing.why or "", firing.why) or "–",
            }
            for firing in shown
        ],
        next=f"{path}?cursor={make_cursor(shown[-1].fired_on, shown[-1].member_id)}" if len(firings) > SHOWN else "",
        first=path if before else "",
        changes=[
            {
                "at": change.at,
                "what": DONE.get(change.what, change.what),
                "by": names[change.by],
                "version": change.version,
                "note": change.note,
            }
            for change in changes
        ],
    )


def _effects(tx: Tx, trigger: Trigger) -> dict[str, Any] | None:
    """What it brought in the first of its currencies, the company's if it has it, and when that was worked out: None
    while it is for the first time. Nothing before it fired."""
    if trigger.fired == 0:
        return None
    kept = results_at_hand(tx, trigger)
    if kept is None:
        return {"worked_out_at": None}
    company = get_settings().company_currency
    found = sorted(kept.results.currencies, key=lambda each: (each.currency != company, each.currency))
    return {**currency_view(found[0]), "worked_out_at": kept.worked_out_at} if found else None


def _plan_facts(trigger: Trigger) -> list[tuple[Any, Any]]:
    plan = trigger.plan
    model = MODELS.get(plan.model or "")
    numbers = [
        (parameter.words, _shown(parameter, plan.parameters.get(parameter.name, parameter.default)))
        for parameter in (model.parameters if model else ())
    ]
    return [
        (gettext("Watches for"), _watches(plan)),
        *numbers,
        (gettext("Fires for a member"), OCCASIONS[plan.occasion]),
        (gettext("Not again for"), gettext("%(days)s days", days=plan.cool_down_days)),
        (gettext("What they get"), offer_words(plan.treatment)),
        (gettext("Kept back"), share_words(str(Decimal(plan.control_share) / BASIS_POINTS))),
    ]


def _shown(parameter: Parameter, value: int) -> str:
    currency = get_settings().company_currency
    return f"{typed_money(value, currency)} {currency}" if parameter.unit is Unit.MONEY else number(value)


def _today(tx: Tx) -> date:
    return local_date(tx.now, get_settings().company_timezone)
