"""Member: an account is listed only if it is locked.

An account that was opened between the lock and the list used to be listed unlocked: two first purchases of a member
in two batches could read the same balance, and one of them was lost. Seen once in 155,848 receipts, and named by
`regulars ledger verify`.
"""

from importlib import import_module

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE OR REPLACE FUNCTION member.lock_wallets(members bigint[], today date, OUT accounts json, OUT soonest json)
    LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
    DECLARE
        locked bigint[];
        newcomers bigint[];
        listed bigint[];
    BEGIN
        -- Each statement has a snapshot of its own: what commits between two of them is seen by the second only.
        FOR attempt IN 1..8 LOOP
            locked := ARRAY(
                SELECT l.id FROM (
                    SELECT a.id FROM member.account AS a WHERE a.member_id = ANY (members) ORDER BY a.id FOR UPDATE
                ) AS l);
            newcomers := ARRAY(
                SELECT m FROM unnest(members) AS m
                WHERE NOT EXISTS (SELECT FROM member.account AS a WHERE a.member_id = m));
            IF newcomers <> '{}' THEN
                -- A member without an account has no row to lock but the member's own. Postings hold that row FOR KEY
                -- SHARE, which lets this lock pass; whoever opened a first account meanwhile held it, so look again.
                PERFORM FROM member.member WHERE id = ANY (newcomers) ORDER BY id FOR NO KEY UPDATE;
                locked := locked || ARRAY(
                    SELECT l.id FROM (
                        SELECT a.id FROM member.account AS a WHERE a.member_id = ANY (newcomers) ORDER BY a.id FOR UPDATE
                    ) AS l);
            END IF;
            SELECT json_agg(json_build_array(a.id, a.member_id, a.kind, a.format, a.currency, a.balance, a.held,
                                             a.debt, a.remainder, a.opened_at)),
                   json_agg(json_build_array(a.member_id, s.expires_on, s.amount)) FILTER (WHERE s.amount IS NOT NULL),
                   array_agg(a.id)
            INTO accounts, soonest, listed
            FROM member.account AS a LEFT JOIN LATERAL (
                SELECT l.expires_on, sum(l.remaining)::bigint AS amount FROM member.lot AS l
                WHERE a.kind = 'points' AND l.account_id = a.id AND l.remaining > 0 AND l.expires_on IS NOT NULL
                GROUP BY l.expires_on ORDER BY l.expires_on LIMIT 1
            ) AS s ON true
            WHERE a.member_id = ANY (members);
            IF listed IS NULL OR listed <@ locked THEN
                RETURN;
            END IF;
            -- An account was opened between the lock and the list: it must be locked, too, before it may be used.
        END LOOP;
        RAISE EXCEPTION 'accounts are opened faster than they can be locked' USING ERRCODE = 'serialization_failure';
    END $$;
    """)


def downgrade() -> None:
    import_module("migrations.versions.0014_overdue_points").upgrade()
