"""Machines over HTTP: OAuth2 clients bound to their spots."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from marshmallow import fields, validate

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import (
    Blueprint,
    PageArguments,
    Schema,
    idempotent,
    make_cursor,
    page_of,
    paged,
    read_cursor,
    transactional,
)
from foundation.http.transactions import keep
from organisation.devices.operations import (
    Device,
    DeviceWish,
    find_device,
    list_devices,
    make_device,
    revoke_device,
)
from organisation.devices.sealing import open_secret, seal_secret
from organisation.fields import Code, SearchWords, Words
from organisation.permissions import CLIENTS, READ

SCOPES_MAX = 100

clients_blueprint = Blueprint("clients", __name__, description="Machines: tills, handhelds, cash desks, office systems")


class ClientIn(Schema):
    """A machine to be let in."""

    name = Words(required=True)
    scopes = fields.List(
        fields.String(validate=validate.Length(1, 64)), required=True, validate=validate.Length(1, SCOPES_MAX)
    )
    store = Code(allow_none=True, load_default=None, metadata={"description": "Where it stands; null: everywhere"})
    terminal = Code(allow_none=True, load_default=None, metadata={"description": "The till it is"})
    counter = Code(allow_none=True, load_default=None, metadata={"description": "The counter it serves"})
    staff = Code(allow_none=True, load_default=None, metadata={"description": "Who holds it; it ends when they leave"})


class NewClientOut(Schema):
    """The secret is told this once."""

    client_id = fields.String(required=True)
    client_secret = fields.String(required=True)


class ClientOut(Schema):
    """A machine that may call, or could until it was revoked."""

    client_id = fields.String(required=True)
    name = fields.String(required=True)
    scopes = fields.List(fields.String(), required=True)
    store = fields.String(required=True, allow_none=True)
    terminal = fields.String(required=True, allow_none=True)
    counter = fields.String(required=True, allow_none=True)
    staff = fields.String(required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    revoked_at = fields.AwareDateTime(required=True, allow_none=True)


class ClientQuery(PageArguments):
    search = SearchWords(metadata={"description": "Part of a name, id, terminal or counter"})
    store = Code()
    living = fields.Boolean(metadata={"description": "true: only those not revoked; false: only those revoked"})


def _again(tx: Tx, kept: Any) -> dict[str, str]:  # noqa: ARG001 - the signature of Again
    return {"client_id": kept["client_id"], "client_secret": open_secret(kept["sealed"])}


@clients_blueprint.route("/clients", methods=["POST"])
@allow(CLIENTS)
@idempotent(again=_again)
@clients_blueprint.arguments(ClientIn)
@clients_blueprint.response(201, NewClientOut)
def post_client(tx: Tx, body: Mapping[str, Any]) -> dict[str, str]:
    """Let a machine in, bound to its spot; the secret is told once."""
    wish = DeviceWish(**{**body, "scopes": tuple(body["scopes"])})
    new = make_device(tx, current_principal(), wish)
    keep({"client_id": new.client_id, "sealed": seal_secret(new.client_secret)})
    return {"client_id": new.client_id, "client_secret": new.client_secret}


@clients_blueprint.route("/clients", methods=["GET"])
@allow(READ)
@transactional
@clients_blueprint.arguments(ClientQuery, location="query")
@clients_blueprint.response(200, page_of(ClientOut))
def get_clients(tx: Tx, query: Mapping[str, Any]) -> Any:
    """The machines of the stores you may see, newest first."""
    found = list_devices(
        tx,
        current_principal(),
        after=device_cursor(query["cursor"]),
        limit=query["limit"] + 1,
        search=query.get("search"),
        store_code=query.get("store"),
        living=query.get("living"),
    )
    shown = found[: query["limit"]]
    return paged(shown, _next(shown, len(found)))


@clients_blueprint.route("/clients/<client_id>", methods=["GET"])
@allow(READ)
@transactional
@clients_blueprint.response(200, ClientOut)
def get_client(tx: Tx, client_id: str) -> Device:
    """One machine."""
    return find_device(tx, current_principal(), client_id)


@clients_blueprint.route("/clients/<client_id>/revoke", methods=["POST"])
@allow(CLIENTS)
@idempotent
@clients_blueprint.response(200, ClientOut)
def post_revoke(tx: Tx, client_id: str) -> Device:
    """End a machine: its tokens stop working at once, everywhere. Revoking twice is harmless."""
    return revoke_device(tx, current_principal(), client_id)


def device_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """Where a list of machines goes on. Raises CursorUnreadable."""
    if not cursor:
        return None
    at, client_id = read_cursor(cursor, datetime, str)
    return at, client_id


def _next(shown: Sequence[Device], found: int) -> str | None:
    return make_cursor(shown[-1].created_at, shown[-1].client_id) if found > len(shown) else None
