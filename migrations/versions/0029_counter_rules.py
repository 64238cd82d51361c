"""POS: limits of discounts and codes of managers."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE TABLE pos.discount_limit (
        id integer GENERATED ALWAYS AS IDENTITY,
        store_id integer,
        role text,
        percent integer,
        valid_from date NOT NULL,
        set_by text NOT NULL,
        set_at timestamptz NOT NULL,
        CONSTRAINT discount_limit_pkey PRIMARY KEY (id),
        CONSTRAINT discount_limit_percent CHECK (percent BETWEEN 0 AND 10000)
    );
    COMMENT ON TABLE pos.discount_limit IS
        'the discount that somebody may give alone, in hundredths of a percent of the regular price (null: any); store and role null: all';
    INSERT INTO pos.discount_limit (percent, valid_from, set_by, set_at)
        VALUES (2000, '1970-01-01', 'system', '1970-01-01T00:00:00Z');

    CREATE TABLE pos.manager_code (
        id bigint GENERATED ALWAYS AS IDENTITY,
        staff_id integer NOT NULL,
        places text[],
        digest bytea NOT NULL,
        issued_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        tries smallint NOT NULL DEFAULT 0,
        used_at timestamptz,
        used_for text,
        CONSTRAINT manager_code_pkey PRIMARY KEY (id)
    );
    CREATE INDEX manager_code_of_staff ON pos.manager_code (staff_id, id);
    COMMENT ON COLUMN pos.manager_code.digest IS 'keyed: of six digits a plain digest could be guessed back';
    COMMENT ON COLUMN pos.manager_code.places IS 'the stores that its manager acted in; null: all';
    """)


def downgrade() -> None:
    op.execute("DROP TABLE pos.manager_code, pos.discount_limit;")
