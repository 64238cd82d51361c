"""Member: what filters ask of members."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # None of these columns changes in the course of a sale, so that postings stay heap-only updates.
    op.execute("""
    CREATE INDEX member_without_standing ON member.member (id) WHERE status IN ('closed', 'merged', 'erased');
    CREATE INDEX member_frozen ON member.member (id) WHERE status = 'frozen';
    CREATE INDEX member_gender ON member.member (gender, id) WHERE gender IS NOT NULL;
    CREATE INDEX member_born ON member.member (birth_year, birth_month_day, id) WHERE birth_year IS NOT NULL;
    CREATE INDEX member_birthday ON member.member (birth_month_day, id) WHERE birth_month_day IS NOT NULL;
    CREATE INDEX member_joined ON member.member (joined_at, id);
    CREATE INDEX tier_assignment_of_tier ON member.tier_assignment (tier, member_id)
        INCLUDE (valid_from, in_force_to);
    CREATE INDEX account_by_format ON member.account (kind, member_id) WHERE format IS NOT NULL;
    CREATE INDEX consent_refused_profiling ON member.consent (member_id) WHERE purpose = 'profiling' AND NOT granted;
    """)


def downgrade() -> None:
    op.execute("""
    DROP INDEX member.member_without_standing, member.member_frozen, member.member_gender, member.member_born,
        member.member_birthday, member.member_joined, member.tier_assignment_of_tier, member.account_by_format,
        member.consent_refused_profiling;
    """)
