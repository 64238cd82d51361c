"""POS: who printed a settlement's receipt, and when: the first is the original, every other one a copy."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE pos.receipt_print (
            settlement_id uuid NOT NULL CONSTRAINT receipt_print_settlement_id_fkey REFERENCES pos.settlement,
            n integer NOT NULL,
            at timestamptz NOT NULL,
            actor text NOT NULL,
            CONSTRAINT receipt_print_pkey PRIMARY KEY (settlement_id, n),
            CONSTRAINT receipt_print_n_check CHECK (n > 0)
        )
    """)
    op.execute("COMMENT ON TABLE pos.receipt_print IS 'printed receipts of settlements; n = 1 is the original'")


def downgrade() -> None:
    op.execute("DROP TABLE pos.receipt_print")
