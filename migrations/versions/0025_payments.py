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
        reversals integer NOT NULL DEFAULT 0,
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
        CONSTRAINT payment_trace UNIQUE (store_id, trace),
        CONSTRAINT payment_settlement FOREIGN KEY (settlement_id) REFERENCES pos.settlement (id),
        CONSTRAINT payment_amount CHECK (amount > 0),
        CONSTRAINT payment_state CHECK (state IN ('created', 'pending', 'succeeded', 'failed', 'reversing', 'reversed', 'unknown')),
        CONSTRAINT payment_wants CHECK (wants IN ('pay', 'query', 'reverse', 'nothing'))
    );
    CREATE INDEX payment_due ON pos.payment (look_at) WHERE look_at IS NOT NULL;
    CREATE INDEX payment_of_store ON pos.payment (store_id, created_at);
    CREATE INDEX payment_open ON pos.payment (store_id, created_at)
        WHERE state IN ('created', 'pending', 'reversing', 'unknown');
    CREATE INDEX payment_started ON pos.payment (rail, started_at) WHERE started_at IS NOT NULL;
    COMMENT ON COLUMN pos.payment.trace IS 'the number under which the rail knows it: sent with every message about it; the next of its store';
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
        reason text,
        wants text NOT NULL DEFAULT 'pay',
        tries integer NOT NULL DEFAULT 0,
        anew integer NOT NULL DEFAULT 0,
        look_at timestamptz,
        leased_until timestamptz,
        started_at timestamptz,
        voided boolean NOT NULL DEFAULT false,
        reference text,
        why text,
        created_at timestamptz NOT NULL,
        changed_at timestamptz NOT NULL,
        CONSTRAINT refund_pkey PRIMARY KEY (id),
        CONSTRAINT refund_no UNIQUE (refund_no),
        CONSTRAINT refund_payment FOREIGN KEY (payment_id) REFERENCES pos.payment (id),
        CONSTRAINT refund_amount CHECK (amount > 0),
        CONSTRAINT refund_state CHECK (state IN ('created', 'pending', 'succeeded', 'failed', 'unknown')),
        CONSTRAINT refund_wants CHECK (wants IN ('pay', 'void', 'query', 'reverse', 'nothing'))
    );
    CREATE INDEX refund_of_store ON pos.refund (store_id, created_at);
    CREATE INDEX refund_open ON pos.refund (store_id, created_at) WHERE state IN ('created', 'pending', 'unknown');
    CREATE INDEX refund_started ON pos.refund (started_at) WHERE started_at IS NOT NULL;
    COMMENT ON COLUMN pos.refund.trace IS 'the trace number of the latest message; another one after a refund was undone';
    COMMENT ON COLUMN pos.refund.voided IS 'the whole payment was undone on its day: the acquirer''s file has neither';
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

    CREATE TABLE pos.reconciliation (
        id integer GENERATED ALWAYS AS IDENTITY,
        rail text NOT NULL,
        day date NOT NULL,
        file_digest bytea NOT NULL,
        lines integer NOT NULL,
        agreed integer NOT NULL,
        amount_there bigint NOT NULL,
        amount_here bigint NOT NULL,
        by text NOT NULL,
        at timestamptz NOT NULL,
        CONSTRAINT reconciliation_pkey PRIMARY KEY (id),
        CONSTRAINT reconciliation_day UNIQUE (rail, day)
    );
    COMMENT ON TABLE pos.reconciliation IS 'what a rail''s daily file said beside what we have; the day is in UTC, as in its messages';

    CREATE TABLE pos.reconciliation_difference (
        reconciliation_id integer NOT NULL,
        n integer NOT NULL,
        kind text NOT NULL,
        entry text NOT NULL,
        key text NOT NULL,
        payment_id uuid,
        reference text,
        currency text NOT NULL,
        there bigint,
        here bigint,
        detail text NOT NULL,
        CONSTRAINT reconciliation_difference_pkey PRIMARY KEY (reconciliation_id, n),
        CONSTRAINT reconciliation_difference_of FOREIGN KEY (reconciliation_id) REFERENCES pos.reconciliation (id),
        CONSTRAINT reconciliation_difference_kind
            CHECK (kind IN ('missing_here', 'missing_there', 'amount_differs')),
        CONSTRAINT reconciliation_difference_entry CHECK (entry IN ('sale', 'refund'))
    );
    """)


def downgrade() -> None:
    op.execute(
        "DROP TABLE pos.reconciliation_difference, pos.reconciliation, pos.payment_step, pos.refund, pos.payment;"
    )
