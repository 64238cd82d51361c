"""Publishing earning rules, and finding the version in force at a moment."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import insert, select

from foundation.database import Tx
from foundation.errors import FieldError, Invalid
from foundation.events import announce
from foundation.money import is_currency
from foundation.reference_cache import ReferenceCache
from member_api.earning.rules import Life, Programme
from member_api.earning.tables import earning_rules

VERSIONS_MAX = 10_000
DAYS_MAX = 36_500
PARTS_MAX = 1_000


class ProgrammeInvalid(Invalid):
    """The programme cannot be read, or contradicts itself."""

    code = "programme_invalid"


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """A published programme; it is in force from `valid_from` until a later version's."""

    version: int
    valid_from: datetime
    programme: Programme
    note: str
    created_by: str
    created_at: datetime


def read_programme(document: Mapping[str, Any]) -> Programme:
    """A programme from its JSON form. Raises ProgrammeInvalid naming the place."""
    try:
        programme = msgspec.convert(document, Programme)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        pointer = place.rstrip("`").replace(".", "/").replace("[", "/").replace("]", "")
        raise ProgrammeInvalid(message, errors=[FieldError(f"/programme{pointer}", message)]) from None
    faults = list(_faults(programme))
    if faults:
        raise ProgrammeInvalid(faults[0].detail, errors=faults)
    return programme


def _faults(programme: Programme) -> Iterator[FieldError]:
    for name, many in (("rates", programme.rates), ("thresholds", programme.thresholds)):
        if len(many) > PARTS_MAX:
            yield FieldError(f"/programme/{name}", f"at most {PARTS_MAX}")
    for n, rate in enumerate(programme.rates):
        if not 0 <= rate.micro_points <= 10**9:
            yield FieldError(f"/programme/rates/{n}/micro_points", "must be between 0 and a thousand million")
    yield from _threshold_faults(programme)
    yield from _life_faults("points_life", programme.points_life)
    if not 0 < programme.redeem_points <= 10**6 or not 0 < programme.redeem_money <= 10**6:
        yield FieldError("/programme/redeem_points", "redeem_points and redeem_money must be between 1 and a million")
    grace = programme.grace
    if not all(0 <= days <= DAYS_MAX for days in (grace.points, grace.ecoin, grace.cash)):
        yield FieldError("/programme/grace", f"days must be between 0 and {DAYS_MAX}")


def _threshold_faults(programme: Programme) -> Iterator[FieldError]:
    for n, offer in enumerate(programme.thresholds):
        if not 0 < offer.spend <= 10**12 or not 0 < offer.get <= 10**12:
            yield FieldError(f"/programme/thresholds/{n}", "spend and get must be above 0")
        if not is_currency(offer.currency):
            yield FieldError(f"/programme/thresholds/{n}/currency", "is not an ISO 4217 currency")
        yield from _life_faults(f"thresholds/{n}/life", offer.life)
        for fault in condition_faults(offer.conditions or {}):
            yield FieldError(f"/programme/thresholds/{n}/conditions{fault.pointer}", fault.detail)
    if len({offer.name for offer in programme.thresholds}) < len(programme.thresholds):
        yield FieldError("/programme/thresholds", "names must differ")


def condition_faults(conditions: Mapping[str, Any]) -> Iterator[FieldError]:
    """What is wrong with the conditions of lots: lists of codes, and a least amount; nothing else is understood."""
    for name, value in conditions.items():
        if name in ("stores", "formats", "counters"):
            if not isinstance(value, list) or not all(isinstance(code, str) and code for code in value):
                yield FieldError(f"/{name}", "must be a list of codes")
        elif name == "spend_at_least":
            if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= 10**12:
                yield FieldError(f"/{name}", "must be an amount above 0")
        else:
            yield FieldError(f"/{name}", "is not a condition: stores, formats, counters, spend_at_least")


def _life_faults(name: str, life: Life) -> Iterator[FieldError]:
    if not 0 <= life.months <= 1200 or not 0 <= life.days <= DAYS_MAX or life.to_end_of not in ("day", "month", "year"):
        yield FieldError(f"/programme/{name}", f"months 0-1200, days 0-{DAYS_MAX}, to_end_of day, month or year")


def _load(tx: Tx, keys: Collection[str]) -> dict[str, tuple[RuleVersion, ...]]:
    rows = tx.execute(
        select(earning_rules).order_by(earning_rules.c.valid_from, earning_rules.c.version).limit(VERSIONS_MAX)
    )
    versions = tuple(
        RuleVersion(
            r.version, r.valid_from, msgspec.convert(r.programme, Programme), r.note, r.created_by, r.created_at
        )
        for r in rows
    )
    return dict.fromkeys(keys, versions)


_versions: ReferenceCache[str, tuple[RuleVersion, ...]] = ReferenceCache("member.earning_rules", _load)


def rule_versions(tx: Tx) -> tuple[RuleVersion, ...]:
    """Every version, by the moment from which it is in force."""
    return _versions.get(tx, ("all",))["all"]


def rules_at(tx: Tx, at: datetime) -> RuleVersion:
    """The version in force at a moment; of two from the same moment the later one published."""
    versions = rule_versions(tx)
    for version in reversed(versions):
        if version.valid_from <= at:
            return version
    return versions[0]


def rules_of_version(tx: Tx, number: int) -> RuleVersion:
    """The version with this number, as recorded with a purchase."""
    return next(version for version in rule_versions(tx) if version.version == number)


def publish_rules(tx: Tx, document: Mapping[str, Any], valid_from: datetime, note: str, actor: str) -> RuleVersion:
    """Publish a new version. It may not begin in the past: purchases made under the old one were promised it.

    Raises ProgrammeInvalid.
    """
    programme = read_programme(document)
    if valid_from < tx.now.replace(microsecond=0):
        raise ProgrammeInvalid(
            "A version may not begin in the past", errors=[FieldError("/valid_from", "must not be in the past")]
        )
    row = tx.execute(
        insert(earning_rules)
        .values(
            valid_from=valid_from, programme=msgspec.to_builtins(programme), note=note, created_by=actor,
            created_at=tx.now,
        )
        .returning(earning_rules.c.version)
    ).one()  # fmt: skip
    _versions.changed(tx)
    announce(tx, "earning_rules.published", {"version": row.version})
    return RuleVersion(row.version, valid_from, programme, note, actor, tx.now)
