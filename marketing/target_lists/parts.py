"""What the parts of a breakdown are called."""

from collections.abc import Mapping

from analytics.contract.conditions import CLASS_CHOICES
from foundation.database import Tx
from foundation.pages import gettext, lazy
from marketing.target_lists.options import names_of

BY_WORDS = {
    "tier": lazy("By tier"),
    "store": lazy("By home store"),
    "age": lazy("By age"),
    "class": lazy("By contribution class"),
}


def words_of_parts(tx: Tx, breakdown: Mapping[str, Mapping[str, int]]) -> dict[tuple[str, str], str]:
    """Words for (breakdown, code), in the reader's language; ages speak for themselves."""
    asked = {by: [code for code in breakdown.get(by, {}) if code] for by in ("tier", "store")}
    words = names_of(tx, asked)
    words |= {("class", code): str(name) for code, name in CLASS_CHOICES}
    words |= {("age", code): code.replace("-", "–") for code in breakdown.get("age", {})}
    nothing = {
        "tier": gettext("No tier"),
        "store": gettext("No home store"),
        "age": gettext("Age not known"),
        "class": gettext("Not scored"),
    }
    return words | {(by, ""): str(name) for by, name in nothing.items()}
