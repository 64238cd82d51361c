"""Analytics: the lake's manifest and cursor."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE SCHEMA IF NOT EXISTS analytics;

    CREATE TABLE analytics.lake_file (
        id              bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
        kind            text   NOT NULL,
        month           date   NOT NULL,
        path            text   NOT NULL,
        rows            bigint NOT NULL,
        bytes           bigint NOT NULL,
        first_position  bigint NOT NULL,
        last_position   bigint NOT NULL,
        written_at      timestamptz NOT NULL,
        retired_at      timestamptz,
        CONSTRAINT lake_file_pkey PRIMARY KEY (id),
        CONSTRAINT lake_file_path_key UNIQUE (path),
        CONSTRAINT lake_file_kind_check CHECK (kind IN ('lines', 'member_day', 'member_category_month')),
        CONSTRAINT lake_file_month_check CHECK (month = date_trunc('month', month)),
        CONSTRAINT lake_file_positions_check CHECK (first_position <= last_position)
    );
    CREATE INDEX lake_file_live_idx ON analytics.lake_file (kind, month, id) WHERE retired_at IS NULL;
    CREATE INDEX lake_file_retired_idx ON analytics.lake_file (retired_at) WHERE retired_at IS NOT NULL;
    COMMENT ON TABLE analytics.lake_file IS
        'which Parquet files the lake consists of; a file that is not here, or is retired, is no part of it';
    COMMENT ON COLUMN analytics.lake_file.path IS 'relative to the lake''s directory';
    COMMENT ON COLUMN analytics.lake_file.retired_at IS
        'replaced since then; kept for readers that began before, deleted after the grace period';

    CREATE TABLE analytics.lake_state (
        only_row        boolean NOT NULL DEFAULT true,
        position        bigint  NOT NULL DEFAULT 0,
        complete_until  timestamptz,
        moved_at        timestamptz,
        backfilled_at   timestamptz,
        CONSTRAINT lake_state_pkey PRIMARY KEY (only_row),
        CONSTRAINT lake_state_is_one_row CHECK (only_row)
    );
    INSERT INTO analytics.lake_state DEFAULT VALUES;
    COMMENT ON COLUMN analytics.lake_state.position IS 'everything up to this event position is in the lake';
    COMMENT ON COLUMN analytics.lake_state.complete_until IS 'the moment of the event at this position';
    """)


def downgrade() -> None:
    op.execute("DROP TABLE analytics.lake_file, analytics.lake_state; DROP SCHEMA analytics")
