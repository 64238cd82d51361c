"""A member tells us on the phone what went wrong: a complaint that stays open until they say that it was dealt with."""

from hashlib import blake2b

import flask
from flask_babel import gettext
from werkzeug.utils import redirect

from foundation.clock import local_date
from foundation.database import Tx, database
from foundation.http import Pages
from foundation.http.fields import is_text
from foundation.pages import lazy
from foundation.pages.routes import form_field
from foundation.settings import get_settings
from marketing.tasks.operations import TaskWish, create_tasks
from member_api.contract.phone import HomeLink, add_home_link, allow_member, render_phone, signed_in_member

help_pages = Pages("help", __name__)

HELP = "/m/help"
KIND = "complaint"
SAID_MAX = 1_000
SENT_MAX = 4 * SAID_MAX  # a browser counts a new line as one character and sends two
SAID_IN_A_DAY_MAX = 5


def _nothing_waits(_tx: Tx, _member_id: int) -> int:
    return 0


add_home_link(HomeLink(HELP, lazy("Tell us what went wrong"), "phone", 30, _nothing_waits))


@help_pages.route(HELP)
@allow_member
def help_page() -> str:
    """A few words, please."""
    return render_phone("tasks/help.html", said="", fault="", heard=flask.request.args.get("heard") == "1")


@help_pages.route(HELP, methods=["POST"])
@allow_member
def hear() -> flask.Response:
    """Make a complaint of it; the same words again on one day are one complaint."""
    said = form_field("said", SENT_MAX).replace("\r\n", "\n").strip()
    fault = _fault(said)
    if not fault:
        with database().transaction() as tx:
            fault = _complain(tx, signed_in_member(), said)
    if not fault:
        return flask.make_response(redirect(f"{HELP}?heard=1", 303))
    page = render_phone("tasks/help.html", said=said, fault=fault, heard=False)
    return flask.Response(page, 422, mimetype="text/html")


def _fault(said: str) -> str:
    if not said:
        return str(gettext("Please write a few words."))
    if len(said) > SAID_MAX or not is_text(said.replace("\n", " ")):
        return str(gettext("At most %(count)s characters, please.", count=SAID_MAX))
    return ""


def _complain(tx: Tx, member_id: int, said: str) -> str:
    """Why it was not taken; empty if it was."""
    today = local_date(tx.now, get_settings().company_timezone)
    prefix = f"phone/{member_id}/{today}/"
    # Counted and written by one at a time: what a phone sends side by side is counted too.
    tx.ask("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7207))", (prefix,))
    row = tx.ask(
        "SELECT count(*) FROM marketing.task WHERE member_id = %s AND starts_with(key, %s)", (member_id, prefix)
    ).fetchone()
    if row is not None and row[0] >= SAID_IN_A_DAY_MAX:
        return str(gettext("We have your words of today and will call you. For more, please see our service desk."))
    key = get_settings().blind_index_key
    words = blake2b(said.encode(), digest_size=12, key=key, person=b"phone-complaint").hexdigest()
    create_tasks(tx, [TaskWish(member_id, KIND, prefix + words, note=said)], by=f"member:{member_id}")
    return ""
