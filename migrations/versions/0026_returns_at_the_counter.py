"""POS: red tickets, by which goods come back."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE TABLE pos.red_ticket (
        id uuid NOT NULL,
        store_id integer NOT NULL,
        counter_code text,
        business_date date NOT NULL,
        number integer NOT NULL,
        kind text NOT NULL,
        state text NOT NULL,
        sale_id uuid NOT NULL,
        sale_day date NOT NULL,
        ticket_id uuid,
        settlement_id uuid,
        member_id bigint,
        currency text NOT NULL,
        amount bigint NOT NULL,
        lines json NOT NULL,
        given json,
        reason text,
        clerk text,
        over_limit boolean NOT NULL,
        issued_by text NOT NULL,
        issued_at timestamptz NOT NULL,
        approved_by text,
        terminal text,
        refunded_by text,
        refund json,
        return_sale_id uuid,
        version integer NOT NULL DEFAULT 1,
        changed_at timestamptz NOT NULL,
        CONSTRAINT red_ticket_pkey PRIMARY KEY (id),
        CONSTRAINT red_ticket_number UNIQUE (store_id, business_date, number),
        CONSTRAINT red_ticket_kind CHECK (kind IN ('return', 'not_collected', 'exchange')),
        CONSTRAINT red_ticket_state
            CHECK (state IN ('return_issued', 'approved', 'refunding', 'refunded', 'exchanged', 'refused')),
        CONSTRAINT red_ticket_amount CHECK (amount >= 0),
        CONSTRAINT red_ticket_posted CHECK ((state IN ('refunding', 'refunded')) = (return_sale_id IS NOT NULL)),
        CONSTRAINT red_ticket_exchange CHECK ((kind = 'exchange') = (given IS NOT NULL))
    );
    CREATE INDEX red_ticket_of_store ON pos.red_ticket (store_id, issued_at, id);
    CREATE INDEX red_ticket_of_sale ON pos.red_ticket (sale_id);
    CREATE INDEX red_ticket_of_ticket ON pos.red_ticket (ticket_id) WHERE ticket_id IS NOT NULL;
    CREATE INDEX red_ticket_refunding ON pos.red_ticket (changed_at) WHERE state = 'refunding';
    COMMENT ON TABLE pos.red_ticket IS
        'what the selling counter took back (红票): sale and lines; the desk refunds it as a return of that sale';
    COMMENT ON COLUMN pos.red_ticket.refund IS 'how it went back, as the desk was shown it before it confirmed';
    COMMENT ON COLUMN pos.red_ticket.given IS 'what was handed out for it in an even exchange';

    CREATE TABLE pos.red_ticket_change (
        red_ticket_id uuid NOT NULL,
        n integer NOT NULL,
        state text NOT NULL,
        at timestamptz NOT NULL,
        actor text NOT NULL,
        why text,
        CONSTRAINT red_ticket_change_pkey PRIMARY KEY (red_ticket_id, n),
        CONSTRAINT red_ticket_change_of FOREIGN KEY (red_ticket_id) REFERENCES pos.red_ticket (id)
    );
    CREATE TRIGGER red_ticket_change_is_append_only BEFORE UPDATE OR DELETE ON pos.red_ticket_change
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();

    CREATE TABLE pos.red_ticket_refund (
        red_ticket_id uuid NOT NULL,
        tender smallint NOT NULL,
        payment_id uuid NOT NULL,
        refund_no text NOT NULL,
        amount bigint NOT NULL,
        instead text,
        CONSTRAINT red_ticket_refund_pkey PRIMARY KEY (red_ticket_id, tender),
        CONSTRAINT red_ticket_refund_of FOREIGN KEY (red_ticket_id) REFERENCES pos.red_ticket (id),
        CONSTRAINT red_ticket_refund_payment FOREIGN KEY (payment_id) REFERENCES pos.payment (id),
        CONSTRAINT red_ticket_refund_amount CHECK (amount > 0)
    );
    COMMENT ON COLUMN pos.red_ticket_refund.tender IS 'the tender of the original sale that goes back';
    COMMENT ON COLUMN pos.red_ticket_refund.instead IS
        'the tender in which the desk handed the money over, where the rail had refused it for good';

    CREATE TABLE pos.return_limit (
        id integer GENERATED ALWAYS AS IDENTITY,
        store_id integer,
        currency text,
        amount bigint,
        valid_from date NOT NULL,
        set_by text NOT NULL,
        set_at timestamptz NOT NULL,
        CONSTRAINT return_limit_pkey PRIMARY KEY (id),
        CONSTRAINT return_limit_amount CHECK (amount >= 0)
    );
    COMMENT ON TABLE pos.return_limit IS
        'up to which amount (minor units; null: any) a red ticket needs no floor manager; store and currency null: all';
    INSERT INTO pos.return_limit (amount, valid_from, set_by, set_at)
        VALUES (50000, '1970-01-01', 'system', '1970-01-01T00:00:00Z');
    """)


def downgrade() -> None:
    op.execute("DROP TABLE pos.return_limit, pos.red_ticket_refund, pos.red_ticket_change, pos.red_ticket;")
