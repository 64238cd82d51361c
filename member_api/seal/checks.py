"""What the seal proves: no journal was changed, taken away or slipped in since it was sealed."""

from collections.abc import Iterator
from typing import Any

from foundation.checks import register_check
from foundation.database import Tx
from foundation.settings import get_settings
from member_api.seal.chain import GENESIS, Root, is_genuine, next_seal, public_key_of
from member_api.seal.operations import (
    CANONICAL,
    LAG_MAX,
    SUBSCRIBER,
    TOPIC,
    RootLineUnreadable,
    read_roots,
    root_of_row,
    roots_file,
)

CHUNK = 5_000
CHAIN = f"""
SELECT s.position, s.day, s.journal_id, s.hash, CASE WHEN j.id IS NOT NULL THEN {CANONICAL} END
FROM (SELECT * FROM member.seal WHERE position > %s ORDER BY position LIMIT %s) AS s
LEFT JOIN member.journal AS j ON j.day = s.day AND j.id = s.journal_id
ORDER BY s.position
"""  # noqa: S608


def chain_is_whole(tx: Tx) -> Iterator[tuple[str, str]]:
    """Every seal follows from the seal before it and the journal as it stands; chunk by chunk."""
    before, position = GENESIS, -1
    while True:
        rows = tx.ask(CHAIN, (position, CHUNK)).fetchall()
        for position, day, journal, seal, canonical in rows:
            if canonical is None:
                yield f"journal {journal}", f"was sealed on {day} (position {position}) and is gone"
            elif next_seal(before, canonical) != bytes(seal):
                yield (
                    f"journal {journal}",
                    f"seal {position} does not follow from the seal before and the journal: one was changed",
                )
            before = bytes(seal)
        if len(rows) < CHUNK:
            return


UNSEALED = """
SELECT j.id, j.at FROM member.journal AS j LEFT JOIN member.seal AS s ON s.journal_id = j.id WHERE s.journal_id IS NULL
ORDER BY j.at LIMIT 100000
"""
WAITING = """
SELECT json_array_elements_text(facts->'journals') FROM foundation.event
WHERE topic = %(topic)s
  AND position > (SELECT coalesce(max(position), 0) FROM foundation.consumer WHERE name = %(name)s)
UNION ALL SELECT json_array_elements_text(facts->'journals') FROM foundation.outbox WHERE topic = %(topic)s
"""


def every_journal_is_sealed(tx: Tx) -> Iterator[tuple[str, str]]:
    """A journal without a seal is one that was announced a moment ago, or one that was slipped in."""
    unsealed = tx.ask(UNSEALED).fetchall()
    if not unsealed:
        return
    waiting = {journal for (journal,) in tx.ask(WAITING, {"topic": TOPIC, "name": SUBSCRIBER})}
    for journal, at in unsealed:
        if str(journal) not in waiting:
            yield f"journal {journal}", "was never announced, and has no seal: it was not posted by the ledger"
        elif at < tx.now - LAG_MAX:
            yield f"journal {journal}", f"has waited for its seal since {at:%Y-%m-%d %H:%M} UTC: the sealer is behind"


DOUBLY = """
SELECT s.journal_id, count(*) FROM member.seal AS s GROUP BY s.journal_id HAVING count(*) > 1 LIMIT 1000
"""


def seals_match_events(tx: Tx) -> Iterator[tuple[str, str]]:
    """A journal is sealed once, as announced by the event that its seal names; places in the chain have no gap."""
    for journal, times in tx.ask(DOUBLY):
        yield f"journal {journal}", f"is sealed {times} times"
    rows = tx.ask(
        "SELECT announced_at, journal_id FROM member.seal"
        " WHERE announced_at >= (SELECT min(position) FROM foundation.event)"
        " EXCEPT SELECT e.position, j::uuid FROM foundation.event AS e,"
        " json_array_elements_text(e.facts->'journals') AS j WHERE e.topic = %s ORDER BY 1 LIMIT 1000",
        (TOPIC,),
    )
    for position, journal in rows:
        yield f"journal {journal}", f"is sealed as of position {position}, where no event announces it"
    gaps = tx.ask("SELECT count(*), coalesce(max(position), 0) FROM member.seal").fetchone()
    if gaps is not None and gaps[0] != gaps[1]:
        yield "seal", f"the chain has {gaps[0]} places, the last one is {gaps[1]}: seals were taken out"


ROOTS = """
SELECT r.position, r.hash, r.journals, r.signed_at, r.signature, s.hash,
       (SELECT count(*) FROM member.seal AS c WHERE c.position <= r.position AND c.position > r.since)
FROM (SELECT *, lag(position, 1, -1::bigint) OVER (ORDER BY position) AS since FROM member.seal_root) AS r
LEFT JOIN member.seal AS s ON s.position = r.position ORDER BY r.position
"""


def roots_are_genuine(tx: Tx) -> Iterator[tuple[str, str]]:
    """Every root is signed with the seal key and agrees with the chain and the file outside the database."""
    settings = get_settings()
    key = public_key_of(settings.seal_key)
    roots: dict[int, Root] = {}
    journals = 0
    for row in tx.ask(ROOTS):
        root = roots[row[0]] = root_of_row(row)
        journals += row[6]
        yield from _root_faults(root, key, row[5], journals)
    yield from _file_faults(tx, roots, key)


def _root_faults(root: Root, key: bytes, sealed: Any, journals: int) -> Iterator[tuple[str, str]]:
    name = f"root {root.position}"
    if not is_genuine(root, key):
        yield name, "its signature is not that of the seal key"
    if sealed is None or bytes(sealed) != root.hash:
        yield name, "the chain has another seal at this position: journals were changed after it was signed"
    if journals != root.journals:
        yield name, f"counts {root.journals} journals, the chain has {journals}"


def _file_faults(tx: Tx, roots: dict[int, Root], key: bytes) -> Iterator[tuple[str, str]]:
    file = roots_file(get_settings())
    seen: set[int] = set()
    for number, line in read_roots(file):
        name = f"{file.name} line {number}"
        if isinstance(line, RootLineUnreadable):
            yield name, "cannot be read"
            continue
        seen.add(line.position)
        if not is_genuine(line.root, key):
            yield name, "its signature is not that of the seal key"
        known = roots.get(line.position)
        if known is None or known.hash != line.root.hash:
            row = tx.ask("SELECT hash FROM member.seal WHERE position = %s", (line.position,)).fetchone()
            if row is None or bytes(row[0]) != line.root.hash:
                yield name, f"the database has another chain at position {line.position}: it was rewritten"
    for position in roots.keys() - seen:
        yield f"root {position}", f"is not in {file.name}"


register_check("seal chain", chain_is_whole)
register_check("every journal sealed", every_journal_is_sealed)
register_check("seal positions", seals_match_events)
register_check("seal roots", roots_are_genuine)
