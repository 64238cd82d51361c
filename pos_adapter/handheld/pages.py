"""The handheld's page: an application that is installed, opens without a network, and says what is sent."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import flask
import msgspec
from flask_babel import get_locale

from foundation.access import allow, allow_anyone, current_principal
from foundation.database import Tx
from foundation.http import Pages, transactional
from foundation.pages import gettext, render
from foundation.pages.shell import EXTENSION
from foundation.settings import get_settings
from organisation.contract import stores_with_open_counters, stores_within
from pos_adapter.handheld.words import script_words
from pos_adapter.permissions import TICKETS_WRITE

handheld_pages = Pages("handheld", __name__, url_prefix="/handheld")

SCOPE = "/handheld"
STATIC = Path(__file__).parents[1] / "static"
STORES_SHOWN_MAX = 1_000
WORKER = "handheld_worker.js"
ICON = "handheld_icon.svg"
SHELL_FILES = ("regulars.css", "regulars.js", "icon.svg")


@handheld_pages.route("")
@allow(TICKETS_WRITE)
@transactional
def handheld_page(tx: Tx) -> str:
    """Issue tickets, see what becomes of them, take payments. Stores that have counters come first."""
    person = current_principal()
    within = stores_within(tx, person)
    have_counters = stores_with_open_counters(tx, [store.id for store in within])
    stores = sorted(within, key=lambda store: store.id not in have_counters)[:STORES_SHOWN_MAX]
    facts = {
        "stores": [{"code": store.code, "name": store.name} for store in stores],
        "language": str(get_locale()),
        "currency": get_settings().company_currency,
        "who": person.name,
        "words": script_words(),
    }
    return render("handheld/page.html", facts=_for_script(facts), script=script_address("handheld.js"))


@handheld_pages.route("/worker.js")
@allow_anyone
def worker() -> flask.Response:
    """The service worker, with the addresses of what it keeps; its version changes with any of them."""
    shell = {"version": version(), "page": SCOPE, "files": [*map(_address, SHELL_FILES), *map(script_address, _own())]}
    text = f"self.SHELL = {_for_script(shell)};\n{(STATIC / WORKER).read_text()}"
    response = flask.Response(text, content_type="text/javascript; charset=utf-8")
    response.headers["Service-Worker-Allowed"] = SCOPE
    response.headers["Cache-Control"] = "no-cache"
    return response


@handheld_pages.route("/app.webmanifest")
@allow_anyone
def manifest() -> flask.Response:
    """What the device needs to install the page as an application."""
    icon = {"src": script_address(ICON), "sizes": "any", "type": "image/svg+xml", "purpose": "any"}
    facts = {
        "id": SCOPE,
        "name": gettext("Regulars counter"),
        "short_name": gettext("Counter"),
        "description": gettext("Issue tickets, see them paid, take payments."),
        "lang": "zh-CN" if str(get_locale()) == "zh" else "en",
        "start_url": SCOPE,
        "scope": SCOPE,
        "display": "standalone",
        "orientation": "portrait",
        "background_color": "#f5f6f5",
        "theme_color": "#ffffff",
        "icons": [icon, {**icon, "purpose": "maskable"}],
    }
    response = flask.Response(msgspec.json.encode(facts), content_type="application/manifest+json")
    response.headers["Vary"] = "Cookie, Accept-Language"
    return response


def version() -> str:
    """One digest of all that the shell is made of: modules import each other under it, so none of them is ever old."""
    addresses = map(_address, [*SHELL_FILES, *(f"pos_adapter/{name}" for name in _own())])
    return sha256("".join(addresses).encode()).hexdigest()[:12]


def script_address(name: str) -> str:
    """Where a file of the handheld lies; a module's imports resolve beside it."""
    return f"/static/{version()}/pos_adapter/{name}"


def _own() -> list[str]:
    return sorted(path.name for path in STATIC.glob("handheld*") if path.name != WORKER)


def _address(name: str) -> str:
    address: str = flask.current_app.extensions[EXTENSION].assets.address(name)
    return address


def _for_script(facts: Any) -> str:
    """JSON that may stand inside of a script element."""
    return msgspec.json.encode(facts).decode().replace("<", "\\u003c").replace("\u2028", "\\u2028")
