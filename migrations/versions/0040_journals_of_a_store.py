"""Ledger: the journals of a store's days are found without reading those of all stores.

Writers wait while it is made: about a second for a million journals.
"""

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Without the id: journals of a store's day share one key, which is kept once (six to ten bytes a journal).
    op.execute("CREATE INDEX journal_of_store ON member.journal (store, day)")


def downgrade() -> None:
    op.execute("DROP INDEX member.journal_of_store")
