"""POS: what a product regularly costs the customer, and products by when they changed, for the caches of handhelds."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE pos.product ADD COLUMN regular_price bigint"
        " CONSTRAINT product_regular_price_check CHECK (regular_price >= 0)"
    )
    op.execute("CREATE INDEX product_changed ON pos.product (changed_at, id)")


def downgrade() -> None:
    op.execute("DROP INDEX pos.product_changed")
    op.execute("ALTER TABLE pos.product DROP COLUMN regular_price")
