"""What a house still has to post of its demo, by the marks that complete loads have left."""

from pathlib import Path

import pytest

from regulars.demo.department.notes import LOADED as DEPARTMENT_LOADED
from regulars.demo.state import LOADED
from regulars.running.home import Home
from regulars.running.house import demo_lacks


@pytest.mark.parametrize(
    ("marks", "department", "lacks"),
    [
        ([], True, []),
        ([], False, ["--no-department"]),
        ([LOADED], True, ["--no-groceries"]),
        ([LOADED], False, None),
        ([DEPARTMENT_LOADED], True, ["--no-department"]),
        ([LOADED, DEPARTMENT_LOADED], True, None),
    ],
)
def test_a_house_posts_what_its_demo_lacks_and_no_more(
    tmp_path: Path, marks: list[str], department: bool, lacks: list[str] | None
) -> None:
    for mark in marks:
        (tmp_path / mark).touch()
    assert demo_lacks(Home(tmp_path), department=department) == lacks
