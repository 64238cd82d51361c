"""The phones of the members, for one test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.marketing.messages.phones import Phones, phones


@pytest.fixture
def the_phones(tmp_path: Path) -> Iterator[Phones]:
    with phones(tmp_path / "book.jsonl") as running:
        yield running
