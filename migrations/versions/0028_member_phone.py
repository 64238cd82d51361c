"""Member: one-time codes and sessions of members, the codes on their phones, the PIN of the wallet."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    -- ------------------------------------------------------------------------------------- codes by text message
    CREATE TABLE member.login_code (
        id            bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
        handle_hash   bytea       NOT NULL,
        phone_index   bytea       NOT NULL,
        address_index bytea       NOT NULL,
        sealed_phone  bytea,
        sealed_code   bytea,
        digest        bytea       NOT NULL,
        language      text        NOT NULL,
        invitation    text,
        state         text        NOT NULL DEFAULT 'asked',
        sends         smallint    NOT NULL DEFAULT 0,
        leased_until  timestamptz,
        tries         smallint    NOT NULL DEFAULT 0,
        asked_at      timestamptz NOT NULL,
        expires_at    timestamptz NOT NULL,
        proved_at     timestamptz,
        used_at       timestamptz,
        CONSTRAINT login_code_pkey PRIMARY KEY (id),
        CONSTRAINT login_code_handle_key UNIQUE (handle_hash),
        CONSTRAINT login_code_language_check CHECK (language IN ('en', 'zh')),
        CONSTRAINT login_code_state_check CHECK (state IN ('asked', 'sending', 'sent', 'failed', 'expired')),
        CONSTRAINT login_code_digests_check CHECK (octet_length(handle_hash) = 32 AND octet_length(phone_index) = 32
            AND octet_length(address_index) = 32 AND octet_length(digest) = 32)
    );
    CREATE INDEX login_code_of_phone ON member.login_code (phone_index, asked_at);
    CREATE INDEX login_code_of_address ON member.login_code (address_index, asked_at);
    CREATE INDEX login_code_to_send ON member.login_code (id) WHERE state IN ('asked', 'sending');
    CREATE INDEX login_code_age ON member.login_code (asked_at);
    COMMENT ON TABLE member.login_code IS
        'a code that somebody asked for, member or not; nothing here says which. Rows go after two days';
    COMMENT ON COLUMN member.login_code.handle_hash IS 'of the secret that the asking browser holds: only there it can be typed';
    COMMENT ON COLUMN member.login_code.phone_index IS 'keyed digest of the number; sealed_phone is gone when the code is over';
    COMMENT ON COLUMN member.login_code.sealed_code IS 'there only until it was sent';
    COMMENT ON COLUMN member.login_code.digest IS 'keyed: of six digits a plain one could be guessed back';
    COMMENT ON COLUMN member.login_code.invitation IS 'the shop''s signed invitation that led here';

    CREATE TABLE member.phone_session (
        token_hash  bytea       NOT NULL,
        member_id   bigint      NOT NULL,
        created_at  timestamptz NOT NULL,
        seen_at     timestamptz NOT NULL,
        expires_at  timestamptz NOT NULL,
        CONSTRAINT phone_session_pkey PRIMARY KEY (token_hash),
        CONSTRAINT phone_session_member FOREIGN KEY (member_id) REFERENCES member.member (id),
        CONSTRAINT phone_session_hash_check CHECK (octet_length(token_hash) = 32)
    );
    CREATE INDEX phone_session_of_member ON member.phone_session (member_id);
    CREATE INDEX phone_session_expires ON member.phone_session (expires_at);

    -- ------------------------------------------------------------------------------------- what the phone shows
    CREATE TABLE member.member_code (
        digest      bytea       NOT NULL,
        member_id   bigint      NOT NULL,
        made_at     timestamptz NOT NULL,
        expires_at  timestamptz NOT NULL,
        store       text,
        CONSTRAINT member_code_pkey PRIMARY KEY (digest),
        CONSTRAINT member_code_member FOREIGN KEY (member_id) REFERENCES member.member (id),
        CONSTRAINT member_code_digest_check CHECK (octet_length(digest) = 32)
    );
    CREATE INDEX member_code_of_member ON member.member_code (member_id);
    CREATE INDEX member_code_expires ON member.member_code (expires_at);
    COMMENT ON TABLE member.member_code IS 'codes that phones show for a minute; they name the member and do nothing else';
    COMMENT ON COLUMN member.member_code.store IS 'where it was scanned first: elsewhere it names nobody';

    -- ------------------------------------------------------------------------------------- the wallet's proof
    CREATE TABLE member.wallet_pin (
        member_id        bigint      NOT NULL,
        pin_hash         text,
        set_at           timestamptz,
        code_digest      bytea,
        code_expires_at  timestamptz,
        tries            smallint    NOT NULL DEFAULT 0,
        blocks           smallint    NOT NULL DEFAULT 0,
        blocked_until    timestamptz,
        proved_request   bytea,
        proved_at        timestamptz,
        CONSTRAINT wallet_pin_pkey PRIMARY KEY (member_id),
        CONSTRAINT wallet_pin_member FOREIGN KEY (member_id) REFERENCES member.member (id),
        CONSTRAINT wallet_pin_tries_check CHECK (tries >= 0 AND blocks >= 0)
    );
    COMMENT ON TABLE member.wallet_pin IS 'tries are counted before they are compared, in a transaction of their own';
    COMMENT ON COLUMN member.wallet_pin.code_digest IS 'keyed; the one-time code that the phone shows, the newest only';
    COMMENT ON COLUMN member.wallet_pin.proved_request IS
        'the very request that was proved last: sent again within minutes, it is not asked again';
    COMMENT ON COLUMN member.wallet_pin.blocks IS 'how often in a row: each block is twice as long as the one before';
    """)


def downgrade() -> None:
    op.execute("DROP TABLE member.wallet_pin, member.member_code, member.phone_session, member.login_code;")
