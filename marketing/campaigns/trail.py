"""What a plan that people decide on leaves behind: a version for every edit, and the trace of everything that was done.

Campaigns and triggers are kept alike, each in tables of its own: marketing.campaign, campaign_version and
campaign_change; marketing.trigger, trigger_version and trigger_change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, LiteralString

import msgspec

from foundation.database import Tx
from foundation.events import announce

CHANGES_MAX = 200


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was done to a campaign or a trigger."""

    at: datetime
    by: str
    what: str
    state: str
    version: int
    note: str | None


@dataclass(frozen=True, slots=True)
class Trail:
    """Versions and traces of one kind of thing. Whoever writes has locked the thing's row."""

    kind: Literal["campaign", "trigger"]

    def keep_version(self, tx: Tx, of: int, version: int, plan: object, by: str) -> None:
        """Keep the plan (a dataclass) of a version."""
        tx.ask(
            self._said(
                "INSERT INTO marketing.{kind}_version ({kind}_id, version, plan, edited_by, edited_at)"
                " VALUES (%s, %s, %s, %s, %s)"
            ),
            (of, version, msgspec.json.encode(plan).decode(), by, tx.now),
        )

    def set_columns(self, tx: Tx, of: int, columns: Mapping[str, Any]) -> None:
        """Change columns of the thing itself."""
        # The names of columns are ours, from the code that calls.
        changes = ", ".join(f"{name} = :{name}" for name in columns)
        tx.execute(f"UPDATE marketing.{self.kind} SET {changes} WHERE id = :id", {**columns, "id": of})  # noqa: S608

    def record(
        self, tx: Tx, of: int, what: StrEnum, state: StrEnum, version: int, by: str, note: str | None = None
    ) -> None:
        """Keep the trace of what was done, and announce it."""
        tx.ask(
            self._said(
                "INSERT INTO marketing.{kind}_change ({kind}_id, at, by, what, state, version, note)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)"
            ),
            (of, tx.now, by, what.value, state.value, version, note),
        )
        announce(tx, f"{self.kind}.{what.value}", {self.kind: str(of), "state": state.value, "version": version})

    def changes_of(self, tx: Tx, of: int) -> list[Change]:
        """What was done, the newest first, at most 200."""
        rows = tx.ask(
            self._said(
                "SELECT at, by, what, state, version, note FROM marketing.{kind}_change WHERE {kind}_id = %s"
                " ORDER BY id DESC LIMIT %s"
            ),
            (of, CHANGES_MAX),
        )
        return [Change(*row) for row in rows]

    def _said(self, statement: LiteralString) -> LiteralString:
        """A statement with the kind in the names of tables and columns."""
        return statement.replace("{kind}", self.kind)
