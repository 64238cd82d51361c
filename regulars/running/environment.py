"""What our processes are told by their environment.

`foundation.settings` is the one reader of settings; this room only *writes* them: it completes what the operator gave
with the addresses of the embedded servers and the files of the keys, and hands the whole to every process it starts.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from foundation.settings import get_settings
from regulars.running.home import Home
from regulars.running.keys import key_environment
from regulars.running.problems import CannotRun
from regulars.running.servers import embedded_servers, started

DEFAULT_HOME = ".regulars"
# The demo's company sells in America; its rules and pages should not speak of yuan.
DEMO_COMPANY = {"COMPANY_CURRENCY": "USD", "COMPANY_TIMEZONE": "America/New_York"}


def given_environment() -> dict[str, str]:
    """The variables as the operator gave them."""
    return dict(os.environ)


def home_of(given: Mapping[str, str]) -> Home:
    """The home that REGULARS_HOME names, made if need be."""
    home = Home(Path(given.get("REGULARS_HOME") or DEFAULT_HOME).absolute())
    home.prepare()
    return home


def adopt(environment: Mapping[str, str]) -> None:
    """Make this the environment of our own process, and its settings."""
    os.environ.update(environment)
    get_settings.cache_clear()


def own_environment(home: Home, given: Mapping[str, str], *, demo: bool = False) -> dict[str, str]:
    """What every process of the house gets beside the addresses of the servers. What the operator gave comes first."""
    company = DEMO_COMPANY if demo or home.credentials.exists() else {}
    return {**company, **given, **key_environment(home.keys, given), "REGULARS_HOME": str(home.root)}


@contextmanager
def database_at_hand() -> Iterator[Home]:
    """For a command beside the house: our process's settings lead to its database, whether it runs or not.

    Given addresses are used as they are; those of a running house come from its note; when it is down, the embedded
    servers run for the length of the block. Raises CannotRun when they cannot.
    """
    given = given_environment()
    home = home_of(given)
    environment = own_environment(home, given)
    if given.get("DATABASE_URL") and given.get("REDIS_URL"):
        adopt(environment)
        yield home
        return
    if addresses := home.running_addresses():
        adopt({**environment, **{name: addresses[name] for name in ("DATABASE_URL", "REDIS_URL")}})
        yield home
        return
    if not home.has_data():
        raise CannotRun(
            f"There are no data in {home.root} yet: `make run` makes them, or set DATABASE_URL and REDIS_URL."
        )
    with home.only_one(), started(embedded_servers(home, given)) as addresses:
        adopt({**environment, **addresses})
        yield home
