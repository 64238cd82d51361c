"""A member's inbox, on the member's phone."""

import flask

from foundation.database import database
from foundation.http import Pages, make_cursor, read_cursor
from foundation.pages import lazy
from marketing.messages.history import inbox_of, mark_shown, unread_count
from member_api.contract.phone import HomeLink, add_home_link, allow_member, render_phone, signed_in_member

inbox_pages = Pages("inbox", __name__)
add_home_link(HomeLink("/m/messages", lazy("Messages"), "message", 20, unread_count))

LETTERS_SHOWN = 20


@inbox_pages.route("/m/messages")
@allow_member
def inbox_page() -> str:
    """My letters, the newest first; what is shown has been read, what a browser only fetches ahead has not."""
    cursor = flask.request.args.get("cursor")
    before = read_cursor(cursor, int)[0] if cursor else None
    member_id = signed_in_member()
    with database().transaction() as tx:
        found = inbox_of(tx, member_id, before, LETTERS_SHOWN + 1, personal=True)
        letters = found[:LETTERS_SHOWN]
        if _is_looked_at():
            mark_shown(tx, member_id, letters)
    return render_phone(
        "messages/inbox.html",
        letters=letters,
        next=f"/m/messages?cursor={make_cursor(letters[-1].id)}" if len(found) > LETTERS_SHOWN else "",
        first="/m/messages" if cursor else "",
    )


def _is_looked_at() -> bool:
    request = flask.request
    return request.method == "GET" and "prefetch" not in request.headers.get("Sec-Purpose", "")
