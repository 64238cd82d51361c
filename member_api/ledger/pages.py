"""A member's accounts and statement, as tabs of the member's page."""

from typing import Any

import flask

from foundation.access import Principal, allow, current_principal
from foundation.database import Tx
from foundation.http import Pages, transactional
from foundation.pages import lazy
from member_api.approvals.operations import pending_of
from member_api.ledger.http import read_mark, shows_reasons, write_mark
from member_api.ledger.operations import currency_of
from member_api.ledger.rules import Kind
from member_api.ledger.statements import AccountView, accounts_of, open_holds, statement_of
from member_api.ledger.words import ACCOUNT_WORDS, ACTION_WORDS, JOURNAL_WORDS, ORIGIN_WORDS
from member_api.members.frame import MemberTab, add_tab, framed, render_member
from member_api.members.lookup import resolve_member
from member_api.members.pages import names_of
from member_api.members.rules import MemberStatus
from member_api.permissions import ACCOUNTS_ADJUST, ACCOUNTS_GRANT, ACCOUNTS_READ, ACCOUNTS_REDEEM

ledger_pages = Pages("ledger", __name__, url_prefix="/members")
add_tab(MemberTab("accounts", lazy("Accounts"), ACCOUNTS_READ, 20))
add_tab(MemberTab("statement", lazy("Statement"), ACCOUNTS_READ, 30))

LOTS_SHOWN = 50
ROWS_SHOWN = 50


@ledger_pages.route("/<member>/accounts")
@allow(ACCOUNTS_READ)
@transactional
def accounts_page(tx: Tx, member: str) -> str:
    """What a member owns: every account, its lots, what is held, what waits for a second person."""
    frame = framed(tx, member)
    accounts = accounts_of(tx, frame.member.id, LOTS_SHOWN)
    return render_member(
        "ledger/accounts.html",
        frame,
        accounts=accounts,
        soonest=[_soonest(account) for account in accounts],
        holds=open_holds(tx, frame.member.id),
        pending=pending_of(tx, frame.member.id),
        kinds=list(ACCOUNT_WORDS.items()),
        kind_words=ACCOUNT_WORDS,
        origin_words=ORIGIN_WORDS,
        action_words=ACTION_WORDS,
        currency=currency_of(tx, resolve_member(tx, frame.member.id), Kind.ECOIN, None),
        **_may(current_principal(), frame.member.status),
    )


def _soonest(account: AccountView) -> tuple[Any, int] | None:
    """The next day on which something of the account expires, and how much."""
    days = [lot.expires_on for lot in account.lots if lot.expires_on is not None]
    if not days:
        return None
    return min(days), sum(lot.amount for lot in account.lots if lot.expires_on == min(days))


def _may(viewer: Principal, status: MemberStatus) -> dict[str, bool]:
    open_ = status in (MemberStatus.ACTIVE, MemberStatus.FROZEN)
    return {
        "may_grant": open_ and viewer.may(ACCOUNTS_GRANT),
        "may_adjust": open_ and viewer.may(ACCOUNTS_ADJUST),
        "may_redeem": status is MemberStatus.ACTIVE and viewer.may(ACCOUNTS_REDEEM),
    }


@ledger_pages.route("/<member>/statement")
@allow(ACCOUNTS_READ)
@transactional
def statement_page(tx: Tx, member: str) -> str:
    """What moved a member's accounts, newest first, each with the balance after it and the lots it moved."""
    frame = framed(tx, member)
    cursor = flask.request.args.get("cursor")
    page = statement_of(tx, frame.member.id, ROWS_SHOWN, read_mark(cursor))
    following = write_mark(page.next)
    return render_member(
        "ledger/statement.html",
        frame,
        rows=page.rows,
        names=names_of(tx, [row.actor for row in page.rows]),
        with_reasons=frame.whole and shows_reasons(current_principal()),
        first=f"/members/{frame.member.id}/statement" if cursor else "",
        following=f"/members/{frame.member.id}/statement?cursor={following}" if following else "",
        journal_words=JOURNAL_WORDS,
        kind_words=ACCOUNT_WORDS,
        origin_words=ORIGIN_WORDS,
    )
