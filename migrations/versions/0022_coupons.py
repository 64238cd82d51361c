"""Member: coupons that belong to one member each, and factors on the points that members earn."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE TABLE member.coupon_offer (
        id bigint GENERATED ALWAYS AS IDENTITY,
        reference text NOT NULL,
        name text NOT NULL,
        currency text NOT NULL,
        amount bigint,
        percent integer,
        amount_max bigint,
        minimum_spend bigint NOT NULL DEFAULT 0,
        starts_on date NOT NULL,
        ends_on date NOT NULL,
        stores text[] NOT NULL DEFAULT '{}',
        formats text[] NOT NULL DEFAULT '{}',
        categories json NOT NULL DEFAULT '[]',
        brands text[] NOT NULL DEFAULT '{}',
        funder text NOT NULL,
        created_by text NOT NULL,
        created_at timestamptz NOT NULL,
        CONSTRAINT coupon_offer_pkey PRIMARY KEY (id),
        CONSTRAINT coupon_offer_reference UNIQUE (reference),
        CONSTRAINT coupon_offer_worth CHECK ((amount IS NULL) <> (percent IS NULL)),
        CONSTRAINT coupon_offer_amount CHECK (amount > 0 AND minimum_spend >= 0 AND amount_max > 0),
        CONSTRAINT coupon_offer_percent CHECK (percent BETWEEN 1 AND 10000),
        CONSTRAINT coupon_offer_days CHECK (starts_on <= ends_on)
    );
    COMMENT ON COLUMN member.coupon_offer.reference IS 'whose offer it is, e.g. campaign/7; the same one twice is one offer';
    COMMENT ON COLUMN member.coupon_offer.percent IS 'hundredths of a percent of the eligible lines';

    CREATE TABLE member.coupon (
        id bigint GENERATED ALWAYS AS IDENTITY,
        offer_id bigint NOT NULL,
        member_id bigint NOT NULL,
        code text NOT NULL,
        state text NOT NULL DEFAULT 'issued',
        issued_at timestamptz NOT NULL,
        revoked_at timestamptz,
        sale uuid,
        CONSTRAINT coupon_pkey PRIMARY KEY (id),
        CONSTRAINT coupon_code UNIQUE (code),
        CONSTRAINT coupon_once UNIQUE (offer_id, member_id),
        CONSTRAINT coupon_offer FOREIGN KEY (offer_id) REFERENCES member.coupon_offer (id),
        CONSTRAINT coupon_member FOREIGN KEY (member_id) REFERENCES member.member (id),
        CONSTRAINT coupon_state CHECK (state IN ('issued', 'redeemed', 'revoked')),
        CONSTRAINT coupon_sale CHECK ((state = 'redeemed') = (sale IS NOT NULL))
    );
    CREATE INDEX coupon_of_member ON member.coupon (member_id, id);
    COMMENT ON COLUMN member.coupon.sale IS 'the sale that it paid for; none again once all of that came back';

    CREATE TABLE member.coupon_use (
        coupon_id bigint NOT NULL,
        sale uuid NOT NULL,
        day date NOT NULL,
        amount bigint NOT NULL,
        given_back bigint NOT NULL DEFAULT 0,
        used_at timestamptz NOT NULL,
        CONSTRAINT coupon_use_pkey PRIMARY KEY (coupon_id, sale),
        CONSTRAINT coupon_use_coupon FOREIGN KEY (coupon_id) REFERENCES member.coupon (id),
        CONSTRAINT coupon_use_amounts CHECK (amount > 0 AND given_back BETWEEN 0 AND amount)
    );
    CREATE INDEX coupon_use_of_sale ON member.coupon_use (sale);
    COMMENT ON TABLE member.coupon_use IS 'what coupons paid for, for ever; given_back says how much of it came back';

    CREATE TABLE member.multiplier (
        id bigint GENERATED ALWAYS AS IDENTITY,
        reference text NOT NULL,
        name text NOT NULL,
        percent integer NOT NULL,
        starts_on date NOT NULL,
        ends_on date NOT NULL,
        stores text[] NOT NULL DEFAULT '{}',
        formats text[] NOT NULL DEFAULT '{}',
        funder text NOT NULL,
        created_by text NOT NULL,
        created_at timestamptz NOT NULL,
        CONSTRAINT multiplier_pkey PRIMARY KEY (id),
        CONSTRAINT multiplier_reference UNIQUE (reference),
        CONSTRAINT multiplier_percent CHECK (percent BETWEEN 101 AND 10000),
        CONSTRAINT multiplier_days CHECK (starts_on <= ends_on)
    );
    COMMENT ON COLUMN member.multiplier.percent IS 'of what a purchase earns anyway: 200 is double points';

    CREATE TABLE member.multiplier_grant (
        member_id bigint NOT NULL,
        multiplier_id bigint NOT NULL,
        granted_at timestamptz NOT NULL,
        CONSTRAINT multiplier_grant_pkey PRIMARY KEY (member_id, multiplier_id),
        CONSTRAINT multiplier_grant_member FOREIGN KEY (member_id) REFERENCES member.member (id),
        CONSTRAINT multiplier_grant_multiplier FOREIGN KEY (multiplier_id) REFERENCES member.multiplier (id)
    );
    CREATE INDEX multiplier_grant_of ON member.multiplier_grant (multiplier_id, member_id);

    ALTER TABLE member.purchase ADD COLUMN multiplier bigint;
    CREATE INDEX purchase_multiplied ON member.purchase (multiplier) WHERE multiplier IS NOT NULL;
    COMMENT ON COLUMN member.purchase.multiplier IS 'the factor it earned under, kept for whatever is given back of it';
    """)


def downgrade() -> None:
    op.execute("""
    DROP INDEX member.purchase_multiplied;
    ALTER TABLE member.purchase DROP COLUMN multiplier;
    DROP TABLE member.multiplier_grant, member.multiplier, member.coupon_use, member.coupon, member.coupon_offer;
    """)
