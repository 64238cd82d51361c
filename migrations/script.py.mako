"""${message}

Why: say what the tables are for, and what a release before this one sees of them (migrations run while it still works).
"""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what this step brings."""
    op.execute("""SELECT 1""")


def downgrade() -> None:
    """Take it away again."""
    op.execute("""SELECT 1""")
