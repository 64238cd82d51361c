"""`POST /oauth/token`: client credentials (RFC 6749 section 4.4). `POST /oauth/revoke`: end a token (RFC 7009).

Written by hand, about fifty lines, instead of through authlib: see docs/adr/0011. Errors are problem documents that
carry RFC 6749's `error` and `error_description` as well, so that OAuth libraries understand them.
"""

import binascii
from base64 import b64decode
from typing import Any
from urllib.parse import unquote_plus

import flask
from flask import Blueprint

from foundation.access.changes import access_changed
from foundation.access.permissions import allow_anyone
from foundation.access.tokens import ClientRejected, ScopeRefused, authenticate_client, end_token, issue_token
from foundation.database import database
from foundation.errors import BadRequest
from foundation.http.requests import Request, current_request
from foundation.rate_limits import Limit, RateLimiter

FIELD_MAX = 4_000


class TokenRequestInvalid(BadRequest):
    """A field of the token request is missing, repeated or too long."""

    code = "token_request_invalid"


class GrantUnsupported(BadRequest):
    """Only client_credentials is granted here."""

    code = "grant_unsupported"


def oauth_routes(limiter: RateLimiter, limit: Limit) -> Blueprint:
    """The two routes; `limit` is per address they are called from."""
    routes = Blueprint("oauth", __name__)

    @routes.route("/oauth/token", methods=["POST"])
    @allow_anyone
    def token() -> flask.Response:
        request = current_request()
        limiter.hit(limit, request.remote_addr or "")
        client_id, secret = _credentials(request)
        grant = _field(request, "grant_type")
        if grant is None:
            raise TokenRequestInvalid("grant_type is needed", **_oauth("invalid_request", "grant_type is needed"))
        if grant != "client_credentials":
            words = "only client_credentials is granted here"
            raise GrantUnsupported(words, **_oauth("unsupported_grant_type", words))
        asked = _field(request, "scope")
        try:
            with database().transaction() as tx:
                issued = issue_token(tx, client_id, secret, asked.split() if asked else None)
        except ClientRejected as error:
            raise ClientRejected(error.detail, **_oauth("invalid_client", error.detail)) from None
        except ScopeRefused as error:
            raise ScopeRefused(error.detail, **_oauth("invalid_scope", error.detail)) from None
        response = flask.jsonify(
            access_token=issued.access_token,
            token_type="Bearer",  # noqa: S106 - the kind of token, not one
            expires_in=int(issued.lasts.total_seconds()),
            scope=" ".join(issued.scopes),
        )
        response.headers["Pragma"] = "no-cache"
        return response

    @routes.route("/oauth/revoke", methods=["POST"])
    @allow_anyone
    def revoke() -> flask.Response:
        request = current_request()
        limiter.hit(limit, request.remote_addr or "")
        client_id, secret = _credentials(request)
        ended = _field(request, "token")
        if ended is None:
            raise TokenRequestInvalid("token is needed", **_oauth("invalid_request", "token is needed"))
        with database().transaction() as tx:
            try:
                authenticate_client(tx, client_id, secret)
            except ClientRejected as error:
                raise ClientRejected(error.detail, **_oauth("invalid_client", error.detail)) from None
            if end_token(tx, client_id, ended):
                access_changed(tx, client_id)
        return flask.Response(status=200)

    return routes


def _credentials(request: Request) -> tuple[str, str]:
    header = request.environ.get("HTTP_AUTHORIZATION")
    if header is None:
        # RFC 6749 section 2.3.1 lets clients that cannot send HTTP Basic put them into the body.
        client_id, secret = _field(request, "client_id"), _field(request, "client_secret")
        if client_id is None or secret is None:
            raise _rejected("client id and secret are needed, by HTTP Basic")
        return client_id, secret
    if _field(request, "client_secret") is not None:
        words = "the client authenticates in two ways at once"
        raise TokenRequestInvalid(words, **_oauth("invalid_request", words))
    scheme, _, packed = header.partition(" ")
    if scheme.lower() != "basic":
        raise _rejected("the client authenticates by HTTP Basic")
    try:
        client_id, colon, secret = b64decode(packed.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise _rejected("the HTTP Basic credentials cannot be read") from None
    if not colon or "\x00" in client_id:
        raise _rejected("the HTTP Basic credentials cannot be read")
    return unquote_plus(client_id), unquote_plus(secret)


def _rejected(words: str) -> ClientRejected:
    return ClientRejected(words, **_oauth("invalid_client", words))


def _field(request: Request, name: str) -> str | None:
    values = request.form.getlist(name)
    if len(values) > 1 or any(len(value) > FIELD_MAX or "\x00" in value for value in values):
        words = f"{name} is repeated or too long"
        raise TokenRequestInvalid(words, **_oauth("invalid_request", words))
    return values[0] if values and values[0] else None


def _oauth(error: str, description: str) -> dict[str, Any]:
    return {"error": error, "error_description": description}
