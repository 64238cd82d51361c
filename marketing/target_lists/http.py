"""Target lists over HTTP: what can be asked, counting live, freezing, reading, explaining one member."""

from collections.abc import Mapping
from typing import Any

from flask_babel import force_locale
from marshmallow import fields

from analytics.contract.conditions import catch_up
from foundation.access import Principal, allow, current_principal
from foundation.conditions import Measure
from foundation.database import Tx, database
from foundation.http import (
    Blueprint,
    PageArguments,
    Schema,
    first_page,
    id_in,
    id_of,
    idempotent,
    page_of,
    paged,
    transactional,
)
from foundation.pages.words import LANGUAGES
from marketing.permissions import LISTS_READ, LISTS_WRITE
from marketing.target_lists.bodies import (
    ListExplainedOut,
    ListExplainIn,
    ListMemberOut,
    ListPreviewIn,
    ListPreviewOut,
    ListsQuery,
    OptionsQuery,
    TargetListIn,
    TargetListOut,
    explained_body,
    list_body,
    listed_body,
    preview_body,
    read_question,
)
from marketing.target_lists.catalogue import MEASURES
from marketing.target_lists.chunks import seen_of
from marketing.target_lists.exclusions import exclusions
from marketing.target_lists.explaining import explain
from marketing.target_lists.models import MODELS
from marketing.target_lists.operations import (
    Explained,
    TargetList,
    TargetListUnknown,
    archive,
    explain_in_list,
    explain_member,
    freeze,
    lists,
    members_in,
    members_of,
    preview,
    read_list,
    visible_members,
)
from marketing.target_lists.options import search_options
from marketing.target_lists.parts import words_of_parts
from marketing.target_lists.words import wording_for
from member_api.contract.members import MemberUnknown, masked_names, read_ref, resolve_member
from organisation.contract import place_of

target_lists_blueprint = Blueprint(
    "target_lists", __name__, description="Who is meant: filters counted live, and lists frozen with their reasons"
)
# How long a count waits for sales that are on their way into the lake.
COUNT_WAITS_S = 2.0
COUNT_LAG_MAX = 2_000
FREEZE_WAITS_S = 15.0


# ------------------------------------------------------------------------------------------------ what can be asked
class FilterMeasureOut(Schema):
    """What one measure is and takes. `words`, `hint` and `group` in each language; `options` names the list to search
    its codes in (GET /v1/filters/options), `choices` are the codes themselves."""

    name = fields.String(required=True)
    words = fields.Dict(required=True)
    hint = fields.Dict(required=True)
    group = fields.Dict(required=True)
    unit = fields.String(required=True)
    operators = fields.List(fields.String(), required=True)
    span = fields.String(required=True)
    span_required = fields.Boolean(required=True)
    where = fields.List(fields.String(), required=True)
    currency = fields.Boolean(required=True)
    options = fields.String(required=True, allow_none=True)
    choices = fields.List(fields.Dict(), required=True)
    personal = fields.Boolean(required=True)
    lowest = fields.Integer(required=True, allow_none=True)
    highest = fields.Integer(required=True, allow_none=True)


class FilterMeasuresOut(Schema):
    items = fields.List(fields.Nested(FilterMeasureOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
    near_misses = fields.List(fields.Dict(), required=True)


class FilterModelsOut(Schema):
    items = fields.List(fields.Dict(), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class FilterOptionOut(Schema):
    code = fields.Raw(required=True, metadata={"description": "A code; of a category its path"})
    words = fields.String(required=True)


def in_each_language(words: Any) -> dict[str, str]:
    """Words by language."""
    said = {}
    for language in LANGUAGES:
        with force_locale(language):
            said[language] = str(words)
    return said


def measure_body(measure: Measure) -> dict[str, Any]:
    """A measure as the builder needs to know it."""
    return {
        "name": measure.name,
        "words": in_each_language(measure.words),
        "hint": in_each_language(measure.hint),
        "group": in_each_language(measure.group),
        "unit": str(measure.unit),
        "operators": [str(operator) for operator in measure.operators],
        "span": str(measure.span),
        "span_required": measure.span_required,
        "where": [str(by) for by in measure.where],
        "currency": measure.currency,
        "options": measure.options,
        "choices": [{"code": code, "words": in_each_language(words)} for code, words in measure.choices],
        "personal": measure.personal,
        "lowest": measure.lowest,
        "highest": measure.highest,
    }


@target_lists_blueprint.route("/filters/measures")
@allow(LISTS_READ)
@target_lists_blueprint.response(200, FilterMeasuresOut)
def list_measures() -> dict[str, Any]:
    """Everything that a condition can ask, and the reasons for which members may be left out."""
    return {
        "items": [measure_body(measure) for measure in MEASURES.values()],
        "next_cursor": None,
        "near_misses": [{"reason": each.name, "words": in_each_language(each.words)} for each in exclusions().values()],
    }


@target_lists_blueprint.route("/filters/models")
@allow(LISTS_READ)
@target_lists_blueprint.response(200, FilterModelsOut)
def list_models() -> dict[str, Any]:
    """Ready-made filters with the numbers they leave open."""
    items = [
        {
            "name": model.name,
            "words": in_each_language(model.words),
            "hint": in_each_language(model.hint),
            "filter": model.filter,
            "parameters": [
                {
                    "name": parameter.name,
                    "words": in_each_language(parameter.words),
                    "unit": str(parameter.unit),
                    "default": parameter.default,
                    "lowest": parameter.lowest,
                    "highest": parameter.highest,
                    "pointers": list(parameter.pointers),
                }
                for parameter in model.parameters
            ],
        }
        for model in MODELS.values()
    ]
    return {"items": items, "next_cursor": None}


@target_lists_blueprint.route("/filters/options")
@allow(LISTS_READ)
@transactional
@target_lists_blueprint.arguments(OptionsQuery, location="query")
@target_lists_blueprint.response(200, page_of(FilterOptionOut))
def list_options(tx: Tx, query: Mapping[str, Any]) -> Any:
    """Codes that a condition may name, by part of their code or name; those that begin with it first."""
    found = search_options(tx, query["kind"], query["search"], query["limit"])
    return paged([{"code": option.code, "words": option.words} for option in found], None)


# ------------------------------------------------------------------------------------------------ counting, freezing
@target_lists_blueprint.route("/target-lists/preview", methods=["POST"])
@allow(LISTS_WRITE)
@transactional
@target_lists_blueprint.arguments(ListPreviewIn)
@target_lists_blueprint.response(200, ListPreviewOut)
def preview_list(tx: Tx, body: Mapping[str, Any]) -> dict[str, Any]:
    """Count live whom a filter chooses: how many, made up of whom, a few of them, and who may not be reached."""
    question = read_question(tx, current_principal(), body)
    catch_up(database(), COUNT_WAITS_S, COUNT_LAG_MAX)
    found = preview(tx, question, only_count=body["count_only"])
    return preview_body(tx, question, found, words_of_parts(tx, found.breakdown))


@target_lists_blueprint.route("/target-lists/explain", methods=["POST"])
@allow(LISTS_WRITE)
@transactional
@target_lists_blueprint.arguments(ListExplainIn)
@target_lists_blueprint.response(200, ListExplainedOut)
def explain_filter(tx: Tx, body: Mapping[str, Any]) -> dict[str, Any]:
    """Why one member would be chosen now, or would not."""
    viewer = current_principal()
    question = read_question(tx, viewer, body)
    member_id = visible_member(tx, viewer, body["member"])
    catch_up(database(), COUNT_WAITS_S, COUNT_LAG_MAX)
    return _explained(tx, question.filter, member_id, explain_member(tx, question, member_id))


@target_lists_blueprint.route("/target-lists", methods=["POST"])
@allow(LISTS_WRITE)
@idempotent
@target_lists_blueprint.arguments(TargetListIn)
@target_lists_blueprint.response(201, TargetListOut)
def freeze_list(tx: Tx, body: Mapping[str, Any]) -> Any:
    """Freeze whom a filter chooses now, with the reason for each: the list says the same for ever."""
    viewer = current_principal()
    question = read_question(tx, viewer, body)
    catch_up(database(), FREEZE_WAITS_S)
    found = freeze(tx, body["name"], question, by=viewer.actor, model=body["model"])
    return list_body_for(tx, viewer, found), 201, {"Location": f"/v1/target-lists/{found.id}"}


# ------------------------------------------------------------------------------------------------ reading
@target_lists_blueprint.route("/target-lists")
@allow(LISTS_READ)
@transactional
@target_lists_blueprint.arguments(ListsQuery, location="query")
@target_lists_blueprint.response(200, page_of(TargetListOut))
def list_lists(tx: Tx, query: Mapping[str, Any]) -> Any:
    """Frozen lists, the newest first; archived ones by themselves."""
    viewer, limit = current_principal(), query["limit"]
    archived, search = query["archived"], query["search"].strip()
    found = lists(tx, viewer, before=id_in(query["cursor"]), limit=limit + 1, archived=archived, search=search)
    shown, following = first_page(found, limit, lambda each: each.id)
    return paged([list_body_for(tx, viewer, each) for each in shown], following)


@target_lists_blueprint.route("/target-lists/<list_id>")
@allow(LISTS_READ)
@transactional
@target_lists_blueprint.response(200, TargetListOut)
def read_one_list(tx: Tx, list_id: str) -> dict[str, Any]:
    """One frozen list: its filter, in words too, and how it was made up."""
    viewer = current_principal()
    return list_body_for(tx, viewer, read_list(tx, viewer, list_id_of(list_id)))


@target_lists_blueprint.route("/target-lists/<list_id>/members")
@allow(LISTS_READ)
@transactional
@target_lists_blueprint.arguments(PageArguments, location="query")
@target_lists_blueprint.response(200, page_of(ListMemberOut))
def list_members(tx: Tx, query: Mapping[str, Any], list_id: str) -> Any:
    """The members of a list by id, each with why it is in: what was measured when the list was frozen."""
    viewer, limit = current_principal(), query["limit"]
    found = read_list(tx, viewer, list_id_of(list_id))
    after = max(id_in(query["cursor"]) or 0, 0)
    member_ids = members_of(tx, found.id, after, limit + 1, visible_members(tx, viewer))
    shown, following = first_page(member_ids, limit, lambda id_: id_)
    seen, names = seen_of(tx, found.id, shown), masked_names(tx, shown)
    wording = wording_for(tx, found.filter.conditions)
    items = [listed_body(found.filter, seen[id_], wording, names) for id_ in shown]
    return paged(items, following)


@target_lists_blueprint.route("/target-lists/<list_id>/members/<member>")
@allow(LISTS_READ)
@transactional
@target_lists_blueprint.response(200, ListExplainedOut)
def explain_one(tx: Tx, list_id: str, member: str) -> dict[str, Any]:
    """Why a member is on a list, as measured when it was frozen; or why not, as measured now."""
    viewer = current_principal()
    found = read_list(tx, viewer, list_id_of(list_id))
    member_id = visible_member(tx, viewer, member)
    return _explained(tx, found.filter, member_id, explain_in_list(tx, found, member_id))


@target_lists_blueprint.route("/target-lists/<list_id>/archive", methods=["POST"])
@allow(LISTS_WRITE)
@idempotent
@target_lists_blueprint.response(200, TargetListOut)
def archive_list(tx: Tx, list_id: str) -> dict[str, Any]:
    """Put a list away. It stays readable, and campaigns that use it go on.

    No campaign can be made of it any more: only whoever acts everywhere it reaches may do so.
    """
    viewer = current_principal()
    found = read_list(tx, viewer, list_id_of(list_id))
    _check_reaches(viewer, found)
    return list_body_for(tx, viewer, archive(tx, found.id, by=viewer.actor))


# ------------------------------------------------------------------------------------------------ parts
def _check_reaches(viewer: Principal, found: TargetList) -> None:
    """Raise PlaceForbidden unless somebody acts in all stores of a list (places None: in every store)."""
    if found.places is None:
        viewer.require_everywhere()
    for place in found.places or ():
        viewer.require(LISTS_WRITE, place)


def list_id_of(text: str) -> int:
    """The id that an address names. Raises TargetListUnknown."""
    return id_of(text, TargetListUnknown("There is no such list"))


def visible_member(tx: Tx, viewer: Principal, named: Any) -> int:
    """The member that is named, if the viewer sees its home store. Raises MemberUnknown."""
    facts = resolve_member(tx, read_ref(named))
    at_home = facts.home_store is not None and viewer.may(LISTS_READ, place_of(facts.home_store))
    if viewer.places is not None and not at_home:
        raise MemberUnknown("There is no such member")
    return facts.id


def _explained(tx: Tx, filter_: Any, member_id: int, found: Explained) -> dict[str, Any]:
    why = explain(filter_, found.seen, wording_for(tx, filter_.conditions))
    return explained_body(member_id, masked_names(tx, [member_id]).get(member_id), found, why)


def list_body_for(tx: Tx, viewer: Principal, found: TargetList) -> dict[str, Any]:
    """A list as somebody may see it: the count is of the members of their stores.

    How it is made up was counted over all of its stores: only whoever acts in all of them is told.
    """
    visible = visible_members(tx, viewer)
    count = found.count if visible is None else members_in(tx, found.id).intersection_cardinality(visible)
    body = list_body(found, wording_for(tx, found.filter.conditions), count)
    within = viewer.places is None or (found.places is not None and found.places <= viewer.places)
    return body if within else body | {"breakdown": {}, "near_misses": {}}
