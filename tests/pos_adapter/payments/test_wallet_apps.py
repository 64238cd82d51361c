"""Payment codes of wallet apps: the payer types a password, the app does not know, nobody is charged twice."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from pos_adapter.payments import alipay
from pos_adapter.payments.operations import payments_of, sweep
from pos_adapter.payments.wechat import is_signed, read_xml, sign, written
from tests.pos_adapter.payments.simulators import (
    WECHAT_KEY,
    Simulator,
    alipay_keys,
    codes_taken,
    merchant_keys,
    wallet_apps,
)
from tests.pos_adapter.payments.test_card_payments import outcome, states, until_ended
from tests.pos_adapter.tickets.callers import Floor

ANSWER_S = 1.0
CODES = {"wechat": "13" + "0" * 14, "alipay": "28" + "0" * 14}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    folder: Path = tmp_path_factory.mktemp("wallets")
    with wallet_apps(folder, "--hurry", "100") as simulator:
        yield simulator


@pytest.fixture
def apps(running: Simulator) -> Iterator[Simulator]:
    running.faults()
    with codes_taken(running, ANSWER_S):
        yield running


@pytest.fixture
def floor(http: FlaskClient, database: Database, apps: Simulator) -> Floor:
    return Floor(http, database)


codes = iter(range(10_000))


def fresh_code(brand: str) -> str:
    """A code as it stands on a phone; each pays once."""
    return f"{CODES[brand]}{next(codes):02d}"[:18] if brand == "wechat" else f"{CODES[brand]}{next(codes):04d}"


def paying(floor: Floor, ticket: str, code: str) -> UUID:
    """A settlement that waits for a wallet app."""
    owed = floor.ticket(ticket)["amount"]
    tender = {"kind": "code", "amount": owed, "payment": {"rail": "code", "code": code}}
    answer = floor.settle(ticket, tenders=[tender])
    assert answer.status_code == 201, answer.text
    assert answer.get_json()["state"] == "pending"
    return UUID(answer.get_json()["id"])


def stands(apps: Simulator, database: Database, settlement: UUID) -> tuple[str, int]:
    """A payment as the app has it: its state and what was taken."""
    with database.transaction(read_only=True) as tx:
        [payment] = payments_of(tx, settlement)
    found = {each["number"]: each for each in apps.booked()["payments"]}.get(payment.id.hex)
    if found is None:
        return "nothing", 0
    return found["state"], found["amount"] if found["state"] == "paid" else 0


@pytest.mark.parametrize("brand", ["wechat", "alipay"])
def test_a_code_pays_a_ticket(floor: Floor, database: Database, apps: Simulator, brand: str) -> None:
    ticket = floor.issued("C1", 1990)
    settlement = paying(floor, ticket, fresh_code(brand))
    sweep(database)
    assert (outcome(floor, settlement)["state"], floor.state(ticket)) == ("paid", "paid")
    assert stands(apps, database, settlement) == ("paid", 1990)


@pytest.mark.parametrize("brand", ["wechat", "alipay"])
def test_a_code_pays_once(floor: Floor, database: Database, apps: Simulator, brand: str) -> None:
    code = fresh_code(brand)
    first = paying(floor, floor.issued("C1", 1990), code)
    sweep(database)
    settlement = paying(floor, floor.issued("C1", 1990), code)
    sweep(database)
    assert (outcome(floor, first)["state"], outcome(floor, settlement)["state"]) == ("paid", "failed")
    assert stands(apps, database, settlement) == ("nothing", 0)


@pytest.mark.parametrize("brand", ["wechat", "alipay"])
def test_the_payer_types_a_password_and_is_waited_for(
    floor: Floor, database: Database, apps: Simulator, clock: FixedClock, brand: str
) -> None:
    ended = set()
    apps.faults(user_paying=1)
    for _ in range(6):
        ticket = floor.issued("C1", 1990)
        settlement = paying(floor, ticket, fresh_code(brand))
        sweep(database)
        assert states(database, settlement) == ["pending"]
        sweep(database)
        assert states(database, settlement) == ["pending"]  # not asked before its time
        told = until_ended(database, clock, floor, settlement)
        ended.add(told["state"])
        taken = 1990 if told["state"] == "paid" else 0
        assert stands(apps, database, settlement)[1] == taken
        assert floor.state(ticket) == ("paid" if taken else "issued")
    assert ended <= {"paid", "failed"}


@pytest.mark.parametrize("brand", ["wechat", "alipay"])
@pytest.mark.parametrize("fault", ["silent", "lost", "late", "system_error", "garbage", "duplicate", "crash"])
def test_every_fault_ends_in_the_truth(
    floor: Floor, database: Database, apps: Simulator, clock: FixedClock, brand: str, fault: str
) -> None:
    apps.faults(**{fault: 1})
    ticket = floor.issued("C1", 1990)
    settlement = paying(floor, ticket, fresh_code(brand))
    sweep(database)
    if fault == "crash":
        apps.stop()
        apps.start()
    apps.faults()
    told = until_ended(database, clock, floor, settlement)
    state, taken = stands(apps, database, settlement)
    assert (told["state"], taken) in (("paid", 1990), ("failed", 0))
    assert state in ("paid", "closed")
    assert floor.state(ticket) == ("paid" if taken else "issued")


def test_a_reversal_waits_fifteen_seconds_and_goes_on_until_it_is_answered(
    floor: Floor, database: Database, apps: Simulator, clock: FixedClock
) -> None:
    apps.faults(lost=1)
    settlement = paying(floor, floor.issued("C1", 1990), fresh_code("wechat"))
    for _ in range(5):
        sweep(database)
        clock.advance(timedelta(seconds=10))
    assert states(database, settlement) == ["reversing"]
    for _ in range(6):
        sweep(database)
        clock.advance(timedelta(minutes=6))
    assert states(database, settlement) == ["unknown"]  # a person is told, and we go on
    apps.faults()
    sweep(database)
    assert (states(database, settlement), outcome(floor, settlement)["state"]) == (["reversed"], "failed")


def test_an_answer_that_is_not_signed_is_none() -> None:
    fields = {"return_code": "SUCCESS", "result_code": "SUCCESS"}
    assert not is_signed(WECHAT_KEY, fields)
    assert not is_signed(WECHAT_KEY, fields | {"sign": sign("another", fields)})
    assert is_signed(WECHAT_KEY, fields | {"sign": sign(WECHAT_KEY, fields)})
    assert read_xml(written(fields)) == fields


def test_an_alipay_answer_is_believed_only_with_the_app_s_own_signature_over_its_very_bytes() -> None:
    merchant, app = (path.read_text() for path in alipay_keys())
    keys, theirs = merchant_keys(), load_pem_private_key(app.encode(), None)
    node = '{"code":  "10000", "trade_no": "支付"}'

    def answer(node: str, signature: str) -> Any:
        return alipay._read(keys.theirs, "a.b", f'{{"a_b_response": {node}, "sign": "{signature}"}}'.encode())

    assert isinstance(theirs, RSAPrivateKey)
    signature = alipay.sign_text(theirs, node.encode())
    assert answer(node, signature) == {"code": "10000", "trade_no": "支付"}
    assert answer(node.replace("  ", " "), signature) is None
    assert answer(node, alipay.sign_text(keys.ours, node.encode())) is None, "signed by ourselves"
    for broken in ("", "eA==", "no base64", signature[:-4], signature.lower()):
        assert answer(node, broken) is None
    with pytest.raises(ValueError):
        alipay.read_keys(merchant, merchant)


def test_what_we_sign_is_every_parameter_that_says_something_in_order_of_the_names() -> None:
    message = {"method": "alipay.trade.query", "app_id": "regulars", "empty": "", "sign": "x", "biz_content": "{}"}
    assert alipay.text_of(message) == b"app_id=regulars&biz_content={}&method=alipay.trade.query"


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><xml><return_code>&a;</return_code></xml>',
        b"<xml><unclosed></xml>",
        b"\xff\xfe<xml/>",
        b"",
        b"<other/>",
        "<?xml version='1.0' encoding='utf-16'?><!DOCTYPE x><xml/>".encode("utf-16"),
    ],
)
def test_xml_with_entities_and_what_is_no_xml_is_not_read(body: bytes) -> None:
    assert read_xml(body) is None


@pytest.mark.parametrize(("amount", "currency", "said"), [(1990, "CNY", "19.90"), (5, "USD", "0.05"), (7, "JPY", "7")])
def test_amounts_are_said_in_the_currency_s_own_digits(amount: int, currency: str, said: str) -> None:
    assert alipay.decimal(amount, currency) == said


def test_no_answer_of_any_kind_raises(apps: Simulator, database: Database, floor: Floor) -> None:
    apps.faults(garbage=1)
    settlement: Any = paying(floor, floor.issued("C1", 1990), fresh_code("alipay"))
    sweep(database)
    assert states(database, settlement) == ["pending"]
