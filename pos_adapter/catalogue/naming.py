"""Categories and brands come into being when something first mentions them; they may be given a name of their own."""

from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

from msgspec import json

from foundation.database import Tx
from foundation.http.puts import Done
from pos_adapter.catalogue.lookups import category_paths
from pos_adapter.catalogue.rules import CategoryPath, with_ancestors

K = TypeVar("K")

KNOWN_CATEGORIES = """
SELECT x.n, c.id FROM json_to_recordset(%s::json) AS x(n integer, path text[]) JOIN pos.category AS c USING (path)
"""

NEW_CATEGORIES = """
INSERT INTO pos.category (path, name, parent_id)
SELECT x.path, x.path[cardinality(x.path)], above.id
FROM json_to_recordset(%s::json) AS x(path text[])
LEFT JOIN pos.category AS above ON above.path = x.path[:cardinality(x.path) - 1]
ON CONFLICT (path) DO NOTHING
"""

NAME_CATEGORIES = """
UPDATE pos.category AS c SET name = x.name
FROM json_to_recordset(%s::json) AS x(path text[], name text) WHERE c.path = x.path AND c.name <> x.name
"""

NEW_BRANDS = """
INSERT INTO pos.brand (code, name) SELECT code, code FROM unnest(%s::text[]) AS code ON CONFLICT (code) DO NOTHING
"""

NAME_BRANDS = """
UPDATE pos.brand AS b SET name = x.name
FROM json_to_recordset(%s::json) AS x(code text, name text) WHERE b.code = x.code AND b.name <> x.name
"""


def category_ids(tx: Tx, paths: Iterable[CategoryPath]) -> dict[CategoryPath, int]:
    """Ids by path; new ones come into being with everything above them. () is left out."""
    wanted = {path for path in paths if path}
    known = _known_categories(tx, wanted)
    if missing := wanted - known.keys():
        for level in with_ancestors(missing):
            if level:
                tx.ask(NEW_CATEGORIES, (_paths(level),))
        category_paths.changed(tx)
        known |= _known_categories(tx, missing)
    return known


def brand_ids(tx: Tx, codes: Iterable[str | None]) -> dict[str, int]:
    """Ids by code; new ones come into being. None is left out."""
    wanted = {code for code in codes if code is not None}
    known = _known_brands(tx, wanted)
    if missing := wanted - known.keys():
        tx.ask(NEW_BRANDS, (sorted(missing),))
        known |= _known_brands(tx, missing)
    return known


def put_categories(tx: Tx, names: Sequence[tuple[CategoryPath, str | None]]) -> list[Done[CategoryPath]]:
    """Bring categories into being and name them (None: as it is, or as the last code of the path)."""
    before = _known_categories(tx, {path for path, _ in names}).keys()
    category_ids(tx, (path for path, _ in names))
    named = {path: name for path, name in names if name is not None}
    if named:
        tx.ask(NAME_CATEGORIES, (json.encode([{"path": path, "name": name} for path, name in named.items()]).decode(),))
    return _done(before, [path for path, _ in names])


def put_brands(tx: Tx, names: Sequence[tuple[str, str | None]]) -> list[Done[str]]:
    """Bring brands into being and name them (None: as it is, or by its code)."""
    before = _known_brands(tx, {code for code, _ in names}).keys()
    brand_ids(tx, (code for code, _ in names))
    named = {code: name for code, name in names if name is not None}
    if named:
        tx.ask(NAME_BRANDS, (json.encode([{"code": code, "name": name} for code, name in named.items()]).decode(),))
    return _done(before, [code for code, _ in names])


def _done(before: Collection[K], keys: Sequence[K]) -> list[Done[K]]:
    known = set(before)
    results = []
    for key in keys:
        results.append(Done(key, created=key not in known))
        known.add(key)
    return results


def _known_categories(tx: Tx, paths: Collection[CategoryPath]) -> dict[CategoryPath, int]:
    if not paths:
        return {}
    asked = list(paths)
    # Numbers come back, for reading a thousand arrays of text would cost more than the query.
    wanted = json.encode([{"n": n, "path": path} for n, path in enumerate(asked)]).decode()
    return {asked[n]: category_id for n, category_id in tx.ask(KNOWN_CATEGORIES, (wanted,)).fetchall()}


def _known_brands(tx: Tx, codes: Collection[str]) -> dict[str, int]:
    rows = tx.ask("SELECT code, id FROM pos.brand WHERE code = ANY(%s)", (list(codes),)).fetchall() if codes else []
    return dict(rows)


def _paths(paths: Iterable[CategoryPath]) -> str:
    return json.encode([{"path": path} for path in paths]).decode()
