"""What happens before and after every view: who is asking, may they, how often; and the headers of every answer.

Closed by default: a view that does not say who may call it keeps the application from starting.
"""

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import flask
import structlog

from foundation.access.doors import door_named
from foundation.access.permissions import Access, PermissionUndeclared, access_of, declared_permissions
from foundation.access.principal import NotSignedIn, PermissionMissing, Principal, PrincipalKind, set_current_principal
from foundation.access.recognition import recognition
from foundation.errors import BadRequest, Forbidden
from foundation.http.problems import wants_page
from foundation.http.requests import BODY_MAX, Request, body_too_large, current_request
from foundation.metrics import REQUESTS, SECONDS
from foundation.rate_limits import Limit, RateLimiter
from foundation.settings import Settings

log = structlog.get_logger(__name__)

SESSION_COOKIE = "regulars_session"
CSRF_FIELD = "csrf_token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SLOW_S = 5.0
# A twentieth of a limit is let in without asking: a till that does not hurry costs no round trip.
SLACK_PART = 20

_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# Few on data, for every header costs the posting path 2 us; browsers show pages, so pages have them all.
_ON_DATA = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
_WORKER_POLICY = "default-src 'none'; connect-src 'self'; script-src 'self'"
# A service worker fetches by the policy of its own script.
_ON_WORKERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", _WORKER_POLICY),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
_ON_PAGES = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", _PAGE_POLICY),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Referrer-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(self), geolocation=(), microphone=(), payment=()"),
    ("Vary", "Cookie, Accept-Language"),
)
_HTTPS_ONLY = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")


class CsrfRejected(Forbidden):
    """The request came with a session cookie but without this session's X-CSRF-Token, or from another site."""

    code = "csrf_rejected"


class TextUnusable(BadRequest):
    """The address has a NUL character or bytes that are not UTF-8."""

    code = "address_unreadable"


@dataclass(frozen=True, slots=True)
class Limits:
    """The rate limits of one application."""

    machine: Limit
    person: Limit


class Guard:
    """The doorkeeper of one application."""

    def __init__(self, settings: Settings, limiter: RateLimiter) -> None:
        self._secret = settings.secret_key
        self._limiter = limiter
        self._limits = Limits(
            _with_slack("machine", settings.rate_limit_machine), _with_slack("person", settings.rate_limit_person)
        )
        self._policies = {
            PrincipalKind.MACHINE: self._limits.machine,
            PrincipalKind.PERSON: self._limits.person,
            PrincipalKind.MEMBER: self._limits.person,
        }
        self._access: dict[str, Access] = {}
        self._counters: dict[tuple[str, str, int], Any] = {}
        self._timers: dict[tuple[str, str], Any] = {}

    def install(self, app: flask.Flask) -> None:
        """Watch every route of `app`. Call when all are registered. Raises PermissionUndeclared."""
        self._access = access_of_all(app)
        app.before_request(self.enter)
        app.after_request(self.leave)

    def enter(self) -> None:
        """Before the view. Raises NotSignedIn, PermissionMissing, CsrfRejected, RateLimited, BodyTooLarge, ..."""
        request = current_request()
        request.started = time.perf_counter()
        set_current_principal(None)
        length = request.content_length
        if length is not None and length > BODY_MAX:
            raise body_too_large()
        rule = request.url_rule
        if rule is None:
            self._recognise_visitor(request)  # the page that says "nothing here" has their menu
            return
        _check_address(request)
        access = self._access[rule.endpoint]
        if access.is_open:
            self._recognise_visitor(request)
            return
        principal = self._recognise(request) if access.door is None else self._recognise_at(access.door, request)
        set_current_principal(principal)
        limit = self._policies[principal.kind]
        count = self._limiter.hit(limit, principal.id if access.door is None else principal.actor)
        if count is not None:
            request.rate_limit_headers = (("RateLimit-Policy", limit.policy), ("RateLimit", limit.left(count)))
        if access.permission is not None and access.permission not in principal.permissions:
            raise PermissionMissing(f"the permission {access.permission} is needed", permission=access.permission)

    def leave(self, response: flask.Response) -> flask.Response:
        """After the view: the headers of every answer, and its figures."""
        request = current_request()
        headers = response.headers
        headers.add("X-Request-Id", request.id)
        headers.extend(_headers_for(response))
        if "Cache-Control" not in headers:
            headers.add("Cache-Control", "no-store")
        if request.is_secure:
            headers.add(*_HTTPS_ONLY)
        if request.rate_limit_headers:
            headers.extend(request.rate_limit_headers)
        if response.status_code >= 400 and not request.drain():
            headers["Connection"] = "close"
        self._measure(request, response.status_code)
        return response

    def csrf_token(self, cookie: str) -> str:
        """The X-CSRF-Token that belongs to a session cookie: made from it, so nothing has to be stored."""
        return hmac.new(self._secret, b"csrf:" + cookie.encode(), hashlib.sha256).hexdigest()

    def _recognise(self, request: Request) -> Principal:
        header = request.environ.get("HTTP_AUTHORIZATION")
        if header is not None:
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer" or not token:
                raise NotSignedIn("the Authorization header must carry a bearer token")
            return recognition.machine(token.strip())
        return self._by_cookie(request, SESSION_COOKIE, recognition.person)

    def _recognise_at(self, name: str, request: Request) -> Principal:
        door = door_named(name)
        assert door is not None, "access_of_all has looked"
        request.login_page, request.home_page = door.login, door.home
        return self._by_cookie(request, door.cookie, door.recognise)

    def _by_cookie(self, request: Request, name: str, recognise: Callable[[str], Principal]) -> Principal:
        cookie = request.cookies.get(name)
        if not cookie:
            raise NotSignedIn("no access token and no session")
        principal = recognise(cookie)
        request.csrf_token = self.csrf_token(cookie)
        if request.method not in SAFE:
            self._check_csrf(request, request.csrf_token)
        return principal

    def _recognise_visitor(self, request: Request) -> None:
        """On an open page: a person with a living session is known by name, everybody else is a stranger."""
        if request.method not in SAFE:
            check_same_site(request)
        cookie = request.cookies.get(SESSION_COOKIE) if wants_page(request) else None
        if not cookie:
            return
        try:
            principal = recognition.person(cookie)
        except NotSignedIn:
            return
        set_current_principal(principal)
        request.csrf_token = self.csrf_token(cookie)

    def _check_csrf(self, request: Request, expected: str) -> None:
        check_same_site(request)
        given = request.environ.get("HTTP_X_CSRF_TOKEN")
        if given is None and request.mimetype == "application/x-www-form-urlencoded":
            given = request.form.get(CSRF_FIELD)
        if given is None or not hmac.compare_digest(given.encode(), expected.encode()):
            raise CsrfRejected("the X-CSRF-Token of this session is missing or wrong; reload the page")

    def _measure(self, request: Request, status: int) -> None:
        route = request.url_rule.rule if request.url_rule else "unknown"
        method = request.method if request.url_rule else "OTHER"
        counter = self._counters.get((method, route, status))
        if counter is None:
            counter = self._counters[method, route, status] = REQUESTS.labels(method, route, str(status))
        counter.inc()
        if not request.started:
            return
        timer = self._timers.get((method, route))
        if timer is None:
            timer = self._timers[method, route] = SECONDS.labels(method, route)
        took = time.perf_counter() - request.started
        timer.observe(took)
        if took > SLOW_S:
            log.warning("request_slow", took_ms=round(took * 1000), status=status)


def _headers_for(response: flask.Response) -> tuple[tuple[str, str], ...]:
    if response.mimetype == "text/html":
        return _ON_PAGES
    return _ON_WORKERS if "Service-Worker-Allowed" in response.headers else _ON_DATA


def _with_slack(name: str, most: int) -> Limit:
    return Limit(name, most, slack=most // SLACK_PART)


def access_of_all(app: flask.Flask) -> dict[str, Access]:
    """What each endpoint declared. Raises PermissionUndeclared naming the first that did not, or named a wrong one."""
    known = declared_permissions()
    found: dict[str, Access] = {}
    for endpoint, view in app.view_functions.items():
        access = access_of(view)
        if access is None:
            raise PermissionUndeclared(
                f"{endpoint} does not say who may call it: @allow, @allow_signed_in or @allow_anyone"
            )
        if access.permission is not None and access.permission not in known:
            raise PermissionUndeclared(f"{endpoint} asks for {access.permission}, which nobody declared")
        if access.door is not None and door_named(access.door) is None:
            raise PermissionUndeclared(f"{endpoint} is entered by the door {access.door}, which nobody opened")
        found[endpoint] = access
    return found


def check_same_site(request: Request) -> None:
    """Refuse an unsafe request that a browser says was made by another site. Raises CsrfRejected."""
    site = request.environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None and site not in ("same-origin", "none"):
        raise CsrfRejected("the request was made by another site")
    origin = request.environ.get("HTTP_ORIGIN")
    if site is None and origin is not None and urlsplit(origin).netloc != request.host:
        raise CsrfRejected("the request was made by another site")


def _check_address(request: Request) -> None:
    for value in (request.view_args or {}).values():
        if isinstance(value, str) and not _is_plain(value):
            raise TextUnusable("the address has a character that cannot be")
    if request.query_string:
        for name, value in request.args.items(multi=True):
            if not _is_plain(name) or not _is_plain(value):
                raise TextUnusable("the address has a character that cannot be")


def _is_plain(text: str) -> bool:
    if "\x00" in text or "\ufffd" in text:
        return False
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)
