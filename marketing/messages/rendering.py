"""From a template's words to a member's text: Jinja in a sandbox, and of Jinja only what a letter needs.

Printing a value, a few filters, `if`. No loops, calls, attributes, arithmetic or macros: what is left takes time and
room in proportion to its own length, whoever wrote it. Which values there are is a list (VARIABLES); any other name is
an error when the template is saved.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2 import Template as Compiled
from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from foundation.errors import Invalid
from foundation.money import format_money
from marketing.messages.rules import Language

SOURCE_MAX = 2_000
OUTPUT_MAX = 4_000
VALUE_MAX = 200
DEPTH_MAX = 16
LOCALES: Mapping[Language, str] = {Language.EN: "en", Language.ZH: "zh_Hans"}


class TextUnusable(Invalid):
    """The words of a template cannot be used: they do not parse, ask for what is not there, or come out too long."""

    code = "text_unusable"


@dataclass(frozen=True, slots=True)
class Variable:
    """A value that a text may show. `personal` is read at the moment of sending; the others come with the message.

    `words` explain it to whoever writes; `sample` is what a preview shows.
    """

    words: str
    sample: Any
    personal: bool = False


VARIABLES: Mapping[str, Variable] = {
    "name": Variable("The member's name", {"en": "Alex Smith", "zh": "张三丰"}, personal=True),
    "store": Variable("The member's home store", {"en": "City Centre", "zh": "市中心店"}, personal=True),
    "points": Variable("A number of points", 1200),
    "amount": Variable("An amount of money", 2000),
    "minimum": Variable("The amount to spend at least", 20000),
    "percent": Variable("A percentage", 10),
    "coupon": Variable("The code of the member's coupon", "K7Q2M4XD"),
    "offer": Variable("The name of the offer", {"en": "Spring coupon", "zh": "春季优惠券"}),
    "starts_on": Variable("The first day", "2026-03-01"),
    "ends_on": Variable("The last day", "2026-03-31"),
    "days": Variable("A number of days", 14),
}
# Amounts travel in minor units, with their currency beside them.
MONEY = ("amount", "minimum")
CURRENCY = "currency"

_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.Filter,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
)
_FILTERS = frozenset({"default", "d", "upper", "lower", "title", "trim"})


def _sandbox() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, cache_size=0)
    environment.globals.clear()
    environment.filters = {name: environment.filters[name] for name in _FILTERS}
    environment.tests.clear()
    return environment


_environment = _sandbox()


def variables_of(source: str) -> frozenset[str]:
    """The values that a text shows. Raises TextUnusable: not to be parsed, too long, more than a letter needs."""
    if len(source) > SOURCE_MAX:
        raise TextUnusable(f"a text has at most {SOURCE_MAX} characters")
    try:
        tree = _environment.parse(source)
        found = frozenset(_names(tree))
    except TemplateSyntaxError as error:
        raise TextUnusable(f"line {error.lineno}: {error.message}") from None
    except RecursionError:
        raise TextUnusable("the text is nested too deeply") from None
    unknown = sorted(found - VARIABLES.keys())
    if unknown:
        known = ", ".join(sorted(VARIABLES))
        raise TextUnusable(f"there is no value named {', '.join(unknown)}; there are {known}")
    return found


def _names(node: nodes.Node, depth: int = 0) -> Iterator[str]:
    if depth > DEPTH_MAX:
        raise TextUnusable("the text is nested too deeply")
    if not isinstance(node, _ALLOWED):
        raise TextUnusable(f"a text prints values and uses if; {type(node).__name__.lower()} is not for texts")
    if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
        raise TextUnusable(f"there is no filter {node.name}; there are {', '.join(sorted(_FILTERS))}")
    if isinstance(node, nodes.Name):
        if node.ctx != "load":
            raise TextUnusable("a text cannot set values")
        yield node.name
    for child in node.iter_child_nodes():
        yield from _names(child, depth + 1)


@lru_cache(maxsize=512)
def _compiled(source: str) -> Compiled:
    variables_of(source)
    return _environment.from_string(source)


def render(source: str, values: Mapping[str, Any]) -> str:
    """The text for one member, plain. Raises TextUnusable: a value is missing, or the text comes out too long."""
    try:
        text = _compiled(source).render(values)
    except TextUnusable:
        raise
    except (TemplateError, TypeError, ValueError):
        # The error's own words may repeat a value, and values are personal.
        raise TextUnusable("a value that the text shows is missing or of another kind") from None
    if len(text) > OUTPUT_MAX:
        raise TextUnusable(f"the text comes out longer than {OUTPUT_MAX} characters")
    return text.strip()


def values_for(language: Language, facts: Mapping[str, Any], *, name: str | None, store: str | None) -> dict[str, Any]:
    """What a text may show of one message, as it is shown: money with its currency, names on one line."""
    values: dict[str, Any] = {key: _one_line(value) for key, value in facts.items() if key in VARIABLES}
    values |= {"name": _one_line(name or ""), "store": _one_line(store or "")}
    currency = facts.get(CURRENCY)
    for key in MONEY:
        if isinstance(values.get(key), int) and isinstance(currency, str):
            values[key] = format_money(values[key], currency, LOCALES[language])
    return values


def sample_values(language: Language, currency: str) -> dict[str, Any]:
    """Every value there is, made up."""
    facts = {
        key: variable.sample[language] if isinstance(variable.sample, dict) else variable.sample
        for key, variable in VARIABLES.items()
    }
    return values_for(language, {**facts, CURRENCY: currency}, name=facts["name"], store=facts["store"])


def _one_line(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())[:VALUE_MAX]


def as_html(text: str) -> str:
    """A plain text as HTML: everything in it escaped, paragraphs kept. What a member is named never becomes markup."""
    paragraphs = [part.strip() for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]
    return Markup("").join(
        Markup("<p>{}</p>").format(Markup("<br>").join(escape(line) for line in part.split("\n")))
        for part in paragraphs
    )
