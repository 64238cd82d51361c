"""Lanes keep the order of what is put into them, and one that fails stops all."""

from threading import Lock

import pytest

from regulars.demo.lanes import Lanes
from regulars.demo.receipts import Batch


def _batch(lane: int, number: int) -> Batch:
    return Batch(lane, number, f"{lane}-{number}", b"", 1, 1)


def test_each_lane_posts_its_batches_in_order() -> None:
    posted: list[tuple[int, int]] = []
    lock = Lock()

    def post(batch: Batch) -> None:
        with lock:
            posted.append((batch.lane, batch.number))

    with Lanes(3, post) as lanes:
        for number in range(20):
            for lane in range(3):
                lanes.put(_batch(lane, number))
    for lane in range(3):
        assert [number for at, number in posted if at == lane] == list(range(20))


def test_an_error_in_one_lane_stops_all_and_reaches_the_caller() -> None:
    posted: list[int] = []

    def post(batch: Batch) -> None:
        if batch.lane == 1 and batch.number == 3:
            raise RuntimeError("the third batch is bad")
        posted.append(batch.number)

    with pytest.raises(RuntimeError, match="third batch"), Lanes(2, post) as lanes:
        for number in range(10_000):
            lanes.put(_batch(0, number))
            lanes.put(_batch(1, number))
    assert len(posted) < 50
