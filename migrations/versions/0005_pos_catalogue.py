"""pos: what is sold (categories, brands, products and their dated cost) and at which promotion."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE SCHEMA pos;

    CREATE TABLE pos.category (
        id         integer NOT NULL GENERATED ALWAYS AS IDENTITY,
        path       text[]  NOT NULL,
        name       text    NOT NULL,
        parent_id  integer,
        CONSTRAINT category_pkey PRIMARY KEY (id),
        CONSTRAINT category_path_key UNIQUE (path),
        CONSTRAINT category_parent_fkey FOREIGN KEY (parent_id) REFERENCES pos.category (id),
        CONSTRAINT category_path_check CHECK (cardinality(path) BETWEEN 1 AND 8),
        CONSTRAINT category_root_check CHECK ((cardinality(path) = 1) = (parent_id IS NULL))
    );
    CREATE INDEX category_parent_idx ON pos.category (parent_id);
    COMMENT ON COLUMN pos.category.path IS 'codes from the root down, itself last: {FOOD,DAIRY}';

    CREATE TABLE pos.brand (
        id    integer NOT NULL GENERATED ALWAYS AS IDENTITY,
        code  text    NOT NULL,
        name  text    NOT NULL,
        CONSTRAINT brand_pkey PRIMARY KEY (id),
        CONSTRAINT brand_code_key UNIQUE (code)
    );

    CREATE TABLE pos.product (
        id           bigint  NOT NULL GENERATED ALWAYS AS IDENTITY,
        code         text    NOT NULL,
        name         text    NOT NULL,
        category_id  integer,
        brand_id     integer,
        unit_cost    bigint,
        status       text    NOT NULL DEFAULT 'active',
        changed_at   timestamptz NOT NULL,
        CONSTRAINT product_pkey PRIMARY KEY (id),
        CONSTRAINT product_code_key UNIQUE (code),
        CONSTRAINT product_category_fkey FOREIGN KEY (category_id) REFERENCES pos.category (id),
        CONSTRAINT product_brand_fkey FOREIGN KEY (brand_id) REFERENCES pos.brand (id),
        CONSTRAINT product_status_check CHECK (status IN ('active', 'discontinued')),
        CONSTRAINT product_unit_cost_check CHECK (unit_cost >= 0)
    );
    CREATE INDEX product_category_idx ON pos.product (category_id, code);
    CREATE INDEX product_brand_idx ON pos.product (brand_id, code);
    COMMENT ON COLUMN pos.product.unit_cost IS
        'now, in minor units of the company currency; a posted line keeps its own';

    CREATE TABLE pos.product_cost (
        product_id  bigint NOT NULL,
        valid_from  timestamptz NOT NULL,
        unit_cost   bigint,  -- null: not known from this moment on
        CONSTRAINT product_cost_pkey PRIMARY KEY (product_id, valid_from),
        CONSTRAINT product_cost_product_fkey FOREIGN KEY (product_id) REFERENCES pos.product (id),
        CONSTRAINT product_cost_check CHECK (unit_cost >= 0)
    );

    CREATE TABLE pos.promotion (
        id          integer NOT NULL GENERATED ALWAYS AS IDENTITY,
        code        text    NOT NULL,
        name        text    NOT NULL,
        method      text    NOT NULL,
        funders     json    NOT NULL,
        starts_on   date,
        ends_on     date,
        stores      text[]  NOT NULL DEFAULT '{}',
        formats     text[]  NOT NULL DEFAULT '{}',
        changed_at  timestamptz NOT NULL,
        CONSTRAINT promotion_pkey PRIMARY KEY (id),
        CONSTRAINT promotion_code_key UNIQUE (code),
        CONSTRAINT promotion_method_check CHECK (method IN ('markdown', 'member_price', 'threshold', 'coupon', 'ecoin',
            'points', 'bundle', 'gift', 'display', 'other')),
        CONSTRAINT promotion_dates_check CHECK (ends_on >= starts_on)
    );
    CREATE INDEX promotion_starts_idx ON pos.promotion (starts_on, id);
    COMMENT ON COLUMN pos.promotion.funders IS
        'who bears it, in hundredths of a percent that sum to 10000: {"company": 6000, "supplier:V9": 4000}';
    COMMENT ON COLUMN pos.promotion.stores IS 'codes of the stores taking part; empty: all. formats likewise';
    """)


def downgrade() -> None:
    op.execute("""
    DROP TABLE pos.promotion, pos.product_cost, pos.product, pos.brand, pos.category;
    DROP SCHEMA pos;
    """)
