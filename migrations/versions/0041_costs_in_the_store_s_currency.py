"""pos: a product that names no currency has its cost and price in that of whichever store sells it.

What is there keeps the currency it was given.
"""

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    ALTER TABLE pos.product ALTER COLUMN currency DROP NOT NULL;
    ALTER TABLE pos.product_cost ALTER COLUMN currency DROP NOT NULL;
    COMMENT ON COLUMN pos.product.currency IS 'of unit_cost and regular_price; null: that of whichever store sells it';
    COMMENT ON COLUMN pos.product_cost.currency IS 'as in pos.product';
    """)


def downgrade() -> None:
    # As 0013 had it: the one currency of the stores, else the house's usual one.
    op.execute("""
    UPDATE pos.product SET currency = coalesce(
        (SELECT min(currency) FROM organisation.store HAVING count(DISTINCT currency) = 1), 'CNY')
        WHERE currency IS NULL;
    UPDATE pos.product_cost SET currency = coalesce(
        (SELECT min(currency) FROM organisation.store HAVING count(DISTINCT currency) = 1), 'CNY')
        WHERE currency IS NULL;
    ALTER TABLE pos.product ALTER COLUMN currency SET NOT NULL;
    ALTER TABLE pos.product_cost ALTER COLUMN currency SET NOT NULL;
    COMMENT ON COLUMN pos.product.currency IS NULL;
    COMMENT ON COLUMN pos.product_cost.currency IS NULL;
    """)
