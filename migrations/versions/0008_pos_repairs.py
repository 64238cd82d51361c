"""pos: tills and the gaps in their numbers, parked receipts, what was proposed and done to repair."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE TABLE pos.terminal (
        store_id       integer NOT NULL,
        code           text    NOT NULL,
        first_seen_at  timestamptz NOT NULL,
        last_seen_at   timestamptz NOT NULL,
        CONSTRAINT terminal_pkey PRIMARY KEY (store_id, code)
    );
    COMMENT ON TABLE pos.terminal IS 'tills, known from their first receipt';

    CREATE TABLE pos.till_day (
        store_id       integer NOT NULL,
        terminal       text    NOT NULL,
        business_date  date    NOT NULL,
        first          bigint  NOT NULL,
        last           bigint  NOT NULL,
        CONSTRAINT till_day_pkey PRIMARY KEY (store_id, terminal, business_date),
        CONSTRAINT till_day_check CHECK (last >= first)
    );
    COMMENT ON TABLE pos.till_day IS
        'the lowest and the highest number that arrived; what is missing in between is in sequence_gap';

    CREATE TABLE pos.sequence_gap (
        id             bigint  NOT NULL GENERATED ALWAYS AS IDENTITY,
        store_id       integer NOT NULL,
        terminal       text    NOT NULL,
        business_date  date    NOT NULL,
        place          text    NOT NULL,
        first          bigint  NOT NULL,
        last           bigint  NOT NULL,
        noticed_at     timestamptz NOT NULL,
        announced_at   timestamptz,
        closed_at      timestamptz,
        explained_by   text,
        explanation    text,
        CONSTRAINT sequence_gap_pkey PRIMARY KEY (id),
        CONSTRAINT sequence_gap_check CHECK (last >= first),
        CONSTRAINT sequence_gap_place_check CHECK (place IN ('inside', 'before')),
        CONSTRAINT sequence_gap_explained_check CHECK (
            (explained_by IS NULL) = (explanation IS NULL) AND (explanation IS NULL OR closed_at IS NOT NULL))
    );
    CREATE UNIQUE INDEX sequence_gap_open_key ON pos.sequence_gap (store_id, terminal, business_date, place, first)
        WHERE closed_at IS NULL;
    CREATE INDEX sequence_gap_explained_idx ON pos.sequence_gap (store_id, terminal, business_date)
        WHERE explanation IS NOT NULL AND place = 'before';
    CREATE INDEX sequence_gap_unannounced_idx ON pos.sequence_gap (noticed_at)
        WHERE closed_at IS NULL AND announced_at IS NULL;
    CREATE INDEX sequence_gap_store_idx ON pos.sequence_gap (store_id, id) WHERE closed_at IS NULL;
    COMMENT ON COLUMN pos.sequence_gap.place IS 'inside the business date, or before its first number';
    COMMENT ON COLUMN pos.sequence_gap.announced_at IS 'null while the receipt may still be on its way';

    CREATE TABLE pos.till_setting (
        only_row     boolean NOT NULL DEFAULT true,
        gap_grace_s  integer NOT NULL DEFAULT 60,
        CONSTRAINT till_setting_pkey PRIMARY KEY (only_row),
        CONSTRAINT till_setting_is_one_row CHECK (only_row),
        CONSTRAINT till_setting_gap_grace_check CHECK (gap_grace_s BETWEEN 0 AND 86400)
    );
    INSERT INTO pos.till_setting DEFAULT VALUES;

    CREATE TABLE pos.parked_receipt (
        id             bigint  NOT NULL GENERATED ALWAYS AS IDENTITY,
        store_id       integer NOT NULL,
        terminal       text    NOT NULL,
        business_date  date    NOT NULL,
        sequence       bigint  NOT NULL,
        content        json    NOT NULL,
        problem        json    NOT NULL,
        client         text    NOT NULL,
        state          text    NOT NULL,
        attempts       integer NOT NULL DEFAULT 1,
        parked_at      timestamptz NOT NULL,
        refused_at     timestamptz NOT NULL,
        ended_at       timestamptz,
        sale_id        uuid,
        CONSTRAINT parked_receipt_pkey PRIMARY KEY (id),
        CONSTRAINT parked_receipt_key UNIQUE (store_id, terminal, business_date, sequence),
        CONSTRAINT parked_receipt_state_check CHECK (state IN ('open', 'accepted', 'discarded')),
        CONSTRAINT parked_receipt_ended_check CHECK ((state = 'open') = (ended_at IS NULL))
    );
    CREATE INDEX parked_receipt_open_idx ON pos.parked_receipt (store_id, id) WHERE state = 'open';
    COMMENT ON COLUMN pos.parked_receipt.content IS
        'as the till sent it, the member replaced by the id of a sealed claim';

    -- A discard needs two people: one row a proposal, kept for ever. Of a flagged sale all of it, or only the part that
    -- waits for its member, can be discarded.
    CREATE TABLE pos.discard (
        id           bigint  NOT NULL GENERATED ALWAYS AS IDENTITY,
        subject      text    NOT NULL,
        parked_id    bigint,
        sale_id      uuid,
        store_id     integer NOT NULL,
        reason       text    NOT NULL,
        state        text    NOT NULL,
        proposed_by  text    NOT NULL,
        proposed_at  timestamptz NOT NULL,
        decided_by   text,
        decided_at   timestamptz,
        CONSTRAINT discard_pkey PRIMARY KEY (id),
        CONSTRAINT discard_subject_check CHECK (
            (subject = 'parked' AND parked_id IS NOT NULL AND sale_id IS NULL)
            OR (subject IN ('sale', 'member_part') AND sale_id IS NOT NULL AND parked_id IS NULL)),
        CONSTRAINT discard_state_check CHECK (state IN ('proposed', 'confirmed', 'refused', 'withdrawn')),
        CONSTRAINT discard_decided_check CHECK (
            (state = 'proposed') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)),
        CONSTRAINT discard_two_people_check CHECK (state <> 'confirmed' OR decided_by <> proposed_by),
        CONSTRAINT discard_parked_fkey FOREIGN KEY (parked_id) REFERENCES pos.parked_receipt (id)
    );
    CREATE UNIQUE INDEX discard_parked_key ON pos.discard (parked_id) WHERE state = 'proposed';
    CREATE UNIQUE INDEX discard_sale_key ON pos.discard (sale_id) WHERE state = 'proposed';
    CREATE INDEX discard_store_idx ON pos.discard (store_id, id);

    -- Who did what to a parked or flagged receipt; append only, ids only.
    CREATE TABLE pos.repair (
        id             bigint  NOT NULL GENERATED ALWAYS AS IDENTITY,
        store_id       integer NOT NULL,
        parked_id      bigint,
        business_date  date,
        sale_id        uuid,
        action         text    NOT NULL,
        detail         json    NOT NULL,
        actor          text    NOT NULL,
        at             timestamptz NOT NULL,
        CONSTRAINT repair_pkey PRIMARY KEY (id),
        CONSTRAINT repair_subject_check CHECK (parked_id IS NOT NULL OR sale_id IS NOT NULL)
    );
    CREATE INDEX repair_parked_idx ON pos.repair (parked_id, id) WHERE parked_id IS NOT NULL;
    CREATE INDEX repair_sale_idx ON pos.repair (sale_id, id) WHERE sale_id IS NOT NULL;

    -- What is sold before the catalogue knows it is found again when the product comes.
    CREATE INDEX sale_line_unknown_product_idx ON pos.sale_line (product_code)
        WHERE product_id IS NULL AND product_code IS NOT NULL;
    CREATE TRIGGER repair_is_append_only BEFORE UPDATE OR DELETE ON pos.repair
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    """)


def downgrade() -> None:
    op.execute("""
    DROP INDEX pos.sale_line_unknown_product_idx;
    DROP TABLE pos.repair, pos.discard, pos.parked_receipt, pos.sequence_gap, pos.till_setting, pos.till_day,
        pos.terminal
    """)
