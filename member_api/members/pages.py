"""Pages of members: finding one, enrolling one, one member's profile and standing."""

from collections.abc import Mapping, Sequence
from typing import Any

import flask
from werkzeug.utils import redirect

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import Pages, transactional
from foundation.pages import gettext, lazy, ngettext, render
from member_api.consents.operations import ConsentState, newest_wording
from member_api.consents.rules import Channel, Purpose
from member_api.identifiers.operations import kinds
from member_api.identifiers.rules import IdentifierStatus
from member_api.members.bodies import member_body
from member_api.members.frame import STATUS_WORDS, Framed, framed, render_member
from member_api.members.http import may_see_personal
from member_api.members.operations import StatusChange, status_history
from member_api.members.rules import MemberStatus, SeveralMembers
from member_api.members.searching import SOUGHT_MAX, Way, find
from member_api.members.views import Member, read_members
from member_api.permissions import DESK, MEMBERS_READ, MEMBERS_WRITE
from member_api.tiers.operations import TierEntry, tier_history, tiers
from member_api.tiers.rules import TierSource
from member_api.vault.operations import open_keys
from organisation.contract import staff_names, stores_by_code

members_pages = Pages("members", __name__, url_prefix="/members")

HISTORY_SHOWN_MAX = 20
LISTED_MAX = 50
CHANNEL_WORDS: Mapping[Channel, Any] = {
    Channel.SMS: lazy("Text messages"),
    Channel.EMAIL: lazy("E-mail"),
    Channel.PHONE: lazy("Phone calls"),
    Channel.POST: lazy("Letters"),
    Channel.APP: lazy("App messages"),
    Channel.WECHAT: lazy("WeChat"),
    Channel.WECOM: lazy("WeCom"),
    Channel.DINGTALK: lazy("DingTalk"),
}
PURPOSE_WORDS: Mapping[Purpose, Any] = {
    Purpose.PROFILING: lazy("Working out interests from purchases"),
    Purpose.NATIONAL_ID: lazy("Keeping the national ID for the prepaid registry"),
}
KIND_WORDS: Mapping[str, Any] = {
    "phone": lazy("Phone"),
    "card": lazy("Card"),
    "email": lazy("E-mail"),
    "national_id": lazy("National ID"),
    "wechat_openid": lazy("WeChat"),
    "wechat_unionid": lazy("WeChat (company)"),
    "alipay_user_id": lazy("Alipay"),
    "app_id": lazy("App"),
}
IDENTIFIER_WORDS: Mapping[IdentifierStatus, tuple[Any, str]] = {
    IdentifierStatus.ACTIVE: (lazy("In use"), "good"),
    IdentifierStatus.LOST: (lazy("Lost, blocked"), "danger"),
    IdentifierStatus.REPLACED: (lazy("Given up"), ""),
}
SOURCE_WORDS: Mapping[TierSource, Any] = {
    TierSource.IMPORTED: lazy("Brought along"),
    TierSource.MANUAL: lazy("Set by hand"),
    TierSource.EARNED: lazy("Earned"),
}
GENDER_WORDS: Mapping[str, Any] = {"female": lazy("Female"), "male": lazy("Male"), "other": lazy("Other")}


# ------------------------------------------------------------------------------------------------ finding
@members_pages.route("")
@allow(MEMBERS_READ)
def search_page() -> str:
    """The search box."""
    return _search_page("")


@members_pages.route("/search", methods=["POST"])
@allow(MEMBERS_READ)
@transactional
def search_members(tx: Tx) -> Any:
    """Whoever was sought. Posted, so that no phone number stands in an address, a history or a log."""
    text = flask.request.form.get("q", "")[:SOUGHT_MAX].strip()
    viewer = current_principal()
    if not text:
        return flask.make_response(redirect("/members", 303))
    try:
        found = find(tx, viewer, text)
    except SeveralMembers as several:
        count = int(several.facts["found"])
        words = ngettext(
            "%(num)s member fits. Ask for the whole phone or card number.",
            "%(num)s members fit. Ask for the whole phone or card number.",
            count,
        )
        return _search_page(text, notice=words)
    if found.way == Way.IDENTIFIER:
        return flask.make_response(redirect(f"/members/{found.member_ids[0]}", 303))
    if found.way is None:
        return _search_page(text, nobody=True)
    shown = found.member_ids[:LISTED_MAX]
    listed = len(shown) > 1 and may_see_personal(viewer, shown)
    members = read_members(tx, shown)
    return _search_page(text, rows=[_row(tx, members[id_], personal=listed) for id_ in shown if id_ in members])


def _search_page(text: str, *, rows: Sequence[Any] = (), notice: str = "", nobody: bool = False) -> str:
    return render(
        "members/search.html",
        text=text,
        rows=rows,
        notice=notice,
        nobody=nobody,
        may_enrol=current_principal().may(MEMBERS_WRITE),
        text_max=SOUGHT_MAX,
    )


def _row(tx: Tx, member: Member, *, personal: bool) -> dict[str, Any]:
    home = member.home_store
    store = stores_by_code(tx, [home]).get(home) if home else None
    return member_body(member, personal=personal) | {
        "standing": STATUS_WORDS[member.status],
        "store_name": store.name if store else home,
    }


# ------------------------------------------------------------------------------------------------ enrolling
@members_pages.route("/new")
@allow(MEMBERS_WRITE)
@transactional
def enrol_page(tx: Tx) -> str:
    """A form for a new member: a phone or a card is enough."""
    wording = newest_wording(tx)
    return render(
        "members/new.html",
        channels=[(channel, words) for channel, words in CHANNEL_WORDS.items() if channel in _OFFERED],
        wording={"en": wording.text_en, "zh": wording.text_zh},
        genders=list(GENDER_WORDS.items()),
    )


_OFFERED = (Channel.SMS, Channel.EMAIL, Channel.PHONE, Channel.WECHAT)


# ------------------------------------------------------------------------------------------------ one member
@members_pages.route("/<member>")
@allow(MEMBERS_READ)
@transactional
def profile_page(tx: Tx, member: str) -> str:
    """One member: who it is, by what recognised, which tier and why, what is allowed."""
    frame = framed(tx, member)
    viewer = current_principal()
    may_write = viewer.may(MEMBERS_WRITE) and frame.member.status in (MemberStatus.ACTIVE, MemberStatus.FROZEN)
    may_desk = viewer.may(DESK) and may_write
    key = open_keys(tx, [frame.member.id]).get(frame.member.id)
    reasons = key if frame.may_unmask else None
    given = tier_history(tx, frame.member.id, reasons, HISTORY_SHOWN_MAX)
    steps = status_history(tx, reasons, HISTORY_SHOWN_MAX) if reasons is not None else []
    names = names_of(tx, [entry.assigned_by for entry in given] + [step.by for step in steps])
    known = tiers(tx)
    return render_member(
        "members/profile.html",
        frame,
        identifiers=_identifiers(tx, frame),
        given=[_given(entry, {tier.code: tier.name for tier in known}, names) for entry in given],
        steps=[_step(step, names) for step in steps],
        tiers=[(tier.code, tier.name) for tier in known if tier.retired_at is None],
        source_words=SOURCE_WORDS,
        consents=consents_shown(frame.member.consents),
        gender=GENDER_WORDS.get(frame.shown["gender"] or ""),
        genders=list(GENDER_WORDS.items()),
        may_write=may_write,
        may_desk=may_desk,
        has_card=frame.member.in_force("card") is not None,
        personal_hidden=not frame.whole,
    )


def _identifiers(tx: Tx, frame: Framed) -> list[dict[str, Any]]:
    names = {kind.code: kind.name for kind in kinds(tx)}
    return [
        dict(held)
        | {
            "kind_words": KIND_WORDS.get(held["kind"], names.get(held["kind"], held["kind"])),
            "standing": IDENTIFIER_WORDS[held["status"]],
        }
        for held in frame.shown["identifiers"]
    ]


def _given(entry: TierEntry, tier_names: Mapping[str, str], names: Mapping[str, str]) -> dict[str, Any]:
    held = entry.assignment
    return {
        "tier": tier_names.get(held.tier, held.tier),
        "source": SOURCE_WORDS[held.source],
        "since": held.valid_from,
        "until": held.in_force_to,
        "by": gettext("by the rule") if held.source == TierSource.EARNED else names[entry.assigned_by],
        "reason": entry.reason,
    }


def _step(step: StatusChange, names: Mapping[str, str]) -> dict[str, Any]:
    return {"words": STATUS_WORDS[step.after][0], "at": step.at, "by": names[step.by], "reason": step.reason}


def consents_shown(said: Sequence[ConsentState]) -> list[dict[str, Any]]:
    """Every consent that can be given, with what holds of what a member said; nothing said means no."""
    holds = {(state.channel, state.purpose): state for state in said}
    wanted: list[tuple[Channel, Purpose, Any]] = [
        (channel, Purpose.MARKETING, words) for channel, words in CHANNEL_WORDS.items()
    ]
    wanted += [(Channel.ANY, purpose, words) for purpose, words in PURPOSE_WORDS.items()]
    shown = []
    for channel, purpose, words in wanted:
        state = holds.get((channel, purpose))
        shown.append(
            {
                "channel": channel,
                "purpose": purpose,
                "words": words,
                "granted": state.granted if state else False,
                "since": state.since if state else None,
            }
        )
    return shown


def names_of(tx: Tx, whoever: Sequence[str]) -> dict[str, str]:
    """Names for who did something: person:17 is a member of staff; a machine is called a device."""
    people = {by: int(by.removeprefix("person:")) for by in whoever if by.removeprefix("person:").isdigit()}
    known = staff_names(tx, list(people.values()))
    device, itself = gettext("a device"), gettext("the system")
    return {by: known.get(people[by], by) if by in people else itself if _is_house(by) else device for by in whoever}


def _is_house(by: str) -> bool:
    return by == "migration" or by.startswith("system:")
