"""What waits for a second person, as a page."""

from typing import Any

import flask

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import Pages, read_cursor, transactional
from foundation.http.paging import make_cursor
from foundation.pages import render
from member_api.approvals.operations import list_approvals
from member_api.approvals.rules import ApprovalState
from member_api.ledger.http import shows_reasons
from member_api.ledger.words import ACCOUNT_WORDS, ACTION_WORDS, STATE_WORDS
from member_api.members.pages import names_of
from member_api.permissions import ACCOUNTS_APPROVE

approvals_pages = Pages("approvals", __name__, url_prefix="/approvals")
SHOWN = 50


@approvals_pages.route("")
@allow(ACCOUNTS_APPROVE)
@transactional
def approvals_page(tx: Tx) -> str:
    """What waits in your stores, the newest first; with ?all=1 also what was decided."""
    viewer = current_principal()
    all_: bool = flask.request.args.get("all") == "1"
    cursor = flask.request.args.get("cursor")
    before = read_cursor(cursor, int)[0] if cursor else None
    found = list_approvals(tx, viewer, None if all_ else ApprovalState.PENDING, before, SHOWN + 1)
    rows = found[:SHOWN]
    names = names_of(tx, [by for row in rows for by in (row.proposed_by, row.decided_by) if by])
    address = "/approvals?all=1" if all_ else "/approvals"
    joint = "&" if all_ else "?"
    context: dict[str, Any] = {
        "rows": rows,
        "names": names,
        "mine": viewer.actor,
        "with_reasons": shows_reasons(viewer),
        "all": all_,
        "tabs": [("/approvals", 0), ("/approvals?all=1", 1)],
        "first": address if cursor else "",
        "following": f"{address}{joint}cursor={make_cursor(rows[-1].id)}" if len(found) > len(rows) else "",
        "kind_words": ACCOUNT_WORDS,
        "action_words": ACTION_WORDS,
        "state_words": STATE_WORDS,
    }
    return render("approvals/list.html", **context)
