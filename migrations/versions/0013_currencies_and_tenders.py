"""pos: the currency of a product's cost, and the registry of tenders.

A cost without a currency was taken into the profit of lines sold in any other.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# As in 0011, with the currency of each product's cost.
LOOK_UP = """
CREATE OR REPLACE FUNCTION pos.look_up(numbers json, codes json, OUT posted json, OUT products json)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    posted := (
        SELECT json_agg(json_build_array(s.id, encode(s.content_hash, 'hex'), s.answer))
        FROM json_to_recordset(numbers) AS x (day date, id uuid)
        JOIN pos.sale AS s ON s.business_date = x.day AND s.id = x.id);
    products := (
        SELECT json_agg(json_build_array(p.code, p.id, p.category_id, p.brand_id, p.unit_cost{currency}))
        FROM pos.product AS p WHERE p.code = ANY (ARRAY(SELECT json_array_elements_text(codes))));
END $$;
"""


def upgrade() -> None:
    # Costs put before this were in the company's currency, which nobody has set to another one yet.
    op.execute("""
    ALTER TABLE pos.product ADD COLUMN currency text NOT NULL DEFAULT 'CNY';
    ALTER TABLE pos.product_cost ADD COLUMN currency text NOT NULL DEFAULT 'CNY';
    ALTER TABLE pos.product ALTER COLUMN currency DROP DEFAULT;
    ALTER TABLE pos.product_cost ALTER COLUMN currency DROP DEFAULT;
    COMMENT ON COLUMN pos.product.unit_cost IS 'now, in minor units of its currency; a posted line keeps its own';

    CREATE TABLE pos.tender_kind (
        kind        text NOT NULL,
        name        text NOT NULL,
        role        text NOT NULL,
        changed_at  timestamptz NOT NULL,
        CONSTRAINT tender_kind_pkey PRIMARY KEY (kind),
        CONSTRAINT tender_kind_kind_check CHECK (kind ~ '^[a-z][a-z0-9_]{0,31}$'),
        CONSTRAINT tender_kind_role_check CHECK (role IN ('money', 'benefit', 'stored'))
    );
    COMMENT ON COLUMN pos.tender_kind.role IS
        'money that comes in, a benefit that the retailer or another funder bears, or stored value paid in before';
    INSERT INTO pos.tender_kind (kind, name, role, changed_at)
        SELECT kind, name, role, now() FROM (VALUES
            ('cash', 'Cash', 'money'),
            ('card', 'Bank card', 'money'),
            ('code', 'Payment code', 'money'),
            ('cheque', 'Cheque', 'money'),
            ('on_account', 'On account', 'money'),
            ('instalment', 'Instalment', 'money'),
            ('bank_transfer', 'Bank transfer', 'money'),
            ('rounding', 'Rounding', 'money'),
            ('voucher', 'Voucher', 'benefit'),
            ('points', 'Points', 'benefit'),
            ('ecoin', 'E-coins', 'benefit'),
            ('coupon', 'Coupon', 'benefit'),
            ('stored_value', 'Stored value', 'stored'),
            ('ecoin_clawback', 'E-coins taken off a refund', 'money')) AS k (kind, name, role);
    """)
    op.execute(LOOK_UP.format(currency=", p.currency"))


def downgrade() -> None:
    op.execute(LOOK_UP.format(currency=""))
    op.execute("""
    DROP TABLE pos.tender_kind;
    ALTER TABLE pos.product_cost DROP COLUMN currency;
    ALTER TABLE pos.product DROP COLUMN currency;
    """)
