"""Who is held out: the same for ever, as many as asked for, and independent from one salt to the next."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency, chisquare

from marketing.experiments.assignment import bucket, buckets, held_out, is_held_out


@pytest.mark.parametrize(("member", "expected"), [(1, 3445), (2, 8173), (987_654_321, 7823)])
def test_a_members_bucket_never_changes(member: int, expected: int) -> None:
    """These numbers stand in experiments that ran: if they change, past control groups are other people."""
    assert bucket("campaign/7", member) == expected


def test_many_are_assigned_as_each_alone() -> None:
    assert buckets("s", range(1, 200)).tolist() == [bucket("s", member) for member in range(1, 200)]
    assert set(held_out("s", range(1, 200), 1_500)) == {m for m in range(1, 200) if is_held_out("s", m, 1_500)}


def test_all_buckets_are_equally_likely() -> None:
    counts = np.bincount(buckets("even", range(100_000)) // 100, minlength=100)
    assert chisquare(counts).pvalue > 0.001


def test_a_share_of_nothing_and_of_everything() -> None:
    assert len(held_out("s", range(1_000), 0)) == 0
    assert len(held_out("s", range(1_000), 10_000)) == 1_000


def test_whoever_was_held_out_stays_so_when_the_share_grows() -> None:
    assert held_out("s", range(5_000), 500) <= held_out("s", range(5_000), 1_000)


def test_two_salts_hold_out_independently() -> None:
    first, second = buckets("campaign/1", range(20_000)) < 1_000, buckets("campaign/2", range(20_000)) < 1_000
    table = np.histogram2d(first, second, bins=2)[0]
    assert chi2_contingency(table).pvalue > 0.001
