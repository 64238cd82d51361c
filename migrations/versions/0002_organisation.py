"""organisation: legal units, regions, formats, suppliers, stores, counters, staff, devices, and who changed what.

What the trade dates is kept as rows that hold from a day on (`valid_from`) until the next row: areas, a counter's
terms, a person's home store and role. Nothing of the past is rewritten by a change of today.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NAMES = """
CREATE SCHEMA organisation;

-- Named things that come into being when something first mentions them.
CREATE TABLE organisation.legal_unit (
    id          integer NOT NULL GENERATED ALWAYS AS IDENTITY,
    code        text    NOT NULL,
    name        text    NOT NULL,
    tax_number  text,
    CONSTRAINT legal_unit_pkey PRIMARY KEY (id),
    CONSTRAINT legal_unit_code_key UNIQUE (code)
);
CREATE TABLE organisation.region (
    id    integer NOT NULL GENERATED ALWAYS AS IDENTITY,
    code  text    NOT NULL,
    name  text    NOT NULL,
    CONSTRAINT region_pkey PRIMARY KEY (id),
    CONSTRAINT region_code_key UNIQUE (code)
);
CREATE TABLE organisation.format (
    id    integer NOT NULL GENERATED ALWAYS AS IDENTITY,
    code  text    NOT NULL,
    name  text    NOT NULL,
    CONSTRAINT format_pkey PRIMARY KEY (id),
    CONSTRAINT format_code_key UNIQUE (code)
);
CREATE TABLE organisation.supplier (
    id    integer NOT NULL GENERATED ALWAYS AS IDENTITY,
    code  text    NOT NULL,
    name  text    NOT NULL,
    CONSTRAINT supplier_pkey PRIMARY KEY (id),
    CONSTRAINT supplier_code_key UNIQUE (code)
);
"""

STORES = """
CREATE TABLE organisation.store (
    id              integer NOT NULL GENERATED ALWAYS AS IDENTITY,
    code            text    NOT NULL,
    name            text    NOT NULL,
    format_id       integer NOT NULL,
    region_id       integer,
    legal_unit_id   integer NOT NULL,
    currency        text    NOT NULL,
    -- set by the first posting; from then on the currency stays
    currency_fixed  boolean NOT NULL DEFAULT false,
    timezone        text    NOT NULL,
    opened_on       date,
    closed_on       date,
    status          text    NOT NULL,
    changed_at      timestamptz NOT NULL,
    CONSTRAINT store_pkey PRIMARY KEY (id),
    CONSTRAINT store_code_key UNIQUE (code),
    CONSTRAINT store_format_fkey FOREIGN KEY (format_id) REFERENCES organisation.format (id),
    CONSTRAINT store_region_fkey FOREIGN KEY (region_id) REFERENCES organisation.region (id),
    CONSTRAINT store_legal_unit_fkey FOREIGN KEY (legal_unit_id) REFERENCES organisation.legal_unit (id),
    CONSTRAINT store_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT store_status_check CHECK (status IN ('planned', 'open', 'closed')),
    CONSTRAINT store_dates_check CHECK (closed_on >= opened_on)
);
CREATE INDEX store_region_idx ON organisation.store (region_id);

CREATE TABLE organisation.store_area (
    store_id    integer NOT NULL,
    valid_from  date    NOT NULL,
    area_m2     numeric(12, 2),  -- null: not known from this day on
    CONSTRAINT store_area_pkey PRIMARY KEY (store_id, valid_from),
    CONSTRAINT store_area_store_fkey FOREIGN KEY (store_id) REFERENCES organisation.store (id),
    CONSTRAINT store_area_check CHECK (area_m2 >= 0)
);

-- A supermarket has no counters: its area is divided by category.
CREATE TABLE organisation.store_category_area (
    store_id    integer NOT NULL,
    category    text[]  NOT NULL,
    valid_from  date    NOT NULL,
    area_m2     numeric(12, 2),
    CONSTRAINT store_category_area_pkey PRIMARY KEY (store_id, category, valid_from),
    CONSTRAINT store_category_area_store_fkey FOREIGN KEY (store_id) REFERENCES organisation.store (id),
    CONSTRAINT store_category_area_check CHECK (area_m2 >= 0),
    CONSTRAINT store_category_area_category_check CHECK (cardinality(category) BETWEEN 1 AND 8)
);
"""

COUNTERS = """
CREATE TABLE organisation.counter (
    id             integer NOT NULL GENERATED ALWAYS AS IDENTITY,
    store_id       integer NOT NULL,
    code           text    NOT NULL,
    name           text    NOT NULL,
    legal_unit_id  integer,  -- null: the store's own
    supplier_id    integer,
    format_id      integer,  -- null: the store's own
    category       text[]  NOT NULL,
    brand          text,
    floor          text,
    takes_points   boolean NOT NULL,
    takes_ecoins   boolean NOT NULL,
    takes_coupons  boolean NOT NULL,
    opened_on      date,
    closed_on      date,
    status         text    NOT NULL,
    changed_at     timestamptz NOT NULL,
    CONSTRAINT counter_pkey PRIMARY KEY (id),
    CONSTRAINT counter_store_code_key UNIQUE (store_id, code),
    CONSTRAINT counter_store_fkey FOREIGN KEY (store_id) REFERENCES organisation.store (id),
    CONSTRAINT counter_legal_unit_fkey FOREIGN KEY (legal_unit_id) REFERENCES organisation.legal_unit (id),
    CONSTRAINT counter_supplier_fkey FOREIGN KEY (supplier_id) REFERENCES organisation.supplier (id),
    CONSTRAINT counter_format_fkey FOREIGN KEY (format_id) REFERENCES organisation.format (id),
    CONSTRAINT counter_status_check CHECK (status IN ('open', 'closed')),
    CONSTRAINT counter_dates_check CHECK (closed_on >= opened_on),
    CONSTRAINT counter_category_check CHECK (cardinality(category) <= 8)
);

CREATE TABLE organisation.counter_terms (
    counter_id          integer NOT NULL,
    valid_from          date    NOT NULL,
    mode                text    NOT NULL,
    rate                numeric(7, 6),  -- share of the contract base that the store keeps; null: none agreed
    guaranteed_minimum  bigint,         -- a month, in minor units of the store's currency
    CONSTRAINT counter_terms_pkey PRIMARY KEY (counter_id, valid_from),
    CONSTRAINT counter_terms_counter_fkey FOREIGN KEY (counter_id) REFERENCES organisation.counter (id),
    CONSTRAINT counter_terms_mode_check CHECK (mode IN ('own', 'concession', 'consignment', 'leased')),
    CONSTRAINT counter_terms_rate_check CHECK (rate BETWEEN 0 AND 1),
    CONSTRAINT counter_terms_minimum_check CHECK (guaranteed_minimum >= 0)
);

CREATE TABLE organisation.counter_promotion_rate (
    counter_id  integer NOT NULL,
    promotion   text    NOT NULL,
    valid_from  date    NOT NULL,
    rate        numeric(7, 6),  -- null: the counter's ordinary rate again
    CONSTRAINT counter_promotion_rate_pkey PRIMARY KEY (counter_id, promotion, valid_from),
    CONSTRAINT counter_promotion_rate_counter_fkey FOREIGN KEY (counter_id) REFERENCES organisation.counter (id),
    CONSTRAINT counter_promotion_rate_check CHECK (rate BETWEEN 0 AND 1)
);

CREATE TABLE organisation.counter_area (
    counter_id  integer NOT NULL,
    valid_from  date    NOT NULL,
    area_m2     numeric(12, 2),
    CONSTRAINT counter_area_pkey PRIMARY KEY (counter_id, valid_from),
    CONSTRAINT counter_area_counter_fkey FOREIGN KEY (counter_id) REFERENCES organisation.counter (id),
    CONSTRAINT counter_area_check CHECK (area_m2 >= 0)
);
"""

STAFF = """
CREATE TABLE organisation.staff (
    id          integer NOT NULL GENERATED ALWAYS AS IDENTITY,
    number      text    NOT NULL,
    name        text    NOT NULL,
    username    text,  -- null: no log-in
    status      text    NOT NULL,
    joined_on   date,
    left_at     timestamptz,
    changed_at  timestamptz NOT NULL,
    CONSTRAINT staff_pkey PRIMARY KEY (id),
    CONSTRAINT staff_number_key UNIQUE (number),
    CONSTRAINT staff_status_check CHECK (status IN ('active', 'left')),
    CONSTRAINT staff_left_check CHECK ((status = 'left') = (left_at IS NOT NULL))
);
CREATE UNIQUE INDEX staff_username_key ON organisation.staff (username);

-- Where a person works, from a day on.
CREATE TABLE organisation.staff_home (
    staff_id    integer NOT NULL,
    valid_from  date    NOT NULL,
    store_id    integer,  -- null: no store (head office)
    CONSTRAINT staff_home_pkey PRIMARY KEY (staff_id, valid_from),
    CONSTRAINT staff_home_staff_fkey FOREIGN KEY (staff_id) REFERENCES organisation.staff (id),
    CONSTRAINT staff_home_store_fkey FOREIGN KEY (store_id) REFERENCES organisation.store (id)
);
CREATE INDEX staff_home_store_idx ON organisation.staff_home (store_id);

CREATE TABLE organisation.staff_counter (
    staff_id    integer NOT NULL,
    counter_id  integer NOT NULL,
    CONSTRAINT staff_counter_pkey PRIMARY KEY (staff_id, counter_id),
    CONSTRAINT staff_counter_staff_fkey FOREIGN KEY (staff_id) REFERENCES organisation.staff (id),
    CONSTRAINT staff_counter_counter_fkey FOREIGN KEY (counter_id) REFERENCES organisation.counter (id)
);
CREATE INDEX staff_counter_counter_idx ON organisation.staff_counter (counter_id);

-- What a person may do, and where, from a day on. The scope 'store' is the home store of the day, so a move takes
-- the role along.
CREATE TABLE organisation.staff_role (
    staff_id    integer NOT NULL,
    valid_from  date    NOT NULL,
    role        text,  -- null: none from this day on
    scope       text,
    region_id   integer,
    CONSTRAINT staff_role_pkey PRIMARY KEY (staff_id, valid_from),
    CONSTRAINT staff_role_staff_fkey FOREIGN KEY (staff_id) REFERENCES organisation.staff (id),
    CONSTRAINT staff_role_region_fkey FOREIGN KEY (region_id) REFERENCES organisation.region (id),
    CONSTRAINT staff_role_role_check CHECK (role IN (
        'administrator', 'head_office', 'store_manager', 'service_desk', 'counter_staff', 'marketer', 'auditor')),
    CONSTRAINT staff_role_scope_check CHECK (scope IN ('company', 'region', 'store')),
    CONSTRAINT staff_role_whole_check CHECK ((role IS NULL) = (scope IS NULL)),
    CONSTRAINT staff_role_place_check CHECK (coalesce(scope = 'region', false) = (region_id IS NOT NULL))
);
CREATE INDEX staff_role_administrator_idx ON organisation.staff_role (staff_id) WHERE role = 'administrator';
"""

DEVICES = """
-- A machine that calls us: a till, a handheld, the ERP. Its secret and its tokens belong to foundation's access.
CREATE TABLE organisation.device (
    client_id   text    NOT NULL,
    name        text    NOT NULL,
    scopes      text[]  NOT NULL,
    store_id    integer,
    terminal    text,
    counter_id  integer,
    staff_id    integer,  -- the person it was handed to; it ends when that person leaves
    created_at  timestamptz NOT NULL,
    revoked_at  timestamptz,
    CONSTRAINT device_pkey PRIMARY KEY (client_id),
    CONSTRAINT device_store_fkey FOREIGN KEY (store_id) REFERENCES organisation.store (id),
    CONSTRAINT device_counter_fkey FOREIGN KEY (counter_id) REFERENCES organisation.counter (id),
    CONSTRAINT device_staff_fkey FOREIGN KEY (staff_id) REFERENCES organisation.staff (id),
    CONSTRAINT device_binding_check CHECK (
        (terminal IS NULL OR counter_id IS NULL)
        AND (store_id IS NOT NULL OR (terminal IS NULL AND counter_id IS NULL)))
);
CREATE INDEX device_store_idx ON organisation.device (store_id);
CREATE INDEX device_staff_idx ON organisation.device (staff_id) WHERE revoked_at IS NULL;
"""

CHANGES = """
-- Who changed what, and when: ids and changed fields. A person's name and log-in are named as changed, not repeated.
CREATE TABLE organisation.change (
    id          bigint  NOT NULL GENERATED ALWAYS AS IDENTITY,
    at          timestamptz NOT NULL,
    actor_kind  text    NOT NULL,
    actor_id    text    NOT NULL,
    subject     text    NOT NULL,
    subject_id  text    NOT NULL,
    action      text    NOT NULL,
    fields      jsonb   NOT NULL,  -- {"currency": ["CNY", "HKD"], "name": []}
    CONSTRAINT change_pkey PRIMARY KEY (id),
    CONSTRAINT change_actor_kind_check CHECK (actor_kind IN ('person', 'machine', 'system')),
    CONSTRAINT change_subject_check CHECK (subject IN (
        'store', 'counter', 'staff', 'device', 'legal_unit', 'region', 'format', 'supplier'))
);
CREATE INDEX change_subject_idx ON organisation.change (subject, subject_id, id DESC);
"""


def upgrade() -> None:
    """Make the schema."""
    for part in (NAMES, STORES, COUNTERS, STAFF, DEVICES, CHANGES):
        op.execute(part)


def downgrade() -> None:
    """Everything this package owns goes."""
    op.execute("DROP SCHEMA organisation CASCADE")
