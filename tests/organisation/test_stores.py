"""Stores and counters on the real database."""

import threading
import time
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from foundation.access import PlaceForbidden
from foundation.database import Database, Tx
from foundation.errors import DomainError
from foundation.http.puts import Done
from organisation.changes.operations import Subject, changes_of
from organisation.contract import CurrencyMoved, counters_by_code, fix_currency, stores_by_code
from organisation.counters.operations import list_counters, load_counters, put_counters
from organisation.counters.rules import CounterStoreUnknown, CounterWish
from organisation.facts import CounterMode, StoreStatus
from organisation.stores.operations import list_stores, load_stores, put_stores
from organisation.stores.rules import CurrencyFixed, StoreIncomplete, StoreWish
from tests.organisation.factories import a_counter, a_store, committed_store, somebody

READER = somebody("organisation.read")


def count(tx: Tx, table: str) -> int:
    tx.flush()
    return int(tx.execute(f"SELECT count(*) FROM {table}").scalar_one())


def test_a_store_is_kept_as_it_was_wished_for(tx: Tx) -> None:
    wish = StoreWish(
        "S01",
        name="南京东路店",
        format="department_store",
        region="EAST",
        legal_unit="LU1",
        currency="HKD",
        timezone="Asia/Hong_Kong",
        opened_on=date(2020, 5, 1),
        status=StoreStatus.PLANNED,
        area_m2=Decimal("12000.50"),
        category_areas={("FOOD", "DAIRY"): Decimal(40)},
    )
    outcome = put_stores(tx, None, [wish])[0]
    assert isinstance(outcome, Done)
    assert load_stores(tx, ["S01"])["S01"].store == outcome.value
    facts = stores_by_code(tx, ["S01", "S99"])
    assert list(facts) == ["S01"]
    assert (facts["S01"].format, facts["S01"].region, facts["S01"].legal_unit, facts["S01"].currency) == (
        "department_store",
        "EAST",
        "LU1",
        "HKD",
    )


def test_unchanged_content_writes_nothing(tx: Tx) -> None:
    a_store(tx, area_m2=Decimal(100), region="EAST")
    before = (count(tx, "organisation.change"), count(tx, "foundation.outbox"))
    outcome = put_stores(tx, None, [StoreWish("S01", name="Store S01", area_m2=Decimal(100), region="EAST")])[0]
    assert isinstance(outcome, Done)
    assert not outcome.created
    assert (count(tx, "organisation.change"), count(tx, "foundation.outbox")) == before


def test_one_bad_item_never_blocks_the_rest(tx: Tx) -> None:
    outcomes = put_stores(tx, None, [StoreWish("S01", name="A"), StoreWish("S02"), StoreWish("S03", name="C")])
    assert [isinstance(outcome, Done) for outcome in outcomes] == [True, False, True]
    assert isinstance(outcomes[1], StoreIncomplete)
    assert set(load_stores(tx, ["S01", "S02", "S03"])) == {"S01", "S03"}


def test_the_same_store_twice_in_a_batch_is_made_and_then_changed(tx: Tx) -> None:
    outcomes = put_stores(tx, None, [StoreWish("S01", name="A"), StoreWish("S01", name="B")])
    assert [outcome.created for outcome in outcomes if isinstance(outcome, Done)] == [True, False]
    assert load_stores(tx, ["S01"])["S01"].store.name == "B"


def test_who_acts_in_one_store_puts_no_other(tx: Tx) -> None:
    a_store(tx, "S02")
    actor = somebody("organisation.write", stores=("S01",))
    outcomes = put_stores(tx, actor, [StoreWish("S01", name="Mine"), StoreWish("S02", name="Not mine")])
    assert isinstance(outcomes[0], Done)
    assert isinstance(outcomes[1], PlaceForbidden)
    assert load_stores(tx, ["S02"])["S02"].store.name == "Store S02"


def test_the_trail_says_what_changed_from_what_to_what(tx: Tx) -> None:
    a_store(tx)
    put_stores(tx, somebody("organisation.write"), [StoreWish("S01", region="WEST", currency="USD")])
    tx.flush()
    newest, first = changes_of(tx, Subject.STORE, load_stores(tx, ["S01"])["S01"].id)
    assert (newest.action, newest.actor_kind, newest.actor_id) == ("changed", "person", "0")
    assert newest.fields == {"region": [None, "WEST"], "currency": ["CNY", "USD"]}
    assert (first.action, first.actor_kind) == ("created", "system")


def test_once_something_was_posted_the_currency_stays(tx: Tx) -> None:
    a_store(tx)
    store = stores_by_code(tx, ["S01"])["S01"]
    fix_currency(tx, store)
    assert stores_by_code(tx, ["S01"])["S01"].currency_fixed
    assert isinstance(put_stores(tx, None, [StoreWish("S01", currency="HKD")])[0], CurrencyFixed)


def test_a_posting_that_believed_in_an_older_currency_is_told(tx: Tx) -> None:
    a_store(tx)
    store = stores_by_code(tx, ["S01"])["S01"]
    put_stores(tx, None, [StoreWish("S01", currency="HKD")])
    with pytest.raises(CurrencyMoved):
        fix_currency(tx, store)


def test_a_reader_sees_the_stores_of_their_places_only(tx: Tx) -> None:
    for code in ("S01", "S02", "S03"):
        a_store(tx, code)
    viewer = somebody("organisation.read", stores=("S01", "S03"))
    assert [kept.store.code for kept in list_stores(tx, viewer)] == ["S01", "S03"]


def test_stores_are_found_by_part_of_code_or_name_and_paged_by_code(tx: Tx) -> None:
    for code, name in (("A1", "North 50%"), ("A2", "South"), ("B1", "north")):
        a_store(tx, code, name=name)

    def codes(**options: Any) -> list[str]:
        return [kept.store.code for kept in list_stores(tx, READER, **options)]

    assert codes(search="NORTH") == ["A1", "B1"]
    assert codes(search="50%") == ["A1"]
    assert codes(search="%") == ["A1"]
    assert codes(after="A1", limit=1) == ["A2"]


def test_a_counter_is_kept_with_its_history(tx: Tx) -> None:
    a_store(tx)
    wish = CounterWish(
        "S01",
        "C1",
        name="Watches",
        mode=CounterMode.CONCESSION,
        rate=Decimal("0.25"),
        guaranteed_minimum=5_000_000,
        promotion_rates={"P7": Decimal("0.18")},
        supplier="V1",
        category=("JEWELLERY", "WATCHES"),
        brand="Tik",
        floor="2F",
        area_m2=Decimal("30.5"),
        takes_coupons=False,
    )
    outcome = put_counters(tx, None, [wish])[0]
    assert isinstance(outcome, Done)
    put_counters(tx, None, [CounterWish("S01", "C1", rate=Decimal("0.3"), effective_from=date(2026, 2, 1))])
    counter = load_counters(tx, [("S01", "C1")])["S01", "C1"].counter
    assert counter.terms_on(date(2026, 1, 31)).rate == Decimal("0.25")
    assert counter.terms_on(date(2026, 2, 1)).rate == Decimal("0.3")
    facts = counters_by_code(tx, stores_by_code(tx, ["S01"])["S01"].id, ["C1"])["C1"]
    assert (facts.rate_on(date(2026, 2, 1)), facts.rate_on(date(2026, 2, 1), "P7")) == (Decimal("0.3"), Decimal("0.18"))
    assert (facts.category, facts.takes_points, facts.takes_coupons) == (("JEWELLERY", "WATCHES"), True, False)


def test_a_counter_has_its_stores_legal_unit_and_format_unless_it_has_its_own(tx: Tx) -> None:
    a_store(tx, format="department_store", legal_unit="LU1")
    a_counter(tx, code="C1")
    a_counter(tx, code="C2", legal_unit="LU2", format="restaurant")
    found = counters_by_code(tx, stores_by_code(tx, ["S01"])["S01"].id, ["C1", "C2"])
    assert (found["C1"].legal_unit, found["C1"].format) == ("LU1", "department_store")
    assert (found["C2"].legal_unit, found["C2"].format) == ("LU2", "restaurant")


def test_the_same_code_may_stand_in_two_stores(tx: Tx) -> None:
    a_store(tx, "S01")
    a_store(tx, "S02")
    first, second = a_counter(tx, "S01", "C1"), a_counter(tx, "S02", "C1")
    assert first.id != second.id
    viewer = somebody("organisation.read", stores=("S02",))
    assert [kept.id for kept in list_counters(tx, viewer)] == [second.id]


def test_a_counter_stands_in_a_store_that_exists(tx: Tx) -> None:
    assert isinstance(put_counters(tx, None, [CounterWish("S99", "C1", name="X")])[0], CounterStoreUnknown)


def at_the_same_time(database: Database, *works: Any) -> list[Any]:
    """Run each work in a thread and transaction of its own, begun together."""
    start, results = threading.Barrier(len(works)), [None] * len(works)

    def run(place: int, work: Any) -> None:
        with database.transaction() as tx:
            tx.execute("SELECT 1")
            start.wait(5)
            results[place] = work(tx)

    threads = [threading.Thread(target=run, args=each) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return results


def test_a_store_put_by_many_at_the_same_time_is_made_once(database: Database) -> None:
    def put(tx: Tx) -> Any:
        return put_stores(tx, None, [StoreWish("S01", name="Main", region="EAST", format="convenience")])[0]

    outcomes = at_the_same_time(database, *[put] * 6)
    assert sorted(outcome.created for outcome in outcomes) == [False] * 5 + [True]
    with database.transaction() as tx:
        assert count(tx, "organisation.store") == 1
        assert count(tx, "organisation.change") == 1


def test_a_counter_put_by_many_at_the_same_time_is_made_once(database: Database) -> None:
    committed_store(database)

    def put(tx: Tx) -> Any:
        return put_counters(tx, None, [CounterWish("S01", "C1", name="Watches", supplier="V1")])[0]

    outcomes = at_the_same_time(database, *[put] * 6)
    assert sorted(outcome.created for outcome in outcomes) == [False] * 5 + [True]


def test_batches_that_name_the_same_stores_in_other_orders_do_not_block_each_other(database: Database) -> None:
    for code in ("S01", "S02", "S03"):
        committed_store(database, code)

    def put(codes: list[str], name: str) -> Any:
        return lambda tx: put_stores(tx, None, [StoreWish(code, name=name) for code in codes])

    outcomes = at_the_same_time(database, put(["S01", "S02", "S03"], "x"), put(["S03", "S02", "S01"], "y"))
    assert all(not isinstance(outcome, DomainError) for several in outcomes for outcome in several)


def test_what_another_process_changed_is_known_here_long_before_what_is_kept_grows_old(database: Database) -> None:
    committed_store(database)
    with database.transaction() as tx:
        assert stores_by_code(tx, ["S01"])["S01"].name == "Store S01"
    time.sleep(0.3)  # the listener has its connection by then; until it has, nothing is kept long
    # Another process: its own connection, none of our caches.
    with psycopg.connect(database.settings.database_url) as elsewhere:
        elsewhere.execute("UPDATE organisation.store SET name = 'Renamed'")
        elsewhere.execute("SELECT pg_notify('reference_cache', 'organisation.stores')")
    deadline = time.monotonic() + 4
    name = ""
    while name != "Renamed" and time.monotonic() < deadline:
        with database.transaction() as tx:
            name = stores_by_code(tx, ["S01"])["S01"].name
    assert name == "Renamed"
