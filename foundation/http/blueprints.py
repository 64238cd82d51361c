"""The two kinds of blueprint: JSON routes under /v1 with schemas and documentation, and pages."""

from typing import Any

import flask
import flask_smorest


class Blueprint(flask_smorest.Blueprint):
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

    def __init__(self, name: str, import_name: str, *, description: str = "", url_prefix: str = "/v1") -> None:
        super().__init__(name, import_name, url_prefix=url_prefix, description=description)


class Pages(flask.Blueprint):
    """HTML pages of one package: templates lie in its `templates/<business idea>/` folder beside the module."""

    def __init__(self, name: str, import_name: str, *, url_prefix: str | None = None, **options: Any) -> None:
        options.setdefault("template_folder", "templates")
        super().__init__(f"{name}_pages", import_name, url_prefix=url_prefix, **options)
