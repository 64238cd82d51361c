"""The whole source, read once for all tests of the demo (about a second)."""

import pytest

from regulars.demo.places import Places, find_places
from regulars.demo.source import Source, read_source


@pytest.fixture(scope="session")
def source() -> Source:
    return read_source()


@pytest.fixture(scope="session")
def places(source: Source) -> Places:
    return find_places(source.baskets)
