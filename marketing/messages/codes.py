"""One-time codes leave by the same gateway, the same circuit and the same agreed rate, and by no campaign's gate.

Whoever asks for a code wants it now, and need not be a member: there is no consent to look up, no quiet hour, no cap
and no row in the send ledger. member_api says what waits and bounds its age; here it is put into words and handed over.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from foundation.database import Database, Tx
from marketing.messages.contents import signed
from marketing.messages.gate import Outgoing
from marketing.messages.gateway import Answer, Arrived, NotTaken, Rejected, SmsGateway, Taken
from marketing.messages.policy import PolicyWish, policy_in_force
from marketing.messages.rules import Channel, Language
from marketing.messages.sending import Round, give_back, note_call, wait_for_leave
from member_api.contract.one_time_codes import CODE_LIFE, CodeToSend, any_to_send, codes_sent, codes_to_send

SEND_CODES_TASK = "marketing.send_codes"
CODES_AT_ONCE = 50
ROUNDS_MAX = 20
MINUTES = CODE_LIFE // timedelta(minutes=1)
WORDS: Mapping[Language, str] = {
    Language.EN: "{code} is your code. It is good for {minutes} minutes. Tell it to nobody, not even to our staff.",
    Language.ZH: "您的验证码是{code}，{minutes}分钟内有效。请勿告诉任何人，包括本店员工。",
}


def send_codes(database: Database, gateway: SmsGateway, sleep: Callable[[float], None] = time.sleep) -> Round:
    """Hand one batch of waiting codes over; no transaction is open while the gateway is waited for."""
    leave = wait_for_leave(database, Channel.SMS, CODES_AT_ONCE, any_to_send, sleep)
    if isinstance(leave, Round):
        return leave
    with database.transaction() as tx:
        codes = codes_to_send(tx, leave.count)
        give_back(tx, Channel.SMS, leave, len(codes))
        policy = policy_in_force(tx).says
    if codes:
        answers = gateway.hand_over([_outgoing(policy, code) for code in codes])
        with database.transaction() as tx:
            _settle(tx, codes, answers.by_id, can_ask=policy.gateway_idempotent)
            note_call(tx, Channel.SMS, answers.failure)
    return Round(len(codes))


def send_waiting_codes(database: Database, gateway: SmsGateway | None) -> None:
    """Batch after batch while codes wait and may leave; nothing where no gateway is named."""
    for _ in range(ROUNDS_MAX if gateway is not None else 0):
        assert gateway is not None
        done = send_codes(database, gateway)
        if done.looked_at == 0 or done.again_at is not None:
            break


def _outgoing(policy: PolicyWish, code: CodeToSend) -> Outgoing:
    language = Language(code.language)
    text = signed(policy, language, WORDS[language].format(code=code.code, minutes=MINUTES))
    return Outgoing(code.id, code.name, 1, code.tried, code.address, text)


def _settle(tx: Tx, codes: Sequence[CodeToSend], answers: Mapping[str, Answer], *, can_ask: bool) -> None:
    """Write down what was said. A gateway that may have a code is given it again under the same name, if it takes a
    name once; else the code counts as sent, and who waits in vain asks for another."""
    sent, failed, again = [], [], []
    for code in codes:
        match answers[code.name]:
            case Taken() | Arrived():
                sent.append(code.id)
            case Rejected():
                failed.append(code.id)
            case NotTaken():
                again.append(code.id)
            case _ if not can_ask:
                sent.append(code.id)
    codes_sent(tx, sent, failed, again)
