"""What a member writes on the phone is a complaint with a store's people, once, and sealed."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask

from foundation.database import Database
from marketing.tasks.help_pages import SAID_IN_A_DAY_MAX, _complain
from marketing.tasks.operations import open_complaints
from tests.marketing.tasks.factories import a_member_of, a_shop
from tests.member_api.phone.phones import Phone

WORDS = "The shoes came in two sizes."


@pytest.fixture
def member(database: Database) -> int:
    with database.transaction() as tx:
        a_shop(tx)
        return a_member_of(tx)


@pytest.fixture
def phone(app: Flask, database: Database, member: int) -> Phone:
    phone = Phone(app, database)
    phone.logs_in()
    return phone


def test_a_complaint_from_the_phone_lies_with_the_members_store(phone: Phone, database: Database, member: int) -> None:
    assert phone.act("/m/help", "/m/help", said=WORDS).headers["Location"] == "/m/help?heard=1"
    phone.act("/m/help", "/m/help", said=f" {WORDS}\r\n")
    with database.transaction(read_only=True) as tx:
        [task] = tx.execute("SELECT store, complaint, row_to_json(t)::text AS whole FROM marketing.task AS t").all()
        assert (task.store, task.complaint) == ("S01", True)
        assert "shoes" not in task.whole
        assert member in open_complaints(tx, [member])
    assert "Somebody of your store will call you." in phone.get("/m/help", heard="1").text


@pytest.mark.parametrize("said", ["", "  \n ", "x" * 1_001, "a\u0007"])
def test_what_cannot_be_kept_is_told_and_not_lost(phone: Phone, database: Database, said: str) -> None:
    refused = phone.act("/m/help", "/m/help", said=said)
    assert refused.status_code == 422
    with database.transaction(read_only=True) as tx:
        assert tx.execute("SELECT count(*) FROM marketing.task").scalar_one() == 0


def test_nobody_fills_a_stores_list_alone(phone: Phone, database: Database) -> None:
    answers = [phone.act("/m/help", "/m/help", said=f"{WORDS} {n}").status_code for n in range(6)]
    assert answers == [303] * 5 + [422]


def test_what_a_phone_sends_side_by_side_is_counted_too(app: Flask, database: Database, member: int) -> None:
    together = Barrier(SAID_IN_A_DAY_MAX + 3)

    def say(n: int) -> str:
        with app.test_request_context("/m/help"), database.transaction() as tx:
            together.wait(timeout=60)
            return _complain(tx, member, f"{WORDS} {n}")

    with ThreadPoolExecutor(together.parties) as threads:
        faults = list(threads.map(say, range(together.parties)))
    assert faults.count("") == SAID_IN_A_DAY_MAX
