"""The pages that every application has: log-in, own account, language, documentation, and the way home."""

from urllib.parse import urlsplit

import flask
from flask_babel import gettext
from werkzeug.utils import redirect

from foundation.access.passwords import PasswordsBusy, PasswordTooWeak
from foundation.access.people import (
    SESSION_LIFE,
    LoginRefused,
    NewSession,
    change_password,
    end_session,
    end_sessions,
    log_in,
    username_of,
)
from foundation.access.permissions import allow_anyone, allow_signed_in
from foundation.access.principal import PrincipalKind, current_principal, principal_or_none
from foundation.database import database
from foundation.errors import BadRequest, Forbidden
from foundation.http.guard import SESSION_COOKIE
from foundation.http.requests import current_request
from foundation.pages.shell import home_of, render
from foundation.pages.words import LANGUAGE_COOKIE, LANGUAGES
from foundation.rate_limits import Limit, RateLimited, RateLimiter

LOGINS = Limit("login", 60, 60)
PASSWORD_CHANGES = Limit("password", 10, 60)
FIELD_MAX = 1_000
LANGUAGE_KEPT_S = 365 * 24 * 3600


class NotForMachines(Forbidden):
    """This page belongs to a person."""

    code = "not_for_machines"


class LanguageUnknown(BadRequest):
    """Pages speak English and Chinese."""

    code = "language_unknown"


def page_routes(limiter: RateLimiter) -> flask.Blueprint:
    """The routes of the shell."""
    routes = flask.Blueprint("shell", __name__, template_folder="templates")
    _add_open_pages(routes)
    _add_login(routes, limiter)
    _add_account(routes, limiter)
    return routes


def _add_open_pages(routes: flask.Blueprint) -> None:
    @routes.route("/")
    @allow_anyone
    def home() -> flask.Response:
        return _to(home_of(principal_or_none()))

    @routes.route("/language")
    @allow_anyone
    def language() -> flask.Response:
        to = flask.request.args.get("to", "")
        if to not in LANGUAGES:
            raise LanguageUnknown("pages speak English (en) and Chinese (zh)")
        response = _to(local_address(flask.request.args.get("next")) or "/")
        response.set_cookie(
            LANGUAGE_COOKIE, to, max_age=LANGUAGE_KEPT_S, httponly=True, samesite="Lax", secure=flask.request.is_secure
        )
        return response

    @routes.route("/docs")
    @allow_anyone
    def docs() -> flask.Response:
        return flask.make_response(render("shell/docs.html"))


def _add_login(routes: flask.Blueprint, limiter: RateLimiter) -> None:
    @routes.route("/login")
    @allow_anyone
    def login() -> flask.Response:
        where = local_address(flask.request.args.get("next"))
        if principal_or_none() is not None:
            return _to(where or home_of(principal_or_none()))
        return _login_page(where, "", None, 200)

    @routes.route("/login", methods=["POST"])
    @allow_anyone
    def do_login() -> flask.Response:
        request = current_request()
        where = local_address(form_field("next"))
        username = form_field("username")
        try:
            limiter.hit(LOGINS, request.remote_addr or "")
            session = log_in(database(), username, form_field("password"))
        except LoginRefused:
            words = gettext("The user name or the password is wrong, or this log-in is closed for a while.")
            return _login_page(where, username, words, 401)
        except (RateLimited, PasswordsBusy) as error:
            return _login_page(
                where, username, gettext("Too many attempts. Wait a moment and try again."), error.treatment.status
            )
        _end_former_session()
        response = _to(where or "/")
        _set_session(response, session)
        return response

    @routes.route("/logout", methods=["POST"])
    @allow_signed_in
    def logout() -> flask.Response:
        _end_former_session()
        response = _to("/login")
        response.delete_cookie(SESSION_COOKIE, path="/")
        return response


def _add_account(routes: flask.Blueprint, limiter: RateLimiter) -> None:
    @routes.route("/account")
    @allow_signed_in
    def account() -> flask.Response:
        return _account_page({}, None, 200)

    @routes.route("/account/password", methods=["POST"])
    @allow_signed_in
    def password() -> flask.Response:
        person = _person()
        limiter.hit(PASSWORD_CHANGES, person)
        if form_field("new_password") != form_field("new_password_again"):
            return _account_page({"new_password_again": gettext("The two new passwords differ.")}, None, 422)
        try:
            with database().transaction() as tx:
                username = username_of(tx, person)
                change_password(tx, person, form_field("old_password"), form_field("new_password"))
        except LoginRefused:
            return _account_page({"old_password": gettext("The present password is wrong.")}, None, 422)
        except PasswordTooWeak as error:
            return _account_page({"new_password": gettext(error.errors[0].detail)}, None, 422)
        # Every session has ended, this one too; the one who changed it goes on with a new one.
        session = log_in(database(), username, form_field("new_password"))
        response = _account_page(
            {}, gettext("Your password has been changed, and you are logged out everywhere else."), 200
        )
        _set_session(response, session)
        return response

    @routes.route("/account/logout-everywhere", methods=["POST"])
    @allow_signed_in
    def logout_everywhere() -> flask.Response:
        with database().transaction() as tx:
            end_sessions(tx, _person())
        response = _to("/login")
        response.delete_cookie(SESSION_COOKIE, path="/")
        return response


def local_address(address: str | None) -> str | None:
    """`address` if it is a path on this very site, else None: nobody is sent elsewhere after the log-in."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")) or not address.isprintable():
        return None
    parts = urlsplit(address)
    return address if not parts.scheme and not parts.netloc and "\\" not in address else None


def _login_page(where: str | None, username: str, fault: str | None, status: int) -> flask.Response:
    page = render("shell/login.html", next=where or "", username=username, fault=fault)
    response = flask.Response(page, status, mimetype="text/html")
    if status in (429, 503):
        response.headers["Retry-After"] = "10"
    return response


def _account_page(faults: dict[str, str], done: str | None, status: int) -> flask.Response:
    with database().transaction(read_only=True) as tx:
        username = username_of(tx, _person())
    page = render("shell/account.html", username=username, faults=faults, done=done)
    return flask.Response(page, status, mimetype="text/html")


def _person() -> str:
    principal = current_principal()
    if principal.kind is not PrincipalKind.PERSON:
        raise NotForMachines("this page belongs to a person")
    return principal.id


def form_field(name: str, most: int = FIELD_MAX) -> str:
    """A field of the form that was sent, empty where it is missing. Raises BadRequest for what no form sends."""
    value = flask.request.form.get(name, "")
    if len(value) > most or "\x00" in value:
        raise BadRequest(f"{name} is too long or has a NUL character")
    return value


def _set_session(response: flask.Response, session: NewSession) -> None:
    response.set_cookie(
        SESSION_COOKIE,
        session.cookie,
        max_age=int(SESSION_LIFE.total_seconds()),
        httponly=True,
        samesite="Lax",
        secure=flask.request.is_secure,
        path="/",
    )


def _end_former_session() -> None:
    cookie = flask.request.cookies.get(SESSION_COOKIE)
    if cookie:
        with database().transaction() as tx:
            end_session(tx, cookie)


def _to(address: str) -> flask.Response:
    return flask.make_response(redirect(address, 303))
