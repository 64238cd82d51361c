"""What a posting asks before it decides, as one call a schema.

A posting used to send ten statements in two round trips; each costs some 15 us here and 35 us in the client, and the
planner replanned most of them every time (480 us), because an array of one member looks cheaper than an array of ten.
Inside a function each statement keeps its plan and, the functions being volatile, its own snapshot.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE FUNCTION foundation.claim_key(
        lock_number bigint, of_client text, of_key text,
        OUT free boolean, OUT content_hash bytea, OUT status smallint, OUT answer json)
    LANGUAGE plpgsql AS $$
    BEGIN
        free := pg_try_advisory_xact_lock(lock_number);
        -- A statement of its own: it sees whatever committed before the lock was free.
        SELECT i.content_hash, i.status, i.answer INTO content_hash, status, answer
        FROM foundation.idempotency AS i WHERE i.client = of_client AND i.key = of_key;
    END $$;
    COMMENT ON FUNCTION foundation.claim_key IS 'lock an idempotency key for this transaction and say what it was answered';

    CREATE FUNCTION member.lock_wallets(members bigint[], today date, OUT accounts json, OUT soonest json)
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
        IF newcomers <> '{}' THEN
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
            WHERE a.kind = 'points' AND l.account_id = a.id AND l.remaining > 0 AND l.expires_on >= today
            GROUP BY l.expires_on ORDER BY l.expires_on LIMIT 1
        ) AS s ON true
        WHERE a.member_id = ANY (members);
    END $$;
    COMMENT ON FUNCTION member.lock_wallets IS
        'lock the accounts of these members in order of id; list them, and the points that expire soonest';

    CREATE FUNCTION member.lock_buyers(
        named json, today date, OUT buyers json, OUT accounts json, OUT soonest json)
    LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
    DECLARE
        earning bigint[];
    BEGIN
        SELECT json_agg(json_build_array(b.n, b.id, b.status, b.merged_into, (
                   SELECT g.tier FROM member.tier_assignment AS g JOIN member.tier AS t ON t.code = g.tier
                   WHERE g.member_id = b.id AND g.valid_from <= b.at
                     AND (g.in_force_to > b.at OR g.in_force_to IS NULL)
                   ORDER BY t.rank DESC, g.id DESC LIMIT 1))),
               array_agg(DISTINCT b.id) FILTER (WHERE b.status IN ('active', 'frozen'))
        INTO buyers, earning
        FROM (
            SELECT x.n, x.at, m.id, m.status, m.merged_into
            FROM json_to_recordset(named) AS x (n integer, kind text, blind bytea, id bigint, at timestamptz)
            LEFT JOIN member.identifier AS i
                ON x.id IS NULL AND i.kind = x.kind AND i.blind_index = x.blind AND i.status = 'active'
            JOIN member.member AS m ON m.id = coalesce(x.id, i.member_id)
            ORDER BY m.id FOR KEY SHARE OF m
        ) AS b;
        IF earning IS NOT NULL THEN
            SELECT w.accounts, w.soonest INTO accounts, soonest FROM member.lock_wallets(earning, today) AS w;
        END IF;
    END $$;
    COMMENT ON FUNCTION member.lock_buyers IS
        'share-lock the members that receipts name, in order of id, then lock_wallets of those who earn';

    CREATE FUNCTION pos.look_up(numbers json, codes json, OUT posted json, OUT products json)
    LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
    BEGIN
        posted := (
            SELECT json_agg(json_build_array(s.id, encode(s.content_hash, 'hex'), s.answer))
            FROM json_to_recordset(numbers) AS x (day date, id uuid)
            JOIN pos.sale AS s ON s.business_date = x.day AND s.id = x.id);
        products := (
            SELECT json_agg(json_build_array(p.code, p.id, p.category_id, p.brand_id, p.unit_cost))
            FROM pos.product AS p WHERE p.code = ANY (ARRAY(SELECT json_array_elements_text(codes))));
    END $$;
    COMMENT ON FUNCTION pos.look_up IS 'which receipts were posted before, and the products of these codes that exist';
    """)


def downgrade() -> None:
    op.execute("""
    DROP FUNCTION pos.look_up, member.lock_buyers, member.lock_wallets, foundation.claim_key;
    """)
