"""Facts kept in the process: known at once, dropped everywhere on change, never kept long when nobody can be heard."""

import os
import threading
import time
from collections.abc import Callable, Collection, Mapping

import psycopg
import pytest

from foundation import reference_cache
from foundation.database import Database, Tx
from foundation.reference_cache import ReferenceCache, announce_change, is_heard, on_change

CHANNEL = "tests.words"


class Source:
    """Rows that a test can change, and how often they were read."""

    def __init__(self) -> None:
        self.rows = {"a": 1, "b": 2}
        self.loads: list[list[str]] = []
        self.while_loading: Callable[[], None] = lambda: None

    def load(self, _tx: Tx, keys: Collection[str]) -> Mapping[str, int]:
        self.loads.append(sorted(keys))
        found = {key: self.rows[key] for key in keys if key in self.rows}
        self.while_loading()
        return found


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def cache(source: Source) -> ReferenceCache[str, int]:
    return ReferenceCache(CHANNEL, source.load, max_entries=100)


def eventually(holds: Callable[[], bool], within_s: float = 3.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.01)
    return holds()


def wait_for_listener(database: Database, cache: ReferenceCache[str, int]) -> None:
    with database.transaction() as tx:
        cache.get(tx, ["a"])
    assert eventually(lambda: is_heard(time.monotonic()))
    with database.transaction() as tx:
        cache.get(tx, ["a"])


def test_what_is_known_is_not_read_again(tx: Tx, source: Source, cache: ReferenceCache[str, int]) -> None:
    assert cache.get(tx, ["a", "b"]) == {"a": 1, "b": 2}
    loads = len(source.loads)
    assert cache.get(tx, ["a"]) == {"a": 1}
    assert cache.one(tx, "b") == 2
    assert len(source.loads) in (loads, loads + 1)  # once more if the listener came up in between


def test_what_does_not_exist_is_left_out_and_remembered(
    database: Database, source: Source, cache: ReferenceCache[str, int]
) -> None:
    wait_for_listener(database, cache)
    with database.transaction() as tx:
        assert cache.get(tx, ["a", "x"]) == {"a": 1}
        loads = len(source.loads)
        assert cache.get(tx, ["a", "x"]) == {"a": 1}
        assert cache.one(tx, "x") is None
    assert len(source.loads) == loads


def test_a_transaction_that_changed_the_rows_reads_its_own_work(
    database: Database, source: Source, cache: ReferenceCache[str, int]
) -> None:
    wait_for_listener(database, cache)
    with database.transaction() as tx:
        cache.changed(tx)
        source.rows["a"] = 10
        assert cache.one(tx, "a") == 10
        with database.transaction() as other:
            assert cache.one(other, "a") == 1  # not committed: others go on with what they know
    with database.transaction() as tx:
        assert cache.one(tx, "a") == 10


def test_a_change_that_was_rolled_back_is_forgotten(
    database: Database, source: Source, cache: ReferenceCache[str, int]
) -> None:
    wait_for_listener(database, cache)
    with pytest.raises(ZeroDivisionError), database.transaction() as tx:
        cache.changed(tx)
        source.rows["a"] = 10
        assert cache.one(tx, "a") == 10
        source.rows["a"] = 1
        raise ZeroDivisionError
    with database.transaction() as tx:
        assert cache.one(tx, "a") == 1


def test_what_another_process_changed_is_dropped_here(
    database: Database, source: Source, cache: ReferenceCache[str, int]
) -> None:
    wait_for_listener(database, cache)
    source.rows["a"] = 10
    with psycopg.connect(database.settings.database_url) as elsewhere:
        elsewhere.execute("SELECT pg_notify(%s, %s)", (reference_cache.NOTIFY_CHANNEL, CHANNEL))

    def is_new() -> bool:
        with database.transaction() as tx:
            return cache.one(tx, "a") == 10

    assert eventually(is_new, within_s=1)


def test_what_was_read_before_a_change_was_heard_is_not_kept(
    database: Database, source: Source, cache: ReferenceCache[str, int]
) -> None:
    wait_for_listener(database, cache)

    def change_meanwhile() -> None:
        source.while_loading = lambda: None
        source.rows["b"] = 20
        cache.drop()

    source.while_loading = change_meanwhile
    with database.transaction() as tx:
        assert cache.one(tx, "b") == 2
        assert cache.one(tx, "b") == 20


def test_without_a_listener_nothing_is_kept_past_five_seconds(
    tx: Tx, source: Source, cache: ReferenceCache[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.one(tx, "a")
    source.rows["a"] = 10
    monkeypatch.setattr(reference_cache._listener, "trusted_until", 0.0)
    monkeypatch.setattr(reference_cache._listener, "_listen", lambda *_: time.sleep(60))
    cache._born = time.monotonic() - reference_cache.UNHEARD_AGE_S + 1
    assert cache.one(tx, "a") == 1
    cache._born = time.monotonic() - reference_cache.UNHEARD_AGE_S - 0.1
    assert cache.one(tx, "a") == 10


def test_no_more_is_kept_than_allowed(tx: Tx, source: Source, cache: ReferenceCache[str, int]) -> None:
    for number in range(1_000):
        cache.one(tx, f"unknown {number}")
    assert len(cache._known) <= 100


def test_many_threads_share_it(database: Database, source: Source, cache: ReferenceCache[str, int]) -> None:
    wrong: list[object] = []

    def read() -> None:
        with database.transaction() as tx:
            wrong.extend(seen for _ in range(2_000) if (seen := cache.get(tx, ("a", "b"))) != {"a": 1, "b": 2})

    def disturb() -> None:
        for _ in range(200):
            cache.drop()

    threads = [threading.Thread(target=work) for work in (read, read, read, disturb)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert wrong == []


def test_a_hearer_of_its_own_is_told_the_subject(database: Database) -> None:
    heard: list[str] = []
    on_change("tests.subjects", heard.append)
    with database.transaction() as tx:
        announce_change(tx, "tests.subjects", "42")
        assert "42" not in heard
    assert "42" in heard


def test_a_forked_child_starts_its_own_listener(
    database: Database, source: Source, cache: ReferenceCache[str, int]
) -> None:
    wait_for_listener(database, cache)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        heard = is_heard(time.monotonic())
        os.write(writer, b"trusts" if heard or reference_cache._listener._engine is not None else b"starts anew")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 100) == b"starts anew"
    assert is_heard(time.monotonic())
