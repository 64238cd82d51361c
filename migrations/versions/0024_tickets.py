"""POS: e-tickets, settlements, and sales that share one purchase."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    ALTER TABLE pos.sale ADD COLUMN purchase_ref uuid;
    COMMENT ON COLUMN pos.sale.purchase_ref IS
        'the purchase that the accounts know it under, where a settlement over several legal units is one purchase; else its own id';

    CREATE INDEX sale_of_purchase ON pos.sale (purchase_ref) WHERE purchase_ref IS NOT NULL;

    CREATE TABLE pos.number_series (
        store_id integer NOT NULL,
        name text NOT NULL,
        business_date date NOT NULL,
        last bigint NOT NULL,
        CONSTRAINT number_series_pkey PRIMARY KEY (store_id, business_date, name)
    );
    COMMENT ON TABLE pos.number_series IS 'numbers that the server gives: tickets of a store''s day, settlements of a terminal';

    CREATE TABLE pos.ticket (
        id uuid NOT NULL,
        store_id integer NOT NULL,
        counter_id integer NOT NULL,
        counter_code text NOT NULL,
        business_date date NOT NULL,
        number integer NOT NULL,
        state text NOT NULL,
        member_id bigint,
        claim_id bigint,
        currency text NOT NULL,
        amount bigint NOT NULL,
        lines json NOT NULL,
        content_hash bytea NOT NULL,
        version integer NOT NULL DEFAULT 1,
        issued_by text NOT NULL,
        issued_at timestamptz NOT NULL,
        received_at timestamptz NOT NULL,
        changed_at timestamptz NOT NULL,
        settlement_id uuid,
        first_line integer,
        approved_by text,
        CONSTRAINT ticket_pkey PRIMARY KEY (id),
        CONSTRAINT ticket_number UNIQUE (store_id, business_date, number),
        CONSTRAINT ticket_state CHECK (state IN ('issued', 'settling', 'paid', 'released', 'cancelled', 'expired')),
        CONSTRAINT ticket_settled CHECK ((state IN ('settling', 'paid', 'released')) = (settlement_id IS NOT NULL))
    );
    CREATE INDEX ticket_of_store ON pos.ticket (store_id, business_date, state, number);
    CREATE INDEX ticket_of_member ON pos.ticket (member_id, business_date) WHERE member_id IS NOT NULL;
    CREATE INDEX ticket_of_settlement ON pos.ticket (settlement_id) WHERE settlement_id IS NOT NULL;
    CREATE INDEX ticket_open ON pos.ticket (business_date, store_id) WHERE state IN ('issued', 'settling');
    COMMENT ON COLUMN pos.ticket.first_line IS 'the number that its first line has in the settlement''s sales';

    CREATE TABLE pos.ticket_change (
        ticket_id uuid NOT NULL,
        n integer NOT NULL,
        state text NOT NULL,
        at timestamptz NOT NULL,
        actor text NOT NULL,
        why text,
        CONSTRAINT ticket_change_pkey PRIMARY KEY (ticket_id, n),
        CONSTRAINT ticket_change_ticket FOREIGN KEY (ticket_id) REFERENCES pos.ticket (id)
    );
    CREATE TRIGGER ticket_change_is_append_only BEFORE UPDATE OR DELETE ON pos.ticket_change
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();

    CREATE TABLE pos.settlement (
        id uuid NOT NULL,
        store_id integer NOT NULL,
        terminal text NOT NULL,
        business_date date NOT NULL,
        sequence bigint NOT NULL,
        state text NOT NULL,
        currency text NOT NULL,
        amount bigint NOT NULL,
        member_id bigint,
        claim_id bigint,
        cashier text,
        shift text,
        content json NOT NULL,
        sales json,
        answer json,
        failure text,
        client text NOT NULL,
        created_at timestamptz NOT NULL,
        ended_at timestamptz,
        CONSTRAINT settlement_pkey PRIMARY KEY (id),
        CONSTRAINT settlement_number UNIQUE (store_id, terminal, business_date, sequence),
        CONSTRAINT settlement_state CHECK (state IN ('pending', 'paid', 'failed')),
        CONSTRAINT settlement_ended CHECK ((state = 'pending') = (ended_at IS NULL))
    );
    CREATE INDEX settlement_of_day ON pos.settlement (store_id, business_date, terminal, sequence);
    CREATE INDEX settlement_pending ON pos.settlement (created_at) WHERE state = 'pending';
    COMMENT ON TABLE pos.settlement IS 'one payment for several tickets; its sales carry the numbers of series 1';
    """)


def downgrade() -> None:
    op.execute("""
    DROP TABLE pos.settlement, pos.ticket_change, pos.ticket, pos.number_series;
    ALTER TABLE pos.sale DROP COLUMN purchase_ref;
    """)
