"""The rules of sending, dated: quiet hours, caps, whose name stands on a text message, what one costs, how fast."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, LiteralString

from foundation.database import Tx
from foundation.errors import FieldError, Invalid
from foundation.settings import get_settings
from marketing.messages.rules import Cap, Channel, Language, MessageClass, QuietHours

VERSIONS_MAX = 1_000
CAPS_MAX = 50
AHEAD_MAX = timedelta(days=5 * 366)


class PolicyUnusable(Invalid):
    """The rules of sending contradict themselves: two caps for one window, or a beginning that has passed."""

    code = "message_policy_unusable"


@dataclass(frozen=True, slots=True)
class PolicyWish:
    """What rules of sending say. `segment_cost_milli` in thousandths of a minor unit of `cost_currency`."""

    quiet: QuietHours
    caps: tuple[Cap, ...]
    default_language: Language
    signs: Mapping[Language, str]
    opt_outs: Mapping[Language, str]
    segment_cost_milli: int
    cost_currency: str | None
    rate_per_second: int
    gateway_idempotent: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the rules, in force from `valid_from` until the next."""

    version: int
    valid_from: datetime
    published_by: str
    published_at: datetime
    says: PolicyWish

    @property
    def cost_currency(self) -> str:
        return self.says.cost_currency or get_settings().company_currency


_SELECT: LiteralString = (
    "SELECT version, valid_from, published_by, published_at, quiet_from, quiet_to, default_language, sign_en, sign_zh, "
    "opt_out_en, opt_out_zh, segment_cost_milli, cost_currency, rate_per_second, gateway_idempotent "
    "FROM marketing.message_policy "
)


def policy_in_force(tx: Tx) -> Policy:
    """The rules that hold at this transaction's moment."""
    row = tx.ask(
        _SELECT + "WHERE valid_from <= %s ORDER BY valid_from DESC, version DESC LIMIT 1",
        (tx.now,),
    ).fetchone()
    assert row is not None, "the first version holds since 2000"
    return _policies(tx, [row])[0]


def policies(tx: Tx, limit: int = VERSIONS_MAX) -> list[Policy]:
    """Every version, the newest first."""
    rows = tx.ask(_SELECT + "ORDER BY version DESC LIMIT %s", (limit,))
    return _policies(tx, rows.fetchall())


def publish_policy(tx: Tx, wish: PolicyWish, *, valid_from: datetime | None, by: str) -> Policy:
    """New rules, from `valid_from` (now, if not said) on. Raises PolicyUnusable."""
    begins = valid_from or tx.now
    _check(wish, begins, tx.now)
    row = tx.ask(
        "INSERT INTO marketing.message_policy (valid_from, published_by, published_at, quiet_from, quiet_to, "
        "default_language, sign_en, sign_zh, opt_out_en, opt_out_zh, segment_cost_milli, cost_currency, "
        "rate_per_second, gateway_idempotent) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
        "RETURNING version",
        (
            begins, by, tx.now, wish.quiet.begins, wish.quiet.ends, wish.default_language,
            wish.signs[Language.EN], wish.signs[Language.ZH], wish.opt_outs[Language.EN], wish.opt_outs[Language.ZH],
            wish.segment_cost_milli, wish.cost_currency, wish.rate_per_second, wish.gateway_idempotent,
        ),
    ).fetchone()  # fmt: skip
    assert row is not None
    for cap in wish.caps:
        tx.ask(
            "INSERT INTO marketing.message_cap (version, message_class, channel, window_days, count_max) "
            "VALUES (%s, %s, %s, %s, %s)",
            (row[0], cap.message_class, cap.channel, cap.window_days, cap.count_max),
        )
    return Policy(row[0], begins, by, tx.now, wish)


def _check(wish: PolicyWish, begins: datetime, now: datetime) -> None:
    if begins < now:
        raise PolicyUnusable("Rules begin now or later", errors=[FieldError("/valid_from", "has passed")])
    if begins > now + AHEAD_MAX:
        raise PolicyUnusable("Rules begin within five years", errors=[FieldError("/valid_from", "is too far ahead")])
    seen: set[tuple[MessageClass, Channel, int]] = set()
    for place, cap in enumerate(wish.caps):
        window = (cap.message_class, cap.channel, cap.window_days)
        if cap.message_class == MessageClass.TRANSACTIONAL:
            fault = FieldError(f"/caps/{place}/message_class", "what a member asked for has no cap")
            raise PolicyUnusable("A cap cannot be", errors=[fault])
        if window in seen:
            fault = FieldError(f"/caps/{place}", "stands twice")
            raise PolicyUnusable("Two caps for one window", errors=[fault])
        seen.add(window)


def _policies(tx: Tx, rows: Sequence[Sequence[Any]]) -> list[Policy]:
    found: dict[int, list[Cap]] = {row[0]: [] for row in rows}
    caps = tx.ask(
        "SELECT version, message_class, channel, window_days, count_max FROM marketing.message_cap "
        "WHERE version = ANY(%s) ORDER BY message_class, channel, window_days",
        (list(found),),
    )
    for version, message_class, channel, days, count in caps:
        found[version].append(Cap(MessageClass(message_class), Channel(channel), days, count))
    return [_policy(row, tuple(found[row[0]])) for row in rows]


def _house_language() -> Language:
    return Language.ZH if get_settings().company_currency == "CNY" else Language.EN


def _policy(row: Sequence[Any], caps: tuple[Cap, ...]) -> Policy:
    begins: time = row[4]
    says = PolicyWish(
        quiet=QuietHours(begins, row[5]),
        caps=caps,
        default_language=Language(row[6]) if row[6] else _house_language(),
        signs={Language.EN: row[7], Language.ZH: row[8]},
        opt_outs={Language.EN: row[9], Language.ZH: row[10]},
        segment_cost_milli=row[11],
        cost_currency=row[12],
        rate_per_second=row[13],
        gateway_idempotent=row[14],
    )
    return Policy(row[0], row[1], row[2], row[3], says)
