"""POS: payments on the spot, their refunds, and what the acquirer's daily file said."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE TABLE pos.payment (
        id uuid NOT NULL,
        settlement_id uuid NOT NULL,
        n smallint NOT NULL,
        store_id integer NOT NULL,
        terminal text NOT NULL,
        rail text NOT NULL,
        state text NOT NULL,
        amount bigint NOT NULL,
        currency text NOT NULL,
        trace bigint NOT NULL,
        ask bytea,
        wants text NOT NULL DEFAULT 'pay',
        tries integer NOT NULL DEFAULT 0,
        look_at timestamptz,
        leased_until timestamptz,
        started_at timestamptz,
        reference text,
        account text,
        why text,
        created_at timestamptz NOT NULL,
        changed_at timestamptz NOT NULL,
        CONSTRAINT payment_pkey PRIMARY KEY (id),
        CONSTRAINT payment_tender UNIQUE (settlement_id, n),
        CONSTRAINT payment_trace UNIQUE (store_id, terminal, trace),
        CONSTRAINT payment_settlement FOREIGN KEY (settlement_id) REFERENCES pos.settlement (id),
        CONSTRAINT payment_amount CHECK (amount > 0),
        CONSTRAINT payment_state CHECK (state IN ('created', 'pending', 'succeeded', 'failed', 'reversing', 'reversed', 'unknown')),
        CONSTRAINT payment_wants CHECK (wants IN ('pay', 'query', 'reverse', 'nothing'))
    );
    CREATE INDEX payment_due ON pos.payment (look_at) WHERE look_at IS NOT NULL;
    CREATE INDEX payment_reference ON pos.payment (rail, reference) WHERE reference IS NOT NULL;
    COMMENT ON COLUMN pos.payment.trace IS 'the number under which the rail knows it: sent with every message about it';
    COMMENT ON COLUMN pos.payment.ask IS 'what the rail needs once (a payment code), sealed; gone as soon as it was sent';
    COMMENT ON COLUMN pos.payment.account IS 'masked: no card number is ever stored';

    CREATE TABLE pos.refund (
        id uuid NOT NULL,
        payment_id uuid NOT NULL,
        refund_no text NOT NULL,
        store_id integer NOT NULL,
        state text NOT NULL,
        amount bigint NOT NULL,
        trace bigint NOT NULL,
        wants text NOT NULL DEFAULT 'pay',
        tries integer NOT NULL DEFAULT 0,
        look_at timestamptz,
        leased_until timestamptz,
        started_at timestamptz,
        reference text,
        why text,
        created_at timestamptz NOT NULL,
        changed_at timestamptz NOT NULL,
        CONSTRAINT refund_pkey PRIMARY KEY (id),
        CONSTRAINT refund_no UNIQUE (refund_no),
        CONSTRAINT refund_payment FOREIGN KEY (payment_id) REFERENCES pos.payment (id),
        CONSTRAINT refund_amount CHECK (amount > 0),
        CONSTRAINT refund_state CHECK (state IN ('created', 'pending', 'succeeded', 'failed', 'unknown')),
        CONSTRAINT refund_wants CHECK (wants IN ('pay', 'query', 'nothing'))
    );
    CREATE INDEX refund_due ON pos.refund (look_at) WHERE look_at IS NOT NULL;
    CREATE INDEX refund_of_payment ON pos.refund (payment_id);

    CREATE TABLE pos.payment_step (
        id bigint GENERATED ALWAYS AS IDENTITY,
        payment_id uuid NOT NULL,
        refund_id uuid,
        action text NOT NULL,
        outcome text NOT NULL,
        state text NOT NULL,
        detail text,
        at timestamptz NOT NULL,
        CONSTRAINT payment_step_pkey PRIMARY KEY (id),
        CONSTRAINT payment_step_payment FOREIGN KEY (payment_id) REFERENCES pos.payment (id)
    );
    CREATE INDEX payment_step_of ON pos.payment_step (payment_id, id);
    CREATE TRIGGER payment_step_is_append_only BEFORE UPDATE OR DELETE ON pos.payment_step
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    COMMENT ON TABLE pos.payment_step IS 'every message to a rail and what came back: who asks what happened is answered here';
    """)


def downgrade() -> None:
    op.execute("DROP TABLE pos.payment_step, pos.refund, pos.payment;")
