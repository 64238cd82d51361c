"""Recording what members say about being reached, and what holds now."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from foundation.database import Tx
from foundation.errors import Conflict, Invalid
from foundation.events import announce
from member_api.consents.rules import Channel, ConsentWord, Purpose, check_pair, latest_words
from member_api.consents.tables import RECORD_CONSENT, ConsentRecordRow
from member_api.vault.operations import open_keys
from member_api.vault.rules import MemberKey
from member_api.vault.tables import hex_bytes

HISTORY_MAX = 1000
PROOF = "consent/proof"


class WordingUnknown(Invalid):
    """No wording of this version was ever published."""

    code = "wording_unknown"


class WordingPublished(Conflict):
    """A published wording never changes: members agreed to these very words."""

    code = "wording_published"


@dataclass(frozen=True, slots=True)
class Wording:
    """What a member was shown."""

    version: str
    text_en: str
    text_zh: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class ConsentState:
    """What holds now for one channel and purpose."""

    channel: Channel
    purpose: Purpose
    granted: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """One word of the history. `proof` is None where there is none or the reader may not see it."""

    channel: Channel
    purpose: Purpose
    granted: bool
    at: datetime
    wording: str | None
    place: str | None
    taken_by: str
    source: str
    proof: str | None


def record_words(
    tx: Tx, said: Sequence[tuple[MemberKey, Sequence[ConsentWord]]], *, taken_by: str, source: str
) -> None:
    """Record words of several members: history, and what holds now. The members' rows are new or held by the caller.

    A word said before the one that holds is kept and changes nothing. None was said later than we heard it: a device
    whose clock is ahead could else grant what no withdrawal reaches. Raises WordingUnknown, ConsentUnreadable.
    """
    if not any(words for _, words in said):
        return
    wordings = {wording.version for wording in wordings_published(tx)}
    newest = newest_wording(tx).version
    holds: list[tuple[int, str, str, bool, datetime]] = []
    for key, told in said:
        words = [replace(word, at=min(word.at, tx.now)) for word in told]
        for word in words:
            check_pair(word.channel, word.purpose)
            wording = word.wording or (newest if word.granted else None)
            if wording is not None and wording not in wordings:
                raise WordingUnknown("There is no such wording")
            tx.rows.add(RECORD_CONSENT, _record(tx, key, word, wording, taken_by, source))
        holds += [
            (key.member_id, channel, purpose, word.granted, word.at)
            for (channel, purpose), word in latest_words(words).items()
        ]
    _set_current(tx, holds)


def _record(
    tx: Tx, key: MemberKey, word: ConsentWord, wording: str | None, taken_by: str, source: str
) -> ConsentRecordRow:
    return ConsentRecordRow(
        key.member_id,
        word.channel,
        word.purpose,
        word.granted,
        wording,
        word.at,
        word.place,
        taken_by,
        source,
        None if word.proof is None else hex_bytes(key.seal(PROOF, word.proof)),
        tx.now,
    )


def _set_current(tx: Tx, holds: list[tuple[int, str, str, bool, datetime]]) -> None:
    tx.ask(
        """
        INSERT INTO member.consent (member_id, channel, purpose, granted, since)
        SELECT * FROM json_to_recordset(%s::json)
            AS x(member_id bigint, channel text, purpose text, granted boolean, since timestamptz)
        ON CONFLICT (member_id, channel, purpose) DO UPDATE SET granted = excluded.granted, since = excluded.since
        WHERE consent.since <= excluded.since AND consent.granted <> excluded.granted
        """,
        (
            msgspec.json.encode(
                [dict(zip(("member_id", "channel", "purpose", "granted", "since"), row, strict=True)) for row in holds]
            ).decode(),
        ),
    )


def say(tx: Tx, member_id: int, words: Sequence[ConsentWord], *, taken_by: str, source: str) -> None:
    """A member says yes or no; withdrawing is as easy as granting. The caller holds the member's row.

    Announces `member.consent_changed` with the channels and purposes. Raises as record_words.
    """
    keys = open_keys(tx, [member_id])
    record_words(tx, [(keys[member_id], words)], taken_by=taken_by, source=source)
    changes = [{"channel": w.channel, "purpose": w.purpose, "granted": w.granted} for w in words]
    announce(tx, "member.consent_changed", {"member": str(member_id), "changes": changes})


def consents_of(tx: Tx, member_ids: Collection[int]) -> dict[int, tuple[ConsentState, ...]]:
    """What holds now, of each member that ever said something."""
    rows = tx.ask(
        "SELECT member_id, channel, purpose, granted, since FROM member.consent WHERE member_id = ANY(%s) "
        "ORDER BY member_id, purpose, channel",
        (list(member_ids),),
    )
    found: dict[int, list[ConsentState]] = {}
    for member_id, channel, purpose, granted, since in rows:
        found.setdefault(member_id, []).append(ConsentState(Channel(channel), Purpose(purpose), granted, since))
    return {member_id: tuple(states) for member_id, states in found.items()}


def history(tx: Tx, member_id: int, *, with_proof: bool, limit: int = HISTORY_MAX) -> list[ConsentRecord]:
    """Every word of a member, newest first, at most `limit`. The proof is opened only when asked for."""
    key = open_keys(tx, [member_id]).get(member_id) if with_proof else None
    rows = tx.ask(
        "SELECT channel, purpose, granted, at, wording, place, taken_by, source, proof FROM member.consent_record "
        "WHERE member_id = %s ORDER BY id DESC LIMIT %s",
        (member_id, min(limit, HISTORY_MAX)),
    )
    return [
        ConsentRecord(
            Channel(row[0]),
            Purpose(row[1]),
            granted=row[2],
            at=row[3],
            wording=row[4],
            place=row[5],
            taken_by=row[6],
            source=row[7],
            proof=None if key is None or row[8] is None else key.open(PROOF, bytes(row[8])),
        )
        for row in rows
    ]


# ------------------------------------------------------------------------------------------------ wordings
WORDINGS_MAX = 1000


def wordings_published(tx: Tx) -> list[Wording]:
    """Every wording, oldest first."""
    rows = tx.ask(
        "SELECT version, text_en, text_zh, published_at FROM member.consent_wording ORDER BY published_at, version "
        "LIMIT %s",
        (WORDINGS_MAX,),
    )
    return [Wording(*row) for row in rows]


def newest_wording(tx: Tx) -> Wording:
    """The wording that is shown today."""
    return wordings_published(tx)[-1]


def text_of(wording: Wording, language: str) -> str:
    """The words in the reader's language."""
    return wording.text_zh if language.startswith("zh") else wording.text_en


def publish_wording(tx: Tx, version: str, text_en: str, text_zh: str) -> Wording:
    """Publish a wording; the same again is harmless. Raises WordingPublished when the version has other words."""
    tx.ask(
        "INSERT INTO member.consent_wording (version, text_en, text_zh, published_at) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT DO NOTHING",
        (version, text_en, text_zh, tx.now),
    )
    kept = next(wording for wording in wordings_published(tx) if wording.version == version)
    if (kept.text_en, kept.text_zh) != (text_en, text_zh):
        raise WordingPublished("This version was published with other words; use a new version")
    return kept
