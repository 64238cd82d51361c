"""Analytics: scoring runs, their files, the settings they follow, and what contacting members has cost."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE TABLE analytics.score_settings (
        version         integer NOT NULL GENERATED ALWAYS AS IDENTITY,
        contribution    json    NOT NULL,
        horizon_days    integer NOT NULL,
        keep_days       integer NOT NULL,
        note            text    NOT NULL DEFAULT '',
        published_by    text    NOT NULL,
        published_at    timestamptz NOT NULL,
        CONSTRAINT score_settings_pkey PRIMARY KEY (version),
        CONSTRAINT score_settings_horizon_check CHECK (horizon_days BETWEEN 1 AND 730),
        CONSTRAINT score_settings_keep_check CHECK (keep_days BETWEEN 1 AND 3660)
    );
    COMMENT ON TABLE analytics.score_settings IS
        'weights, windows and thresholds by version, the newest in force; none: the defaults of the software';
    COMMENT ON COLUMN analytics.score_settings.keep_days IS 'how long the files of a run are kept';

    CREATE TABLE analytics.scoring_run (
        id                bigint  NOT NULL GENERATED ALWAYS AS IDENTITY,
        as_of             date    NOT NULL,
        horizon_days      integer NOT NULL,
        origin            text    NOT NULL,
        requested_by      text    NOT NULL,
        requested_at      timestamptz NOT NULL,
        wanted_position   bigint  NOT NULL,
        wanted_outbox     bigint,
        settings_version  integer,
        settings          json    NOT NULL,
        versions          json    NOT NULL,
        state             text    NOT NULL,
        step              text    NOT NULL,
        progress          smallint NOT NULL DEFAULT 0,
        attempt           smallint NOT NULL DEFAULT 0,
        started_at        timestamptz,
        heartbeat_at      timestamptz,
        finished_at       timestamptz,
        position          bigint,
        complete_until    timestamptz,
        findings          json,
        failure_code      text,
        failure_detail    text,
        files_removed_at  timestamptz,
        CONSTRAINT scoring_run_pkey PRIMARY KEY (id),
        CONSTRAINT scoring_run_settings_fkey FOREIGN KEY (settings_version)
            REFERENCES analytics.score_settings (version),
        CONSTRAINT scoring_run_state_check CHECK (state IN ('queued', 'running', 'done', 'failed')),
        CONSTRAINT scoring_run_origin_check CHECK (origin IN ('request', 'nightly', 'command')),
        CONSTRAINT scoring_run_horizon_check CHECK (horizon_days BETWEEN 1 AND 730),
        CONSTRAINT scoring_run_progress_check CHECK (progress BETWEEN 0 AND 100),
        CONSTRAINT scoring_run_finished_check CHECK ((state IN ('done', 'failed')) = (finished_at IS NOT NULL)),
        CONSTRAINT scoring_run_failed_check CHECK ((state = 'failed') = (failure_code IS NOT NULL)),
        CONSTRAINT scoring_run_done_check CHECK (state <> 'done' OR (position IS NOT NULL AND findings IS NOT NULL))
    );
    CREATE UNIQUE INDEX scoring_run_open_key ON analytics.scoring_run (as_of, horizon_days)
        WHERE state IN ('queued', 'running');
    CREATE UNIQUE INDEX scoring_run_nightly_key ON analytics.scoring_run (as_of)
        WHERE origin = 'nightly' AND state <> 'failed';
    CREATE INDEX scoring_run_kept_idx ON analytics.scoring_run (as_of, id)
        WHERE state = 'done' AND files_removed_at IS NULL;
    COMMENT ON COLUMN analytics.scoring_run.as_of IS 'exclusive: only business dates before it are looked at';
    COMMENT ON COLUMN analytics.scoring_run.wanted_outbox IS
        'the newest outbox row at the request: the lake must hold whatever was committed by then';
    COMMENT ON COLUMN analytics.scoring_run.attempt IS
        'how often it was taken up; whoever writes with an older number has been replaced and is refused';
    COMMENT ON COLUMN analytics.scoring_run.position IS 'where the lake stood when it was read';
    COMMENT ON COLUMN analytics.scoring_run.findings IS
        'what pages show of a run at once: counts, back-tests, concentration; kept when the files are gone';

    CREATE TABLE analytics.scoring_file (
        run_id  bigint NOT NULL,
        kind    text   NOT NULL,
        path    text   NOT NULL,
        rows    bigint NOT NULL,
        bytes   bigint NOT NULL,
        sha256  bytea  NOT NULL,
        CONSTRAINT scoring_file_pkey PRIMARY KEY (run_id, kind),
        CONSTRAINT scoring_file_run_fkey FOREIGN KEY (run_id) REFERENCES analytics.scoring_run (id),
        CONSTRAINT scoring_file_path_key UNIQUE (path),
        CONSTRAINT scoring_file_kind_check CHECK (kind IN ('members', 'formats', 'format_potential'))
    );
    COMMENT ON TABLE analytics.scoring_file IS
        'the Parquet files of finished runs; a file that is not here is no score. Paths are relative to the lake';

    CREATE TABLE analytics.contact_cost (
        reference  text   NOT NULL,
        member_id  bigint NOT NULL,
        currency   text   NOT NULL,
        day        date   NOT NULL,
        amount     bigint NOT NULL,
        CONSTRAINT contact_cost_pkey PRIMARY KEY (reference, member_id, currency),
        CONSTRAINT contact_cost_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
        CONSTRAINT contact_cost_amount_check CHECK (amount >= 0)
    );
    CREATE INDEX contact_cost_day_idx ON analytics.contact_cost (day);
    COMMENT ON TABLE analytics.contact_cost IS
        'what reaching a member has cost, in minor units: taken off the member''s contribution';
    """)


def downgrade() -> None:
    op.execute("""
    DROP TABLE analytics.contact_cost, analytics.scoring_file, analytics.scoring_run, analytics.score_settings;
    """)
