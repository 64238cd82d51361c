"""The proof of the books: what never bends, for the whole database, set-based and with bounded memory.

Each check is one pass of PostgreSQL over the tables it names; what is wrong comes back, named.
"""

from collections.abc import Callable, Iterator
from typing import LiteralString

from foundation.checks import register_check
from foundation.database import Tx

Fault = tuple[str, str]


def _check(name: str, sql: LiteralString, words: Callable[..., Fault]) -> None:
    """A check whose SQL selects exactly what is wrong; `words` names a row and says what was expected."""

    def run(tx: Tx) -> Iterator[Fault]:
        for row in tx.raw.execute(sql):
            yield words(*row)

    register_check(name, run)


# ------------------------------------------------------------------------------------------------ journals
_check(
    "journal sums",
    """
    SELECT day, journal_id, unit, sum(amount) FROM member.entry
    GROUP BY day, journal_id, unit HAVING sum(amount) <> 0 ORDER BY day, journal_id LIMIT 1000
    """,
    lambda day, journal, unit, total: (f"journal {journal}", f"sums to {total} {unit} instead of 0 (day {day})"),
)
_check(
    "entries without journal",
    """
    SELECT e.journal_id, count(*) FROM member.entry AS e
    LEFT JOIN member.journal AS j ON j.day = e.day AND j.id = e.journal_id
    WHERE j.id IS NULL GROUP BY e.journal_id ORDER BY e.journal_id LIMIT 1000
    """,
    lambda journal, entries: (f"journal {journal}", f"is gone, {entries} entries of it are left"),
)
_check(
    "journals without entries",
    """
    SELECT j.id, j.member_id FROM member.journal AS j
    LEFT JOIN (SELECT DISTINCT day, journal_id FROM member.entry) AS e ON e.day = j.day AND e.journal_id = j.id
    WHERE e.journal_id IS NULL ORDER BY j.id LIMIT 1000
    """,
    lambda journal, member: (f"journal {journal}", f"has no entries (member {member})"),
)
_check(
    "entries in place",
    """
    SELECT e.journal_id, e.n, e.account_id, e.lot_id, l.account_id, a.member_id, j.member_id
    FROM member.entry AS e
    JOIN member.journal AS j ON j.day = e.day AND j.id = e.journal_id
    LEFT JOIN member.lot AS l ON l.id = e.lot_id
    LEFT JOIN member.account AS a ON a.id = e.account_id
    WHERE e.account_id IS NOT NULL AND (l.id IS NULL OR a.id IS NULL OR l.account_id <> e.account_id
        OR a.member_id <> j.member_id
        OR e.unit <> a.kind || coalesce(':' || a.currency, ''))
    ORDER BY e.journal_id, e.n LIMIT 1000
    """,
    lambda journal, n, account, lot, of_account, owner, member: (
        f"journal {journal} entry {n}",
        f"names lot {lot} (account {of_account}) and account {account} (member {owner}); journal of member {member}",
    ),
)

# ------------------------------------------------------------------------------------------------ accounts and lots
_check(
    "account balances",
    """
    SELECT a.id, a.member_id, a.balance, coalesce(e.total, 0), coalesce(l.total, 0)
    FROM member.account AS a
    FULL JOIN (SELECT account_id, sum(amount) AS total FROM member.entry WHERE account_id IS NOT NULL
               GROUP BY account_id) AS e ON e.account_id = a.id
    LEFT JOIN (SELECT account_id, sum(remaining) AS total FROM member.lot GROUP BY account_id) AS l
        ON l.account_id = a.id
    WHERE a.balance IS DISTINCT FROM coalesce(e.total, 0) OR a.balance IS DISTINCT FROM coalesce(l.total, 0)
    ORDER BY a.id LIMIT 1000
    """,
    lambda account, member, balance, entries, lots: (
        f"account {account} (member {member})", f"has balance {balance}, entries {entries}, lots {lots}"
    ),
)  # fmt: skip
_check(
    "account held and debt",
    """
    SELECT a.id, a.member_id, a.held, coalesce(l.held, 0), a.debt, coalesce(l.debt, 0)
    FROM member.account AS a
    LEFT JOIN (SELECT account_id, sum(held) AS held, sum(-remaining) FILTER (WHERE origin = 'debt') AS debt
               FROM member.lot GROUP BY account_id) AS l ON l.account_id = a.id
    WHERE a.held <> coalesce(l.held, 0) OR a.debt <> coalesce(l.debt, 0) ORDER BY a.id LIMIT 1000
    """,
    lambda account, member, held, lots_held, debt, lots_debt: (
        f"account {account} (member {member})",
        f"holds {held} and owes {debt}; its lots hold {lots_held} and owe {lots_debt}",
    ),
)
_check(
    "lot amounts",
    """
    SELECT l.id, l.account_id, l.member_id, a.member_id, l.remaining, coalesce(e.total, 0)
    FROM member.lot AS l
    LEFT JOIN member.account AS a ON a.id = l.account_id
    LEFT JOIN (SELECT lot_id, sum(amount) AS total FROM member.entry WHERE lot_id IS NOT NULL GROUP BY lot_id) AS e
        ON e.lot_id = l.id
    WHERE l.remaining <> coalesce(e.total, 0) OR a.member_id IS DISTINCT FROM l.member_id
       OR (l.origin <> 'debt' AND (l.remaining < l.held OR l.remaining > l.amount)) OR l.held < 0
    ORDER BY l.id LIMIT 1000
    """,
    lambda lot, account, member, owner, remaining, entries: (
        f"lot {lot}",
        f"has {remaining} left, entries say {entries}; account {account} is of member {owner}, the lot of {member}",
    ),
)
_check(
    "lot expiries",
    """
    SELECT l.id, l.member_id, l.expired, coalesce(x.expired, 0)
    FROM member.lot AS l
    LEFT JOIN (SELECT e.lot_id, sum(-e.amount) AS expired FROM member.entry AS e
               JOIN member.journal AS j ON j.day = e.day AND j.id = e.journal_id
               WHERE j.kind = 'expire' AND e.lot_id IS NOT NULL GROUP BY e.lot_id) AS x ON x.lot_id = l.id
    WHERE l.expired > coalesce(x.expired, 0) ORDER BY l.id LIMIT 1000
    """,
    lambda lot, member, expired, entries: (
        f"lot {lot} (member {member})", f"says that {expired} expired, its entries say at most {entries}"
    ),
)  # fmt: skip
_check(
    "substitutions",
    """
    SELECT l.id, l.member_id, -l.remaining, coalesce(s.owed, 0)
    FROM member.lot AS l
    LEFT JOIN (SELECT substitute_id, sum(amount) AS owed FROM member.substitution GROUP BY substitute_id) AS s
        ON s.substitute_id = l.id
    WHERE l.origin = 'debt' AND -l.remaining <> coalesce(s.owed, 0)
    UNION ALL
    SELECT s.lot_id, s.member_id, s.amount, NULL FROM member.substitution AS s
    LEFT JOIN member.lot AS o ON o.id = s.lot_id LEFT JOIN member.lot AS p ON p.id = s.substitute_id
    WHERE o.member_id IS DISTINCT FROM s.member_id OR p.member_id IS DISTINCT FROM s.member_id
    ORDER BY 1 LIMIT 1000
    """,
    lambda lot, member, owes, owed: (
        f"lot {lot} (member {member})",
        f"owes {owes}, the substitutions say {owed}"
        if owed is not None
        else f"a substitution of {owes} names lots that are gone or of another member",
    ),
)

# ------------------------------------------------------------------------------------------------ holds
_check(
    "held lots",
    """
    SELECT l.id, l.member_id, l.held, coalesce(h.held, 0)
    FROM member.lot AS l
    LEFT JOIN (SELECT p.lot_id, sum(p.amount) AS held FROM member.hold_lot AS p
               JOIN member.hold AS h ON h.id = p.hold_id WHERE h.state = 'open' GROUP BY p.lot_id) AS h
        ON h.lot_id = l.id
    WHERE l.held <> coalesce(h.held, 0) ORDER BY l.id LIMIT 1000
    """,
    lambda lot, member, held, holds: (f"lot {lot} (member {member})", f"holds {held}, its open holds {holds}"),
)
_check(
    "holds",
    """
    SELECT h.id, h.member_id, h.state, h.amount, coalesce(p.amount, 0), h.captured, coalesce(c.captured, 0)
    FROM member.hold AS h
    LEFT JOIN (SELECT hold_id, sum(amount) AS amount FROM member.hold_lot GROUP BY hold_id) AS p ON p.hold_id = h.id
    LEFT JOIN (SELECT j.reference, j.member_id, sum(e.amount) AS captured FROM member.journal AS j
               JOIN member.entry AS e ON e.day = j.day AND e.journal_id = j.id AND e.system = 'redeemed'
               WHERE j.kind = 'capture' GROUP BY j.reference, j.member_id) AS c
        ON c.reference = 'hold/' || h.id AND c.member_id = h.member_id
    WHERE h.amount <> coalesce(p.amount, 0) OR h.captured <> coalesce(c.captured, 0)
       OR (h.state = 'captured') <> (h.captured > 0) OR (h.state = 'open') <> (h.ended_at IS NULL)
       OR h.state NOT IN ('open', 'captured', 'released', 'expired')
    ORDER BY h.id LIMIT 1000
    """,
    lambda hold, member, state, amount, lots, captured, journals: (
        f"hold {hold} (member {member})",
        f"is {state} with {amount} set aside and {captured} captured; its lots say {lots}, its journals {journals}",
    ),
)


def every_hold_ends(tx: Tx) -> Iterator[Fault]:
    """A hold whose time is over is ended by the job within the hour."""
    rows = tx.execute(
        "SELECT id, member_id, expires_at FROM member.hold"
        " WHERE state = 'open' AND expires_at < CAST(:now AS timestamptz) - interval '1 hour' ORDER BY id LIMIT 1000",
        {"now": tx.now},
    )
    for row in rows:
        yield f"hold {row.id} (member {row.member_id})", f"should have ended at {row.expires_at:%Y-%m-%d %H:%M} UTC"


register_check("every hold ends", every_hold_ends)

# ------------------------------------------------------------------------------------------------ purchases
_check(
    "purchases",
    """
    WITH moved AS (
        -- What a purchase earned, also after it was given to another member; less what returns took back.
        SELECT left(j.reference, 36)::uuid AS ref, e.unit, -e.amount AS amount FROM member.journal AS j
        JOIN member.entry AS e ON e.day = j.day AND e.journal_id = j.id AND e.system = 'issued'
        WHERE j.kind = 'earn'
        UNION ALL
        SELECT CASE WHEN j.kind = 'moved_away' THEN left(j.reference, 36)::uuid ELSE j.reverses END, e.unit, -e.amount
        FROM member.journal AS j
        JOIN member.entry AS e ON e.day = j.day AND e.journal_id = j.id AND e.system = 'clawed_back'
        WHERE j.kind IN ('earn_reversal', 'moved_away')
    ), booked AS (
        SELECT ref, coalesce(sum(amount) FILTER (WHERE unit = 'points'), 0) AS points,
               coalesce(sum(amount) FILTER (WHERE unit LIKE 'ecoin:%'), 0) AS ecoins
        FROM moved GROUP BY ref
    )
    SELECT coalesce(p.ref, b.ref), p.member_id, p.points, coalesce(b.points, 0), p.ecoins, coalesce(b.ecoins, 0),
           l.points
    FROM member.purchase AS p FULL JOIN booked AS b ON b.ref = p.ref
    LEFT JOIN LATERAL (SELECT sum((line->>7)::bigint) AS points FROM json_array_elements(p.lines) AS line) AS l ON true
    WHERE p.points IS DISTINCT FROM coalesce(b.points, 0) OR p.ecoins IS DISTINCT FROM coalesce(b.ecoins, 0)
       OR p.points <> coalesce(l.points, 0)
    ORDER BY 1 LIMIT 1000
    """,
    lambda purchase, member, points, booked, ecoins, booked_ecoins, lines: (
        f"purchase {purchase} (member {member})",
        f"says {points} points and {ecoins} e-coins, its journals {booked} and {booked_ecoins}, its lines {lines}",
    ),
)
_check(
    "remainders",
    """
    SELECT a.id, a.member_id, a.remainder, coalesce(p.remainder, 0)
    FROM member.account AS a
    LEFT JOIN (
        SELECT p.points_account, sum((line->>8)::bigint) AS remainder
        FROM member.purchase AS p
        JOIN member.earning_rules AS r ON r.version = p.rule_version
        CROSS JOIN LATERAL json_array_elements(p.lines) AS line
        WHERE coalesce((r.programme->>'keep_remainder')::boolean, true)
        GROUP BY p.points_account
    ) AS p ON p.points_account = a.id
    WHERE a.remainder <> coalesce(p.remainder, 0) ORDER BY a.id LIMIT 1000
    """,
    lambda account, member, remainder, lines: (
        f"account {account} (member {member})", f"keeps a remainder of {remainder}, the lines say {lines}"
    ),
)  # fmt: skip
_check(
    "approvals",
    """
    SELECT p.id, p.member_id, p.journal_id FROM member.approval AS p
    LEFT JOIN member.journal AS j ON j.id = p.journal_id AND j.reference = 'approval/' || p.id
    WHERE (p.state = 'approved' AND j.id IS NULL)
       OR (p.state IN ('approved', 'refused') AND p.decided_by = p.proposed_by)
    ORDER BY p.id LIMIT 1000
    """,
    lambda approval, member, journal: (
        f"approval {approval} (member {member})", f"was decided by one person, or its journal {journal} is gone"
    ),
)  # fmt: skip
