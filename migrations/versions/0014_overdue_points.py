"""Member: a posting sees that points are overdue, and lets them expire before it prints a balance."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# As in 0011, but for what `until` leaves out.
LOCK_WALLETS = """
CREATE OR REPLACE FUNCTION member.lock_wallets(members bigint[], today date, OUT accounts json, OUT soonest json)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    newcomers bigint[];
BEGIN
    -- Each in a statement of its own, so that the list is read after the lock was had: whoever waited sees the
    -- accounts, too, that were opened meanwhile.
    PERFORM FROM member.account WHERE member_id = ANY (members) ORDER BY id FOR UPDATE;
    newcomers := ARRAY(
        SELECT m FROM unnest(members) AS m
        WHERE NOT EXISTS (SELECT FROM member.account AS a WHERE a.member_id = m));
    IF newcomers <> '{{}}' THEN
        -- A member without an account has no row to lock but the member's own. Postings hold that row FOR KEY
        -- SHARE, which lets this lock pass; whoever opened a first account meanwhile held it, so look again.
        PERFORM FROM member.member WHERE id = ANY (newcomers) ORDER BY id FOR NO KEY UPDATE;
        PERFORM FROM member.account WHERE member_id = ANY (newcomers) ORDER BY id FOR UPDATE;
    END IF;
    SELECT json_agg(json_build_array(a.id, a.member_id, a.kind, a.format, a.currency, a.balance, a.held, a.debt,
                                     a.remainder, a.opened_at)),
           json_agg(json_build_array(a.member_id, s.expires_on, s.amount)) FILTER (WHERE s.amount IS NOT NULL)
    INTO accounts, soonest
    FROM member.account AS a LEFT JOIN LATERAL (
        SELECT l.expires_on, sum(l.remaining)::bigint AS amount FROM member.lot AS l
        WHERE a.kind = 'points' AND l.account_id = a.id AND l.remaining > 0 AND {until}
        GROUP BY l.expires_on ORDER BY l.expires_on LIMIT 1
    ) AS s ON true
    WHERE a.member_id = ANY (members);
END $$;
COMMENT ON FUNCTION member.lock_wallets IS '{words}';
"""


def upgrade() -> None:
    op.execute(
        LOCK_WALLETS.format(
            until="l.expires_on IS NOT NULL",
            words="lock the accounts of these members in order of id; list them, and the points whose last day is the"
            " first, past ones too",
        )
    )


def downgrade() -> None:
    op.execute(
        LOCK_WALLETS.format(
            until="l.expires_on >= today",
            words="lock the accounts of these members in order of id; list them, and the points that expire soonest",
        )
    )
