"""`/openapi.json`: OpenAPI 3.1, made from the routes, their schemas and what they declared."""

import re
from decimal import Decimal
from typing import Any

import flask
import flask_smorest
import msgspec

from foundation.access.permissions import Access, allow_anyone, declared_permissions
from foundation.errors import TREATMENTS
from foundation.http.blueprints import Blueprint
from foundation.http.bodies import TYPES
from foundation.http.json_writing import encode
from foundation.http.transactions import needs_key

TITLE = "Regulars"
VERSION = "1"
DESCRIPTION = (
    "Membership, sales and precision marketing for retail. Machines ask `POST /oauth/token` for a bearer token; "
    "people's pages use their session and `X-CSRF-Token`. Every POST that creates or moves something takes an "
    "`Idempotency-Key`. Errors are problem documents (RFC 9457)."
)
# Statuses that any route that is not open may answer, beside what it says of itself.
ALWAYS = (400, 401, 403, 404, 429, 503)


class Api(flask_smorest.Api):  # type: ignore[misc]
    """flask-smorest without its own error handlers and documentation routes."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """Ours answer (problems.py)."""

    def _register_doc_blueprint(self) -> None:
        """Ours serves (openapi_routes)."""

    def _register_responses(self) -> None:
        """Ours are added to every operation (finish)."""


def make_api(app: flask.Flask) -> Api:
    """The collector of documentation of `app`."""
    app.config.update(API_TITLE=TITLE, API_VERSION=VERSION, OPENAPI_VERSION="3.1.0")
    api = Api(spec_kwargs={"info": {"description": DESCRIPTION}})
    api.init_app(app)
    return api


def register(api: Api, blueprint: flask.Blueprint) -> None:
    """Add a blueprint with its documentation."""
    if not isinstance(blueprint, Blueprint):
        raise TypeError(f"{blueprint.name} is not a foundation.http.Blueprint")
    api.register_blueprint(blueprint)


def finish(app: flask.Flask, api: Api, access: dict[str, Access]) -> bytes:
    """The finished document: schemas of msgspec types, permissions, keys and problems added to each operation."""
    document: dict[str, Any] = api.spec.to_dict()
    components = document.setdefault("components", {})
    components["securitySchemes"] = {
        "machine": {
            "type": "oauth2",
            "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": declared_permissions()}},
        },
        "person": {"type": "apiKey", "in": "cookie", "name": "regulars_session"},
        "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
    }
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = _problem_schema()
    components["responses"] = {
        f"Problem{status}": {
            "description": title,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, title in sorted({row.status: row.title for row in TREATMENTS.values()}.items())
    }
    components.setdefault("headers", {}).update(_HEADERS)
    operations: dict[str, list[Any]] = {}
    for rule in app.url_map.iter_rules():
        item = document["paths"].get(_path(rule.rule), {})
        for method in rule.methods or ():
            if method.lower() in item:
                operation = item[method.lower()]
                operations.setdefault(rule.endpoint, []).append(operation)
                _complete(operation, access[rule.endpoint], needs_key(app.view_functions[rule.endpoint]), method)
    _add_msgspec_types(app, schemas, operations)
    _tell_truth(document)
    document["paths"]["/oauth/token"] = _TOKEN_PATH
    return encode(document)


def openapi_routes(document: list[bytes]) -> flask.Blueprint:
    """Serve the finished document, which `document` holds as its one item once the application is complete."""
    routes = flask.Blueprint("openapi", __name__)

    @routes.route("/openapi.json")
    @allow_anyone
    def openapi() -> flask.Response:
        return flask.Response(document[0], mimetype="application/json")

    return routes


def _complete(operation: dict[str, Any], access: Access, keyed: bool, method: str) -> None:
    if not access.is_open:
        scopes = [access.permission] if access.permission else []
        session: dict[str, list[str]] = {"person": []} if method == "GET" else {"person": [], "csrf": []}
        operation["security"] = [{"machine": scopes}, session]
    else:
        operation["security"] = []
    if access.permission is not None:
        operation["x-permission"] = access.permission
        words = f"Needs the permission `{access.permission}`."
        operation["description"] = f"{operation.get('description', '')}\n\n{words}".strip()
    if keyed:
        operation.setdefault("parameters", []).append(_KEY_PARAMETER)
    responses = operation.setdefault("responses", {})
    statuses = {*ALWAYS, *((409, 422) if keyed else ()), *((413, 415, 422) if "requestBody" in operation else ())}
    if any(parameter.get("in") == "query" for parameter in operation.get("parameters", ())):
        statuses.add(422)
    for status in statuses:
        found = responses.get(str(status))
        if found is None or "content" not in found:
            responses[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    for status, response in responses.items():
        if status.startswith("2") and "$ref" not in response:
            headers = response.setdefault("headers", {})
            headers.update(
                {name: {"$ref": f"#/components/headers/{name}"} for name in ("RateLimit", "RateLimit-Policy")}
            )
            if keyed:
                headers["Idempotency-Replayed"] = {"$ref": "#/components/headers/Idempotency-Replayed"}


def _tell_truth(part: Any) -> None:
    """Mend two things that apispec writes about marshmallow's fields and that are not so, everywhere below `part`.

    Decimals are texts in answers, and numbers or texts in requests; their limits are numbers. A text that may be left
    out has no default that its own rule would refuse.
    """
    if isinstance(part, list):
        for item in part:
            _tell_truth(item)
    if not isinstance(part, dict):
        return
    if isinstance(part.get("maximum", part.get("minimum")), str | Decimal):
        part.update({limit: float(part[limit]) for limit in ("minimum", "maximum") if limit in part})
        kinds = part.get("type", "number")
        part["type"] = ["string", *([kinds] if isinstance(kinds, str) else kinds)]
    if part.get("default") == "" and part.get("minLength", 0) > 0:
        del part["default"]
    for item in part.values():
        _tell_truth(item)


def _add_msgspec_types(app: flask.Flask, schemas: dict[str, Any], operations: dict[str, list[Any]]) -> None:
    """Add the schemas of msgspec types. Where a marshmallow schema has the name already, the struct takes its folder's
    name in front of its own (sales.http.MemberOut becomes SalesMemberOut)."""
    taken = set(schemas)
    for endpoint, view in app.view_functions.items():
        for type_ in getattr(view, TYPES, ()):
            _, found = msgspec.json.schema_components([type_], ref_template=f"{_SCHEMAS}{{name}}")
            folder = type_.__module__.split(".")[-2].title().replace("_", "")
            renamed = {f"{_SCHEMAS}{name}": f"{_SCHEMAS}{folder}{name}" for name in found if name in taken}
            for name, schema in found.items():
                address = f"{_SCHEMAS}{name}"
                schemas[renamed.get(address, address).removeprefix(_SCHEMAS)] = _with_references(schema, renamed)
            for operation in operations.get(endpoint, ()):
                operation.update(_with_references(operation, renamed))


def _with_references(part: Any, renamed: dict[str, str]) -> Any:
    if isinstance(part, list):
        return [_with_references(item, renamed) for item in part]
    if isinstance(part, dict):
        return {name: _with_references(item, renamed) for name, item in part.items()}
    return renamed.get(part, part) if isinstance(part, str) else part


def _problem_schema() -> dict[str, Any]:
    text, pointer = {"type": "string"}, {"type": "string", "description": "JSON pointer (RFC 6901) into the body"}
    properties = {
        "type": {"type": "string", "format": "uri"},
        "title": text,
        "status": {"type": "integer"},
        "detail": text,
        "code": {"type": "string", "description": "stable, for programs"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": pointer, "detail": text},
                "required": ["pointer", "detail"],
            },
        },
        "retryable": {"type": "boolean", "description": "the same request may succeed later"},
        "request_id": text,
    }
    return {
        "type": "object",
        "description": "RFC 9457 problem document; further members are facts about the problem",
        "properties": properties,
        "required": list(properties),
    }


def _path(rule: str) -> str:
    # /v1/members/<int:member>/grants -> /v1/members/{member}/grants, as apispec writes it
    return _CONVERTER.sub(r"{\1}", rule)


_SCHEMAS = "#/components/schemas/"
_CONVERTER = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A new key for each thing to be done, quoted or bare; the same key again gets the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 202, "pattern": '^("[!#-~]{1,200}"|[!#-~]{1,200})$'},
    "example": '"8e03978e-40d5-43e8-bc93-6894a57f9324"',
}
_HEADERS = {
    "RateLimit": {"description": "What is left of the window", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "The limit that applies", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true` when this answer was given before",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
_TOKEN_PATH = {
    "post": {
        "tags": ["access"],
        "summary": "A bearer token for a machine (OAuth2 client credentials)",
        "description": "The client authenticates by HTTP Basic. Tokens last `expires_in` seconds.",
        "security": [],
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "grant_type": {"type": "string", "enum": ["client_credentials"]},
                            "scope": {
                                "type": "string",
                                "description": "blank-separated; all of the client's if left out",
                            },
                        },
                        "required": ["grant_type"],
                    }
                }
            },
        },
        "responses": {
            "200": {
                "description": "The token",
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "properties": {
                                "access_token": {"type": "string"},
                                "token_type": {"type": "string", "enum": ["Bearer"]},
                                "expires_in": {"type": "integer", "description": "seconds"},
                                "scope": {"type": "string"},
                            },
                            "required": ["access_token", "token_type", "expires_in", "scope"],
                        }
                    }
                },
            },
            **{
                str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in (400, 401, 413, 429, 503)
            },
        },
    }
}
