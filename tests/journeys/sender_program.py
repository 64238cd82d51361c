"""One sender of messages as a process of its own, to be killed at any moment: python -m tests.journeys.sender_program.

Its leases are short, so that what a killed one leaves lying is taken up within the length of a test.
"""

import random
import sys
import time
from datetime import timedelta

import psycopg
import sqlalchemy

from foundation.database import database
from foundation.settings import get_settings
from marketing.messages import gate, sending
from marketing.messages.gateway import open_gateway

LEASE = timedelta(seconds=6)
BREAK_S = 0.2


def main() -> int:
    settings = get_settings()
    for room in (gate, sending):
        setattr(room, "LEASE", LEASE)  # noqa: B010 (both rooms know it by its own name)
    sending.ASK_AFTER = timedelta(seconds=1)
    sending.BACKOFF = timedelta(milliseconds=500)
    sending.OPEN_FOR = timedelta(seconds=1)
    gateway = open_gateway(settings.sms_gateway_url, settings.sms_gateway_key, answer_timeout_s=2.0)
    while True:
        try:
            left = sending.send_all(database(), gateway, time.monotonic() + 5)
        except (sqlalchemy.exc.DBAPIError, psycopg.Error):
            left = False  # a lock that somebody held too long: the next round
        if not left:
            time.sleep(random.uniform(0, BREAK_S))


if __name__ == "__main__":
    sys.exit(main())
