"""A small shop for target lists: stores, members with a word each, sales in the lake."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from foundation.database import Database
from member_api.consents.operations import say
from member_api.consents.rules import Channel, ConsentWord, Purpose
from tests.analytics.lake_factory import LineFacts, write_lake
from tests.member_api.people import enrolled
from tests.organisation.factories import a_store

TODAY = date(2026, 1, 5)


@dataclass(frozen=True)
class Shop:
    """Members by what they are like."""

    big: int  # spent 900.00 in three receipts, home store S01, said yes to text messages
    small: int  # spent 50.00, home store S02
    away: int  # spent 900.00 half a year ago, home store S02
    private: int  # spent 900.00, refused profiling
    silent: int  # never bought, no home store


def a_shop(database: Database) -> Shop:
    with database.transaction() as tx:
        a_store(tx, "S01", format="supermarket")
        a_store(tx, "S02", format="department")
        shop = Shop(
            big=enrolled(tx, "13800138001", name="张三", home_store="S01"),
            small=enrolled(tx, "13800138002", name="李四", home_store="S02"),
            away=enrolled(tx, "13800138003", name="王五", home_store="S02"),
            private=enrolled(tx, "13800138004", name="赵六", home_store="S01"),
            silent=enrolled(tx, "13800138005", name="孙七"),
        )
        tx.flush()
        _says(tx, shop.big, Channel.SMS, Purpose.MARKETING, granted=True)
        _says(tx, shop.private, Channel.ANY, Purpose.PROFILING, granted=False)
    write_lake(database, _lines(shop))
    return shop


def _says(tx: object, member: int, channel: Channel, purpose: Purpose, *, granted: bool) -> None:
    word = ConsentWord(channel, purpose, granted=granted, at=tx.now)  # type: ignore[attr-defined]
    say(tx, member, [word], taken_by="test", source="test")  # type: ignore[arg-type]


def _lines(shop: Shop) -> Iterable[LineFacts]:
    for days in (1, 10, 20):
        yield LineFacts(TODAY - timedelta(days), 300_00, shop.big, format="supermarket")
    yield LineFacts(TODAY - timedelta(3), 50_00, shop.small)
    yield LineFacts(TODAY - timedelta(180), 900_00, shop.away)
    yield LineFacts(TODAY - timedelta(3), 900_00, shop.private)
