"""Access: machines' clients and tokens, people's log-ins and sessions."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE TABLE foundation.client (
        client_id text NOT NULL,
        name text NOT NULL,
        secret_hash bytea NOT NULL,
        scopes text[] NOT NULL,
        bindings jsonb NOT NULL DEFAULT '{}',
        created_by text NOT NULL,
        created_at timestamptz NOT NULL,
        revoked_at timestamptz,
        CONSTRAINT client_pkey PRIMARY KEY (client_id),
        CONSTRAINT client_secret_is_sha256 CHECK (octet_length(secret_hash) = 32),
        CONSTRAINT client_bindings_are_an_object CHECK (jsonb_typeof(bindings) = 'object')
    );
    COMMENT ON TABLE foundation.client IS 'machines that may ask for access tokens (OAuth2 client credentials)';
    CREATE INDEX client_store ON foundation.client ((bindings ->> 'store'), client_id);

    CREATE TABLE foundation.access_token (
        token_hash bytea NOT NULL,
        client_id text NOT NULL,
        scopes text[] NOT NULL,
        issued_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        CONSTRAINT access_token_pkey PRIMARY KEY (token_hash),
        CONSTRAINT access_token_client_fkey FOREIGN KEY (client_id) REFERENCES foundation.client ON DELETE CASCADE,
        CONSTRAINT access_token_hash_is_sha256 CHECK (octet_length(token_hash) = 32)
    );
    COMMENT ON TABLE foundation.access_token IS 'living bearer tokens, by hash; expired ones are deleted in batches';
    CREATE INDEX access_token_client ON foundation.access_token (client_id);
    CREATE INDEX access_token_expires ON foundation.access_token (expires_at);

    CREATE TABLE foundation.login (
        person text NOT NULL,
        username text NOT NULL,
        password_hash text NOT NULL,
        failed_count integer NOT NULL DEFAULT 0,
        locked_until timestamptz,
        changed_at timestamptz NOT NULL,
        CONSTRAINT login_pkey PRIMARY KEY (person),
        CONSTRAINT login_username_key UNIQUE (username),
        CONSTRAINT login_failed_count_positive CHECK (failed_count >= 0)
    );
    COMMENT ON TABLE foundation.login IS 'user names and argon2 hashes; person is the opaque id that the owner of staff gave';

    CREATE TABLE foundation.session (
        token_hash bytea NOT NULL,
        person text NOT NULL,
        created_at timestamptz NOT NULL,
        seen_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        CONSTRAINT session_pkey PRIMARY KEY (token_hash),
        CONSTRAINT session_person_fkey FOREIGN KEY (person) REFERENCES foundation.login ON DELETE CASCADE,
        CONSTRAINT session_hash_is_sha256 CHECK (octet_length(token_hash) = 32)
    );
    COMMENT ON TABLE foundation.session IS 'signed-in browsers, by hash of the cookie; idle and absolute time-outs';
    CREATE INDEX session_person ON foundation.session (person);
    CREATE INDEX session_expires ON foundation.session (expires_at);
    """)


def downgrade() -> None:
    op.execute("DROP TABLE foundation.session, foundation.login, foundation.access_token, foundation.client")
