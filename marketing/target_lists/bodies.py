"""The shapes of target lists over HTTP."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from foundation.access import Principal
from foundation.database import Tx
from foundation.http import PageArguments, Schema
from foundation.http.fields import SearchWords, Words
from marketing.target_lists.catalogue import MEASURES
from marketing.target_lists.choosing import Question
from marketing.target_lists.chunks import Seen
from marketing.target_lists.currencies import in_currencies_of_stores
from marketing.target_lists.exclusions import exclusions
from marketing.target_lists.explaining import Why, flat_words, reasons
from marketing.target_lists.filters import Filter, read_filter
from marketing.target_lists.models import filter_of
from marketing.target_lists.operations import Explained, Preview, TargetList, stores_within
from marketing.target_lists.options import KINDS
from marketing.target_lists.words import Wording, wording_for
from member_api.contract.conditions import Channel, today

CHANNELS = [str(channel) for channel in Channel if channel != Channel.ANY]
FILTER_WORDS = (
    '{"all": [...]}, {"any": [...]}, {"not": ...} over conditions such as {"measure": "spend", "op": ">=", '
    '"value": 50000, "within_days": 90, "where": {"category": ["DAIRY"], "format": ["supermarket"]}}; '
    "GET /v1/filters/measures lists them"
)


# ------------------------------------------------------------------------------------------------ what comes in
class QuestionIn(Schema):
    """A filter, or a ready-made one (`model` with `parameters`)."""

    filter = fields.Raw(load_default=None, metadata={"description": FILTER_WORDS})
    model = fields.String(load_default=None, validate=validate.Length(1, 64))
    parameters = fields.Dict(keys=fields.String(validate=validate.Length(1, 64)), load_default=dict)
    leave_out = fields.List(
        fields.String(validate=validate.Length(1, 64)),
        load_default=list,
        validate=validate.Length(0, 20),
        metadata={"description": "Near misses to leave out, as `reason` names them: no_consent, capped, ..."},
    )
    channel = fields.String(
        load_default=None,
        validate=validate.OneOf(CHANNELS),
        metadata={"description": "By which the list would be used: consent and caps are looked at for it"},
    )

    @validates_schema
    def _one_of_them(self, body: Mapping[str, Any], **_: Any) -> None:
        if (body.get("filter") is None) == (body.get("model") is None):
            raise ValidationError("either a filter or a model", "filter")
        if body.get("parameters") and body.get("model") is None:
            raise ValidationError("belong to a model", "parameters")


class ListPreviewIn(QuestionIn):
    count_only = fields.Boolean(load_default=False, metadata={"description": "Without breakdown and samples"})


class TargetListIn(QuestionIn):
    name = Words(required=True)


class ListExplainIn(QuestionIn):
    member = fields.Raw(required=True, metadata={"description": 'an id, or {"kind", "value"}'})


class ListsQuery(PageArguments):
    archived = fields.Boolean(load_default=False)
    search = SearchWords(load_default="")


class OptionsQuery(Schema):
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    search = SearchWords(load_default="")
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 100))


def read_question(tx: Tx, principal: Principal, body: Mapping[str, Any]) -> Question:
    """The question of a body, confined to what the principal may see.

    Raises FilterUnreadable, FilterModelUnknown, ParametersUnreadable.
    """
    pointer = "/filter" if body["model"] is None else "/model"
    written = body["filter"] if body["model"] is None else filter_of(body["model"], body["parameters"])
    return Question(
        in_currencies_of_stores(tx, read_filter(written, MEASURES, pointer)),
        today(tx),
        frozenset(body["leave_out"]),
        body["channel"],
        stores_within(principal),
    )


# ------------------------------------------------------------------------------------------------ what goes out
class ListWhyOut(Schema):
    """A condition that holds, in words; `value` is what was measured (minor units, counts, days, a date, a code)."""

    measure = fields.String(required=True)
    words = fields.String(required=True)
    value = fields.Raw(required=True, allow_none=True)
    shown = fields.String(required=True, allow_none=True)


class ListMemberOut(Schema):
    member = fields.String(required=True)
    name = fields.String(required=True, allow_none=True, metadata={"description": "Masked"})
    why = fields.List(fields.Nested(ListWhyOut), required=True)


class MaskedMemberOut(Schema):
    member = fields.String(required=True)
    name = fields.String(required=True, allow_none=True)


class ListNearMissOut(Schema):
    """Members whom the filter picks and who may not be reached; `left_out`: they are not in the count."""

    reason = fields.String(required=True)
    words = fields.String(required=True)
    count = fields.Integer(required=True)
    left_out = fields.Boolean(required=True)
    sample = fields.List(fields.Nested(MaskedMemberOut), required=True)


class ListPartOut(Schema):
    code = fields.String(required=True, metadata={"description": "Empty: not known"})
    words = fields.String(required=True, allow_none=True)
    count = fields.Integer(required=True)


class FilterNoteOut(Schema):
    pointer = fields.String(required=True)
    detail = fields.String(required=True)


class ListPreviewOut(Schema):
    """`sales_until`: the moment up to which sales are complete, null if the filter asks nothing of sales."""

    count = fields.Integer(required=True)
    breakdown = fields.Dict(
        keys=fields.String(), values=fields.List(fields.Nested(ListPartOut)), required=True,
        metadata={"description": "By tier, store, age and, where there are scores, class"},
    )  # fmt: skip
    sample = fields.List(fields.Nested(ListMemberOut), required=True)
    near_misses = fields.List(fields.Nested(ListNearMissOut), required=True)
    notes = fields.List(fields.Nested(FilterNoteOut), required=True)
    sales_until = fields.AwareDateTime(required=True, allow_none=True)
    lake_position = fields.Integer(required=True, allow_none=True)
    scores_as_of = fields.Date(required=True, allow_none=True)
    words = fields.List(fields.String(), required=True, metadata={"description": "The conditions in words"})


class TargetListOut(Schema):
    """`count` is of the members that the caller sees; `as_of` the last day that the filter looked at."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    count = fields.Integer(required=True)
    filter = fields.Dict(required=True)
    filter_hash = fields.String(required=True)
    words = fields.List(fields.String(), required=True)
    model = fields.String(required=True, allow_none=True)
    as_of = fields.Date(required=True)
    lake_position = fields.Integer(required=True, allow_none=True)
    scoring_run = fields.String(required=True, allow_none=True)
    leave_out = fields.List(fields.String(), required=True)
    channel = fields.String(required=True, allow_none=True)
    breakdown = fields.Dict(required=True)
    near_misses = fields.Dict(required=True)
    created_by = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)
    archived_at = fields.AwareDateTime(required=True, allow_none=True)


class ListExplainedOut(Schema):
    """Why a member is in or is not: the filter as a tree, each node with whether it holds.

    `measured` is "frozen" (with the list) or "now". `may_not_be_reached` are the near misses that concern the member.
    """

    member = fields.String(required=True)
    name = fields.String(required=True, allow_none=True)
    is_in = fields.Boolean(required=True, data_key="in")
    why = fields.Dict(required=True)
    may_not_be_reached = fields.List(fields.String(), required=True)
    left_out_for = fields.List(fields.String(), required=True)
    measured = fields.String(required=True)


def listed_body(filter_: Filter, seen: Seen, wording: Wording, names: Mapping[int, str]) -> dict[str, Any]:
    """One member of a list, with why in."""
    return {
        "member": str(seen.member_id),
        "name": names.get(seen.member_id),
        "why": [_why_body(why) for why in reasons(filter_, seen, wording)],
    }


def _why_body(why: Why) -> dict[str, Any]:
    return {"measure": why.measure, "words": why.words, "value": _json(why.value), "shown": why.shown}


def _json(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def tree_body(why: Why) -> dict[str, Any]:
    """A node of an explanation and everything below it."""
    body: dict[str, Any] = {"kind": why.kind, "holds": why.holds, "words": why.words}
    if why.kind == "condition":
        return body | {"measure": why.measure, "value": _json(why.value), "shown": why.shown}
    return body | {"parts": [tree_body(part) for part in why.parts]}


def preview_body(
    tx: Tx, question: Question, found: Preview, part_words: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    """A live count."""
    wording = wording_for(tx, question.filter.conditions)
    told = found.chosen.told
    return {
        "count": len(found.chosen.members),
        "breakdown": breakdown_body(found.breakdown, part_words),
        "sample": [listed_body(question.filter, seen, wording, found.names) for seen in found.sample],
        "near_misses": [
            {
                "reason": name,
                "words": str(exclusions()[name].words),
                "count": len(members),
                "left_out": name in found.chosen.left_out,
                "sample": [
                    {"member": str(id_), "name": found.names.get(id_)} for id_ in found.near_samples.get(name, ())
                ],
            }
            for name, members in found.chosen.near.items()
        ],
        "notes": [{"pointer": pointer, "detail": f"nothing is called {name}"} for pointer, name in told.unknown],
        "sales_until": told.complete_until,
        "lake_position": told.position,
        "scores_as_of": told.scores_as_of,
        "words": flat_words(question.filter, wording),
    }


def breakdown_body(
    breakdown: Mapping[str, Mapping[str, int]], part_words: Mapping[tuple[str, str], str]
) -> dict[str, list[dict[str, Any]]]:
    """How a set is made up, each part with its words."""
    return {
        by: [{"code": code, "words": part_words.get((by, code)), "count": count} for code, count in parts.items()]
        for by, parts in breakdown.items()
    }


def list_body(found: TargetList, wording: Wording, count: int) -> dict[str, Any]:
    """A frozen list; `count` of the members that whoever asks may see."""
    return {
        "id": str(found.id),
        "name": found.name,
        "count": count,
        "filter": found.filter.body,
        "filter_hash": found.filter_hash.hex(),
        "words": flat_words(found.filter, wording),
        "model": found.model,
        "as_of": found.as_of,
        "lake_position": found.lake_position,
        "scoring_run": None if found.scoring_run is None else str(found.scoring_run),
        "leave_out": list(found.leave_out),
        "channel": found.channel,
        "breakdown": found.breakdown,
        "near_misses": found.near_misses,
        "created_by": found.created_by,
        "created_at": found.created_at,
        "archived_at": found.archived_at,
    }


def explained_body(member_id: int, name: str | None, found: Explained, why: Why) -> dict[str, Any]:
    """One member beside a filter."""
    return {
        "member": str(member_id),
        "name": name,
        "is_in": found.is_in,
        "why": tree_body(why),
        "may_not_be_reached": list(found.near),
        "left_out_for": list(found.left_out),
        "measured": "frozen" if found.frozen else "now",
    }
