"""What is posted, given back, corrected and mended is in the lake once, as the database has it."""

from collections import Counter
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from analytics.lake import exporting
from analytics.lake.backfilling import backfill
from analytics.lake.changing import write_changes
from analytics.lake.checking import check
from analytics.lake.collecting import lake_lines
from analytics.lake.exporting import bring_up_to, export_batch
from analytics.lake.healing import heal
from analytics.lake.manifest import LakeMoved, live_files, publish, read_state
from analytics.lake.reading import LakeDamaged, open_lake
from analytics.lake.schema import LINES, SCHEMAS, FileKind
from analytics.lake.sweeping import sweep
from foundation.clock import FixedClock
from foundation.database import Database
from foundation.events import announce, last_position, move_batch
from foundation.settings import get_settings
from pos_adapter.catalogue.operations import put_products
from pos_adapter.catalogue.rules import ProductWish
from pos_adapter.contract.sales import business_days, receipts_between
from pos_adapter.repairs.discards import confirm, propose
from pos_adapter.repairs.flagged import link_new_products, name_original
from pos_adapter.repairs.rules import Subject
from pos_adapter.sales.attaching import sweep as attach
from pos_adapter.sales.correcting import give_sale
from pos_adapter.sales.receipts import Original
from tests.analytics.lake_factory import LineFacts, write_lake
from tests.member_api.people import PHONE, a_member
from tests.organisation.factories import committed_store
from tests.pos_adapter.repairs.factories import somebody
from tests.pos_adapter.sales.factories import DAY, line, original_of, post, receipt, return_of, void_of

PHONE_REF = {"kind": "phone", "value": PHONE}
SAYING = [name for name in LINES.names if name != "position"]


@pytest.fixture
def house(database: Database) -> Database:
    committed_store(database, format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    return database


def deliver(house: Database) -> None:
    """Give what has committed its positions, as the relay does, and take it into the lake."""
    while True:
        with house.transaction() as tx:
            if not move_batch(tx):
                break
    bring_up_to(house, timeout_s=60)


def said(table: pa.Table) -> list[tuple[Any, ...]]:
    """Every row but its position, in order."""
    return sorted((tuple(row[name] for name in SAYING) for row in table.to_pylist()), key=repr)


def in_lake(house: Database, sql: str = "SELECT * FROM lines") -> pa.Table:
    with house.transaction(read_only=True) as tx, open_lake(tx) as lake:
        return lake.sql(sql)


def in_database(house: Database) -> list[tuple[Any, ...]]:
    """Every receipt of the database as rows of the lake, read anew."""
    with house.transaction(read_only=True) as tx:
        days = business_days(tx)
        if days is None:
            return []
        page = receipts_between(tx, days[0], days[1] + timedelta(days=1), None, 2000)
        return said(lake_lines(tx, page, 0))


def same(house: Database) -> None:
    """The lake is the database, and its roll-ups are its lines."""
    deliver(house)
    assert said(in_lake(house)) == in_database(house)
    checked = check(house)
    assert checked.differences == ()


def figures(house: Database, columns: str = "type, amount, points, member_id") -> list[tuple[Any, ...]]:
    table = in_lake(house, f"SELECT {columns} FROM lines ORDER BY type DESC, line, abs(amount)")
    return [tuple(row.values()) for row in table.to_pylist()]


def test_a_sale_is_in_the_lake_with_its_points_and_what_it_was_paid_with(house: Database) -> None:
    member = a_member(house)
    post(house, receipt(12_000, member=PHONE_REF))
    sold = receipt(
        1000,
        2000,
        member=PHONE_REF,
        lines=[line(1, 1000, regular_amount=1200, promotion="P9"), line(2, 2000, tax_rate="0.13", quantity="0.5")],
        tenders=[{"kind": "card", "amount": 2990}, {"kind": "points", "amount": 10, "units": 100}],
    )
    post(house, sold)
    same(house)
    rows = in_lake(house, "SELECT * FROM lines WHERE amount < 12000 ORDER BY line").to_pylist()
    assert [(r["amount"], r["money"], r["benefit"], r["quantity_milli"], r["points"]) for r in rows] == [
        (1000, 997, 3, 1000, 10),
        (2000, 1993, 7, 500, 19),
    ]
    assert [(r["member_id"], r["format"], r["currency"], r["receipt_sign"]) for r in rows] == [
        (member, "supermarket", "CNY", 1)
    ] * 2
    assert [(r["promoted"], r["regular_amount"], r["tax_rate"], r["profit"]) for r in rows] == [
        (True, 1200, None, None),
        (False, None, 1300, None),
    ]
    with house.transaction(read_only=True) as tx:
        assert rows[0]["receipt"] == int.from_bytes(
            UUID(str(tx.execute("SELECT id FROM pos.sale WHERE amount = 3000").scalar_one())).bytes[8:], signed=True
        )


def test_returns_take_back_on_their_own_day_and_leave_the_sales_day_as_it_was(house: Database) -> None:
    member = a_member(house)
    sold = receipt(3000, 500, member=PHONE_REF)
    post(house, sold)
    same(house)
    before = said(in_lake(house))
    later = (DAY + timedelta(days=1)).isoformat()
    post(house, return_of(sold, (1, 1000), quantity="0.3", business_date=later))
    same(house)
    post(house, return_of(sold, (1, 2000), (2, 500), quantity="0.7", business_date=later))
    same(house)
    assert said(in_lake(house, f"SELECT * FROM lines WHERE business_date = DATE '{DAY}'")) == before
    assert figures(house) == [
        ("sale", 3000, 30, member),
        ("sale", 500, 5, member),
        ("return", -1000, -10, member),
        ("return", -2000, -20, member),
        ("return", -500, -5, member),
    ]
    days = in_lake(house, "SELECT business_date, receipts, spend, points FROM member_day ORDER BY 1").to_pylist()
    assert [tuple(day.values()) for day in days] == [
        (DAY, 1, 3500, 35),
        (date.fromisoformat(later), 0, -3500, -35),
    ]


def test_a_void_is_its_original_negated_on_the_voids_date(house: Database) -> None:
    member = a_member(house)
    sold = receipt(3000, 500, member=PHONE_REF)
    post(house, sold)
    same(house)
    post(house, void_of(sold, business_date=(DAY + timedelta(days=1)).isoformat()))
    same(house)
    assert figures(house, "type, amount, points, member_id, receipt_sign, money, business_date") == [
        ("void", -3000, -30, member, -1, -3000, DAY + timedelta(days=1)),
        ("void", -500, -5, member, -1, -500, DAY + timedelta(days=1)),
        ("sale", 3000, 30, member, 1, 3000, DAY),
        ("sale", 500, 5, member, 1, 500, DAY),
    ]
    total = in_lake(
        house, "SELECT sum(receipts)::INT AS r, sum(spend)::INT AS s, sum(points)::INT AS p FROM member_day"
    )
    assert total.to_pylist() == [{"r": 0, "s": 0, "p": 0}]


def test_a_member_who_comes_late_takes_over_the_sale_and_its_returns(house: Database) -> None:
    sold = receipt(3000, 500, member=PHONE_REF)
    post(house, sold)
    post(house, return_of(sold, (2, 500)))
    same(house)
    assert {row[3] for row in figures(house)} == {None}
    member = a_member(house)
    attach(house)
    same(house)
    assert figures(house) == [("sale", 3000, 30, member), ("sale", 500, 5, member), ("return", -500, -5, member)]
    assert in_lake(house, "SELECT spend FROM member_day").to_pylist() == [{"spend": 3000}]


def test_a_return_or_void_that_came_first_is_taken_over_when_its_sale_comes(house: Database) -> None:
    member = a_member(house)
    sold, voided = receipt(3000, 500, member=PHONE_REF), receipt(700, member=PHONE_REF)
    post(house, return_of(sold, (1, 3000)))
    post(house, void_of(voided))
    same(house)
    assert figures(house) == [("return", -3000, 0, None)]
    post(house, sold)
    post(house, voided)
    same(house)
    assert attach(house) == 2
    same(house)
    assert ("return", -3000, -30, member) in figures(house)
    assert ("void", -700, -7, member) in figures(house)


def test_an_original_named_by_hand_and_products_learnt_later_correct_the_lake(house: Database) -> None:
    sold = receipt(1000, lines=[line(1, 1000, product="NEW", quantity="2")])
    post(house, sold)
    back = return_of(receipt(1000), (1, 1000))
    answer = post(house, back)
    same(house)
    with house.transaction() as tx:
        put_products(tx, [ProductWish("NEW", name="New", category=("FOOD",), unit_cost=300)])
        (product,) = tx.execute("SELECT id FROM pos.product").one()
    link_new_products(house, [product])
    same(house)
    assert figures(house, "type, product_id, category_id IS NOT NULL AS c, cost, profit")[0] == (
        "sale", product, True, 600, 400,
    )  # fmt: skip
    with house.transaction() as tx:
        name_original(tx, somebody("kim"), UUID(answer.body["sale"]["id"]), original(sold))
    same(house)
    assert figures(house, "type, product_id, cost, profit") == [
        ("sale", product, 600, 400),
        ("return", product, -300, -700),
    ]


def original(sold: Any) -> Original:
    named = original_of(sold)
    return Original(named["store"], named["terminal"], DAY, named["sequence"])


def test_a_sale_given_to_another_member_moves_with_its_returns(house: Database) -> None:
    first, second = a_member(house), a_member(house, phone="+8613900139000")
    sold = receipt(3000, 500, member=PHONE_REF)
    answer = post(house, sold)
    post(house, return_of(sold, (2, 500)))
    same(house)
    assert {row[3] for row in figures(house)} == {first}
    with house.transaction() as tx:
        give_sale(tx, somebody("kim"), UUID(answer.body["sale"]["id"]), second, "wrong card")
    same(house)
    assert figures(house) == [("sale", 3000, 30, second), ("sale", 500, 5, second), ("return", -500, -5, second)]
    assert in_lake(house, "SELECT DISTINCT member_id FROM member_day").to_pylist() == [{"member_id": second}]


def test_a_discarded_sale_is_in_the_lake_no_longer(house: Database) -> None:
    answer = post(house, receipt(1000, lines=[line(1, 1000, product="TRAINING")]))
    post(house, receipt(70))
    same(house)
    with house.transaction() as tx:
        found = propose(tx, somebody("kim"), Subject.SALE, None, UUID(answer.body["sale"]["id"]), "training")
    with house.transaction() as tx:
        confirm(tx, somebody("lee"), found.id)
    same(house)
    assert [row[1] for row in figures(house)] == [70]


# ---------------------------------------------------------------------------------------------- what it promises


def test_a_lake_made_again_from_the_database_is_the_same_lake(house: Database) -> None:
    member = a_member(house)
    for n in range(30):
        long_ago = DAY - timedelta(days=60)
        sold = receipt(1000 + n, 10 * n, member=PHONE_REF if n % 2 else None, business_date=long_ago.isoformat())
        post(house, sold)
        if n % 5 == 0:
            back_on = (long_ago + timedelta(days=n)).isoformat()
            post(house, return_of(sold, (1, 1000 + n), business_date=back_on))
        if n % 10 == 3:
            post(house, void_of(sold))
        deliver(house)
    same(house)
    exported = {kind: said_of(house, kind) for kind in FileKind}
    made = backfill(house)
    assert (made.lines, made.receipts) == (len(exported[FileKind.LINES]), 39)
    assert {kind: said_of(house, kind) for kind in FileKind} == exported
    assert in_lake(house, "SELECT DISTINCT member_id FROM member_day").to_pylist() == [{"member_id": member}]
    post(house, receipt(5, member=PHONE_REF))
    same(house)


def test_some_months_alone_are_made_again(house: Database) -> None:
    post(house, receipt(1000, business_date="2025-11-05"))
    post(house, receipt(500, business_date="2025-12-05"))
    deliver(house)
    with house.transaction() as tx:
        before = {file.id: file.month for file in live_files(tx)}
    made = backfill(house, first=date(2025, 12, 1), last=date(2025, 12, 31))
    assert (made.months, made.receipts, made.lines) == (1, 1, 1)
    with house.transaction() as tx:
        kept = {file.id for file in live_files(tx)} & before.keys()
        assert {before[id] for id in kept} == {date(2025, 11, 1)}
    same(house)


def test_rows_lie_in_order_of_their_members(house: Database) -> None:
    write_lake(house, [LineFacts(DAY, 1, member) for member in (5, 3, None, 9, 3, 1)])
    with house.transaction() as tx:
        paths = [get_settings().lake / file.path for file in live_files(tx) if file.kind is FileKind.LINES]
    assert [pq.read_table(path)["member_id"].to_pylist() for path in paths] == [[1, 3, 3, 5, 9, None]]


def said_of(house: Database, kind: FileKind) -> list[tuple[Any, ...]]:
    names = ", ".join(name for name in SCHEMAS[kind].names if name != "position")
    return sorted((tuple(row.values()) for row in in_lake(house, f"SELECT {names} FROM {kind}").to_pylist()), key=repr)


def test_an_exporter_that_dies_before_it_publishes_has_done_nothing(
    house: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(house, receipt(1000))
    deliver(house)
    post(house, receipt(2000))
    with house.transaction() as tx:
        move_batch(tx)

    class Killed(BaseException):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(exporting, "publish", die)
        with pytest.raises(Killed):
            export_batch(house)
    assert [row[1] for row in figures(house)] == [1000]
    same(house)
    assert [row[1] for row in figures(house)] == [1000, 2000]
    left = sweep(house, grace=timedelta(0), rubbish_age=timedelta(0))
    assert left.rubbish >= 1
    same(house)


def test_of_two_exporters_the_second_to_publish_is_refused(house: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    post(house, receipt(1000))
    with house.transaction() as tx:
        move_batch(tx)
    inner = write_changes

    def overtaken(*arguments: Any) -> Any:
        monkeypatch.setattr(exporting, "write_changes", inner)
        assert export_batch(house) is not None
        return inner(*arguments)

    monkeypatch.setattr(exporting, "write_changes", overtaken)
    with pytest.raises(LakeMoved):
        export_batch(house)
    same(house)
    assert [row[1] for row in figures(house)] == [1000]


def test_files_and_roll_ups_stay_few_however_often_it_is_exported(house: Database) -> None:
    a_member(house)
    for n in range(40):
        post(house, receipt(100 + n, member=PHONE_REF))
        deliver(house)
    same(house)
    with house.transaction() as tx:
        counts = Counter(file.kind for file in live_files(tx))
    assert all(count <= 10 for count in counts.values()), counts


def test_what_says_nothing_new_rewrites_nothing(house: Database) -> None:
    sold = receipt(1000)
    answer = post(house, sold)
    deliver(house)
    with house.transaction() as tx:
        before = live_files(tx)
        announce(tx, "sales.linked", {"sales": [answer.body["sale"]["id"]]})
    deliver(house)
    with house.transaction() as tx:
        assert live_files(tx) == before


def test_a_reader_keeps_what_it_began_with_while_files_are_replaced(house: Database, clock: FixedClock) -> None:
    sold = receipt(3000, member=PHONE_REF)
    post(house, sold)
    deliver(house)
    with house.transaction(read_only=True) as tx, open_lake(tx) as lake:
        assert lake.sql("SELECT sum(amount)::INT AS s FROM lines").to_pylist() == [{"s": 3000}]
        a_member(house)
        attach(house)
        deliver(house)
        assert sweep(house).retired == 0
        assert lake.sql("SELECT count(member_id)::INT AS n FROM lines").to_pylist() == [{"n": 0}]
    clock.advance(timedelta(hours=2))
    assert sweep(house).retired >= 1
    same(house)


def test_lost_files_are_told_to_readers_and_made_again(house: Database) -> None:
    post(house, receipt(1000))
    deliver(house)
    with house.transaction() as tx:
        (get_settings().lake / live_files(tx)[0].path).unlink()
        with pytest.raises(LakeDamaged), open_lake(tx):
            pass
    healed = heal(house)
    assert healed is not None
    assert healed.lines == 1
    assert heal(house) is None
    same(house)


def test_the_check_names_the_store_and_day_that_differ_and_the_roll_up(house: Database) -> None:
    member = a_member(house)
    post(house, receipt(1000, member=PHONE_REF))
    deliver(house)
    write_lake(house, [LineFacts(DAY, 5, member, format="online"), LineFacts(DAY + timedelta(days=40), 7, member)])
    with house.transaction() as tx:
        state = read_state(tx)
        rollup = [file.id for file in live_files(tx) if file.kind is FileKind.MEMBER_DAY][:1]
        publish(tx, [], rollup, expected=state.position, position=state.position)
    found = [str(difference) for difference in check(house).differences]
    assert found == [
        f"store 1, {DAY}: 1 lines and 1000 in the database, 2 lines and 1005 in the lake",
        "member_day of 2026-01: 1 rows differ from the lines",
        f"store 1, {DAY + timedelta(days=40)}: 0 lines and 0 in the database, 1 lines and 7 in the lake",
    ]
    backfill(house)
    assert check(house).differences == ()


def test_events_of_others_move_the_lake_on(house: Database) -> None:
    with house.transaction() as tx:
        announce(tx, "store.changed", {"store_id": 1, "store": "S01"})
    deliver(house)
    with house.transaction() as tx:
        assert read_state(tx).position == last_position(tx) > 0


def test_the_lake_holds_no_personal_data() -> None:
    names = {name for schema in SCHEMAS.values() for name in schema.names}
    assert not {name for name in names if any(word in name for word in ("name", "phone", "birth", "gender", "claim"))}
