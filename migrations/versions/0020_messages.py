"""Marketing: messages and the send gate."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE SCHEMA IF NOT EXISTS marketing;

    -- ------------------------------------------------------------------------------------- what is said
    CREATE TABLE marketing.message_template (
        id             bigint  NOT NULL GENERATED ALWAYS AS IDENTITY,
        code           text    NOT NULL,
        version        integer NOT NULL,
        name           text    NOT NULL,
        channel        text    NOT NULL,
        message_class  text    NOT NULL,
        retired_at     timestamptz,
        written_by     text    NOT NULL,
        written_at     timestamptz NOT NULL,
        CONSTRAINT message_template_pkey PRIMARY KEY (id),
        CONSTRAINT message_template_key UNIQUE (code, version),
        CONSTRAINT message_template_version_check CHECK (version > 0),
        CONSTRAINT message_template_channel_check CHECK (channel IN ('sms', 'inbox')),
        CONSTRAINT message_template_class_check CHECK (message_class IN ('marketing', 'service', 'transactional'))
    );
    COMMENT ON TABLE marketing.message_template IS
        'one row a version, never changed: a message names the version it was made from, and can be shown again';

    CREATE TABLE marketing.message_text (
        template_id  bigint NOT NULL,
        language     text   NOT NULL,
        subject      text,
        body         text   NOT NULL,
        CONSTRAINT message_text_pkey PRIMARY KEY (template_id, language),
        CONSTRAINT message_text_template FOREIGN KEY (template_id) REFERENCES marketing.message_template (id),
        CONSTRAINT message_text_language_check CHECK (language IN ('en', 'zh'))
    );

    -- ------------------------------------------------------------------------------------- the rules of sending
    CREATE TABLE marketing.message_policy (
        version              integer NOT NULL GENERATED ALWAYS AS IDENTITY,
        valid_from           timestamptz NOT NULL,
        quiet_from           time    NOT NULL,
        quiet_to             time    NOT NULL,
        default_language     text,
        sign_en              text    NOT NULL,
        sign_zh              text    NOT NULL,
        opt_out_en           text    NOT NULL,
        opt_out_zh           text    NOT NULL,
        segment_cost_milli   bigint  NOT NULL,
        cost_currency        text,
        rate_per_second      integer NOT NULL,
        gateway_idempotent   boolean NOT NULL,
        published_by         text    NOT NULL,
        published_at         timestamptz NOT NULL,
        CONSTRAINT message_policy_pkey PRIMARY KEY (version),
        CONSTRAINT message_policy_language_check CHECK (default_language IN ('en', 'zh')),
        CONSTRAINT message_policy_cost_check CHECK (segment_cost_milli >= 0),
        CONSTRAINT message_policy_rate_check CHECK (rate_per_second BETWEEN 1 AND 100000)
    );
    CREATE INDEX message_policy_valid_from ON marketing.message_policy (valid_from, version);
    COMMENT ON TABLE marketing.message_policy IS
        'append only: the version with the latest valid_from that has begun holds (of equals the higher version)';
    COMMENT ON COLUMN marketing.message_policy.quiet_from IS
        'by the clock of the member''s home store; equal to quiet_to: no quiet hours';
    COMMENT ON COLUMN marketing.message_policy.segment_cost_milli IS
        'thousandths of a minor unit for one segment of a text message';
    COMMENT ON COLUMN marketing.message_policy.cost_currency IS 'null: the company''s';
    COMMENT ON COLUMN marketing.message_policy.default_language IS
        'null: Chinese for a company that counts in yuan, else English';
    COMMENT ON COLUMN marketing.message_policy.gateway_idempotent IS
        'the gateway takes our id once and can be asked for it; else every message is handed over at most once';

    CREATE TABLE marketing.message_cap (
        version        integer NOT NULL,
        message_class  text    NOT NULL,
        channel        text    NOT NULL,
        window_days    integer NOT NULL,
        count_max      integer NOT NULL,
        CONSTRAINT message_cap_pkey PRIMARY KEY (version, message_class, channel, window_days),
        CONSTRAINT message_cap_policy FOREIGN KEY (version) REFERENCES marketing.message_policy (version),
        CONSTRAINT message_cap_class_check CHECK (message_class IN ('marketing', 'service')),
        CONSTRAINT message_cap_channel_check CHECK (channel IN ('sms', 'inbox')),
        CONSTRAINT message_cap_window_check CHECK (window_days BETWEEN 1 AND 366),
        CONSTRAINT message_cap_count_check CHECK (count_max BETWEEN 0 AND 10000)
    );
    COMMENT ON TABLE marketing.message_cap IS
        'at most count_max in any window_days times 24 hours; what a member asked for (transactional) has no cap';

    INSERT INTO marketing.message_policy (valid_from, quiet_from, quiet_to, sign_en, sign_zh, opt_out_en, opt_out_zh,
        segment_cost_milli, rate_per_second, gateway_idempotent, published_by, published_at)
    VALUES ('2000-01-01 00:00+00', '21:00', '09:00', '[Regulars]', '【Regulars】', 'Reply STOP to opt out',
        '拒收请回复TD', 5000, 500, true, 'migration', now());
    INSERT INTO marketing.message_cap (version, message_class, channel, window_days, count_max)
    SELECT version, 'marketing', channel, window_days, count_max
    FROM marketing.message_policy,
        (VALUES ('sms', 7, 3), ('sms', 30, 8), ('inbox', 7, 10)) AS cap (channel, window_days, count_max);

    -- ------------------------------------------------------------------------------------- members, as we write to them
    CREATE TABLE marketing.member_contact (
        member_id  bigint NOT NULL,
        language   text,
        CONSTRAINT member_contact_pkey PRIMARY KEY (member_id),
        CONSTRAINT member_contact_language_check CHECK (language IN ('en', 'zh'))
    );
    COMMENT ON TABLE marketing.member_contact IS
        'locked by the gate while it counts what a member got, so that no cap is passed by two at once';

    -- ------------------------------------------------------------------------------------- the send ledger
    CREATE TABLE marketing.message (
        id                 bigint   NOT NULL GENERATED ALWAYS AS IDENTITY,
        member_id          bigint   NOT NULL,
        recipient_id       bigint,
        store              text,
        campaign_id        bigint,
        step               text     NOT NULL,
        message_class      text     NOT NULL,
        channel            text     NOT NULL,
        template_id        bigint   NOT NULL,
        facts              json     NOT NULL,
        state              text     NOT NULL DEFAULT 'queued',
        reason             text,
        queued_at          timestamptz NOT NULL,
        due_at             timestamptz NOT NULL,
        expires_at         timestamptz NOT NULL,
        attempts           smallint NOT NULL DEFAULT 0,
        handed_over        boolean  NOT NULL DEFAULT false,
        gateway_key        uuid     NOT NULL DEFAULT gen_random_uuid(),
        gateway_reference  text,
        language           text,
        segments           smallint,
        cost_milli         bigint,
        cost_currency      text,
        let_through_at     timestamptz,
        sent_at            timestamptz,
        ended_at           timestamptz,
        read_at            timestamptz,
        CONSTRAINT message_pkey PRIMARY KEY (id),
        CONSTRAINT message_wish_key UNIQUE NULLS NOT DISTINCT (campaign_id, member_id, step),
        CONSTRAINT message_template FOREIGN KEY (template_id) REFERENCES marketing.message_template (id),
        CONSTRAINT message_class_check CHECK (message_class IN ('marketing', 'service', 'transactional')),
        CONSTRAINT message_channel_check CHECK (channel IN ('sms', 'inbox')),
        CONSTRAINT message_state_check CHECK (state IN
            ('queued', 'sending', 'sent', 'delivered', 'failed', 'refused', 'expired', 'unknown')),
        CONSTRAINT message_reason_check CHECK (state NOT IN ('failed', 'refused', 'unknown') OR reason IS NOT NULL),
        CONSTRAINT message_recipient_check CHECK (
            CASE WHEN state IN ('sending', 'sent', 'delivered', 'failed', 'unknown') THEN recipient_id IS NOT NULL
                 WHEN state = 'queued' THEN (recipient_id IS NOT NULL) = handed_over
                 ELSE recipient_id IS NULL END),
        CONSTRAINT message_let_through_check CHECK ((recipient_id IS NULL) = (let_through_at IS NULL)),
        CONSTRAINT message_never_handed_over_check CHECK (state NOT IN ('refused', 'expired') OR NOT handed_over),
        CONSTRAINT message_attempts_check CHECK (attempts >= 0)
    );
    CREATE UNIQUE INDEX message_once_key ON marketing.message (campaign_id, recipient_id, step)
        NULLS NOT DISTINCT WHERE recipient_id IS NOT NULL;
    CREATE INDEX message_queued_idx ON marketing.message (channel, message_class, due_at, id) WHERE state = 'queued';
    CREATE INDEX message_sending_idx ON marketing.message (channel, due_at, id) WHERE state = 'sending';
    CREATE INDEX message_recipient_idx ON marketing.message (recipient_id, let_through_at)
        WHERE recipient_id IS NOT NULL;
    CREATE INDEX message_member_idx ON marketing.message (member_id, id);
    CREATE INDEX message_campaign_idx ON marketing.message (campaign_id, state, id) WHERE campaign_id IS NOT NULL;
    CREATE INDEX message_queued_at_idx ON marketing.message USING brin (queued_at);
    COMMENT ON TABLE marketing.message IS
        'who was to get what, and what became of it; ids only: name and number are read at the moment of sending';
    COMMENT ON COLUMN marketing.message.recipient_id IS
        'who gets it: the survivor, where the member was merged; set from the gate on, so that two wishes for one person
         are one message; it keeps the place of a message that waits for another try while a gateway may have it';
    COMMENT ON COLUMN marketing.message.store IS 'the home store when the gate looked, for whoever sees one store only';
    COMMENT ON COLUMN marketing.message.due_at IS
        'queued: when the gate looks at it; sending: when whoever took it is given up and the gateway is asked';
    COMMENT ON COLUMN marketing.message.handed_over IS
        'a gateway may have it; what was never handed over was certainly not sent';
    COMMENT ON COLUMN marketing.message.gateway_key IS
        'part of the id under which the gateway knows it; random, so that a restored database does not meet old ids';

    CREATE TABLE marketing.message_stop (
        campaign_id  bigint NOT NULL,
        stopped_at   timestamptz NOT NULL,
        CONSTRAINT message_stop_pkey PRIMARY KEY (campaign_id)
    );
    COMMENT ON TABLE marketing.message_stop IS 'campaigns of which nothing leaves any more; also what is queued later';

    -- ------------------------------------------------------------------------------------- the gateway
    CREATE TABLE marketing.message_gateway (
        channel         text NOT NULL,
        next_free_at    timestamptz,
        failures        integer NOT NULL DEFAULT 0,
        open_until      timestamptz,
        last_good_at    timestamptz,
        last_failed_at  timestamptz,
        last_failure    text,
        CONSTRAINT message_gateway_pkey PRIMARY KEY (channel),
        CONSTRAINT message_gateway_failures_check CHECK (failures >= 0)
    );
    COMMENT ON COLUMN marketing.message_gateway.next_free_at IS 'when the agreed rate allows the next message';
    COMMENT ON COLUMN marketing.message_gateway.open_until IS 'the circuit is open: nobody tries before this moment';
    INSERT INTO marketing.message_gateway (channel) VALUES ('sms');

    CREATE TABLE marketing.message_reply (
        id           bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
        channel      text   NOT NULL,
        gateway_id   text   NOT NULL,
        member_id    bigint,
        kind         text   NOT NULL,
        said_at      timestamptz NOT NULL,
        received_at  timestamptz NOT NULL,
        CONSTRAINT message_reply_pkey PRIMARY KEY (id),
        CONSTRAINT message_reply_key UNIQUE (channel, gateway_id),
        CONSTRAINT message_reply_kind_check CHECK (kind IN ('opt_out', 'other'))
    );
    CREATE INDEX message_reply_member_idx ON marketing.message_reply (member_id, id) WHERE member_id IS NOT NULL;
    COMMENT ON TABLE marketing.message_reply IS
        'what members answered; the words themselves lie sealed with the consent they prove';
    """)


def downgrade() -> None:
    op.execute("""
    DROP TABLE marketing.message_reply, marketing.message_gateway, marketing.message_stop, marketing.message,
        marketing.member_contact, marketing.message_cap, marketing.message_policy, marketing.message_text,
        marketing.message_template
    """)
