"""Member: accounts, lots, holds, journals and entries, purchases, earning rules, seal."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE SCHEMA IF NOT EXISTS member;

    -- Ids of accounts, lots and holds are handed to processes in blocks, so that rows which name each other
    -- can be written by one statement.
    CREATE SEQUENCE member.id_block;

    CREATE TABLE member.account (
        id bigint NOT NULL,
        member_id bigint NOT NULL,
        kind text NOT NULL,
        format text,
        currency text,
        balance bigint NOT NULL DEFAULT 0,
        held bigint NOT NULL DEFAULT 0,
        debt bigint NOT NULL DEFAULT 0,
        remainder bigint NOT NULL DEFAULT 0,
        opened_at timestamptz NOT NULL,
        CONSTRAINT account_pkey PRIMARY KEY (id),
        CONSTRAINT account_of_member UNIQUE NULLS NOT DISTINCT (member_id, kind, format, currency),
        CONSTRAINT account_kind CHECK (kind IN ('points', 'ecoin', 'cash')),
        CONSTRAINT account_currency CHECK ((kind = 'points') = (currency IS NULL)),
        CONSTRAINT account_held CHECK (held >= 0),
        CONSTRAINT account_debt CHECK (debt >= 0 AND (debt = 0 OR kind = 'points')),
        CONSTRAINT account_never_overdrawn CHECK (balance + debt >= held)
    ) WITH (fillfactor = 80);
    COMMENT ON COLUMN member.account.remainder IS 'millionths of a point kept from rounding; may be negative';
    COMMENT ON COLUMN member.account.debt IS 'what clawbacks took below zero, part of balance';

    CREATE TABLE member.lot (
        id bigint NOT NULL,
        account_id bigint NOT NULL,
        member_id bigint NOT NULL,
        origin text NOT NULL,
        source text NOT NULL,
        funder text NOT NULL,
        conditions json,
        purchase uuid,
        parent bigint,
        expires_on date,
        amount bigint NOT NULL,
        remaining bigint NOT NULL,
        held bigint NOT NULL DEFAULT 0,
        expired bigint NOT NULL DEFAULT 0,
        at timestamptz NOT NULL,
        CONSTRAINT lot_pkey PRIMARY KEY (id),
        CONSTRAINT lot_account FOREIGN KEY (account_id) REFERENCES member.account (id),
        CONSTRAINT lot_origin CHECK (origin IN ('purchase', 'grant', 'compensation', 'topup', 'bonus', 'import', 'debt')),
        CONSTRAINT lot_held CHECK (held >= 0),
        CONSTRAINT lot_expired CHECK (expired >= 0),
        CONSTRAINT lot_remaining CHECK (CASE WHEN origin = 'debt' THEN remaining <= 0 AND held = 0
                                        ELSE remaining >= held AND remaining <= amount END)
    ) WITH (fillfactor = 85);
    CREATE INDEX lot_open ON member.lot (account_id, expires_on) WHERE remaining > 0;
    CREATE INDEX lot_debt ON member.lot (account_id) WHERE remaining < 0;
    CREATE INDEX lot_expiring ON member.lot (expires_on) WHERE remaining > 0 AND expires_on IS NOT NULL;
    CREATE INDEX lot_of_purchase ON member.lot (purchase) WHERE purchase IS NOT NULL;
    COMMENT ON COLUMN member.lot.expired IS 'what expired and has not been set against a clawback since';
    COMMENT ON COLUMN member.lot.parent IS 'the expired lot that this one gives back for a while (days of grace)';

    CREATE TABLE member.substitution (
        lot_id bigint NOT NULL,
        substitute_id bigint NOT NULL,
        member_id bigint NOT NULL,
        amount bigint NOT NULL,
        CONSTRAINT substitution_pkey PRIMARY KEY (lot_id, substitute_id),
        CONSTRAINT substitution_amount CHECK (amount >= 0)
    );
    CREATE INDEX substitution_open ON member.substitution (member_id) WHERE amount > 0;
    COMMENT ON TABLE member.substitution IS
        'a clawback that lot_id could not pay was paid from substitute_id; what comes back to lot_id goes there first';

    CREATE TABLE member.hold (
        id bigint NOT NULL,
        member_id bigint NOT NULL,
        kind text NOT NULL,
        format text,
        currency text,
        amount bigint NOT NULL,
        captured bigint NOT NULL DEFAULT 0,
        state text NOT NULL,
        expires_at timestamptz NOT NULL,
        created_at timestamptz NOT NULL,
        ended_at timestamptz,
        actor text NOT NULL,
        CONSTRAINT hold_pkey PRIMARY KEY (id),
        CONSTRAINT hold_state CHECK (state IN ('open', 'captured', 'released', 'expired')),
        CONSTRAINT hold_ended CHECK ((state = 'open') = (ended_at IS NULL)),
        CONSTRAINT hold_amount CHECK (amount > 0 AND captured >= 0 AND captured <= amount)
    );
    CREATE INDEX hold_open ON member.hold (expires_at) WHERE state = 'open';
    CREATE INDEX hold_of_member ON member.hold (member_id);

    CREATE TABLE member.hold_lot (
        hold_id bigint NOT NULL,
        lot_id bigint NOT NULL,
        amount bigint NOT NULL,
        CONSTRAINT hold_lot_pkey PRIMARY KEY (hold_id, lot_id),
        CONSTRAINT hold_lot_hold FOREIGN KEY (hold_id) REFERENCES member.hold (id),
        CONSTRAINT hold_lot_amount CHECK (amount > 0)
    );
    CREATE INDEX hold_lot_of_lot ON member.hold_lot (lot_id);

    CREATE TABLE member.journal (
        day date NOT NULL,
        id uuid NOT NULL,
        kind text NOT NULL,
        member_id bigint NOT NULL,
        store text,
        reference text,
        reverses uuid,
        reason text,
        actor text NOT NULL,
        at timestamptz NOT NULL,
        CONSTRAINT journal_pkey PRIMARY KEY (day, id)
    ) PARTITION BY RANGE (day);
    CREATE INDEX journal_of_member ON member.journal (member_id, at, id);

    CREATE TABLE member.entry (
        day date NOT NULL,
        journal_id uuid NOT NULL,
        n smallint NOT NULL,
        unit text NOT NULL,
        account_id bigint,
        lot_id bigint,
        system text,
        store text,
        amount bigint NOT NULL,
        CONSTRAINT entry_pkey PRIMARY KEY (day, journal_id, n),
        CONSTRAINT entry_side CHECK ((account_id IS NULL) = (lot_id IS NULL) AND (account_id IS NULL) <> (system IS NULL)),
        CONSTRAINT entry_amount CHECK (amount <> 0)
    ) PARTITION BY RANGE (day);
    COMMENT ON COLUMN member.entry.system IS
        'the other side: issued, redeemed, expired, clawed_back ... with store and day, and no balance row of its own';

    CREATE TRIGGER journal_is_append_only BEFORE UPDATE OR DELETE ON member.journal
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    CREATE TRIGGER entry_is_append_only BEFORE UPDATE OR DELETE ON member.entry
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();

    CREATE TABLE member.purchase (
        day date NOT NULL,
        ref uuid NOT NULL,
        member_id bigint NOT NULL,
        store text NOT NULL,
        format text,
        currency text NOT NULL,
        occurred_at timestamptz NOT NULL,
        tier text,
        rule_version integer NOT NULL,
        points_account bigint,
        remainder_before bigint NOT NULL,
        points bigint NOT NULL,
        ecoins bigint NOT NULL,
        net_amount bigint NOT NULL,
        lines json NOT NULL,
        spends json NOT NULL,
        CONSTRAINT purchase_pkey PRIMARY KEY (day, ref)
    ) PARTITION BY RANGE (day);
    CREATE INDEX purchase_of_member ON member.purchase (member_id, occurred_at);
    COMMENT ON COLUMN member.purchase.points IS 'earned and not taken back so far';

    CREATE TABLE member.earning_rules (
        version integer GENERATED ALWAYS AS IDENTITY,
        valid_from timestamptz NOT NULL,
        programme json NOT NULL,
        note text NOT NULL DEFAULT '',
        created_by text NOT NULL,
        created_at timestamptz NOT NULL,
        CONSTRAINT earning_rules_pkey PRIMARY KEY (version)
    );
    CREATE INDEX earning_rules_valid ON member.earning_rules (valid_from, version);
    INSERT INTO member.earning_rules (valid_from, programme, note, created_by, created_at)
        VALUES ('1970-01-01Z', '{}', 'the defaults: a point for every hundred minor units', 'migration', now());
    CREATE TRIGGER earning_rules_are_append_only BEFORE UPDATE OR DELETE ON member.earning_rules
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();

    CREATE TABLE member.seal (
        position bigint NOT NULL,
        announced_at bigint NOT NULL,
        day date NOT NULL,
        journal_id uuid NOT NULL,
        hash bytea NOT NULL,
        CONSTRAINT seal_pkey PRIMARY KEY (position),
        CONSTRAINT seal_hash CHECK (length(hash) = 32)
    );
    COMMENT ON TABLE member.seal IS 'hash chain over the journals in the order in which they were announced';
    COMMENT ON COLUMN member.seal.position IS 'place in the chain, from 1, without gaps';
    COMMENT ON COLUMN member.seal.announced_at IS 'position of the event that announced the journal';
    CREATE INDEX seal_of_journal ON member.seal (journal_id);

    CREATE TABLE member.seal_root (
        position bigint NOT NULL,
        hash bytea NOT NULL,
        journals bigint NOT NULL,
        signature bytea NOT NULL,
        signed_at timestamptz NOT NULL,
        CONSTRAINT seal_root_pkey PRIMARY KEY (position)
    );
    CREATE TRIGGER seal_is_append_only BEFORE UPDATE OR DELETE ON member.seal
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    CREATE TRIGGER seal_root_is_append_only BEFORE UPDATE OR DELETE ON member.seal_root
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    """)


def downgrade() -> None:
    op.execute("""
    DROP TABLE member.seal_root, member.seal, member.earning_rules, member.purchase, member.entry, member.journal,
        member.hold_lot, member.hold, member.substitution, member.lot, member.account;
    DROP SEQUENCE member.id_block;
    """)
