"""POS: parcels, paid goods that lie at a desk until they are collected; and tickets that are paid and not collected."""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE pos.parcel (
            id uuid CONSTRAINT parcel_pkey PRIMARY KEY,
            store_id integer NOT NULL,
            business_date date NOT NULL,
            number integer NOT NULL,
            settlement_id uuid NOT NULL CONSTRAINT parcel_settlement_id_fkey REFERENCES pos.settlement,
            member_id bigint,
            state text NOT NULL,
            pieces integer NOT NULL,
            place text,
            note text,
            terminal text NOT NULL,
            left_by text NOT NULL,
            left_at timestamptz NOT NULL,
            proof text,
            why text,
            ended_by text,
            ended_at timestamptz,
            CONSTRAINT parcel_number UNIQUE (store_id, business_date, number),
            CONSTRAINT parcel_state_check CHECK (state IN ('lying', 'collected', 'sent_back')),
            CONSTRAINT parcel_proof_check CHECK (proof IN ('slip', 'receipt', 'member')),
            CONSTRAINT parcel_pieces_check CHECK (pieces > 0),
            CONSTRAINT parcel_ended_check CHECK ((state = 'lying') = (ended_at IS NULL)),
            CONSTRAINT parcel_collected_check CHECK ((state = 'collected') = (proof IS NOT NULL))
        )
    """)
    op.execute("CREATE INDEX parcel_lying ON pos.parcel (store_id, left_at, id) WHERE state = 'lying'")
    op.execute("CREATE INDEX parcel_of_store ON pos.parcel (store_id, left_at DESC, id DESC)")
    op.execute("CREATE INDEX parcel_of_settlement ON pos.parcel (settlement_id)")
    op.execute("""
        CREATE TABLE pos.parcel_ticket (
            parcel_id uuid NOT NULL CONSTRAINT parcel_ticket_parcel_id_fkey REFERENCES pos.parcel,
            ticket_id uuid NOT NULL CONSTRAINT parcel_ticket_ticket_id_fkey REFERENCES pos.ticket,
            lies boolean NOT NULL,
            CONSTRAINT parcel_ticket_pkey PRIMARY KEY (parcel_id, ticket_id)
        )
    """)
    op.execute("CREATE UNIQUE INDEX parcel_ticket_lies ON pos.parcel_ticket (ticket_id) WHERE lies")
    op.execute("CREATE INDEX ticket_uncollected ON pos.ticket (store_id, changed_at, id) WHERE state = 'paid'")
    op.execute("COMMENT ON TABLE pos.parcel IS 'paid goods left at a desk under a label, and who handed them out'")
    op.execute("COMMENT ON COLUMN pos.parcel.number IS 'counts within the store''s day; with month and day the label'")
    op.execute("COMMENT ON COLUMN pos.parcel_ticket.lies IS 'the goods of a ticket lie in one parcel at a time'")


def downgrade() -> None:
    op.execute("DROP INDEX pos.ticket_uncollected")
    op.execute("DROP TABLE pos.parcel_ticket")
    op.execute("DROP TABLE pos.parcel")
