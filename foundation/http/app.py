"""The application factory."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import flask
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.middleware.proxy_fix import ProxyFix

from foundation import database as databases
from foundation.database import Database
from foundation.http import openapi
from foundation.http.guard import Guard, access_of_all
from foundation.http.health import Check, health_routes
from foundation.http.json_writing import MsgspecJson
from foundation.http.oauth import oauth_routes
from foundation.http.problems import register_error_handlers
from foundation.http.requests import BODY_MAX, Request
from foundation.http.rooms import Room
from foundation.pages.assets import Assets, asset_routes
from foundation.pages.routes import page_routes
from foundation.pages.shell import install_shell
from foundation.pages.words import install_words
from foundation.rate_limits import Limit, RateLimiter
from foundation.settings import Settings, get_settings


class _NoFlaskSession(SessionInterface):
    """Sessions are ours (foundation/access); Flask need not look for a cookie of its own on every request."""

    def open_session(self, app: flask.Flask, request: flask.Request) -> SessionMixin | None:
        return self.make_null_session(app)

    def is_null_session(self, obj: object) -> bool:
        return True


class Application(flask.Flask):
    """Flask with our request and our JSON."""

    request_class = Request
    json_provider_class = MsgspecJson
    session_interface = _NoFlaskSession()


def create_app(
    rooms: Sequence[Room],
    settings: Settings | None = None,
    database: Database | None = None,
    checks: Mapping[str, Check] | None = None,
) -> flask.Flask:
    """The web application made of `rooms`. Nothing happens at import time, nothing connects before the first request.

    `settings` default to the process's environment, `database` to the process's database (a given one becomes the
    process's). `checks` are further parts of /readyz, by name. Raises PermissionUndeclared when a view names no
    permission, or one that nobody declared.
    """
    settings = settings or get_settings()
    if database is not None:
        databases.use_database(database)
    app = Application("regulars", static_folder=None, template_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=BODY_MAX,
        COMPANY_TIMEZONE=settings.company_timezone,
        COMPANY_CURRENCY=settings.company_currency,
    )
    app.url_map.strict_slashes = False
    limiter = RateLimiter(settings.redis_url)
    _register_routes(app, rooms, settings, limiter, checks or {})
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0, x_host=0)  # type: ignore[method-assign]
    return app


def _register_routes(
    app: flask.Flask, rooms: Sequence[Room], settings: Settings, limiter: RateLimiter, checks: Mapping[str, Check]
) -> None:
    document: list[bytes] = []
    assets = Assets({"docs": _swagger_folder(), **{room.name: room.static for room in rooms if room.static}})
    token_limit = Limit("token", settings.rate_limit_machine)
    for routes in (
        health_routes(databases.database, checks),
        oauth_routes(limiter, token_limit),
        openapi.openapi_routes(document),
        asset_routes(assets),
        page_routes(limiter),
    ):
        app.register_blueprint(routes)
    api = openapi.make_api(app)
    for room in rooms:
        for blueprint in room.blueprints:
            openapi.register(api, blueprint)
        for pages in room.pages:
            app.register_blueprint(pages)
    install_words(app, [folder for room in rooms for folder in room.translations], settings.company_timezone)
    install_shell(app, [item for room in rooms for item in room.menu], assets)
    register_error_handlers(app)
    Guard(settings, limiter).install(app)
    document.append(openapi.finish(app, api, access_of_all(app)))


def _swagger_folder() -> Path:
    """The files of Swagger UI, from its wheel: nothing is loaded from elsewhere."""
    return Path(str(files("flask_swagger_ui"))) / "dist"
