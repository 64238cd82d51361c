"""What conditions choose codes from: tiers, stores, formats, categories, brands, promotions, lists, campaigns.

Searching is for the page that offers them; naming is for sentences about a filter.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from foundation.database import Tx
from foundation.errors import NotFound
from member_api.contract.members import all_tiers
from organisation.contract import all_stores, format_names
from pos_adapter.contract.catalogue import all_brands, all_categories, all_promotions

FOUND_MAX = 100
NEWEST_MAX = 1_000
PATH_JOINT = " › "


class OptionListUnknown(NotFound):
    """There is no such list to choose from."""

    code = "option_list_unknown"


@dataclass(frozen=True, slots=True)
class Option:
    """A code that a condition may name (a path: its names from the top) and what people call it."""

    code: str | tuple[str, ...]
    words: str


def search_options(tx: Tx, kind: str, sought: str, limit: int = FOUND_MAX) -> list[Option]:
    """Options whose code or name has `sought` in it, any letter case; those that begin with it first.

    Raises OptionListUnknown.
    """
    if kind not in _ALL:
        raise OptionListUnknown(f"there is no list {kind} to choose from")
    text = sought.strip().casefold()
    hits = [option for option in _ALL[kind](tx) if text in _haystack(option)]
    hits.sort(key=lambda option: not _haystack(option).startswith(text))
    return hits[:limit]


def names_of(tx: Tx, wanted: Mapping[str, Collection[Any]]) -> dict[tuple[str, Any], str]:
    """What people call codes, by (kind, code). Codes that nobody knows are left out."""
    names: dict[tuple[str, Any], str] = {}
    for kind, codes in wanted.items():
        if codes and kind in _ALL:
            known = {option.code: option.words for option in _ALL[kind](tx)}
            names |= {(kind, code): known[code] for code in codes if code in known}
    return names


def _haystack(option: Option) -> str:
    code = option.code if isinstance(option.code, str) else " ".join(option.code)
    return f"{option.words} {code}".casefold()


def _tiers(tx: Tx) -> Sequence[Option]:
    return [Option(tier.code, tier.name) for tier in all_tiers(tx)]


def _stores(tx: Tx) -> Sequence[Option]:
    return [Option(store.code, store.name) for store in all_stores(tx)]


def _formats(tx: Tx) -> Sequence[Option]:
    return [Option(format_.code, format_.name) for format_ in format_names(tx)]


def _categories(tx: Tx) -> Sequence[Option]:
    categories = all_categories(tx)
    names = {category.path: category.name for category in categories}
    return [
        Option(
            category.path,
            PATH_JOINT.join(names.get(category.path[: n + 1]) or category.path[n] for n in range(len(category.path))),
        )
        for category in sorted(categories, key=lambda category: category.path)
    ]


def _brands(tx: Tx) -> Sequence[Option]:
    return [Option(brand.code, brand.name) for brand in all_brands(tx)]


def _promotions(tx: Tx) -> Sequence[Option]:
    return [Option(promotion.code, promotion.name) for promotion in reversed(all_promotions(tx))]


def _numbered(query: LiteralString) -> Callable[[Tx], Sequence[Option]]:
    def options(tx: Tx) -> Sequence[Option]:
        return [Option(str(id_), name) for id_, name in tx.ask(query, (NEWEST_MAX,))]

    return options


_ALL: Mapping[str, Callable[[Tx], Sequence[Option]]] = {
    "tier": _tiers,
    "store": _stores,
    "format": _formats,
    "category": _categories,
    "brand": _brands,
    "promotion": _promotions,
    "list": _numbered("SELECT id, name FROM marketing.target_list ORDER BY id DESC LIMIT %s"),
    "campaign": _numbered("SELECT id, name FROM marketing.campaign ORDER BY id DESC LIMIT %s"),
}
KINDS = tuple(_ALL)
