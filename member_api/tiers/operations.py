"""Tiers of the programme, who holds one, and the nightly count of who earned one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from foundation.database import Tx
from foundation.errors import FieldError, Invalid
from foundation.events import announce
from member_api.tiers.rules import (
    Assignment,
    SpendBasis,
    Threshold,
    Tier,
    TierRule,
    TierSource,
    add_months,
    check_thresholds,
    earned,
    ended_by_hand,
    highest,
    starts,
)
from member_api.tiers.tables import ASSIGN, AssignmentRow
from member_api.vault.rules import MemberKey
from member_api.vault.tables import hex_bytes

TIERS_MAX = 100
RULES_MAX = 1000
HISTORY_MAX = 1000
SWEEP_BATCH = 5_000
REASON = "tier/reason"
BY_RULE = "rule"


class TierUnknown(Invalid):
    """There is no such tier, or it is retired."""

    code = "tier_unknown"


@dataclass(frozen=True, slots=True)
class TierHeld:
    """The tier that counts for a member: since when, until when (None: without end), and where from."""

    tier: Tier
    source: TierSource
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class TierEntry:
    """One assignment of the history, with its reason where the reader may see it."""

    assignment: Assignment
    valid_to: datetime | None
    ended_at: datetime | None
    assigned_by: str
    assigned_at: datetime
    rule_version: int | None
    evidence: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class NewTier:
    """A tier on its way to a member who is new or whose row is held."""

    key: MemberKey
    tier: str
    source: TierSource
    valid_to: datetime | None = None
    reason: str | None = None


# ------------------------------------------------------------------------------------------------ the tiers
def tiers(tx: Tx) -> list[Tier]:
    """Every tier, the lowest first."""
    rows = tx.ask("SELECT code, name, rank, retired_at FROM member.tier ORDER BY rank LIMIT %s", (TIERS_MAX,))
    return [Tier(*row) for row in rows]


def put_tiers(tx: Tx, wanted: Sequence[Tier]) -> list[Tier]:
    """Make the tiers these: new ones appear, known ones change name and rank, those left out are retired, not deleted.

    Who holds a retired tier keeps it to its end. Announces `tiers.changed`. Raises Invalid when a code or a rank
    stands twice.
    """
    for name, values in (("code", [t.code for t in wanted]), ("rank", [t.rank for t in wanted])):
        if len(set(values)) != len(values):
            raise Invalid("The tiers contradict themselves", errors=[FieldError("/tiers", f"a {name} stands twice")])
    codes = [tier.code for tier in wanted]
    # A retired tier keeps its place below the others, so that its rank does not stand in the way of theirs.
    tx.ask(
        "UPDATE member.tier SET retired_at = COALESCE(retired_at, %s), rank = r.rank FROM ("
        "  SELECT code, -row_number() OVER (ORDER BY rank DESC) AS rank FROM member.tier WHERE code <> ALL(%s)"
        ") AS r WHERE tier.code = r.code",
        (tx.now, codes),
    )
    tx.ask(
        "INSERT INTO member.tier (code, name, rank) "
        "SELECT * FROM json_to_recordset(%s::json) AS x(code text, name text, rank smallint) "
        "ON CONFLICT (code) DO UPDATE SET name = excluded.name, rank = excluded.rank, retired_at = NULL",
        (msgspec.json.encode([{"code": t.code, "name": t.name, "rank": t.rank} for t in wanted]).decode(),),
    )
    announce(tx, "tiers.changed", {"tiers": codes})
    return tiers(tx)


def _ranks(known: Sequence[Tier]) -> dict[str, int]:
    return {tier.code: tier.rank for tier in known}


def _givable(known: Sequence[Tier], code: str) -> Tier:
    found = next((tier for tier in known if tier.code == code and tier.retired_at is None), None)
    if found is None:
        raise TierUnknown("There is no such tier", errors=[FieldError("/tier", "is not a tier of the programme")])
    return found


# ------------------------------------------------------------------------------------------------ who holds what
def _assignments(tx: Tx, member_ids: Collection[int], after: datetime) -> dict[int, list[Assignment]]:
    """Assignments that end after a moment, by member."""
    rows = tx.ask(
        "SELECT id, member_id, tier, source, valid_from, in_force_to FROM member.tier_assignment "
        "WHERE member_id = ANY(%s) AND (in_force_to > %s OR in_force_to IS NULL) ORDER BY id",
        (list(member_ids), after),
    )
    found: dict[int, list[Assignment]] = {}
    for id_, member_id, tier, source, valid_from, in_force_to in rows:
        held = Assignment(id_, member_id, tier, TierSource(source), valid_from, in_force_to)
        found.setdefault(member_id, []).append(held)
    return found


def tiers_of(tx: Tx, member_ids: Collection[int], at: datetime) -> dict[int, TierHeld]:
    """The tier in force at a moment, of those members that hold one; one statement."""
    known = tiers(tx)
    ranks, by_code = _ranks(known), {tier.code: tier for tier in known}
    answer: dict[int, TierHeld] = {}
    for member_id, held in _assignments(tx, member_ids, at).items():
        best = highest(held, ranks, at)
        if best is not None:
            answer[member_id] = TierHeld(by_code[best.tier], best.source, best.valid_from, best.in_force_to)
    return answer


def tier_history(tx: Tx, member_id: int, key: MemberKey | None, limit: int = HISTORY_MAX) -> list[TierEntry]:
    """Every assignment of a member, newest first, at most `limit`; reasons are opened if the key is given."""
    rows = tx.ask(
        "SELECT id, member_id, tier, source, valid_from, in_force_to, valid_to, ended_at, assigned_by, "
        "assigned_at, rule_version, evidence, reason FROM member.tier_assignment "
        "WHERE member_id = %s ORDER BY id DESC LIMIT %s",
        (member_id, min(limit, HISTORY_MAX)),
    )
    return [
        TierEntry(
            Assignment(row[0], row[1], row[2], TierSource(row[3]), row[4], row[5]),
            valid_to=row[6],
            ended_at=row[7],
            assigned_by=row[8],
            assigned_at=row[9],
            rule_version=row[10],
            evidence=row[11],
            reason=None if key is None or row[12] is None else key.open(REASON, bytes(row[12])),
        )
        for row in rows
    ]


def check_tiers(tx: Tx, codes: Collection[str]) -> set[str]:
    """Those of the codes that are no tiers, or retired ones."""
    return set(codes) - {tier.code for tier in tiers(tx) if tier.retired_at is None} if codes else set()


def give(tx: Tx, new: Sequence[NewTier], *, by: str) -> None:
    """Give tiers to members who are new; written with the rest of the transaction. The codes were checked."""
    tx.rows.extend(ASSIGN, [_row(tx, tier, by) for tier in new])


def set_by_hand(tx: Tx, key: MemberKey, code: str, *, valid_to: datetime | None, reason: str, by: str) -> TierHeld:
    """Set a member's tier from now on. Better tiers end, and spending counts afresh when one did.

    The caller holds the member's row. Announces `member.tier_changed`. Raises TierUnknown; Invalid when `valid_to` has
    passed.
    """
    known = tiers(tx)
    tier, ranks = _givable(known, code), _ranks(known)
    if valid_to is not None and valid_to <= tx.now:
        raise Invalid("The tier would end before it begins", errors=[FieldError("/valid_to", "lies in the past")])
    held = _assignments(tx, [key.member_id], tx.now).get(key.member_id, [])
    over = ended_by_hand(held, ranks, tier.rank, tx.now)
    if over:
        tx.ask(
            "UPDATE member.tier_assignment SET ended_at = GREATEST(%s, valid_from), ended_by = %s WHERE id = ANY(%s)",
            (tx.now, by, [assignment.id for assignment in over]),
        )
    row = _row(tx, NewTier(key, code, TierSource.MANUAL, valid_to, reason), by, counts_afresh=bool(over))
    tx.rows.add(ASSIGN, row)
    tx.flush()
    announce(tx, "member.tier_changed", {"member": str(key.member_id), "tier": code, "source": TierSource.MANUAL})
    return tiers_of(tx, [key.member_id], tx.now)[key.member_id]


def _row(tx: Tx, new: NewTier, by: str, *, counts_afresh: bool = False) -> AssignmentRow:
    return AssignmentRow(
        member_id=new.key.member_id,
        tier=new.tier,
        source=new.source,
        valid_from=tx.now,
        valid_to=new.valid_to,
        counts_afresh=counts_afresh,
        rule_version=None,
        evidence=None,
        reason=None if new.reason is None else hex_bytes(new.key.seal(REASON, new.reason)),
        assigned_by=by,
        assigned_at=tx.now,
    )


# ------------------------------------------------------------------------------------------------ earning a tier
def publish_rule(tx: Tx, rule: TierRule, *, by: str) -> TierRule:
    """Publish a version (its `version` is given here). What was earned under earlier ones stays.

    Raises TierUnknown, TierRuleContradictory; Invalid when it would begin in the past.
    """
    known = tiers(tx)
    for threshold in rule.thresholds:
        _givable(known, threshold.tier)
    check_thresholds(rule.thresholds, _ranks(known))
    if rule.valid_from < tx.now:
        raise Invalid("A rule begins now or later", errors=[FieldError("/valid_from", "lies in the past")])
    answer = tx.ask(
        "INSERT INTO member.tier_rule (valid_from, currency, basis, window_days, valid_months, note, published_by, "
        "published_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING version",
        (
            rule.valid_from,
            rule.currency,
            rule.basis,
            rule.window_days,
            rule.valid_months,
            rule.note,
            by,
            tx.now,
        ),
    ).fetchone()
    assert answer is not None
    version = int(answer[0])
    tx.ask(
        "INSERT INTO member.tier_threshold (version, tier, amount) "
        "SELECT %s, tier, amount FROM json_to_recordset(%s::json) AS x(tier text, amount bigint)",
        (version, msgspec.json.encode(rule.thresholds).decode()),
    )
    announce(tx, "tier_rule.published", {"version": version})
    return next(published for published in rules(tx) if published.version == version)


def rules(tx: Tx, limit: int = RULES_MAX) -> list[TierRule]:
    """Every version, newest first, at most `limit`."""
    rows = tx.ask(
        "SELECT r.version, r.valid_from, r.basis, r.currency, r.window_days, r.valid_months, r.note, "
        "(SELECT array_agg(t.tier ORDER BY t.amount) FROM member.tier_threshold t WHERE t.version = r.version), "
        "(SELECT array_agg(t.amount ORDER BY t.amount) FROM member.tier_threshold t WHERE t.version = r.version) "
        "FROM member.tier_rule r ORDER BY r.version DESC LIMIT %s",
        (min(limit, RULES_MAX),),
    )
    return [
        TierRule(
            version,
            valid_from,
            SpendBasis(basis),
            currency,
            window_days,
            valid_months,
            tuple(Threshold(tier, amount) for tier, amount in zip(codes or (), amounts or (), strict=True)),
            note,
        )
        for version, valid_from, basis, currency, window_days, valid_months, note, codes, amounts in rows
    ]


def rule_at(tx: Tx, at: datetime) -> TierRule | None:
    """The rule in force at a moment: of those that have begun, the one that began last."""
    begun = [rule for rule in rules(tx) if rule.valid_from <= at]
    return max(begun, key=lambda rule: (rule.valid_from, rule.version), default=None)


SPENT = """
SELECT p.member_id, sum({basis})::bigint
FROM member.purchase p
LEFT JOIN LATERAL (
    SELECT max(a.valid_from) AS since FROM member.tier_assignment a
    WHERE a.member_id = p.member_id AND a.counts_afresh
) afresh ON true
WHERE p.member_id = ANY(%(members)s) AND p.occurred_at > %(since)s AND p.occurred_at <= %(now)s
  AND p.day >= %(first_day)s AND (%(currency)s::text IS NULL OR p.currency = %(currency)s)
  AND (afresh.since IS NULL OR p.occurred_at >= afresh.since)
GROUP BY p.member_id
HAVING sum({basis}) >= %(least)s
"""
# A business day may begin a day before or after the clock's; two days cover every zone.
BUSINESS_DAY_SLACK = timedelta(days=2)


def count_earned(tx: Tx, member_ids: Collection[int]) -> int:
    """Give these members (at most SWEEP_BATCH) the tiers they have earned by now; returns how many were given.

    Locks the members' rows against other changes of tier, not against postings. Doing it twice gives nothing twice.
    Announces `member.tier_changed` for each.
    """
    rule = rule_at(tx, tx.now)
    if rule is None or not rule.thresholds or not member_ids:
        return 0
    locked = tx.ask(
        "SELECT id FROM member.member WHERE id = ANY(%s) AND status IN ('active', 'frozen') "
        "ORDER BY id FOR NO KEY UPDATE",
        (list(member_ids),),
    )
    # Read after the locks, in statements of their own: a count that waited must see what it waited for.
    spent = _spent(tx, [member_id for (member_id,) in locked], rule)
    known = tiers(tx)
    ranks = _ranks(known)
    in_use = {tier.code for tier in known if tier.retired_at is None}
    thresholds = [threshold for threshold in rule.thresholds if threshold.tier in in_use]
    held = _assignments(tx, spent, tx.now)
    given = 0
    for member_id, amount in spent.items():
        tier = earned(amount, thresholds, ranks)
        if tier is None:
            continue
        begins = starts(ranks[tier], held.get(member_id, []), ranks, tx.now)
        if begins is None:
            continue
        tx.rows.add(ASSIGN, _earned_row(tx, member_id, tier, begins, rule, amount))
        announce(tx, "member.tier_changed", {"member": str(member_id), "tier": tier, "source": TierSource.EARNED})
        given += 1
    return given


@dataclass(frozen=True, slots=True)
class TierProgress:
    """How far a member is: the tier held (None: none), the next one that can be earned, and what is missing to it.

    `counted` and `missing` are points or minor units of `currency` (None: points) within the last `window_days`.
    """

    held: TierHeld | None
    next: Tier | None
    counted: int
    missing: int
    currency: str | None
    window_days: int


def progress_of(tx: Tx, member_id: int) -> TierProgress:
    """Where a member stands today, by the rule in force; without a rule there is no next tier."""
    held = tiers_of(tx, [member_id], tx.now).get(member_id)
    rule = rule_at(tx, tx.now)
    if rule is None:
        return TierProgress(held, None, 0, 0, None, 0)
    counted = _spent(tx, [member_id], rule, least=0).get(member_id, 0)
    known = {tier.code: tier for tier in tiers(tx) if tier.retired_at is None}
    rank = held.tier.rank if held is not None else None
    ahead = [t for t in rule.thresholds if t.tier in known and (rank is None or known[t.tier].rank > rank)]
    nearest = min(ahead, key=lambda t: known[t.tier].rank, default=None)
    return TierProgress(
        held,
        known[nearest.tier] if nearest is not None else None,
        counted,
        max(0, nearest.amount - counted) if nearest is not None else 0,
        rule.currency if rule.basis is SpendBasis.NET_AMOUNT else None,
        rule.window_days,
    )


def _spent(tx: Tx, member_ids: list[int], rule: TierRule, *, least: int | None = None) -> Mapping[int, int]:
    """What counts so far of those who reached `least` (the lowest threshold, if not said)."""
    since = tx.now - timedelta(days=rule.window_days)
    columns = {SpendBasis.NET_AMOUNT: "p.net_amount", SpendBasis.POINTS: "p.points"}
    rows = tx.ask(
        SPENT.format(basis=columns[rule.basis]),
        {
            "members": member_ids,
            "since": since,
            "now": tx.now,
            "first_day": (since - BUSINESS_DAY_SLACK).date(),
            "currency": rule.currency,
            "least": min(threshold.amount for threshold in rule.thresholds) if least is None else least,
        },
    )
    return dict(rows.fetchall())


def _earned_row(tx: Tx, member_id: int, tier: str, begins: datetime, rule: TierRule, amount: int) -> AssignmentRow:
    return AssignmentRow(
        member_id=member_id,
        tier=tier,
        source=TierSource.EARNED,
        valid_from=begins,
        valid_to=add_months(begins, rule.valid_months),
        counts_afresh=False,
        rule_version=rule.version,
        evidence=amount,
        reason=None,
        assigned_by=BY_RULE,
        assigned_at=tx.now,
    )


def sweep(tx: Tx, after: int, limit: int = SWEEP_BATCH) -> int | None:
    """Count one batch of members by id above `after`; the id to go on from, None at the end."""
    rows = tx.ask(
        "SELECT id FROM member.member WHERE id > %s ORDER BY id LIMIT %s", (after, min(limit, SWEEP_BATCH))
    ).fetchall()
    members = [member_id for (member_id,) in rows]
    count_earned(tx, members)
    return members[-1] if len(members) == min(limit, SWEEP_BATCH) else None
