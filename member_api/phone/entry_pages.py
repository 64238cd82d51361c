"""The way in: a phone number, the code that was sent to it, and for whoever is new a form to join."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import flask
from flask_babel import get_locale, gettext
from werkzeug.utils import redirect

from foundation.access import allow_anyone
from foundation.clock import local_date
from foundation.database import Tx, database
from foundation.errors import BadRequest, DomainError
from foundation.http import Pages, transactional
from foundation.http.fields import WORDS_MAX, is_text, is_visible
from foundation.pages import render
from foundation.pages.routes import form_field, local_address
from foundation.settings import get_settings
from member_api.consents.operations import newest_wording, text_of, wordings_published
from member_api.identifiers.rules import IdentifierUnreadable
from member_api.members.pages import CHANNEL_WORDS
from member_api.members.rules import Birthday, BirthdayUnreadable, MemberExists, read_birthday
from member_api.phone.codes import (
    Asked,
    CodesTooOften,
    CodeWrong,
    HandleUnknown,
    ask_again,
    ask_code,
    asked_number,
    prove_code,
    proved_phone,
    use_up,
)
from member_api.phone.joining import (
    ASKED_CHANNELS,
    Invitation,
    InvitationUnreadable,
    JoinWish,
    join,
    member_behind,
    read_invitation,
)
from member_api.phone.rules import CODE_DIGITS, JOIN_LIFE, PHONE_PAUSE, SESSION_LIFE
from member_api.phone.sessions import COOKIE, HOME, LOGIN, begin_session
from organisation.contract import stores_by_code

entry_pages = Pages("phone_entry", __name__)

HANDLE = "regulars_asked"
BELOW = "/m"
CODE_PAGE = "/m/login/code"
JOIN_PAGE = "/m/join"


# ------------------------------------------------------------------------------------------------ the number
@entry_pages.route("/join")
@allow_anyone
@transactional
def invited_page(tx: Tx) -> flask.Response:
    """Where the shop's QR leads: the store that invites, and the same question as for everybody, the number."""
    return _number_page(tx, flask.request.args.get("i", ""), "", {}, 200)


@entry_pages.route(LOGIN)
@allow_anyone
@transactional
def login_page(tx: Tx) -> flask.Response:
    """The number, please."""
    return _number_page(tx, "", flask.request.args.get("next", ""), {}, 200)


@entry_pages.route(LOGIN, methods=["POST"])
@allow_anyone
def ask() -> flask.Response:
    """Send a code to a number: any number, a member's or not."""
    invitation, where, phone = form_field("i"), form_field("next"), form_field("phone").strip()
    try:
        with database().transaction() as tx:
            signed = invitation if invitation and _read(invitation) is not None else None
            asked = ask_code(tx, phone, address=_address(), language=str(get_locale()), invitation=signed)
    except IdentifierUnreadable as fault:
        return _again(invitation, where, phone, {"phone": gettext(fault.detail)}, 422)
    except CodesTooOften as fault:
        return _again(invitation, where, phone, {"": _wait_words(fault)}, 429)
    return _code_sent(asked, where)


def _again(invitation: str, where: str, phone: str, faults: dict[str, str], status: int) -> flask.Response:
    with database().transaction(read_only=True) as tx:
        return _number_page(tx, invitation, where, faults, status, phone=phone)


def _number_page(
    tx: Tx, signed: str, where: str, faults: dict[str, str], status: int, *, phone: str = ""
) -> flask.Response:
    invitation = _read(signed)
    store = stores_by_code(tx, [invitation.store]).get(invitation.store) if invitation is not None else None
    return _page(
        "phone/number.html",
        status,
        store_name=store.name if store is not None else None,
        broken=bool(signed) and invitation is None,
        invitation=signed if invitation is not None else "",
        next=_wanted(where) or "",
        faults=faults,
        phone=phone,
    )


def _read(signed: str) -> Invitation | None:
    try:
        return read_invitation(signed) if signed else None
    except InvitationUnreadable:
        return None


def _wait_words(fault: CodesTooOften) -> str:
    minutes = -(-int(fault.facts["retry_after_s"]) // 60)
    return str(gettext("Too many codes were asked for. Try again in %(minutes)s min.", minutes=minutes))


# ------------------------------------------------------------------------------------------------ the code
@entry_pages.route(CODE_PAGE)
@allow_anyone
@transactional
def code_page(tx: Tx) -> flask.Response:
    """The code, please; only in the browser that asked for it."""
    return _code_page(tx, flask.request.args.get("next", ""), {}, 200)


@entry_pages.route(CODE_PAGE, methods=["POST"])
@allow_anyone
def type_code() -> flask.Response:
    """A member is signed in; who is none yet goes on to join."""
    handle, where = flask.request.cookies.get(HANDLE, ""), form_field("next")
    try:
        with database().transaction() as tx:
            proved = prove_code(tx, handle, "".join(form_field("code").split()))
            behind = member_behind(tx, proved)
            if behind is None:
                return _to(JOIN_PAGE)
            use_up(tx, proved)
            session = begin_session(tx, behind.id)
    except CodeWrong:
        words = gettext("The code is wrong or too old. After five tries it is over: have a new one sent.")
        with database().transaction(read_only=True) as tx:
            return _code_page(tx, where, {"code": words}, 422)
    return _signed_in(session.cookie, _wanted(where) or HOME)


@entry_pages.route("/m/login/again", methods=["POST"])
@allow_anyone
def send_again() -> flask.Response:
    """Another code for the same number."""
    where = form_field("next")
    try:
        with database().transaction() as tx:
            asked = ask_again(tx, flask.request.cookies.get(HANDLE, ""), address=_address())
    except HandleUnknown:
        return _to(LOGIN)
    except CodesTooOften as fault:
        with database().transaction(read_only=True) as tx:
            return _code_page(tx, where, {"": _wait_words(fault)}, 429)
    return _code_sent(asked, where)


def _code_page(tx: Tx, where: str, faults: dict[str, str], status: int) -> flask.Response:
    try:
        number = asked_number(tx, flask.request.cookies.get(HANDLE, ""))
    except HandleUnknown:
        return _to(LOGIN)
    pause = PHONE_PAUSE // timedelta(seconds=1)
    return _page(
        "phone/code.html", status, number=number, next=_wanted(where) or "", faults=faults, digits=CODE_DIGITS,
        pause=pause,
    )  # fmt: skip


def _code_sent(asked: Asked, where: str) -> flask.Response:
    wanted = _wanted(where)
    response = _to(f"{CODE_PAGE}?{urlencode({'next': wanted})}" if wanted else CODE_PAGE)
    response.set_cookie(
        HANDLE, asked.handle, max_age=int(JOIN_LIFE.total_seconds()), httponly=True, samesite="Lax",
        secure=flask.request.is_secure, path=BELOW,
    )  # fmt: skip
    return response


# ------------------------------------------------------------------------------------------------ joining
@entry_pages.route(JOIN_PAGE)
@allow_anyone
@transactional
def join_page(tx: Tx) -> flask.Response:
    """The form, for whoever has proved a phone that is nobody's yet."""
    return _join_page(tx, {}, 200)


@entry_pages.route(JOIN_PAGE, methods=["POST"])
@allow_anyone
def do_join() -> flask.Response:
    """Enrol, and sign in."""
    handle = flask.request.cookies.get(HANDLE, "")
    try:
        with database().transaction() as tx:
            wish, faults = _read_form(tx)
            proved = proved_phone(tx, handle)
            if faults or wish is None:
                return _join_page(tx, faults, 422)
            member_id = join(tx, proved, wish)
            use_up(tx, proved)
            tx.flush()
            session = begin_session(tx, member_id)
    except HandleUnknown:
        return _to(LOGIN)
    except MemberExists:
        faults = {"": gettext("This number cannot be used here. Our service desk will help you.")}
    except BadRequest:
        raise
    except DomainError as fault:
        faults = {"": gettext(fault.detail)}
    else:
        return _signed_in(session.cookie, f"{HOME}?{urlencode({'new': 1})}")
    with database().transaction(read_only=True) as tx:
        return _join_page(tx, faults, 409)


def _join_page(tx: Tx, faults: dict[str, str], status: int) -> flask.Response:
    try:
        proved = proved_phone(tx, flask.request.cookies.get(HANDLE, ""), lock=False)
    except HandleUnknown:
        return _to(LOGIN)
    invitation = _read(proved.invitation or "")
    store = stores_by_code(tx, [invitation.store]).get(invitation.store) if invitation is not None else None
    wording = newest_wording(tx)
    return _page(
        "phone/join.html",
        status,
        store_name=store.name if store is not None else None,
        channels=[(channel.value, CHANNEL_WORDS[channel]) for channel in ASKED_CHANNELS],
        ticked=set(flask.request.form.getlist("channels")),
        wording=wording.version,
        wording_text=text_of(wording, str(get_locale())),
        values={name: flask.request.form.get(name, "") for name in ("name", "birthday")},
        faults=faults,
        today=local_date(tx.now, get_settings().company_timezone),
    )


def _read_form(tx: Tx) -> tuple[JoinWish | None, dict[str, str]]:
    """What the form says, and what is wrong with it, by field."""
    name = form_field("name").strip()
    faults: dict[str, str] = {}
    if len(name) > WORDS_MAX or not is_visible(name) or not is_text(name):
        faults["name"] = gettext("Please tell us your name.")
    birthday = Birthday(None, None)
    if written := form_field("birthday").strip():
        try:
            birthday = read_birthday(written, local_date(tx.now, get_settings().company_timezone))
        except BirthdayUnreadable as fault:
            faults["birthday"] = gettext(fault.detail)
    if faults:
        return None, faults
    ticked: Sequence[str] = flask.request.form.getlist("channels")
    channels = tuple(channel for channel in ASKED_CHANNELS if channel.value in ticked)
    shown, published = form_field("wording"), {wording.version for wording in wordings_published(tx)}
    return JoinWish(name, birthday, channels, shown if shown in published else newest_wording(tx).version), {}


# ------------------------------------------------------------------------------------------------ answers
def _page(template: str, status: int, **context: Any) -> flask.Response:
    response = flask.Response(render(template, **context), status, mimetype="text/html")
    if status == 429:
        response.headers["Retry-After"] = "60"
    return response


def _signed_in(cookie: str, where: str) -> flask.Response:
    response = _to(where)
    response.set_cookie(
        COOKIE, cookie, max_age=int(SESSION_LIFE.total_seconds()), httponly=True, samesite="Lax",
        secure=flask.request.is_secure, path=BELOW,
    )  # fmt: skip
    response.delete_cookie(HANDLE, path=BELOW)
    return response


def _wanted(where: str) -> str | None:
    """A page of the member's own on this very site, or None."""
    address = local_address(where)
    return address if address is not None and (address == HOME or address.startswith(("/m/", "/m?"))) else None


def _address() -> str:
    return flask.request.remote_addr or ""


def _to(address: str) -> flask.Response:
    return flask.make_response(redirect(address, 303))
