"""Member: what waits for a second person, and from which amount on one is needed; the request behind a hold."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE TABLE member.approval_limit (
        id bigint GENERATED ALWAYS AS IDENTITY,
        action text NOT NULL,
        actor_kind text NOT NULL,
        kind text NOT NULL,
        currency text,
        amount bigint,
        valid_from timestamptz NOT NULL,
        set_by text NOT NULL,
        set_at timestamptz NOT NULL,
        CONSTRAINT approval_limit_pkey PRIMARY KEY (id),
        CONSTRAINT approval_limit_action CHECK (action IN ('adjustment', 'grant')),
        CONSTRAINT approval_limit_actor CHECK (actor_kind IN ('person', 'machine')),
        CONSTRAINT approval_limit_kind CHECK (kind IN ('points', 'ecoin', 'cash')),
        CONSTRAINT approval_limit_currency CHECK (kind <> 'points' OR currency IS NULL),
        CONSTRAINT approval_limit_amount CHECK (amount >= 0)
    );
    CREATE INDEX approval_limit_valid ON member.approval_limit (valid_from, id);
    COMMENT ON TABLE member.approval_limit IS
        'the largest amount one alone may move, by date; the latest that is valid counts, its amount null: no limit';
    COMMENT ON COLUMN member.approval_limit.currency IS 'null: any currency that has no limit of its own';
    CREATE TRIGGER approval_limit_is_append_only BEFORE UPDATE OR DELETE ON member.approval_limit
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    INSERT INTO member.approval_limit (action, actor_kind, kind, currency, amount, valid_from, set_by, set_at)
        SELECT action, actor_kind, kind, NULL, amount, '1970-01-01Z', 'migration', now()
        FROM (VALUES ('adjustment', 'person', 10000), ('adjustment', 'machine', 100000),
                     ('grant', 'person', 10000), ('grant', 'machine', NULL)) AS l (action, actor_kind, amount),
             (VALUES ('points'), ('ecoin'), ('cash')) AS k (kind);

    CREATE TABLE member.approval (
        id bigint GENERATED ALWAYS AS IDENTITY,
        member_id bigint NOT NULL,
        action text NOT NULL,
        content json NOT NULL,
        kind text NOT NULL,
        amount bigint NOT NULL,
        reason bytea,
        store text,
        state text NOT NULL,
        proposed_by text NOT NULL,
        proposed_at timestamptz NOT NULL,
        decided_by text,
        decided_at timestamptz,
        decision_reason bytea,
        journal_id uuid,
        CONSTRAINT approval_pkey PRIMARY KEY (id),
        CONSTRAINT approval_action CHECK (action IN ('adjustment', 'grant')),
        CONSTRAINT approval_state CHECK (state IN ('pending', 'approved', 'refused', 'withdrawn')),
        CONSTRAINT approval_decided CHECK ((state = 'pending') = (decided_at IS NULL)
                                           AND (decided_at IS NULL) = (decided_by IS NULL)),
        CONSTRAINT approval_two_people CHECK (state NOT IN ('approved', 'refused') OR decided_by <> proposed_by),
        CONSTRAINT approval_journal CHECK ((state = 'approved') = (journal_id IS NOT NULL))
    );
    CREATE INDEX approval_pending ON member.approval (id) WHERE state = 'pending';
    CREATE INDEX approval_of_member ON member.approval (member_id, id);
    COMMENT ON COLUMN member.approval.reason IS 'free text, sealed: people write names and phones into it';
    ALTER TABLE member.hold ADD COLUMN reference text NOT NULL, ADD CONSTRAINT hold_of_request UNIQUE (reference);
    COMMENT ON COLUMN member.hold.reference IS 'client and key of the request: the same request holds once';

    COMMENT ON COLUMN member.approval.store IS 'where it was proposed; who is confined to other stores does not see it';
    """)


def downgrade() -> None:
    op.execute("""
    ALTER TABLE member.hold DROP COLUMN reference;
    DROP TABLE member.approval, member.approval_limit;
    """)
