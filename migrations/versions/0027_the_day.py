"""POS: shifts, blind counts, and the close of a store's day."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE TABLE pos.shift (
        id uuid NOT NULL,
        store_id integer NOT NULL,
        terminal text NOT NULL,
        code text NOT NULL,
        business_date date NOT NULL,
        cashier text,
        state text NOT NULL,
        currency text NOT NULL,
        float_amount bigint NOT NULL,
        opened_by text NOT NULL,
        opened_at timestamptz NOT NULL,
        counted_by text,
        counted_at timestamptz,
        handed_in_by text,
        handed_in_at timestamptz,
        handed_in_amount bigint,
        note text,
        posting_date date,
        CONSTRAINT shift_pkey PRIMARY KEY (id),
        CONSTRAINT shift_code UNIQUE (store_id, code),
        CONSTRAINT shift_state CHECK (state IN ('open', 'counted', 'handed_in')),
        CONSTRAINT shift_float CHECK (float_amount >= 0),
        CONSTRAINT shift_counted CHECK ((state = 'open') = (counted_at IS NULL)),
        CONSTRAINT shift_handed_in CHECK ((state = 'handed_in') = (handed_in_at IS NOT NULL)),
        CONSTRAINT shift_posted CHECK (posting_date IS NULL OR state = 'handed_in')
    );
    CREATE UNIQUE INDEX shift_one_open ON pos.shift (store_id, terminal) WHERE state = 'open';
    CREATE INDEX shift_of_store ON pos.shift (store_id, opened_at, id);
    CREATE INDEX shift_not_posted ON pos.shift (store_id, business_date) WHERE posting_date IS NULL;
    COMMENT ON TABLE pos.shift IS 'one cashier at one terminal, from the float to the hand-in';
    COMMENT ON COLUMN pos.shift.code IS 'what settlements carry as their shift';
    COMMENT ON COLUMN pos.shift.handed_in_amount IS 'the cash that went to the safe; the rest is the next float';

    CREATE TABLE pos.shift_count (
        shift_id uuid NOT NULL,
        round smallint NOT NULL,
        kind text NOT NULL,
        counted bigint NOT NULL,
        expected bigint NOT NULL,
        at timestamptz NOT NULL,
        actor text NOT NULL,
        why text,
        CONSTRAINT shift_count_pkey PRIMARY KEY (shift_id, round, kind),
        CONSTRAINT shift_count_of FOREIGN KEY (shift_id) REFERENCES pos.shift (id)
    );
    CREATE TRIGGER shift_count_is_append_only BEFORE UPDATE OR DELETE ON pos.shift_count
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    COMMENT ON TABLE pos.shift_count IS 'what was counted, tender by tender, and what should have been there at that moment';
    COMMENT ON COLUMN pos.shift_count.round IS '1 is the blind count; later ones are a manager''s, with a reason';

    CREATE TABLE pos.shift_rule (
        id integer GENERATED ALWAYS AS IDENTITY,
        store_id integer,
        needed boolean NOT NULL,
        valid_from date NOT NULL,
        set_by text NOT NULL,
        set_at timestamptz NOT NULL,
        CONSTRAINT shift_rule_pkey PRIMARY KEY (id)
    );
    COMMENT ON TABLE pos.shift_rule IS 'whether a desk settles only in an open shift; store null: all stores';

    CREATE TABLE pos.store_day (
        store_id integer NOT NULL,
        day date NOT NULL,
        currency text NOT NULL,
        receipts integer NOT NULL,
        late integer NOT NULL,
        amount bigint NOT NULL,
        note text,
        closed_by text NOT NULL,
        closed_at timestamptz NOT NULL,
        CONSTRAINT store_day_pkey PRIMARY KEY (store_id, day)
    );
    CREATE TRIGGER store_day_is_append_only BEFORE UPDATE OR DELETE ON pos.store_day
        FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();
    COMMENT ON TABLE pos.store_day IS 'closed days; the figures of each stand in the day_ tables and never change';

    CREATE TABLE pos.day_item (
        what text NOT NULL,
        id uuid NOT NULL,
        effect smallint NOT NULL,
        store_id integer NOT NULL,
        business_date date NOT NULL,
        posting_date date,
        amount bigint,
        noted_at timestamptz NOT NULL,
        CONSTRAINT day_item_pkey PRIMARY KEY (what, id, effect),
        CONSTRAINT day_item_what CHECK (what IN ('receipt', 'journal', 'topup')),
        CONSTRAINT day_item_effect CHECK (effect IN (1, -1))
    );
    CREATE INDEX day_item_of_day ON pos.day_item (store_id, posting_date, what);
    CREATE INDEX day_item_waiting ON pos.day_item (store_id) WHERE posting_date IS NULL;
    COMMENT ON TABLE pos.day_item IS
        'which receipt, journal of the accounts and top-up is posted on which day: each once, and never on another';
    COMMENT ON COLUMN pos.day_item.effect IS '-1: it was discarded after it had been posted, and is taken out again';
    COMMENT ON COLUMN pos.day_item.posting_date IS 'null: it came after its day was closed and waits for the next close';
    COMMENT ON COLUMN pos.day_item.amount IS 'what the receipt came to when it was posted, returns below zero';

    CREATE TABLE pos.day_tender (
        store_id integer NOT NULL,
        day date NOT NULL,
        n integer NOT NULL,
        source text NOT NULL,
        legal_unit text NOT NULL,
        terminal text,
        cashier text,
        kind text NOT NULL,
        role text NOT NULL,
        receipts integer NOT NULL,
        amount bigint NOT NULL,
        units bigint,
        CONSTRAINT day_tender_pkey PRIMARY KEY (store_id, day, n),
        CONSTRAINT day_tender_of FOREIGN KEY (store_id, day) REFERENCES pos.store_day (store_id, day),
        CONSTRAINT day_tender_source CHECK (source IN ('receipt', 'topup'))
    );
    COMMENT ON COLUMN pos.day_tender.receipts IS 'receipts that it paid for; of one over two legal units, one in each';

    CREATE TABLE pos.day_sales (
        store_id integer NOT NULL,
        day date NOT NULL,
        n integer NOT NULL,
        legal_unit text NOT NULL,
        counter_id integer,
        counter text NOT NULL,
        mode text NOT NULL,
        supplier text,
        kind text NOT NULL,
        promotion text,
        rate numeric(7, 6),
        tax_rate integer,
        lines integer NOT NULL,
        amount bigint NOT NULL,
        tax bigint NOT NULL,
        benefits bigint NOT NULL,
        borne bigint NOT NULL,
        base bigint NOT NULL,
        commission bigint NOT NULL,
        CONSTRAINT day_sales_pkey PRIMARY KEY (store_id, day, n),
        CONSTRAINT day_sales_of FOREIGN KEY (store_id, day) REFERENCES pos.store_day (store_id, day)
    );
    CREATE INDEX day_sales_of_counter ON pos.day_sales (store_id, counter, day);
    COMMENT ON TABLE pos.day_sales IS 'what a counter sold on a day, by rate band and tax rate, returns taken off';
    COMMENT ON COLUMN pos.day_sales.benefits IS 'the part of amount and of its price paid by points, e-coins and coupons';
    COMMENT ON COLUMN pos.day_sales.borne IS 'the part of benefits that the supplier bears';
    COMMENT ON COLUMN pos.day_sales.base IS 'contract base: what the rate is taken of';
    COMMENT ON COLUMN pos.day_sales.commission IS 'base x rate, what the store keeps; 0 where no rate is agreed';

    CREATE TABLE pos.day_account (
        store_id integer NOT NULL,
        day date NOT NULL,
        kind text NOT NULL,
        currency text NOT NULL,
        legal_unit text NOT NULL,
        funder text NOT NULL,
        opening bigint NOT NULL,
        issued bigint NOT NULL,
        reversed_in bigint NOT NULL,
        used bigint NOT NULL,
        expired bigint NOT NULL,
        reversed_out bigint NOT NULL,
        adjusted bigint NOT NULL,
        closing bigint NOT NULL,
        CONSTRAINT day_account_pkey PRIMARY KEY (store_id, day, kind, currency, funder),
        CONSTRAINT day_account_of FOREIGN KEY (store_id, day) REFERENCES pos.store_day (store_id, day),
        CONSTRAINT day_account_adds_up CHECK
            (closing = opening + issued + reversed_in - used - expired - reversed_out + adjusted)
    );
    COMMENT ON TABLE pos.day_account IS 'points, e-coins and stored value that the store brought in and took, by funder';
    COMMENT ON COLUMN pos.day_account.currency IS 'empty for points';

    CREATE TABLE pos.day_entry (
        store_id integer NOT NULL,
        day date NOT NULL,
        n integer NOT NULL,
        legal_unit text NOT NULL,
        account text NOT NULL,
        detail text NOT NULL,
        debit bigint NOT NULL,
        credit bigint NOT NULL,
        CONSTRAINT day_entry_pkey PRIMARY KEY (store_id, day, n),
        CONSTRAINT day_entry_of FOREIGN KEY (store_id, day) REFERENCES pos.store_day (store_id, day),
        CONSTRAINT day_entry_side CHECK (debit >= 0 AND credit >= 0 AND (debit = 0) <> (credit = 0))
    );
    COMMENT ON TABLE pos.day_entry IS 'the journal for finance: debits and credits of a day are equal, in each legal unit';

    CREATE TABLE pos.day_difference (
        store_id integer NOT NULL,
        day date NOT NULL,
        n integer NOT NULL,
        kind text NOT NULL,
        about text NOT NULL,
        receipt text NOT NULL,
        expected bigint,
        found bigint,
        unit text NOT NULL,
        words text NOT NULL,
        CONSTRAINT day_difference_pkey PRIMARY KEY (store_id, day, n),
        CONSTRAINT day_difference_of FOREIGN KEY (store_id, day) REFERENCES pos.store_day (store_id, day)
    );
    COMMENT ON TABLE pos.day_difference IS 'what did not agree when the day was closed all the same';
    """)
    for table in ("day_tender", "day_sales", "day_account", "day_entry", "day_difference"):
        op.execute(
            f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE ON pos.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION foundation.refuse_change();"
        )


def downgrade() -> None:
    op.execute("""
    DROP TABLE pos.day_difference, pos.day_entry, pos.day_account, pos.day_sales, pos.day_tender, pos.day_item,
        pos.store_day, pos.shift_rule, pos.shift_count, pos.shift;
    """)
