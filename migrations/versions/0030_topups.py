"""Member: what members pay in, with how it was paid, and the dated limits of stored value."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE TABLE member.topup (
        id uuid NOT NULL,
        day date NOT NULL,
        member_id bigint NOT NULL,
        store text,
        terminal text,
        currency text NOT NULL,
        amount bigint NOT NULL,
        bonus bigint NOT NULL,
        tender text NOT NULL,
        reference text,
        actor text NOT NULL,
        at timestamptz NOT NULL,
        CONSTRAINT topup_pkey PRIMARY KEY (id),
        CONSTRAINT topup_member FOREIGN KEY (member_id) REFERENCES member.member (id),
        CONSTRAINT topup_amounts CHECK (amount > 0 AND bonus >= 0)
    );
    CREATE INDEX topup_of_store ON member.topup (store, day, terminal);
    CREATE INDEX topup_of_member ON member.topup (member_id, at);
    COMMENT ON TABLE member.topup IS 'its lots carry the id as their purchase: principal and bonus are used up in proportion';

    CREATE TABLE member.stored_value_limit (
        id bigint GENERATED ALWAYS AS IDENTITY,
        name text NOT NULL,
        currency text NOT NULL,
        amount bigint,
        valid_from date NOT NULL,
        source text NOT NULL,
        set_by text NOT NULL,
        set_at timestamptz NOT NULL,
        CONSTRAINT stored_value_limit_pkey PRIMARY KEY (id),
        CONSTRAINT stored_value_limit_name CHECK (name IN ('balance_after_topup', 'cash_topup')),
        CONSTRAINT stored_value_limit_amount CHECK (amount > 0)
    );
    COMMENT ON TABLE member.stored_value_limit IS 'the latest valid one of a name and currency counts; its amount null: no limit';
    INSERT INTO member.stored_value_limit (name, currency, amount, valid_from, source, set_by, set_at) VALUES
        ('balance_after_topup', 'CNY', 500000, '2012-11-01',
         'a registered single-purpose prepaid card holds at most 5,000 yuan; to be checked by a lawyer', 'migration', now()),
        ('cash_topup', 'CNY', 4999999, '2012-11-01',
         'a person pays 50,000 yuan and more by other means than cash; to be checked by a lawyer', 'migration', now());
    CREATE TRIGGER stored_value_limit_is_append_only BEFORE UPDATE OR DELETE ON member.stored_value_limit
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    """)


def downgrade() -> None:
    op.execute("DROP TABLE member.stored_value_limit, member.topup;")
