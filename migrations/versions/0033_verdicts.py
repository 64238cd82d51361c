"""POS: what people found out about payments whose rail does not tell, proposed by one and confirmed by another."""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE TABLE pos.payment_verdict (
        id bigint GENERATED ALWAYS AS IDENTITY,
        payment_id uuid NOT NULL,
        refund_id uuid,
        store_id integer NOT NULL,
        finding text NOT NULL,
        evidence text NOT NULL,
        state text NOT NULL,
        proposed_by text NOT NULL,
        proposed_at timestamptz NOT NULL,
        decided_by text,
        decided_at timestamptz,
        CONSTRAINT payment_verdict_pkey PRIMARY KEY (id),
        CONSTRAINT payment_verdict_payment FOREIGN KEY (payment_id) REFERENCES pos.payment (id),
        CONSTRAINT payment_verdict_refund FOREIGN KEY (refund_id) REFERENCES pos.refund (id),
        CONSTRAINT payment_verdict_finding CHECK (finding IN ('moved', 'not_moved')),
        CONSTRAINT payment_verdict_state
            CHECK (state IN ('proposed', 'confirmed', 'refused', 'withdrawn', 'overtaken')),
        CONSTRAINT payment_verdict_decided CHECK ((state = 'proposed') = (decided_at IS NULL)),
        CONSTRAINT payment_verdict_two_people CHECK (state <> 'confirmed' OR decided_by <> proposed_by)
    );
    CREATE UNIQUE INDEX payment_verdict_open ON pos.payment_verdict (payment_id)
        WHERE state = 'proposed' AND refund_id IS NULL;
    CREATE UNIQUE INDEX payment_verdict_open_refund ON pos.payment_verdict (refund_id) WHERE state = 'proposed';
    CREATE INDEX payment_verdict_of ON pos.payment_verdict (payment_id, id);
    COMMENT ON COLUMN pos.payment_verdict.refund_id IS 'null: about the payment itself';
    COMMENT ON COLUMN pos.payment_verdict.finding IS 'moved: the payer was charged, or has the refund; not_moved: was not, or has not';
    COMMENT ON COLUMN pos.payment_verdict.state IS 'overtaken: the rail answered before anybody confirmed';
    """)


def downgrade() -> None:
    op.execute("DROP TABLE pos.payment_verdict;")
