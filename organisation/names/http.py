"""Legal units, regions, formats and suppliers over HTTP: all four in the same way."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import fields, validate

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.errors import DomainError
from foundation.http import Blueprint, PageArguments, Schema, make_cursor, page_of, paged, read_cursor, transactional
from foundation.http.batches import BatchResult, EachItem
from foundation.http.puts import BATCH_MAX, answer_each
from organisation.fields import Code, SearchWords, Words
from organisation.names.operations import Named, NameKind, list_names, put_names
from organisation.permissions import READ, WRITE

names_blueprint = Blueprint("names", __name__, description="Names of legal units, regions, formats, suppliers")


class NamedSchema(Schema):
    """A code and its name. Things come into being on first use, named by their code."""

    code = Code(required=True)
    name = Words(required=True)


class NameQuery(PageArguments):
    search = SearchWords(metadata={"description": "Part of a code or name"})


def _add_routes(kind: NameKind, path: str, words: str) -> None:
    """PUT /v1/<path>/batch and GET /v1/<path> for one kind."""
    body_name = path.replace("-", "_")
    item = EachItem(fields.Nested(NamedSchema), required=True, validate=validate.Length(1, BATCH_MAX))
    batch = Schema.from_dict({body_name: item}, name=f"{kind.name.title().replace('_', '')}Batch")

    @names_blueprint.route(f"/{path}/batch", methods=["PUT"], endpoint=f"put_{body_name}")
    @names_blueprint.doc(summary=f"Name up to 1,000 {words}, each on its own", operationId=f"put_{body_name}_batch")
    @allow(WRITE)
    @transactional
    @names_blueprint.arguments(batch)
    @names_blueprint.response(200, BatchResult)
    def put(tx: Tx, body: Mapping[str, Sequence[Mapping[str, Any] | DomainError]]) -> dict[str, Any]:
        return answer_each(
            body_name,
            [each if isinstance(each, DomainError) else Named(**each) for each in body[body_name]],
            lambda wishes: put_names(tx, current_principal(), kind, wishes),
            lambda named: {"code": named.code, "name": named.name},
        )

    @names_blueprint.route(f"/{path}", methods=["GET"], endpoint=f"get_{body_name}")
    @names_blueprint.doc(summary=f"The {words}, by code", operationId=f"get_{body_name}")
    @allow(READ)
    @transactional
    @names_blueprint.arguments(NameQuery, location="query")
    @names_blueprint.response(200, page_of(NamedSchema))
    def get(tx: Tx, query: Mapping[str, Any]) -> Any:
        after = read_cursor(query["cursor"], str)[0] if query["cursor"] else None
        found = list_names(tx, kind, after=after, limit=query["limit"] + 1, search=query.get("search"))
        shown = found[: query["limit"]]
        return paged(shown, make_cursor(shown[-1].code) if len(found) > len(shown) else None)


_add_routes(NameKind.LEGAL_UNIT, "legal-units", "legal units")
_add_routes(NameKind.REGION, "regions", "regions")
_add_routes(NameKind.FORMAT, "formats", "formats")
_add_routes(NameKind.SUPPLIER, "suppliers", "suppliers")
