"""Analytics: which categories members buy who are alike, as the last scoring run left it."""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE analytics.expected_category (
            currency   text      NOT NULL,
            format     text      NOT NULL,
            level      integer   NOT NULL,
            as_of      date      NOT NULL,
            spend_from bigint    NOT NULL,
            members    bigint    NOT NULL,
            categories integer[] NOT NULL,
            CONSTRAINT expected_category_pkey PRIMARY KEY (currency, format, level)
        );
        COMMENT ON TABLE analytics.expected_category IS
            'groups of members who are alike (most money in the same format, about as much of it) and what they buy';
        COMMENT ON COLUMN analytics.expected_category.as_of IS 'exclusive: of the sales before this day';
        COMMENT ON COLUMN analytics.expected_category.spend_from IS
            'what who spent least in the group spent, in minor units: the level of a member is the highest reached';
        COMMENT ON COLUMN analytics.expected_category.categories IS 'ids, the most usual first';
    """)


def downgrade() -> None:
    op.execute("DROP TABLE analytics.expected_category")
