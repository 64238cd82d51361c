"""Marketing: campaigns, experiments and triggers."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    -- ------------------------------------------------------------------------------------- who is never treated
    CREATE TABLE marketing.standing_control (
        id bigint GENERATED ALWAYS AS IDENTITY,
        valid_from date NOT NULL,
        share integer NOT NULL,
        salt text NOT NULL,
        set_by text NOT NULL,
        set_at timestamptz NOT NULL,
        CONSTRAINT standing_control_pkey PRIMARY KEY (id),
        CONSTRAINT standing_control_share CHECK (share BETWEEN 0 AND 2000),
        CONSTRAINT standing_control_salt CHECK (salt <> '')
    );
    CREATE INDEX standing_control_valid_from ON marketing.standing_control (valid_from, id);
    CREATE TRIGGER standing_control_is_append_only BEFORE UPDATE OR DELETE ON marketing.standing_control
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    COMMENT ON TABLE marketing.standing_control IS
        'members whom no campaign reaches, by salted hash; the newest row that has begun holds; a new salt rotates them';
    COMMENT ON COLUMN marketing.standing_control.share IS 'basis points';
    INSERT INTO marketing.standing_control (valid_from, share, salt, set_by, set_at)
        VALUES ('2000-01-01', 200, 'company/5', 'migration', now());

    -- ------------------------------------------------------------------------------------- campaigns
    CREATE TABLE marketing.campaign (
        id bigint GENERATED ALWAYS AS IDENTITY,
        name text NOT NULL,
        state text NOT NULL,
        version integer NOT NULL,
        list_id bigint NOT NULL,
        places json,
        created_by text NOT NULL,
        created_at timestamptz NOT NULL,
        submitted_by text,
        submitted_at timestamptz,
        decided_by text,
        decided_at timestamptz,
        decision_note text,
        launched_by text,
        launched_at timestamptz,
        started_on date,
        ends_on date,
        stopped_by text,
        stopped_at timestamptz,
        stop_reason text,
        taking_back boolean NOT NULL DEFAULT false,
        finished_at timestamptz,
        members_max bigint,
        reached_member bigint NOT NULL DEFAULT 0,
        assigned bigint NOT NULL DEFAULT 0,
        progressed_at timestamptz,
        failure text,
        CONSTRAINT campaign_pkey PRIMARY KEY (id),
        CONSTRAINT campaign_list FOREIGN KEY (list_id) REFERENCES marketing.target_list (id),
        CONSTRAINT campaign_state CHECK (state IN
            ('draft', 'submitted', 'approved', 'launching', 'running', 'stopped', 'finished')),
        CONSTRAINT campaign_version CHECK (version > 0),
        CONSTRAINT campaign_approved CHECK (state IN ('draft', 'submitted', 'stopped') OR decided_by IS NOT NULL),
        CONSTRAINT campaign_second_person CHECK
            (state IN ('draft', 'submitted') OR (decided_by <> created_by AND decided_by <> submitted_by)),
        CONSTRAINT campaign_launched CHECK (state NOT IN ('launching', 'running', 'finished')
            OR (launched_by IS NOT NULL AND launched_at IS NOT NULL AND started_on IS NOT NULL AND ends_on IS NOT NULL)),
        CONSTRAINT campaign_stopped CHECK (state <> 'stopped' OR (stopped_by IS NOT NULL AND stopped_at IS NOT NULL)),
        CONSTRAINT campaign_finished CHECK (state <> 'finished' OR finished_at IS NOT NULL)
    );
    CREATE INDEX campaign_at_work ON marketing.campaign (id) WHERE state IN ('launching', 'running');
    COMMENT ON COLUMN marketing.campaign.version IS 'of the plan; what was approved is always this one';
    COMMENT ON COLUMN marketing.campaign.places IS 'of its list: the places it is confined to; null for everywhere';
    COMMENT ON COLUMN marketing.campaign.started_on IS 'first day that is measured, by the company''s calendar';
    COMMENT ON COLUMN marketing.campaign.ends_on IS 'last day that is measured';
    COMMENT ON COLUMN marketing.campaign.taking_back IS 'stopped, and unused coupons are still to be revoked';
    COMMENT ON COLUMN marketing.campaign.reached_member IS 'members of the list up to this id have been assigned';
    COMMENT ON COLUMN marketing.campaign.failure IS 'why the last batch failed; null since one succeeded';

    CREATE TABLE marketing.campaign_version (
        campaign_id bigint NOT NULL,
        version integer NOT NULL,
        plan json NOT NULL,
        edited_by text NOT NULL,
        edited_at timestamptz NOT NULL,
        CONSTRAINT campaign_version_pkey PRIMARY KEY (campaign_id, version),
        CONSTRAINT campaign_version_of FOREIGN KEY (campaign_id) REFERENCES marketing.campaign (id)
    );
    CREATE TRIGGER campaign_version_is_append_only BEFORE UPDATE OR DELETE ON marketing.campaign_version
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();

    CREATE TABLE marketing.campaign_change (
        id bigint GENERATED ALWAYS AS IDENTITY,
        campaign_id bigint NOT NULL,
        at timestamptz NOT NULL,
        by text NOT NULL,
        what text NOT NULL,
        state text NOT NULL,
        version integer NOT NULL,
        note text,
        CONSTRAINT campaign_change_pkey PRIMARY KEY (id),
        CONSTRAINT campaign_change_of FOREIGN KEY (campaign_id) REFERENCES marketing.campaign (id)
    );
    CREATE INDEX campaign_change_of_campaign ON marketing.campaign_change (campaign_id, id);
    CREATE TRIGGER campaign_change_is_append_only BEFORE UPDATE OR DELETE ON marketing.campaign_change
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    COMMENT ON TABLE marketing.campaign_change IS 'who did what when; state and version are those after it';

    CREATE TABLE marketing.campaign_step (
        campaign_id bigint NOT NULL,
        step integer NOT NULL,
        template_id bigint,
        due_on date NOT NULL,
        reached_member bigint NOT NULL DEFAULT 0,
        wished bigint NOT NULL DEFAULT 0,
        passed_over bigint NOT NULL DEFAULT 0,
        done_at timestamptz,
        CONSTRAINT campaign_step_pkey PRIMARY KEY (campaign_id, step),
        CONSTRAINT campaign_step_of FOREIGN KEY (campaign_id) REFERENCES marketing.campaign (id)
    );
    COMMENT ON TABLE marketing.campaign_step IS 'steps of a launched campaign: how far each one is';
    COMMENT ON COLUMN marketing.campaign_step.template_id IS 'the text as approved; null for a phone call';
    COMMENT ON COLUMN marketing.campaign_step.passed_over IS 'members who had used their coupon before a reminder';

    CREATE TABLE marketing.campaign_member (
        campaign_id bigint NOT NULL,
        member_id bigint NOT NULL,
        arm text NOT NULL,
        why text,
        assigned_at timestamptz NOT NULL,
        CONSTRAINT campaign_member_pkey PRIMARY KEY (campaign_id, member_id),
        CONSTRAINT campaign_member_of FOREIGN KEY (campaign_id) REFERENCES marketing.campaign (id),
        CONSTRAINT campaign_member_arm CHECK (arm IN ('treated', 'held_out', 'company_control', 'left_out')),
        CONSTRAINT campaign_member_why CHECK ((arm = 'treated') = (why IS NULL))
    );
    CREATE INDEX campaign_member_history ON marketing.campaign_member (member_id, campaign_id);
    CREATE TRIGGER campaign_member_is_append_only BEFORE UPDATE OR DELETE ON marketing.campaign_member
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    COMMENT ON TABLE marketing.campaign_member IS
        'which group each member of the list fell into, and why; never changed: it is what the result reads';

    -- ------------------------------------------------------------------------------------- triggers
    CREATE TABLE marketing.trigger (
        id bigint GENERATED ALWAYS AS IDENTITY,
        name text NOT NULL,
        state text NOT NULL,
        version integer NOT NULL,
        created_by text NOT NULL,
        created_at timestamptz NOT NULL,
        submitted_by text,
        submitted_at timestamptz,
        decided_by text,
        decided_at timestamptz,
        decision_note text,
        evaluated_on date,
        evaluated_at timestamptz,
        members_seen bytea,
        fired bigint NOT NULL DEFAULT 0,
        failure text,
        CONSTRAINT trigger_pkey PRIMARY KEY (id),
        CONSTRAINT trigger_state CHECK (state IN ('draft', 'submitted', 'active', 'paused')),
        CONSTRAINT trigger_second_person CHECK (state IN ('draft', 'submitted')
            OR (decided_by IS NOT NULL AND decided_by <> created_by AND decided_by <> submitted_by))
    );
    COMMENT ON COLUMN marketing.trigger.members_seen IS
        'roaring bitmap: whom the filter picked when it was last looked at; who is new since then has entered';

    CREATE TABLE marketing.trigger_version (
        trigger_id bigint NOT NULL,
        version integer NOT NULL,
        plan json NOT NULL,
        edited_by text NOT NULL,
        edited_at timestamptz NOT NULL,
        CONSTRAINT trigger_version_pkey PRIMARY KEY (trigger_id, version),
        CONSTRAINT trigger_version_of FOREIGN KEY (trigger_id) REFERENCES marketing.trigger (id)
    );
    CREATE TRIGGER trigger_version_is_append_only BEFORE UPDATE OR DELETE ON marketing.trigger_version
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();

    CREATE TABLE marketing.trigger_change (
        id bigint GENERATED ALWAYS AS IDENTITY,
        trigger_id bigint NOT NULL,
        at timestamptz NOT NULL,
        by text NOT NULL,
        what text NOT NULL,
        state text NOT NULL,
        version integer NOT NULL,
        note text,
        CONSTRAINT trigger_change_pkey PRIMARY KEY (id),
        CONSTRAINT trigger_change_of FOREIGN KEY (trigger_id) REFERENCES marketing.trigger (id)
    );
    CREATE INDEX trigger_change_of_trigger ON marketing.trigger_change (trigger_id, id);
    CREATE TRIGGER trigger_change_is_append_only BEFORE UPDATE OR DELETE ON marketing.trigger_change
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();

    CREATE TABLE marketing.trigger_template (
        trigger_id bigint NOT NULL,
        version integer NOT NULL,
        step integer NOT NULL,
        template_id bigint NOT NULL,
        CONSTRAINT trigger_template_pkey PRIMARY KEY (trigger_id, version, step),
        CONSTRAINT trigger_template_of FOREIGN KEY (trigger_id, version)
            REFERENCES marketing.trigger_version (trigger_id, version)
    );

    CREATE TABLE marketing.trigger_firing (
        trigger_id bigint NOT NULL,
        member_id bigint NOT NULL,
        occasion text NOT NULL,
        version integer NOT NULL,
        fired_on date NOT NULL,
        arm text NOT NULL,
        why text,
        at timestamptz NOT NULL,
        CONSTRAINT trigger_firing_pkey PRIMARY KEY (trigger_id, member_id, occasion),
        CONSTRAINT trigger_firing_of FOREIGN KEY (trigger_id) REFERENCES marketing.trigger (id),
        CONSTRAINT trigger_firing_arm CHECK (arm IN ('treated', 'held_out', 'company_control', 'left_out')),
        CONSTRAINT trigger_firing_why CHECK ((arm = 'treated') = (why IS NULL))
    );
    CREATE INDEX trigger_firing_history ON marketing.trigger_firing (member_id, trigger_id);
    CREATE INDEX trigger_firing_day ON marketing.trigger_firing (trigger_id, fired_on, member_id);
    CREATE TRIGGER trigger_firing_is_append_only BEFORE UPDATE OR DELETE ON marketing.trigger_firing
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    COMMENT ON TABLE marketing.trigger_firing IS 'a trigger fires once for a member and an occasion (2026, 2026-11, ...)';
    """)


def downgrade() -> None:
    op.execute("""
    DROP TABLE marketing.trigger_firing, marketing.trigger_template, marketing.trigger_change,
        marketing.trigger_version, marketing.trigger, marketing.campaign_member, marketing.campaign_step,
        marketing.campaign_change, marketing.campaign_version, marketing.campaign, marketing.standing_control
    """)
