"""Earning rules over HTTP: the versions, publishing one, and trying a basket."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
from marshmallow import fields, validate

from foundation.access import allow, current_principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.http import (
    Blueprint,
    PageArguments,
    Schema,
    idempotent,
    make_cursor,
    page_of,
    paged,
    read_cursor,
    transactional,
)
from foundation.http.fields import CategoryPath, Code, Currency, Words
from foundation.settings import get_settings
from member_api.earning.operations import RuleVersion, publish_rules, read_programme, rule_versions, rules_at
from member_api.earning.rules import EarnLine, earn, earn_base, expires_on

earning_blueprint = Blueprint("earning rules", __name__, description="What purchases earn, by version and date")
LINES_MAX = 2000
AMOUNT_MAX = 10**12
# Moments that every time zone and every lifetime of points can be added to.
SINCE, UNTIL = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


class RulesIn(Schema):
    """A programme; what it leaves out is as the defaults say."""

    programme = fields.Dict(required=True, metadata={"description": "See docs/earning-rules.md"})
    valid_from = fields.AwareDateTime(
        load_default=None,
        allow_none=True,
        default_timezone=UTC,
        validate=validate.Range(SINCE, UNTIL),
        metadata={"description": "Now, if it is left out"},
    )
    note = Words(load_default="")


class RulesOut(Schema):
    """A published version; in force from `valid_from` until a later version's."""

    version = fields.Integer(required=True)
    valid_from = fields.AwareDateTime(required=True)
    in_force = fields.Boolean(required=True)
    programme = fields.Dict(required=True)
    note = fields.String(required=True)
    created_by = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)


class PaidIn(Schema):
    """A part of a line that a tender paid."""

    kind = Code(required=True)
    amount = fields.Integer(required=True, strict=True, validate=validate.Range(0, AMOUNT_MAX))


class PreviewLine(Schema):
    line = fields.Integer(required=True, strict=True, validate=validate.Range(1, 1_000_000))
    amount = fields.Integer(required=True, strict=True, validate=validate.Range(0, AMOUNT_MAX))
    tax_rate = fields.Decimal(load_default=0, allow_nan=False, validate=validate.Range(0, 1))
    category = CategoryPath(load_default=())
    brand = Words(load_default=None, allow_none=True)
    counter = Code(load_default=None, allow_none=True)
    paid = fields.List(fields.Nested(PaidIn), load_default=(), validate=validate.Length(0, 50))


class PreviewIn(Schema):
    """A basket, and the rules to try it on: those in force at `at`, or a `programme` that is not published."""

    lines = fields.List(fields.Nested(PreviewLine), required=True, validate=validate.Length(1, LINES_MAX))
    currency = Currency(load_default=None, allow_none=True)
    format = Code(load_default=None, allow_none=True)
    tier = Code(load_default=None, allow_none=True)
    at = fields.AwareDateTime(
        load_default=None, allow_none=True, default_timezone=UTC, validate=validate.Range(SINCE, UNTIL)
    )
    remainder = fields.Integer(
        load_default=0, strict=True, validate=validate.Range(-(10**12), 10**12),
        metadata={"description": "Millionths of a point kept from earlier"},
    )  # fmt: skip
    programme = fields.Dict(load_default=None, allow_none=True)


class EarnedLineOut(Schema):
    line = fields.Integer(required=True)
    base = fields.Integer(required=True, metadata={"description": "The money of it that earns"})
    points = fields.Integer(required=True)
    remainder = fields.Integer(required=True, metadata={"description": "Millionths of a point"})


class EarnedEcoinsOut(Schema):
    offer = fields.String(required=True)
    amount = fields.Integer(required=True)
    currency = fields.String(required=True)
    funder = fields.String(required=True)
    expires_on = fields.Date(required=True, allow_none=True)


class PreviewOut(Schema):
    """What the basket would earn; nothing was written."""

    version = fields.Integer(required=True, allow_none=True)
    points = fields.Integer(required=True)
    remainder = fields.Integer(required=True)
    expires_on = fields.Date(required=True, allow_none=True)
    lines = fields.List(fields.Nested(EarnedLineOut), required=True)
    ecoins = fields.List(fields.Nested(EarnedEcoinsOut), required=True)


def rules_body(version: RuleVersion, in_force: int) -> dict[str, Any]:
    """A version as RulesOut shows it."""
    return {
        "version": version.version,
        "valid_from": version.valid_from,
        "in_force": version.version == in_force,
        "programme": msgspec.to_builtins(version.programme),
        "note": version.note,
        "created_by": version.created_by,
        "created_at": version.created_at,
    }


@earning_blueprint.route("/earning-rules", methods=["GET"])
@allow("rules.read")
@transactional
@earning_blueprint.arguments(PageArguments, location="query")
@earning_blueprint.response(200, page_of(RulesOut))
def get_rules(tx: Tx, query: Mapping[str, Any]) -> Any:
    """Every version, the newest first."""
    before = read_cursor(query["cursor"], int)[0] if query["cursor"] else None
    newest_first = sorted(rule_versions(tx), key=lambda version: -version.version)
    found = [version for version in newest_first if before is None or version.version < before]
    shown = found[: query["limit"]]
    in_force = rules_at(tx, tx.now).version
    bodies = [rules_body(version, in_force) for version in shown]
    return paged(bodies, make_cursor(shown[-1].version) if len(found) > len(shown) else None)


@earning_blueprint.route("/earning-rules", methods=["POST"])
@allow("rules.write")
@idempotent
@earning_blueprint.arguments(RulesIn)
@earning_blueprint.response(201, RulesOut)
def post_rules(tx: Tx, body: Mapping[str, Any]) -> Any:
    """Publish a version. It may not begin in the past: purchases under the old one were promised it."""
    current_principal().require_everywhere()
    valid_from = body["valid_from"] or tx.now
    version = publish_rules(tx, body["programme"], valid_from, body["note"], current_principal().actor)
    return rules_body(version, version.version if valid_from <= tx.now else 0), 201


@earning_blueprint.route("/earning-rules/preview", methods=["POST"])
@allow("rules.read")
@transactional
@earning_blueprint.arguments(PreviewIn)
@earning_blueprint.response(200, PreviewOut)
def post_preview(tx: Tx, body: Mapping[str, Any]) -> dict[str, Any]:
    """What a basket would earn, under the rules in force or under a programme that is not published. Writes nothing."""
    at: datetime = body["at"] or tx.now
    version = rules_at(tx, at)
    if body["programme"] is not None:
        version = replace(version, version=0, programme=read_programme(body["programme"]))
    return preview(version, body, at)


def preview(version: RuleVersion, body: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The basket of a loaded PreviewIn under a version, as PreviewOut shows it."""
    programme = version.programme
    lines = [
        EarnLine(
            line["line"], line["amount"],
            earn_base(
                line["amount"], int(line["tax_rate"] * 10_000), [(p["kind"], p["amount"]) for p in line["paid"]],
                programme.base,
            ),
            tuple(line["category"]), line["brand"], line["counter"], line["amount"],
        )
        for line in body["lines"]
    ]  # fmt: skip
    day = local_date(at, get_settings().company_timezone)
    earned = earn(
        programme, lines, format=body["format"], tier=body["tier"],
        currency=body["currency"] or get_settings().company_currency, day=day, remainder_before=body["remainder"],
    )  # fmt: skip
    return {
        "version": version.version or None,
        "points": earned.points,
        "remainder": earned.remainder,
        "expires_on": expires_on(day, programme.points_life),
        "lines": [
            {"line": line.line, "base": line.base, "points": points, "remainder": remainder}
            for line, (points, remainder) in zip(lines, earned.lines, strict=True)
        ],
        "ecoins": [
            {
                "offer": offer.name, "amount": amount, "currency": offer.currency, "funder": offer.funder,
                "expires_on": expires_on(day, offer.life),
            }
            for offer, amount in earned.ecoins
        ],
    }  # fmt: skip
