"""Marketing: the figures of triggers that fired for many, as a worker last worked them out."""

from alembic import op

revision = "0039"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE marketing.trigger_result (
            trigger_id    bigint      NOT NULL,
            worked_out_at timestamptz NOT NULL,
            figures       json        NOT NULL,
            CONSTRAINT trigger_result_pkey PRIMARY KEY (trigger_id),
            CONSTRAINT trigger_result_trigger_fkey FOREIGN KEY (trigger_id) REFERENCES marketing.trigger (id)
        );
        COMMENT ON TABLE marketing.trigger_result IS
            'what came of triggers that fired for many, as last worked out: sums and effects, nothing of single members';
    """)


def downgrade() -> None:
    op.execute("DROP TABLE marketing.trigger_result")
