"""The two kinds of blueprint: JSON routes under /v1 with schemas and documentation, and pages."""

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import flask
import flask_smorest
import marshmallow
from webargs.flaskparser import FlaskParser

from foundation.http.problems import fields_invalid
from foundation.http.requests import current_request

View = TypeVar("View", bound=Callable[..., Any])


class _StrictParser(FlaskParser):
    """webargs reading bodies by our strict reader, refusing unknown fields everywhere, raising our errors."""

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012 - as the base class has it
        "json": None,  # the schema's own rule, which is to refuse
        "form": marshmallow.RAISE,
        "query": marshmallow.RAISE,
        "headers": marshmallow.EXCLUDE,
        "cookies": marshmallow.EXCLUDE,
    }

    def load_json(self, req: flask.Request, schema: marshmallow.Schema) -> Any:
        request = current_request()
        if getattr(schema, "body_optional", False) and not request.has_body:
            return {}
        return request.read_json()

    def handle_error(
        self,
        error: marshmallow.ValidationError,
        req: flask.Request,
        schema: marshmallow.Schema,
        *,
        error_status_code: int | None,
        error_headers: Any,
    ) -> NoReturn:
        messages = error.messages
        # webargs puts the place (json, query ...) around the messages; a pointer begins inside of it.
        inner = next(iter(messages.values())) if isinstance(messages, dict) and len(messages) == 1 else messages
        raise fields_invalid(inner) from None


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """Routes under /v1 with their schemas, named after the business idea they serve.

    Every view declares `@allow(permission)` or `@allow_anyone`, directly below `@blp.route`:

        members = Blueprint("members", __name__, description="Who the member is")

        @members.route("/members", methods=["POST"])
        @allow("members.write")
        @idempotent
        @members.arguments(NewMember)
        @members.response(201, MemberOut)
        def enrol(tx: Tx, body: dict[str, Any]) -> Member: ...
    """

    ARGUMENTS_PARSER = _StrictParser()

    def __init__(self, name: str, import_name: str, *, description: str = "", url_prefix: str = "/v1") -> None:
        super().__init__(name, import_name, url_prefix=url_prefix, description=description)

    def route(self, rule: str, **options: Any) -> Callable[[View], View]:
        """The address below /v1, with `methods`; outermost of a view's decorators."""
        decorator: Callable[[View], View] = super().route(rule, **options)
        return decorator

    def arguments(self, schema: Any, **options: Any) -> Callable[[View], View]:
        """Check the body (or `location="query"`) by a schema, made once; the view gets it as its last argument."""
        decorator: Callable[[View], View] = super().arguments(
            schema() if isinstance(schema, type) else schema, **options
        )
        return decorator

    def response(self, status_code: int, schema: Any = None, **options: Any) -> Callable[[View], View]:
        """Write what the view returns by a schema, with this status unless the view names another."""
        decorator: Callable[[View], View] = super().response(status_code, schema, **options)
        return decorator


class Pages(flask.Blueprint):
    """HTML pages of one package: templates lie in its `templates/<business idea>/` folder beside the module."""

    def __init__(self, name: str, import_name: str, *, url_prefix: str | None = None, **options: Any) -> None:
        options.setdefault("template_folder", "templates")
        super().__init__(f"{name}_pages", import_name, url_prefix=url_prefix, **options)
