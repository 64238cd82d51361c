"""Marketing: follow-up tasks, their kinds, their history and their call-backs. Member: notes, sealed."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE TABLE member.note (
        id bigint GENERATED ALWAYS AS IDENTITY,
        member_id bigint NOT NULL,
        about text NOT NULL,
        sealed bytea NOT NULL,
        written_at timestamptz NOT NULL,
        CONSTRAINT note_pkey PRIMARY KEY (id),
        CONSTRAINT note_member FOREIGN KEY (member_id) REFERENCES member.member (id)
    );
    CREATE INDEX note_of_member ON member.note (member_id);
    COMMENT ON TABLE member.note IS
        'what staff wrote about a member, sealed under the member''s key; other packages keep ids of notes only';
    """)
    op.execute("""
    CREATE SCHEMA IF NOT EXISTS marketing;
    CREATE TABLE marketing.task_setting (
        id bigint GENERATED ALWAYS AS IDENTITY,
        minutes_per_day integer NOT NULL,
        cost_per_minute integer NOT NULL,
        remind_days integer NOT NULL,
        escalate_days integer NOT NULL,
        earned_days integer NOT NULL,
        set_by text NOT NULL,
        set_at timestamptz NOT NULL,
        CONSTRAINT task_setting_pkey PRIMARY KEY (id),
        CONSTRAINT task_setting_minutes CHECK (minutes_per_day BETWEEN 1 AND 1440),
        CONSTRAINT task_setting_cost CHECK (cost_per_minute BETWEEN 0 AND 1000000),
        CONSTRAINT task_setting_remind CHECK (remind_days BETWEEN 0 AND 60),
        CONSTRAINT task_setting_escalate CHECK (escalate_days BETWEEN 1 AND 60),
        CONSTRAINT task_setting_earned CHECK (earned_days BETWEEN 1 AND 365)
    );
    COMMENT ON TABLE marketing.task_setting IS 'the newest row counts; older ones say what counted before';
    COMMENT ON COLUMN marketing.task_setting.minutes_per_day IS 'how much follow-up one clerk can do on a day';
    COMMENT ON COLUMN marketing.task_setting.cost_per_minute IS 'minor units of the company''s currency';
    CREATE TRIGGER task_setting_is_append_only BEFORE UPDATE OR DELETE ON marketing.task_setting
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    INSERT INTO marketing.task_setting
        (minutes_per_day, cost_per_minute, remind_days, escalate_days, earned_days, set_by, set_at)
        VALUES (60, 50, 1, 3, 14, 'migration', now());

    CREATE TABLE marketing.task_kind (
        id integer GENERATED ALWAYS AS IDENTITY,
        code text NOT NULL,
        version integer NOT NULL,
        complaint boolean NOT NULL,
        retired_at timestamptz,
        CONSTRAINT task_kind_pkey PRIMARY KEY (id),
        CONSTRAINT task_kind_code_key UNIQUE (code),
        CONSTRAINT task_kind_code CHECK (code ~ '^[a-z][a-z0-9_-]{0,39}$')
    );
    COMMENT ON COLUMN marketing.task_kind.version IS 'the version that new tasks follow';
    CREATE TABLE marketing.task_kind_version (
        kind_id integer NOT NULL,
        version integer NOT NULL,
        name_en text NOT NULL,
        name_zh text NOT NULL,
        script_en text NOT NULL,
        script_zh text NOT NULL,
        steps json NOT NULL,
        outcomes json NOT NULL,
        standard_minutes integer NOT NULL,
        due_in_days integer NOT NULL,
        callback_percent integer NOT NULL,
        made_by text NOT NULL,
        made_at timestamptz NOT NULL,
        CONSTRAINT task_kind_version_pkey PRIMARY KEY (kind_id, version),
        CONSTRAINT task_kind_version_kind FOREIGN KEY (kind_id) REFERENCES marketing.task_kind (id),
        CONSTRAINT task_kind_version_minutes CHECK (standard_minutes BETWEEN 1 AND 480),
        CONSTRAINT task_kind_version_due CHECK (due_in_days BETWEEN 0 AND 365),
        CONSTRAINT task_kind_version_share CHECK (callback_percent BETWEEN 0 AND 100)
    );
    COMMENT ON COLUMN marketing.task_kind_version.steps IS '[{"en", "zh"}], in order';
    COMMENT ON COLUMN marketing.task_kind_version.outcomes IS
        '[{"code", "en", "zh", "success"}]: success says whether the task reached what it was for';
    CREATE TRIGGER task_kind_version_is_append_only BEFORE UPDATE OR DELETE ON marketing.task_kind_version
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();

    CREATE TABLE marketing.task (
        id bigint GENERATED ALWAYS AS IDENTITY,
        key text NOT NULL,
        member_id bigint NOT NULL,
        kind_id integer NOT NULL,
        kind_version integer NOT NULL,
        complaint boolean NOT NULL,
        origin text NOT NULL,
        state text NOT NULL,
        store text,
        assignee_id integer,
        due_on date NOT NULL,
        standard_minutes integer NOT NULL,
        note_id bigint,
        made_by text NOT NULL,
        made_at timestamptz NOT NULL,
        reminded_at timestamptz,
        escalated_at timestamptz,
        started_at timestamptz,
        steps_done integer[] NOT NULL DEFAULT '{}',
        minutes integer NOT NULL DEFAULT 0,
        rounds integer NOT NULL DEFAULT 0,
        done_by text,
        doer_id integer,
        done_at timestamptz,
        outcome text,
        success boolean,
        sampled boolean NOT NULL DEFAULT false,
        refuted integer NOT NULL DEFAULT 0,
        content smallint,
        called_back_at timestamptz,
        ended_at timestamptz,
        end_reason text,
        CONSTRAINT task_pkey PRIMARY KEY (id),
        CONSTRAINT task_key_key UNIQUE (key),
        CONSTRAINT task_kind_of FOREIGN KEY (kind_id, kind_version)
            REFERENCES marketing.task_kind_version (kind_id, version),
        CONSTRAINT task_state CHECK (state IN ('open', 'started', 'done', 'called_back', 'cancelled')),
        CONSTRAINT task_minutes CHECK (minutes >= 0),
        CONSTRAINT task_content CHECK (content BETWEEN 1 AND 5),
        CONSTRAINT task_started CHECK (state <> 'started' OR started_at IS NOT NULL),
        CONSTRAINT task_done CHECK (state NOT IN ('done', 'called_back')
            OR (done_at IS NOT NULL AND done_by IS NOT NULL AND outcome IS NOT NULL AND success IS NOT NULL)),
        CONSTRAINT task_called_back CHECK (state <> 'called_back' OR called_back_at IS NOT NULL),
        CONSTRAINT task_cancelled CHECK (state <> 'cancelled' OR (ended_at IS NOT NULL AND end_reason IS NOT NULL))
    );
    COMMENT ON COLUMN marketing.task.key IS 'the same wish twice makes one task';
    COMMENT ON COLUMN marketing.task.store IS 'code; null: no store is known, head office gives it to one';
    COMMENT ON COLUMN marketing.task.assignee_id IS 'null: in the pool of the store';
    COMMENT ON COLUMN marketing.task.note_id IS 'what to know before starting, in member.note';
    COMMENT ON COLUMN marketing.task.rounds IS 'how often it was completed; a call-back belongs to a round';
    COMMENT ON COLUMN marketing.task.doer_id IS 'who did it, also when a machine reported it (done_by)';
    COMMENT ON COLUMN marketing.task.sampled IS 'the salted hash of this round asks for a call-back';
    COMMENT ON COLUMN marketing.task.refuted IS 'how often a call-back found that it had not been done';
    CREATE INDEX task_of_assignee ON marketing.task (assignee_id, due_on, id);
    CREATE INDEX task_of_store ON marketing.task (store, due_on, id);
    CREATE INDEX task_of_doer ON marketing.task (doer_id) WHERE doer_id IS NOT NULL;
    CREATE INDEX task_pool ON marketing.task (store, due_on, id)
        WHERE assignee_id IS NULL AND state IN ('open', 'started');
    CREATE INDEX task_by_day ON marketing.task (due_on, id);
    CREATE INDEX task_due ON marketing.task (due_on, id) WHERE state IN ('open', 'started');
    CREATE INDEX task_waiting_for_call_back ON marketing.task (store, done_at) WHERE state = 'done' AND sampled;
    CREATE INDEX task_of_member ON marketing.task (member_id, id);
    CREATE INDEX task_of_origin ON marketing.task (origin);
    CREATE INDEX task_done_at ON marketing.task (done_at) WHERE done_at IS NOT NULL;
    CREATE INDEX task_complaint_open ON marketing.task (member_id)
        WHERE complaint AND state IN ('open', 'started', 'done');

    CREATE TABLE marketing.task_change (
        id bigint GENERATED ALWAYS AS IDENTITY,
        task_id bigint NOT NULL,
        at timestamptz NOT NULL,
        by text NOT NULL,
        what text NOT NULL,
        state text NOT NULL,
        assignee_from integer,
        assignee_to integer,
        reason text,
        contact text,
        minutes integer,
        note_id bigint,
        CONSTRAINT task_change_pkey PRIMARY KEY (id),
        CONSTRAINT task_change_task FOREIGN KEY (task_id) REFERENCES marketing.task (id)
    );
    COMMENT ON TABLE marketing.task_change IS 'who did what when and why; state is the one after it';
    CREATE INDEX task_change_of_task ON marketing.task_change (task_id, id);
    CREATE TRIGGER task_change_is_append_only BEFORE UPDATE OR DELETE ON marketing.task_change
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();

    CREATE TABLE marketing.task_callback (
        task_id bigint NOT NULL,
        round integer NOT NULL,
        at timestamptz NOT NULL,
        by text NOT NULL,
        caller_id integer,
        doer_id integer,
        store text,
        sampled boolean NOT NULL,
        done boolean NOT NULL,
        content smallint,
        note_id bigint,
        CONSTRAINT task_callback_pkey PRIMARY KEY (task_id, round),
        CONSTRAINT task_callback_task FOREIGN KEY (task_id) REFERENCES marketing.task (id),
        CONSTRAINT task_callback_content CHECK (content BETWEEN 1 AND 5)
    );
    COMMENT ON TABLE marketing.task_callback IS 'another person asked the member: was it done, how content are they';
    COMMENT ON COLUMN marketing.task_callback.doer_id IS 'whose work was asked about, as it was then';
    CREATE INDEX task_callback_at ON marketing.task_callback (at);
    CREATE TRIGGER task_callback_is_append_only BEFORE UPDATE OR DELETE ON marketing.task_callback
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    """)
    for code, complaint in (("call", False), ("birthday", False), ("win_back", False), ("complaint", True)):
        op.execute(
            f"INSERT INTO marketing.task_kind (code, version, complaint) VALUES ('{code}', 1, {str(complaint).lower()})"
        )
    op.execute(STANDARD_KINDS)


# What a house starts with; its people change them on the page, which makes version 2.
STANDARD_KINDS = """
    INSERT INTO marketing.task_kind_version (kind_id, version, name_en, name_zh, script_en, script_zh, steps, outcomes,
        standard_minutes, due_in_days, callback_percent, made_by, made_at)
    SELECT k.id, 1, v.name_en, v.name_zh, v.script_en, v.script_zh, v.steps::json, v.outcomes::json, v.minutes, v.days,
        v.share, 'migration', now()
    FROM marketing.task_kind AS k JOIN (VALUES
    ('call', 'Phone call', '电话回访',
     'Good day, this is … from …. Is this a good moment? We have something that may suit you: … May we reserve it for you?',
     '您好，我是……店的……，请问现在方便接电话吗？我们有一项适合您的活动：……需要为您预留吗？',
     '[{"en": "Look at what the member bought last", "zh": "查看会员最近的购买"},
       {"en": "Call, and ask whether this is a good moment", "zh": "致电，询问是否方便"},
       {"en": "Say what the offer is and until when", "zh": "说明优惠内容和截止日期"},
       {"en": "Write down what was agreed", "zh": "记录约定事项"}]',
     '[{"code": "done", "en": "Spoken to", "zh": "已沟通", "success": true},
       {"code": "coming", "en": "Will come", "zh": "将到店", "success": true},
       {"code": "declined", "en": "Not interested", "zh": "无意向", "success": false},
       {"code": "unreachable", "en": "Not reached", "zh": "未接通", "success": false}]', 6, 7, 10),
    ('birthday', 'Birthday greeting', '生日问候',
     'Happy birthday from all of us at …! A small present waits for you at the service desk until …',
     '……店全体同事祝您生日快乐！我们在服务台为您准备了一份小礼物，有效期至……',
     '[{"en": "Check the day and the preferred way of contact", "zh": "核对日期和偏好的联系方式"},
       {"en": "Congratulate, and tell of the present", "zh": "祝贺并告知礼物"}]',
     '[{"code": "done", "en": "Greeted", "zh": "已问候", "success": true},
       {"code": "unreachable", "en": "Not reached", "zh": "未接通", "success": false}]', 4, 3, 5),
    ('win_back', 'Win back', '流失挽回',
     'Good day, this is … from …. We have not seen you for a while: is there anything that we could do better?',
     '您好，我是……店的……。有一段时间没见到您了，我们有什么可以做得更好吗？',
     '[{"en": "Look at what the member used to buy, and since when not", "zh": "查看会员以往购买及停购时间"},
       {"en": "Ask what was missing, and listen", "zh": "询问原因并倾听"},
       {"en": "Offer what fits the reason", "zh": "按原因给出合适的优惠"},
       {"en": "Write down the reason in the words of the member", "zh": "用会员原话记录原因"}]',
     '[{"code": "done", "en": "Listened, reason known", "zh": "已了解原因", "success": true},
       {"code": "coming", "en": "Will come back", "zh": "愿意再来", "success": true},
       {"code": "complained", "en": "Was not content", "zh": "有不满", "success": false},
       {"code": "gone", "en": "Buys elsewhere", "zh": "已在别处购买", "success": false},
       {"code": "unreachable", "en": "Not reached", "zh": "未接通", "success": false}]', 8, 7, 20),
    ('complaint', 'Complaint', '投诉处理',
     'Thank you for telling us. I am … and I look after this myself. Let me first make sure that I understood: …',
     '感谢您告诉我们。我是……，由我负责跟进此事。请允许我先确认一下：……',
     '[{"en": "Call back within a day and listen to the end", "zh": "一天内回电，听完全部情况"},
       {"en": "Find out what happened, with the counter", "zh": "与专柜核实经过"},
       {"en": "Say what we will do, and by when", "zh": "告知处理办法和时间"},
       {"en": "Make sure that it was done", "zh": "确认已落实"}]',
     '[{"code": "done", "en": "Resolved", "zh": "已解决", "success": true},
       {"code": "goodwill", "en": "Goodwill given", "zh": "已补偿", "success": true},
       {"code": "unfounded", "en": "Explained, nothing to mend", "zh": "已解释，无需处理", "success": true},
       {"code": "unresolved", "en": "Could not be resolved", "zh": "未能解决", "success": false}]', 20, 1, 100)
    ) AS v (code, name_en, name_zh, script_en, script_zh, steps, outcomes, minutes, days, share) ON v.code = k.code
"""


def downgrade() -> None:
    op.execute("DROP TABLE marketing.task_callback, marketing.task_change, marketing.task")
    op.execute("DROP TABLE marketing.task_kind_version, marketing.task_kind, marketing.task_setting, member.note")
