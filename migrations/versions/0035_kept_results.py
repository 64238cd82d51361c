"""Marketing: the figures of large campaigns as a worker last worked them out."""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE marketing.campaign_result (
            campaign_id   bigint      NOT NULL,
            last_day      date        NOT NULL,
            position      bigint      NOT NULL,
            worked_out_at timestamptz NOT NULL,
            figures       json        NOT NULL,
            CONSTRAINT campaign_result_pkey PRIMARY KEY (campaign_id),
            CONSTRAINT campaign_result_campaign_fkey FOREIGN KEY (campaign_id) REFERENCES marketing.campaign (id)
        );
        COMMENT ON TABLE marketing.campaign_result IS
            'what came of large campaigns, as last worked out: sums and effects, nothing of single members';
        COMMENT ON COLUMN marketing.campaign_result.last_day IS 'the last day that was measured';
        COMMENT ON COLUMN marketing.campaign_result.position IS 'where the lake stood when it was read';
    """)


def downgrade() -> None:
    op.execute("DROP TABLE marketing.campaign_result")
