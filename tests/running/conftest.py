"""Commands of the house make their environment that of their process: the next test must find its own again."""

import os
from collections.abc import Iterator

import pytest

from foundation.settings import get_settings


@pytest.fixture(autouse=True)
def environment_as_before() -> Iterator[None]:
    """The variables of this process after the test are those before it."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
    get_settings.cache_clear()
