"""Marketing: target lists."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE SCHEMA IF NOT EXISTS marketing;

    CREATE TABLE marketing.target_list (
        id bigint GENERATED ALWAYS AS IDENTITY,
        name text NOT NULL,
        filter json NOT NULL,
        filter_hash bytea NOT NULL,
        model text,
        as_of date NOT NULL,
        lake_position bigint,
        scoring_run bigint,
        places json,
        leave_out json NOT NULL,
        channel text,
        member_count bigint NOT NULL,
        breakdown json NOT NULL,
        near_misses json NOT NULL,
        created_by text NOT NULL,
        created_at timestamptz NOT NULL,
        archived_by text,
        archived_at timestamptz,
        CONSTRAINT target_list_pkey PRIMARY KEY (id),
        CONSTRAINT target_list_hash CHECK (length(filter_hash) = 32),
        CONSTRAINT target_list_count CHECK (member_count >= 0),
        CONSTRAINT target_list_archived CHECK ((archived_by IS NULL) = (archived_at IS NULL))
    );
    CREATE INDEX target_list_in_use ON marketing.target_list (id) WHERE archived_at IS NULL;
    CREATE TRIGGER target_list_is_frozen BEFORE DELETE OR UPDATE OF name, filter, filter_hash, model, as_of,
        lake_position, scoring_run, places, leave_out, channel, member_count, breakdown, near_misses, created_by,
        created_at ON marketing.target_list FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    COMMENT ON TABLE marketing.target_list IS
        'a frozen set of members and the filter that chose it; only archiving changes a row';
    COMMENT ON COLUMN marketing.target_list.as_of IS 'the last day that the filter looked at, by the company''s calendar';
    COMMENT ON COLUMN marketing.target_list.lake_position IS
        'the sales that the filter saw: everything up to this event; null where it asked nothing of sales';
    COMMENT ON COLUMN marketing.target_list.places IS 'the places the list was confined to; null for everywhere';

    CREATE TABLE marketing.target_list_chunk (
        list_id bigint NOT NULL,
        chunk integer NOT NULL,
        member_count integer NOT NULL,
        members bytea NOT NULL,
        evidence bytea NOT NULL,
        CONSTRAINT target_list_chunk_pkey PRIMARY KEY (list_id, chunk),
        CONSTRAINT target_list_chunk_list FOREIGN KEY (list_id) REFERENCES marketing.target_list (id),
        CONSTRAINT target_list_chunk_count CHECK (member_count > 0)
    );
    CREATE TRIGGER target_list_chunk_is_frozen BEFORE UPDATE OR DELETE ON marketing.target_list_chunk
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    COMMENT ON TABLE marketing.target_list_chunk IS
        'the members of a list whose id divided by 16,384 is chunk: a roaring bitmap, and what was measured of each';
    COMMENT ON COLUMN marketing.target_list_chunk.evidence IS
        'an Arrow stream (zstd): member_id ascending, then one column per condition of the filter, in its order';
    """)


def downgrade() -> None:
    op.execute("DROP TABLE marketing.target_list_chunk, marketing.target_list;")
