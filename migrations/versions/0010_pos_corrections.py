"""Sales: who was given a receipt afterwards, by whom and why."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE TABLE pos.sale_correction (
        id bigint GENERATED ALWAYS AS IDENTITY,
        business_date date NOT NULL,
        sale_id uuid NOT NULL,
        from_member bigint,
        to_member bigint NOT NULL,
        reason text NOT NULL,
        actor text NOT NULL,
        at timestamptz NOT NULL,
        CONSTRAINT sale_correction_pkey PRIMARY KEY (id)
    );
    CREATE INDEX sale_correction_of_sale ON pos.sale_correction (sale_id);
    CREATE TRIGGER sale_correction_is_append_only BEFORE UPDATE OR DELETE ON pos.sale_correction
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    COMMENT ON COLUMN pos.sale_correction.from_member IS 'null: the receipt had been anonymous (late points)';
    """)


def downgrade() -> None:
    op.execute("DROP TABLE pos.sale_correction")
