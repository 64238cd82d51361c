"""Foundation: outbox, events, consumers, idempotency keys, months."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE SCHEMA IF NOT EXISTS foundation;

    CREATE TABLE foundation.outbox (
        id bigint GENERATED ALWAYS AS IDENTITY,
        topic text NOT NULL,
        facts json NOT NULL,
        at timestamptz NOT NULL,
        CONSTRAINT outbox_pkey PRIMARY KEY (id)
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
    COMMENT ON TABLE foundation.outbox IS 'what committed and waits for the relay';

    CREATE TABLE foundation.event (
        position bigint NOT NULL,
        topic text NOT NULL,
        facts json NOT NULL,
        at timestamptz NOT NULL,
        CONSTRAINT event_pkey PRIMARY KEY (position)
    );
    COMMENT ON TABLE foundation.event IS 'what happened, by gapless position; append only';

    CREATE TABLE foundation.relay (
        only_row boolean NOT NULL DEFAULT true,
        position bigint NOT NULL DEFAULT 0,
        beat_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT relay_pkey PRIMARY KEY (only_row),
        CONSTRAINT relay_is_one_row CHECK (only_row)
    );
    INSERT INTO foundation.relay DEFAULT VALUES;

    CREATE TABLE foundation.consumer (
        name text NOT NULL,
        position bigint NOT NULL DEFAULT 0,
        moved_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT consumer_pkey PRIMARY KEY (name)
    );

    CREATE TABLE foundation.idempotency (
        client text NOT NULL,
        key text NOT NULL,
        content_hash bytea NOT NULL,
        status smallint NOT NULL,
        answer json NOT NULL,
        at timestamptz NOT NULL,
        CONSTRAINT idempotency_pkey PRIMARY KEY (client, key)
    );
    CREATE INDEX idempotency_at ON foundation.idempotency USING brin (at);

    CREATE FUNCTION foundation.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'rows of %.% are never updated or deleted', TG_TABLE_SCHEMA, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END $$;
    COMMENT ON FUNCTION foundation.refuse_change IS 'trigger of append-only tables';

    CREATE FUNCTION foundation.ensure_month(parent regclass, month date) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        partition text := parent::text || to_char(month, '"_p"YYYYMM');
        first date := date_trunc('month', month)::date;
    BEGIN
        IF to_regclass(partition) IS NOT NULL THEN RETURN; END IF;
        PERFORM pg_advisory_xact_lock(hashtext('ensure_month'), hashtext(partition));
        -- Whoever waited has a cached "no such table"; the catalogue itself knows better.
        IF EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                   WHERE n.nspname || '.' || c.relname = partition) THEN RETURN; END IF;
        EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING ALL)', partition, parent);
        EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)',
                       parent, partition, first, (first + interval '1 month')::date);
    END $$;
    COMMENT ON FUNCTION foundation.ensure_month IS 'make the monthly partition of a table unless it is there';

    CREATE TRIGGER event_is_append_only BEFORE UPDATE OR DELETE ON foundation.event
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    """)


def downgrade() -> None:
    op.execute("DROP SCHEMA foundation CASCADE")
