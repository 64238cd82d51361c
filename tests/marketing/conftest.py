"""For all of marketing: tasks that are sent after a commit go to the Valkey of the run, where nobody waits for them."""

import pytest

from foundation.queues import configure_queue
from foundation.settings import Settings


@pytest.fixture(autouse=True)
def _queue(request: pytest.FixtureRequest) -> None:
    if "environment" in request.fixturenames or "database" in request.fixturenames or "tx" in request.fixturenames:
        settings: Settings = request.getfixturevalue("settings")
        assert settings.redis_url
        configure_queue()
