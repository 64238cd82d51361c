"""What comes back from a gateway: whether a message arrived, what a member answered. Both may come twice, or late."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from foundation.database import Tx
from marketing.messages.contact_costs import tell_costs
from marketing.messages.gate import CONSENT_CHANNELS, read_gateway_id
from marketing.messages.gateway import read_code
from marketing.messages.rules import Channel, MessageState
from member_api.contract import contacts
from member_api.contract.members import Identifier, MemberFacts, resolve_members

PROOF_TEXT_MAX = 100
# What means "no more" as the whole of an answer, whatever the case; networks on the mainland know TD and T (退订).
OPT_OUT_WORDS = frozenset(
    {
        "T",
        "TD",
        "N",
        "R",
        "0000",
        "退订",
        "退定",
        "拒收",
        "取消",
        "STOP",
        "STOPALL",
        "UNSUBSCRIBE",
        "CANCEL",
        "END",
        "QUIT",
    }
)


@dataclass(frozen=True, slots=True)
class Report:
    """A message arrived, or did not (`code`: the gateway's word for why)."""

    gateway_id: str
    delivered: bool
    at: datetime
    code: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A member's answer as the gateway got it. `sender` and `text` are personal; `about` is the message it answers."""

    gateway_id: str
    at: datetime
    about: str | None = None
    sender: str = field(default="", repr=False)
    text: str = field(default="", repr=False)


def is_opt_out(text: str) -> bool:
    """Whether an answer means "write to me no more"."""
    plain = unicodedata.normalize("NFKC", text).strip().strip("。.!！\"'“”「」 ").upper()
    return plain in OPT_OUT_WORDS


# ------------------------------------------------------------------------------------------------ arrived, or not
class _Heard(msgspec.Struct, frozen=True):
    id: int
    key: str
    state: MessageState
    reason: str | None
    at: datetime


# What arrived has arrived, whatever we had given it up for; that it did not is news only of what was under way.
HEAR = """
UPDATE marketing.message AS m SET state = x.state, reason = x.reason, ended_at = x.at,
    sent_at = coalesce(m.sent_at, x.at)
FROM json_to_recordset(%s::json) AS x(id bigint, key uuid, state text, reason text, at timestamptz)
WHERE m.id = x.id AND m.gateway_key = x.key AND m.handed_over AND CASE WHEN x.state = 'delivered'
    THEN m.state <> 'delivered' ELSE m.state IN ('queued', 'sending', 'sent', 'unknown') END
"""


def hear_reports(tx: Tx, reports: Sequence[Report]) -> int:
    """Take reports in, set-based; returns how many were news. The same again changes nothing.

    Reports about ids that are none of ours are left aside: a gateway may serve others too.
    """
    heard: dict[int, _Heard] = {}
    for report in sorted(reports, key=lambda report: report.delivered):
        found = read_gateway_id(report.gateway_id)
        if found is not None:
            state = MessageState.DELIVERED if report.delivered else MessageState.FAILED
            reason = None if report.delivered else read_code(report.code)
            heard[found[0]] = _Heard(found[0], str(found[1]), state, reason, min(report.at, tx.now))
    # In order of id: two calls that carry the same messages do not lock them crosswise.
    rows = [heard[id_] for id_ in sorted(heard)]
    tx.ask("SELECT FROM marketing.message WHERE id = ANY(%s) ORDER BY id FOR UPDATE", ([row.id for row in rows],))
    news = tx.ask(HEAR, (msgspec.json.encode(rows).decode(),)).rowcount
    tell_costs(tx, [row.id for row in rows])
    return news


# ------------------------------------------------------------------------------------------------ answered
def hear_replies(tx: Tx, replies: Sequence[Reply]) -> int:
    """Take members' answers in; a no acts at once, on the consent itself. Returns how many were new.

    Whoever the number leads to said it; if to nobody any more, the recipient of the message it answers. The words are
    kept sealed, as proof beside the consent they end; here only that there was an answer, and of what kind.
    """
    new = [reply for reply in replies if _keep(tx, reply)]
    if not new:
        return 0
    numbers = {reply.gateway_id: Identifier("phone", reply.sender) for reply in new if reply.sender}
    holders = resolve_members(tx, set(numbers.values()))
    recipients = _recipients(tx, new)
    said_by: dict[str, int] = {}
    for reply in new:
        holder = holders.get(numbers[reply.gateway_id]) if reply.gateway_id in numbers else None
        member_id = holder.id if isinstance(holder, MemberFacts) else recipients.get(reply.about or "")
        if member_id is not None:
            said_by[reply.gateway_id] = member_id
    # In order of id: withdrawing locks members.
    for reply in sorted((r for r in new if r.gateway_id in said_by), key=lambda r: (said_by[r.gateway_id], r.at)):
        _take_to_heart(tx, reply, said_by[reply.gateway_id])
    return len(new)


def _take_to_heart(tx: Tx, reply: Reply, member_id: int) -> None:
    tx.ask(
        "UPDATE marketing.message_reply SET member_id = %s WHERE channel = %s AND gateway_id = %s",
        (member_id, Channel.SMS, reply.gateway_id),
    )
    if is_opt_out(reply.text):
        proof = f"SMS answer {reply.gateway_id}: {reply.text.strip()[:PROOF_TEXT_MAX]}"
        heard_from = "gateway:sms"
        contacts.opted_out(
            tx, member_id, CONSENT_CHANNELS[Channel.SMS], at=reply.at, proof=proof, heard_from=heard_from
        )


def _keep(tx: Tx, reply: Reply) -> bool:
    kept = tx.ask(
        "INSERT INTO marketing.message_reply (channel, gateway_id, kind, said_at, received_at) "
        "VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (
            Channel.SMS, reply.gateway_id, "opt_out" if is_opt_out(reply.text) else "other",
            min(reply.at, tx.now), tx.now,
        ),
    )  # fmt: skip
    return kept.rowcount == 1


def _recipients(tx: Tx, replies: Sequence[Reply]) -> dict[str, int]:
    asked = {reply.about: found for reply in replies if reply.about and (found := read_gateway_id(reply.about))}
    rows = tx.ask(
        "SELECT id, gateway_key, recipient_id FROM marketing.message WHERE id = ANY(%s) AND recipient_id IS NOT NULL",
        ([id_ for id_, _ in asked.values()],),
    ).fetchall()
    known = {(id_, key): recipient for id_, key, recipient in rows}
    return {about: known[found] for about, found in asked.items() if found in known}
