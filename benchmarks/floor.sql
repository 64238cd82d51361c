-- The floor: tables shaped as the product's (columns, checks, indexes, months), and functions that write into them the
-- rows that the product writes for a plain sale of a member: nothing is looked up, decided or checked.

DROP SCHEMA IF EXISTS floor CASCADE;
CREATE SCHEMA floor;

CREATE TABLE floor.sale (LIKE pos.sale INCLUDING ALL) PARTITION BY RANGE (business_date);
CREATE TABLE floor.sale_line (LIKE pos.sale_line INCLUDING ALL) PARTITION BY RANGE (business_date);
CREATE TABLE floor.tender (LIKE pos.tender INCLUDING ALL) PARTITION BY RANGE (business_date);
CREATE TABLE floor.purchase (LIKE member.purchase INCLUDING ALL) PARTITION BY RANGE (day);
CREATE TABLE floor.journal (LIKE member.journal INCLUDING ALL) PARTITION BY RANGE (day);
CREATE TABLE floor.entry (LIKE member.entry INCLUDING ALL) PARTITION BY RANGE (day);
CREATE TABLE floor.account (LIKE member.account INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE floor.lot (LIKE member.lot INCLUDING ALL, FOREIGN KEY (account_id) REFERENCES floor.account (id))
    WITH (fillfactor = 85);
CREATE TABLE floor.outbox (LIKE foundation.outbox INCLUDING ALL);
CREATE TABLE floor.idempotency (LIKE foundation.idempotency INCLUDING ALL);
CREATE SEQUENCE floor.lot_id CACHE 1024;

-- As many months as the product has.
DO $$
DECLARE month date; parent text;
BEGIN
    FOR month IN SELECT to_date(right(inhrelid::regclass::text, 6), 'YYYYMM')
                 FROM pg_inherits WHERE inhparent = 'pos.sale'::regclass
    LOOP
        FOREACH parent IN ARRAY ARRAY['sale', 'sale_line', 'tender', 'purchase', 'journal', 'entry'] LOOP
            EXECUTE format('CREATE TABLE floor.%s_p%s PARTITION OF floor.%s FOR VALUES FROM (%L) TO (%L)',
                           parent, to_char(month, 'YYYYMM'), parent, month, month + interval '1 month');
        END LOOP;
    END LOOP;
END $$;

-- As much as the product holds. An account's id is its member's, so that a client knows it without asking.
INSERT INTO floor.account (id, member_id, kind, balance, held, debt, remainder, opened_at)
    SELECT member_id, member_id, kind, balance, held, debt, remainder, opened_at FROM member.account WHERE kind = 'points';
INSERT INTO floor.lot
    SELECT l.id, l.member_id, l.member_id, l.origin, l.source, l.funder, l.conditions, l.purchase, l.parent,
           l.expires_on, l.amount, l.remaining, l.held, l.expired, l.at
    FROM member.lot AS l JOIN member.account AS a ON a.id = l.account_id AND a.kind = 'points';
INSERT INTO floor.sale SELECT * FROM pos.sale;
INSERT INTO floor.sale_line SELECT * FROM pos.sale_line;
INSERT INTO floor.tender SELECT * FROM pos.tender;
INSERT INTO floor.purchase SELECT * FROM member.purchase;
INSERT INTO floor.journal SELECT * FROM member.journal;
INSERT INTO floor.entry SELECT * FROM member.entry;
SELECT setval('floor.lot_id', (SELECT max(id) + 1 FROM floor.lot));

-- One sale. `body` is the receipt as a till sends it, but that `member` is the id of the member's account.
CREATE FUNCTION floor.post_sale(client text, key text, body json) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    s record;
    sale uuid := gen_random_uuid();
    journal uuid := gen_random_uuid();
    lot bigint := nextval('floor.lot_id');
    total bigint;
    points bigint;
    answer json;
    -- What earned, per line: the product keeps it with the purchase.
    earned json := '[[1,4018,4018,["D2","D2-22"],null,"C1",4018,40,180000],[2,4591,4591,["D9","D9-189"],null,"C1",4591,46,-90000],'
        '[3,2238,2238,["D2","D2-102"],null,"C1",2238,22,380000],[4,6686,6686,["D14","D14-94"],null,"C1",6686,67,-140000],'
        '[5,6464,6464,["D16","D16-156"],null,"C1",6464,64,640000]]';
BEGIN
    SELECT * INTO s FROM json_to_record(body) AS x (
        store text, terminal text, business_date date, sequence bigint, type text, occurred_at timestamptz,
        currency text, member bigint, lines json, tenders json);

    INSERT INTO floor.sale_line (
        business_date, sale_id, line, kind, product_id, product_code, counter_id, counter_code, category_id, brand_id,
        quantity, unit_price, amount, regular_amount, tax_rate, unit_cost, promotion_id, promotion_code, salesperson,
        discounts, allocated)
    SELECT s.business_date, sale, l.line, l.kind, 4711, l.product, 12, l.counter, 77, 33, l.quantity, l.unit_price,
           l.amount, l.regular_amount, 1300, 1200, 5, l.promotion, l.salesperson, l.discounts, ARRAY[l.amount]
    FROM json_to_recordset(s.lines) AS l (
        line integer, kind text, product text, counter text, quantity numeric, unit_price bigint, amount bigint,
        regular_amount bigint, promotion text, discounts json, salesperson text);

    WITH paid AS (
        INSERT INTO floor.tender (business_date, sale_id, n, kind, amount, reference)
        SELECT s.business_date, sale, 1, t.kind, t.amount, t.reference
        FROM json_to_recordset(s.tenders) AS t (kind text, amount bigint, reference text)
        RETURNING amount)
    SELECT sum(amount) INTO total FROM paid;
    points := total / 100;

    UPDATE floor.account SET balance = balance + points, remainder = total % 100 * 10000 WHERE id = s.member;
    INSERT INTO floor.lot (id, account_id, member_id, origin, source, funder, purchase, expires_on, amount, remaining, at)
    VALUES (lot, s.member, s.member, 'purchase', 'purchase', 'company', sale, s.business_date + 700, points, points,
            now());
    INSERT INTO floor.purchase (
        day, ref, member_id, store, format, currency, occurred_at, rule_version, points_account, remainder_before,
        points, ecoins, net_amount, lines, spends)
    VALUES (s.business_date, sale, s.member, s.store, 'supermarket', s.currency, s.occurred_at, 1, s.member, 0,
            points, 0, total, earned, '[]');
    INSERT INTO floor.journal (day, id, kind, member_id, store, reference, actor, at)
    VALUES (s.business_date, journal, 'earn', s.member, s.store, sale::text, client, now());
    INSERT INTO floor.entry (day, journal_id, n, unit, account_id, lot_id, system, store, amount)
    VALUES (s.business_date, journal, 1, 'points', s.member, lot, NULL, s.store, points),
           (s.business_date, journal, 2, 'points', NULL, NULL, 'issued', s.store, -points);

    answer := format(
        '{"sale":{"id":"%s"},"member":{"id":"%s","tier":null},"points":{"earned":%s,"redeemed":0,"balance":%s,'
        '"available":%s,"next_expiry":{"amount":%s,"on":"2028-11-30"}},"ecoins":null,"flags":[]}',
        sale, s.member, points, points, points, points);
    INSERT INTO floor.sale (
        business_date, id, store_id, terminal, sequence, type, occurred_at, received_at, posting_date, currency,
        member_id, member_part, amount, flags, open_flags, content_hash, answer, client)
    VALUES (s.business_date, sale, 7, s.store || s.terminal, s.sequence, s.type, s.occurred_at, now(), s.business_date,
            s.currency, s.member, 'done', total, '{}', '{}', sha256(key::bytea), answer, client);
    INSERT INTO floor.outbox (topic, facts, at)
    VALUES ('sale.recorded', format(
                '{"sale":"%s","store":7,"terminal":"%s","series":0,"business_date":"%s","sequence":%s,"type":"sale",'
                '"member":"%s"}', sale, s.terminal, s.business_date, s.sequence, s.member)::json, now()),
           ('journal.posted', format('{"journal":"%s","member":"%s"}', journal, s.member)::json, now());
    INSERT INTO floor.idempotency (client, key, content_hash, status, answer, at)
    VALUES (client, key, sha256(key::bytea), 201, answer, now());
    RETURN answer;
END $$;

-- Many sales in one statement, set-based.
CREATE FUNCTION floor.post_sales(client text, key text, body json) RETURNS bigint LANGUAGE sql AS $$
WITH s AS MATERIALIZED (
    SELECT x.*, gen_random_uuid() AS sale, gen_random_uuid() AS journal, nextval('floor.lot_id') AS lot,
           (x.tenders -> 0 ->> 'amount')::bigint AS total, (x.tenders -> 0 ->> 'amount')::bigint / 100 AS points
    FROM json_to_recordset(body -> 'sales') AS x (
        store text, terminal text, business_date date, sequence bigint, type text, occurred_at timestamptz,
        currency text, member bigint, lines json, tenders json)
), lines AS (
    INSERT INTO floor.sale_line (
        business_date, sale_id, line, kind, product_id, product_code, counter_id, counter_code, category_id, brand_id,
        quantity, unit_price, amount, regular_amount, tax_rate, unit_cost, promotion_id, promotion_code, salesperson,
        discounts, allocated)
    SELECT s.business_date, s.sale, l.line, l.kind, 4711, l.product, 12, l.counter, 77, 33, l.quantity, l.unit_price,
           l.amount, l.regular_amount, 1300, 1200, 5, l.promotion, l.salesperson, l.discounts, ARRAY[l.amount]
    FROM s, json_to_recordset(s.lines) AS l (
        line integer, kind text, product text, counter text, quantity numeric, unit_price bigint, amount bigint,
        regular_amount bigint, promotion text, discounts json, salesperson text)
), tenders AS (
    INSERT INTO floor.tender (business_date, sale_id, n, kind, amount, reference)
    SELECT s.business_date, s.sale, 1, t.kind, t.amount, t.reference
    FROM s, json_to_recordset(s.tenders) AS t (kind text, amount bigint, reference text)
), accounts AS (
    UPDATE floor.account AS a SET balance = a.balance + m.points, remainder = m.remainder
    FROM (SELECT member, sum(points) AS points, max(total) % 100 * 10000 AS remainder FROM s GROUP BY member) AS m
    WHERE a.id = m.member
), lots AS (
    INSERT INTO floor.lot (id, account_id, member_id, origin, source, funder, purchase, expires_on, amount, remaining, at)
    SELECT lot, member, member, 'purchase', 'purchase', 'company', sale, business_date + 700, points, points, now() FROM s
), purchases AS (
    INSERT INTO floor.purchase (
        day, ref, member_id, store, format, currency, occurred_at, rule_version, points_account, remainder_before,
        points, ecoins, net_amount, lines, spends)
    SELECT business_date, sale, member, store, 'supermarket', currency, occurred_at, 1, member, 0, points, 0, total,
           ('[[1,4018,4018,["D2","D2-22"],null,"C1",4018,40,180000],[2,4591,4591,["D9","D9-189"],null,"C1",4591,46,-90000],'
            '[3,2238,2238,["D2","D2-102"],null,"C1",2238,22,380000],[4,6686,6686,["D14","D14-94"],null,"C1",6686,67,'
            '-140000],[5,6464,6464,["D16","D16-156"],null,"C1",6464,64,640000]]')::json, '[]' FROM s
), journals AS (
    INSERT INTO floor.journal (day, id, kind, member_id, store, reference, actor, at)
    SELECT business_date, journal, 'earn', member, store, sale::text, client, now() FROM s
), entries AS (
    INSERT INTO floor.entry (day, journal_id, n, unit, account_id, lot_id, system, store, amount)
    SELECT business_date, journal, 1, 'points', member, lot, NULL, store, points FROM s
    UNION ALL SELECT business_date, journal, 2, 'points', NULL, NULL, 'issued', store, -points FROM s
), sales AS (
    INSERT INTO floor.sale (
        business_date, id, store_id, terminal, sequence, type, occurred_at, received_at, posting_date, currency,
        member_id, member_part, amount, flags, open_flags, content_hash, answer, client)
    SELECT business_date, sale, 7, store || terminal, sequence, type, occurred_at, now(), business_date, currency,
           member, 'done', total, '{}', '{}', sha256(sale::text::bytea), format(
               '{"sale":{"id":"%s"},"member":{"id":"%s","tier":null},"points":{"earned":%s,"redeemed":0,"balance":%s,'
               '"available":%s,"next_expiry":{"amount":%s,"on":"2028-11-30"}},"ecoins":null,"flags":[]}',
               sale, member, points, points, points, points)::json, client FROM s
), events AS (
    INSERT INTO floor.outbox (topic, facts, at)
    SELECT 'sale.recorded', format(
               '{"sale":"%s","store":7,"terminal":"%s","series":0,"business_date":"%s","sequence":%s,"type":"sale",'
               '"member":"%s"}', sale, terminal, business_date, sequence, member)::json, now() FROM s
    UNION ALL
    SELECT 'journal.posted', format('{"journal":"%s","member":"%s"}', journal, member)::json, now() FROM s
), answers AS (
    INSERT INTO floor.idempotency (client, key, content_hash, status, answer, at)
    SELECT client, key, sha256(key::bytea), 200, json_agg(json_build_object('status', 201, 'body', format(
               '{"sale":{"id":"%s"},"member":{"id":"%s","tier":null},"points":{"earned":%s,"redeemed":0,"balance":%s,'
               '"available":%s,"next_expiry":{"amount":%s,"on":"2028-11-30"}},"ecoins":null,"flags":[]}',
               sale, member, points, points, points, points)::json)), now() FROM s
)
SELECT count(*) FROM s
$$;
