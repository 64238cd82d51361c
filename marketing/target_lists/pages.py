"""Pages of target lists: the lists, the builder, one list with its members."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import flask

from foundation.access import Principal, allow, current_principal
from foundation.conditions import LISTING, Operator, Where
from foundation.database import Tx
from foundation.errors import DomainError
from foundation.http import Pages, first_page, id_in, transactional
from foundation.pages import gettext, lazy, render
from foundation.pages.formats import number
from foundation.settings import get_settings
from marketing.permissions import CAMPAIGNS_WRITE, LISTS_READ, LISTS_WRITE
from marketing.target_lists.bodies import breakdown_body, explained_body, listed_body
from marketing.target_lists.catalogue import MEASURES
from marketing.target_lists.chunks import seen_of
from marketing.target_lists.exclusions import exclusions
from marketing.target_lists.explaining import explain, outline
from marketing.target_lists.filters import Filter, read_filter
from marketing.target_lists.http import list_body_for, list_id_of, visible_member
from marketing.target_lists.operations import (
    TargetList,
    explain_in_list,
    lists,
    members_of,
    read_list,
    visible_members,
)
from marketing.target_lists.options import names_of
from marketing.target_lists.parts import words_of_parts
from marketing.target_lists.words import OPERATOR_WORDS, WHERE_WORDS, wording_for
from member_api.contract.members import masked_names
from organisation.contract import staff_names

target_lists_pages = Pages("target_lists", __name__, url_prefix="/target-lists")

PAGE_SIZE = 50
SEARCH_MAX = 100
CHANNELS = (
    ("sms", lazy("Text messages")),
    ("phone", lazy("Phone calls")),
    ("email", lazy("E-mail")),
    ("app", lazy("App messages")),
    ("wechat", lazy("WeChat")),
    ("wecom", lazy("WeCom")),
    ("post", lazy("Letters")),
)
EMPTY: Mapping[str, Any] = {"all": []}


# ------------------------------------------------------------------------------------------------ all lists
@target_lists_pages.route("")
@allow(LISTS_READ)
@transactional
def lists_page(tx: Tx) -> str:
    """Frozen lists, the newest first."""
    viewer = current_principal()
    search = flask.request.args.get("search", "")[:SEARCH_MAX].strip()
    archived = flask.request.args.get("archived") == "1"
    before = id_in(flask.request.args.get("cursor"))
    found = lists(tx, viewer, before=before, limit=PAGE_SIZE + 1, archived=archived, search=search)
    shown, following = first_page(found, PAGE_SIZE, lambda each: each.id)
    names = _who(tx, [each.created_by for each in shown])
    kept = {key: value for key, value in (("search", search), ("archived", "1" if archived else "")) if value}
    here = "/target-lists?archived=1" if archived else "/target-lists"
    return render(
        "target_lists/list.html",
        lists=[list_body_for(tx, viewer, each) | {"by": names[each.created_by]} for each in shown],
        search=search,
        archived=archived,
        here=here,
        next=_address("/target-lists", kept | {"cursor": following}) if following else "",
        first=_address("/target-lists", kept) if before is not None else "",
        may_write=viewer.may(LISTS_WRITE),
    )


# ------------------------------------------------------------------------------------------------ the builder
@target_lists_pages.route("/new")
@allow(LISTS_WRITE)
@transactional
def builder_page(tx: Tx) -> str:
    """The builder: empty, with the filter of another list (`?copy=`), or with one given as JSON (`?filter=`)."""
    copied = flask.request.args.get("copy")
    base = read_list(tx, current_principal(), list_id_of(copied)) if copied else None
    asked = base.filter if base else _filter_asked()
    settings = get_settings()
    return render(
        "target_lists/builder.html",
        filter=asked.body if asked else EMPTY,
        names=_names_in(tx, asked) if asked else {},
        leave_out=base.leave_out if base else (),
        channel=base.channel if base else "",
        name="",
        words=builder_words(),
        currency=settings.company_currency,
        timezone=settings.company_timezone,
        near=list(exclusions().values()),
        channels=CHANNELS,
    )


def _filter_asked() -> Filter | None:
    """The filter that a link brings along; one that cannot be read brings nothing."""
    try:
        return read_filter(json.loads(flask.request.args.get("filter") or "null"), MEASURES)
    except (ValueError, RecursionError, DomainError):
        return None


def _names_in(tx: Tx, filter_: Filter) -> dict[str, str]:
    """What the codes of a filter are called, by "kind:code" as the builder keeps them."""
    wanted: dict[str, set[Any]] = {}
    for condition in filter_.conditions:
        kind = MEASURES[condition.measure].options
        if kind and condition.operator in LISTING and isinstance(condition.value, tuple):
            wanted.setdefault(kind, set()).update(condition.value)
        for by, values in condition.where:
            wanted.setdefault(str(by), set()).update(values)
    return {f"{kind}:{_code(code)}": words for (kind, code), words in names_of(tx, wanted).items()}


def _code(code: Any) -> str:
    """A code as the builder keeps it: a path is a JSON list without blanks."""
    return flask.json.dumps(code, ensure_ascii=False, separators=(",", ":")) if isinstance(code, tuple) else code


def builder_words() -> dict[str, str]:
    """What the builder says, in the reader's language; {name} stands for a value."""
    words = {
        "join": gettext("How the conditions are joined"),
        "join_all": gettext("All of these"),
        "join_any": gettext("Any of these"),
        "join_none": gettext("None of these"),
        "group": gettext("Group of conditions, level {depth}"),
        "add_condition": gettext("Condition"),
        "add_group": gettext("Group"),
        "remove_group": gettext("Remove the group"),
        "remove_condition": gettext("Remove the condition"),
        "remove_narrowing": gettext("Remove the narrowing"),
        "remove_choice": gettext("Remove {what}"),
        "everybody": gettext("Without conditions every member is meant."),
        "empty_group": gettext("Nothing in this group yet."),
        "measure": gettext("What is asked"),
        "operator": gettext("How it is compared"),
        "and": gettext("and"),
        "value_of": gettext("Value: {measure}"),
        "value_to": gettext("Upper value: {measure}"),
        "yes": gettext("yes"),
        "no": gettext("no"),
        "unit_days": gettext("days"),
        "unit_years": gettext("years"),
        "span": gettext("Over which days"),
        "span_ever": gettext("ever since"),
        "span_days": gettext("in the last"),
        "span_ahead": gettext("within the next"),
        "span_dates": gettext("from … to"),
        "days_number": gettext("Number of days"),
        "from": gettext("From"),
        "to": gettext("To"),
        "narrow": gettext("Narrow by …"),
        "search": gettext("Search"),
        "search_in": gettext("Search: {what}"),
        "nothing_found": gettext("Nothing found"),
        "unfinished": gettext("{count} conditions are not finished yet."),
        "choose": gettext("Choose at least one."),
        "value": gettext("A number is missing or cannot be read."),
        "order": gettext("The first value is above the second."),
        "days": gettext("How many days? 1 to 3,660."),
        "dates": gettext("Say from when, or to when."),
        "counting": gettext("Counting …"),
        "loading": gettext("Loading …"),
        "counted": gettext("Counted just now"),
        "failed": gettext("This did not work."),
        "sales_until": gettext("Sales up to {at}"),
        "scores_as_of": gettext("Scores of {day}"),
        "unknown_name": gettext("Nothing is called {name}"),
        "by_tier": gettext("By tier"),
        "by_store": gettext("By home store"),
        "by_age": gettext("By age"),
        "by_class": gettext("By contribution class"),
        "more_parts": gettext("{count} more"),
        "no_name": gettext("No name"),
        "name_needed": gettext("The list needs a name."),
        "frozen": gettext("The list is frozen."),
    }
    words |= {f"op_{operator}": str(OPERATOR_WORDS[operator]) for operator in Operator}
    return {key: str(text) for key, text in words.items()} | {f"where_{by}": str(WHERE_WORDS[by]) for by in Where}


# ------------------------------------------------------------------------------------------------ one list
@target_lists_pages.route("/<list_id>")
@allow(LISTS_READ)
@transactional
def list_page(tx: Tx, list_id: str) -> str:
    """One list: its filter in words, how it is made up, its members with why; one member explained."""
    viewer = current_principal()
    found = read_list(tx, viewer, list_id_of(list_id))
    after = max(id_in(flask.request.args.get("cursor")) or 0, 0)
    member_ids = members_of(tx, found.id, after, PAGE_SIZE + 1, visible_members(tx, viewer))
    shown, more = first_page(member_ids, PAGE_SIZE, lambda id_: id_)
    seen, names = seen_of(tx, found.id, shown), masked_names(tx, shown)
    wording = wording_for(tx, found.filter.conditions)
    body = list_body_for(tx, viewer, found)
    whole = viewer.places is None
    return render(
        "target_lists/members.html",
        list=body,
        outline=outline(found.filter, wording),
        by=_who(tx, [found.created_by])[found.created_by],
        about=_about(found, body["count"]),
        near=_near(found) if whole else [],
        breakdown=breakdown_body(found.breakdown, words_of_parts(tx, found.breakdown)) if whole else {},
        whole=max(found.count, 1),
        members=[listed_body(found.filter, seen[id_], wording, names) for id_ in shown],
        next=_address(f"/target-lists/{found.id}", {"cursor": more}) if more else "",
        first=f"/target-lists/{found.id}" if after else "",
        may_write=viewer.may(LISTS_WRITE),
        may_campaign=viewer.may(CAMPAIGNS_WRITE),
        **_one_member(tx, viewer, found),
    )


def _about(found: TargetList, count: int) -> list[tuple[str, str]]:
    facts = [
        (gettext("Members"), number(count)),
        (gettext("Counted as of"), found.as_of.isoformat()),
    ]
    if found.channel:
        facts.append((gettext("To be reached by"), str(dict(CHANNELS).get(found.channel, found.channel))))
    if found.lake_position is not None:
        facts.append((gettext("Sales up to event"), number(found.lake_position)))
    return facts


def _near(found: TargetList) -> list[dict[str, Any]]:
    known = exclusions()
    return [
        {
            "words": known[name].words if name in known else name,
            "count": count,
            "left_out": name in found.leave_out,
        }
        for name, count in found.near_misses.items()
    ]


def _one_member(tx: Tx, viewer: Principal, found: TargetList) -> dict[str, Any]:
    """The member that was asked for, explained; or why that cannot be."""
    sought = flask.request.args.get("member", "")[:SEARCH_MAX].strip()
    if not sought:
        return {"sought": "", "fault": "", "explained": None}
    try:
        member_id = visible_member(tx, viewer, sought)
    except DomainError:
        return {"sought": sought, "fault": gettext("There is no such member."), "explained": None}
    told = explain_in_list(tx, found, member_id)
    why = explain(found.filter, told.seen, wording_for(tx, found.filter.conditions))
    shown = explained_body(member_id, masked_names(tx, [member_id]).get(member_id), told, why)
    known = exclusions()
    return {"sought": sought, "fault": "", "explained": shown | {"near": [known[name].words for name in told.near]}}


def _who(tx: Tx, whoever: list[str]) -> dict[str, str]:
    """Names for who did something; a machine is called a system."""
    people = {by: int(by.removeprefix("person:")) for by in whoever if by.removeprefix("person:").isdigit()}
    known = staff_names(tx, list(people.values()))
    return {by: known.get(people[by], by) if by in people else str(gettext("a system")) for by in whoever}


def _address(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
