"""The catalogue of measures over HTTP: what each figure means, in the caller's language."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate

from analytics.measures.catalogue import ALL_MEASURES
from analytics.measures.measure import Source, Unit
from analytics.permissions import REPORTS
from foundation.access import allow
from foundation.http import Blueprint, PageArguments, Schema, first_page, page_of, paged, read_cursor

measures_blueprint = Blueprint("measures", __name__, description="What each figure means")


class MeasureSchema(Schema):
    """One measure. Money is in minor units; what does not add up has to be asked for at each level."""

    name = fields.String(required=True)
    title = fields.String(required=True)
    definition = fields.String(required=True)
    unit = fields.String(required=True, validate=validate.OneOf([unit.value for unit in Unit]))
    source = fields.String(required=True, validate=validate.OneOf([source.value for source in Source]))
    adds_up = fields.Boolean(required=True)


@measures_blueprint.route("/measures", methods=["GET"])
@measures_blueprint.doc(summary="The measures, with their definitions", operationId="get_measures")
@allow(REPORTS)
@measures_blueprint.arguments(PageArguments, location="query")
@measures_blueprint.response(200, page_of(MeasureSchema))
def get_measures(query: Mapping[str, Any]) -> Any:
    after = read_cursor(query["cursor"], str)[0] if query["cursor"] else ""
    found = [each for each in sorted(ALL_MEASURES, key=lambda each: each.name) if each.name > after]
    shown, following = first_page(found, query["limit"], lambda each: each.name)
    bodies = [
        {
            "name": each.name,
            "title": str(each.title),
            "definition": str(each.definition),
            "unit": each.unit.value,
            "source": each.source.value,
            "adds_up": each.adds_up,
        }
        for each in shown
    ]
    return paged(bodies, following)
