"""Sales: receipts, their lines with the stored allocation, their tenders."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE TABLE pos.sale (
        business_date date NOT NULL,
        id uuid NOT NULL,
        store_id integer NOT NULL,
        terminal text NOT NULL,
        series smallint NOT NULL DEFAULT 0,
        sequence bigint NOT NULL,
        type text NOT NULL,
        state text NOT NULL DEFAULT 'posted',
        occurred_at timestamptz NOT NULL,
        received_at timestamptz NOT NULL,
        posting_date date NOT NULL,
        currency text NOT NULL,
        member_id bigint,
        claim_id bigint,
        member_part text NOT NULL,
        amount bigint NOT NULL,
        original_id uuid,
        flags text[] NOT NULL,
        open_flags text[] NOT NULL,
        content_hash bytea NOT NULL,
        answer json NOT NULL,
        client text NOT NULL,
        CONSTRAINT sale_pkey PRIMARY KEY (business_date, id),
        CONSTRAINT sale_receipt UNIQUE (business_date, store_id, terminal, series, sequence),
        CONSTRAINT sale_type CHECK (type IN ('sale', 'return', 'void')),
        CONSTRAINT sale_state CHECK (state IN ('posted', 'voided', 'discarded')),
        CONSTRAINT sale_member_part CHECK (member_part IN ('none', 'done', 'waiting', 'discarded'))
    ) PARTITION BY RANGE (business_date);
    CREATE INDEX sale_of_member ON pos.sale (member_id, occurred_at) WHERE member_id IS NOT NULL;
    CREATE INDEX sale_returning ON pos.sale (original_id) WHERE original_id IS NOT NULL;
    CREATE INDEX sale_waiting ON pos.sale (claim_id) WHERE member_part = 'waiting';
    CREATE INDEX sale_to_repair ON pos.sale (store_id, business_date) WHERE open_flags <> '{}';
    COMMENT ON COLUMN pos.sale.series IS '0 the till''s own numbers, 1 numbers given by the server (outside the gap detector)';
    COMMENT ON COLUMN pos.sale.member_part IS 'whether the accounts have moved: none (anonymous), done, waiting';

    CREATE TABLE pos.sale_line (
        business_date date NOT NULL,
        sale_id uuid NOT NULL,
        line integer NOT NULL,
        kind text NOT NULL,
        product_id bigint,
        product_code text,
        counter_id integer,
        counter_code text,
        category_id integer,
        brand_id integer,
        quantity numeric NOT NULL,
        unit_price bigint,
        amount bigint NOT NULL,
        regular_amount bigint,
        tax_rate integer,
        unit_cost bigint,
        promotion_id integer,
        promotion_code text,
        salesperson text,
        original_line integer,
        discounts json,
        allocated bigint[] NOT NULL,
        allocated_units bigint[],
        CONSTRAINT sale_line_pkey PRIMARY KEY (business_date, sale_id, line)
    ) PARTITION BY RANGE (business_date);
    COMMENT ON COLUMN pos.sale_line.allocated IS 'money of tender 1, 2 ... n that paid for this line; negative where it takes off';
    COMMENT ON COLUMN pos.sale_line.tax_rate IS 'hundredths of a percent: 1300 is 13 %';

    CREATE TABLE pos.tender (
        business_date date NOT NULL,
        sale_id uuid NOT NULL,
        n smallint NOT NULL,
        kind text NOT NULL,
        amount bigint NOT NULL,
        units bigint,
        face bigint,
        reference text,
        CONSTRAINT tender_pkey PRIMARY KEY (business_date, sale_id, n)
    ) PARTITION BY RANGE (business_date);
    COMMENT ON TABLE pos.tender IS 'how a receipt was paid, coupons included (kind coupon, its code as reference)';

    CREATE VIEW pos.allocation AS
        SELECT l.business_date, l.sale_id, l.line, a.n::smallint AS tender, a.amount, l.allocated_units[a.n] AS units
        FROM pos.sale_line AS l CROSS JOIN LATERAL unnest(l.allocated) WITH ORDINALITY AS a (amount, n);
    COMMENT ON VIEW pos.allocation IS 'which part of which tender paid for which line, as rows';

    CREATE TRIGGER sale_line_is_append_only BEFORE DELETE ON pos.sale_line
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    CREATE TRIGGER tender_is_append_only BEFORE UPDATE OR DELETE ON pos.tender
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    """)


def downgrade() -> None:
    op.execute("""
    DROP VIEW pos.allocation;
    DROP TABLE pos.tender, pos.sale_line, pos.sale;
    """)
