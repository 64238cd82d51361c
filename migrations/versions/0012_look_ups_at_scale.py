"""Indexes that fit the questions: a wallet's lots, lines sold before their product was known, returns that wait.

`remaining <> 0` is asked for whenever something is spent or given back; neither `remaining > 0` nor `remaining < 0`
is implied by it, so that the two partial indexes there were left it a sequential scan of every lot there is. Each of
those two implies `remaining <> 0`: one index serves all three.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE INDEX lot_of_account ON member.lot (account_id, expires_on) WHERE remaining <> 0;
    DROP INDEX member.lot_open, member.lot_debt;

    CREATE INDEX sale_line_unlinked ON pos.sale_line (product_code)
        WHERE product_id IS NULL AND product_code IS NOT NULL;
    CREATE INDEX sale_returned_early ON pos.sale (original_id) WHERE member_part = 'waiting';
    """)


def downgrade() -> None:
    op.execute("""
    DROP INDEX pos.sale_line_unlinked, pos.sale_returned_early;
    CREATE INDEX lot_open ON member.lot (account_id, expires_on) WHERE remaining > 0;
    CREATE INDEX lot_debt ON member.lot (account_id) WHERE remaining < 0;
    DROP INDEX member.lot_of_account;
    """)
