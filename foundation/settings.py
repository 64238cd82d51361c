"""The one reader of the environment.

Every setting of a process is here, with its meaning and default; nothing else looks at `os.environ`.
Secrets are 32 bytes, given as hex in the variable itself or in the file named by the variable + `_FILE`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SECRETS = ("SECRET_KEY", "IDENTITY_KEY", "BLIND_INDEX_KEY", "SEAL_KEY")


class SettingMissing(Exception):
    """A setting that has no default was not given, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one process needs to know.

    Durations are seconds. `identity_key` wraps the members' own data keys, `blind_index_key` makes look-up
    digests of identifiers, `seal_key` is the Ed25519 seed that signs the nightly root. `payments_hurry` divides every
    waiting time of payments: a clock that runs faster, for tests.
    """

    database_url: str
    redis_url: str
    home: Path
    secret_key: bytes
    identity_key: bytes
    blind_index_key: bytes
    seal_key: bytes
    port: int = 8000
    web_host: str = "127.0.0.1"
    web_processes: int = 2
    web_threads: int = 8
    database_pool: int = 10
    statement_timeout_s: int = 30
    lock_timeout_s: int = 5
    company_timezone: str = "Asia/Shanghai"
    company_currency: str = "CNY"
    rate_limit_machine: int = 600
    rate_limit_person: int = 20
    idempotency_days: int = 40
    log_level: str = "info"
    trusted_proxies: int = 0
    lake: Path = Path(".regulars/lake")
    analytics_memory_mb: int = 2048
    sms_gateway_url: str = ""
    sms_gateway_key: str = ""
    acquirer: str = ""
    wallet_apps_url: str = ""
    wallet_apps_key: str = ""
    alipay_private_key: str = ""
    alipay_public_key: str = ""
    handheld_cash: bool = False
    acquirer_files: str = ""
    payments_hurry: int = 1


def _secret(environ: Mapping[str, str], name: str) -> bytes:
    text = environ.get(name)
    if text is None and (file := environ.get(f"{name}_FILE")):
        text = Path(file).read_text()
    if text is None:
        raise SettingMissing(f"{name} or {name}_FILE must give 32 bytes as 64 hex digits")
    try:
        value = bytes.fromhex(text.strip())
    except ValueError:
        raise SettingMissing(f"{name} is not hexadecimal") from None
    if len(value) != 32:
        raise SettingMissing(f"{name} must be 32 bytes, it is {len(value)}")
    return value


def _text(environ: Mapping[str, str], name: str) -> str:
    """A setting of several lines, or the file that it stands in; empty where there is neither."""
    text = environ.get(name)
    if text is None and (file := environ.get(f"{name}_FILE")):
        try:
            text = Path(file).read_text()
        except OSError as error:
            raise SettingMissing(f"{name}_FILE cannot be read: {error.strerror}") from None
    return text or ""


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from a mapping of variables. Raises SettingMissing with the name of what is wrong."""

    def number(name: str, default: int) -> int:
        try:
            return int(environ.get(name, default))
        except ValueError:
            raise SettingMissing(f"{name} must be a whole number") from None

    for required in ("DATABASE_URL", "REDIS_URL"):
        if not environ.get(required):
            raise SettingMissing(f"{required} is not set; `make run` sets it for the servers it starts itself")
    return Settings(
        database_url=environ["DATABASE_URL"],
        redis_url=environ["REDIS_URL"],
        home=Path(environ.get("REGULARS_HOME", ".regulars")).absolute(),
        secret_key=_secret(environ, "SECRET_KEY"),
        identity_key=_secret(environ, "IDENTITY_KEY"),
        blind_index_key=_secret(environ, "BLIND_INDEX_KEY"),
        seal_key=_secret(environ, "SEAL_KEY"),
        port=number("PORT", 8000),
        web_host=environ.get("WEB_HOST", "127.0.0.1"),
        web_processes=number("WEB_PROCESSES", 2),
        web_threads=number("WEB_THREADS", 8),
        database_pool=number("DATABASE_POOL", 10),
        statement_timeout_s=number("STATEMENT_TIMEOUT_S", 30),
        lock_timeout_s=number("LOCK_TIMEOUT_S", 5),
        company_timezone=environ.get("COMPANY_TIMEZONE", "Asia/Shanghai"),
        company_currency=environ.get("COMPANY_CURRENCY", "CNY"),
        rate_limit_machine=number("RATE_LIMIT_MACHINE", 600),
        rate_limit_person=number("RATE_LIMIT_PERSON", 20),
        idempotency_days=number("IDEMPOTENCY_DAYS", 40),
        log_level=environ.get("LOG_LEVEL", "info"),
        trusted_proxies=number("TRUSTED_PROXIES", 0),
        lake=Path(environ.get("LAKE") or Path(environ.get("REGULARS_HOME", ".regulars")) / "lake").absolute(),
        analytics_memory_mb=number("ANALYTICS_MEMORY_MB", 2048),
        sms_gateway_url=environ.get("SMS_GATEWAY_URL", ""),
        sms_gateway_key=environ.get("SMS_GATEWAY_KEY", ""),
        acquirer=environ.get("ACQUIRER", ""),
        wallet_apps_url=environ.get("WALLET_APPS_URL", ""),
        wallet_apps_key=environ.get("WALLET_APPS_KEY", ""),
        alipay_private_key=_text(environ, "ALIPAY_PRIVATE_KEY"),
        alipay_public_key=_text(environ, "ALIPAY_PUBLIC_KEY"),
        handheld_cash=environ.get("HANDHELD_CASH", "") == "1",
        acquirer_files=environ.get("ACQUIRER_FILES", ""),
        payments_hurry=max(1, number("PAYMENTS_HURRY", 1)),
    )


@cache
def get_settings() -> Settings:
    """The settings of this process."""
    return read_settings(os.environ)
