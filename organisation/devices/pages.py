"""Pages of devices: the list, one machine, let one in, end one."""

from typing import Any

import flask
from marshmallow import ValidationError
from werkzeug.utils import redirect

from foundation.access import Principal, allow, current_principal, declared_permissions
from foundation.database import Tx
from foundation.errors import DomainError
from foundation.http import Pages, make_cursor, transactional
from foundation.pages import gettext, lazy, render
from organisation.changes.operations import Subject
from organisation.changes.words import shown_changes
from organisation.devices.http import ClientIn, device_cursor
from organisation.devices.operations import (
    DeviceWish,
    find_device,
    list_devices,
    make_device,
    revoke_device,
)
from organisation.forms import Form, Typed, read_form, typed_form
from organisation.lists import PAGE_SIZE, listing, search_words
from organisation.permissions import CLIENTS, READ
from organisation.stores.operations import store_choices

devices_pages = Pages("devices", __name__, url_prefix="/organisation/devices")

HERE = "/organisation/devices"
LIVING_WORDS = {"yes": lazy("In use"), "no": lazy("Revoked")}
FIELDS = {
    "name": Typed.WORDS,
    "store": Typed.OPTIONAL,
    "terminal": Typed.OPTIONAL,
    "counter": Typed.OPTIONAL,
    "staff": Typed.OPTIONAL,
    "scopes": Typed.CHOICES,
}
# What a till needs: ticked on the empty form.
USUAL_SCOPES = (
    "sales.post",
    "sales.read",
    "members.read",
    "members.write",
    "accounts.read",
    "accounts.redeem",
    "holds.write",
)


@devices_pages.route("")
@allow(READ)
@transactional
def devices_page(tx: Tx) -> str:
    """The machines of the stores the viewer may see, newest first."""
    viewer, search = current_principal(), search_words()
    store = flask.request.args.get("store", "").strip()
    living = flask.request.args.get("living", "")
    found = list_devices(
        tx,
        viewer,
        after=device_cursor(flask.request.args.get("cursor")),
        limit=PAGE_SIZE + 1,
        search=search,
        store_code=store or None,
        living={"yes": True, "no": False}.get(living),
    )
    return render(
        "devices/list.html",
        page=listing(found, lambda device: make_cursor(device.created_at, device.client_id)),
        search=search,
        store=store,
        stores=store_choices(tx, current_principal()),
        living=living if living in LIVING_WORDS else "",
        living_words=LIVING_WORDS,
        may_write=viewer.may(CLIENTS),
    )


@devices_pages.route("/new")
@allow(CLIENTS)
@transactional
def new_device_page(tx: Tx) -> str:
    """A form for a machine to be let in."""
    store = flask.request.args.get("store", "")
    usual = [scope for scope in USUAL_SCOPES if scope in current_principal().permissions]
    return _form_page(tx, Form({**dict.fromkeys(FIELDS, ""), "store": store, "scopes": usual}))


@devices_pages.route("/new", methods=["POST"])
@allow(CLIENTS)
@transactional
def let_device_in(tx: Tx) -> Any:
    """Let a machine in; its secret is shown this once."""
    form = typed_form(FIELDS)
    if not form.values["scopes"]:
        return _form_page(tx, Form(form.values, {"scopes": gettext("Choose at least one.")})), 422
    try:
        read = read_form(ClientIn(), form, FIELDS)
        new = make_device(tx, current_principal(), DeviceWish(**{**read, "scopes": tuple(read["scopes"])}))
    except ValidationError as error:
        return _form_page(tx, form.unreadable(error)), 422
    except DomainError as error:
        return _form_page(tx, form.refused(error)), error.treatment.status
    return _device_page(tx, new.client_id, secret=new.client_secret)


def _form_page(tx: Tx, form: Form) -> str:
    viewer = current_principal()
    return render(
        "devices/new.html",
        form=form,
        stores=store_choices(tx, current_principal()),
        everywhere=viewer.places is None,
        scopes=_scopes(viewer),
    )


def _scopes(viewer: Principal) -> list[tuple[str, str]]:
    """What the viewer may give away: the permissions they have, in words."""
    return [(name, gettext(words)) for name, words in declared_permissions().items() if name in viewer.permissions]


@devices_pages.route("/<client_id>")
@allow(READ)
@transactional
def device_page(tx: Tx, client_id: str) -> str:
    """One machine: its spot, what it may do, what was changed."""
    return _device_page(tx, client_id)


def _device_page(tx: Tx, client_id: str, secret: str = "") -> str:
    viewer = current_principal()
    words = declared_permissions()
    device = find_device(tx, viewer, client_id)
    return render(
        "devices/device.html",
        device=device,
        secret=secret,
        scopes=[(name, gettext(words[name]) if name in words else "") for name in device.scopes],
        changes=shown_changes(tx, Subject.DEVICE, client_id),
        may_write=viewer.may(CLIENTS) and device.revoked_at is None,
        done=flask.request.args.get("done"),
    )


@devices_pages.route("/<client_id>/revoke", methods=["POST"])
@allow(CLIENTS)
@transactional
def end_device(tx: Tx, client_id: str) -> Any:
    """End a machine at once."""
    revoke_device(tx, current_principal(), client_id)
    return redirect(f"{HERE}/{client_id}?done=revoked", 303)
