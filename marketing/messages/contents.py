"""What messages say: templates by language, kept by version, checked when saved, filled in when sent or read.

A version never changes; saving again under the same code makes the next version. So a message that names its template
can be shown later as it was sent, without one word of the member's being kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from foundation.database import Tx
from foundation.errors import Conflict, FieldError, NotFound
from foundation.settings import get_settings
from marketing.messages.policy import Policy, PolicyWish, policy_in_force
from marketing.messages.rendering import (
    CURRENCY,
    MONEY,
    VARIABLES,
    TextUnusable,
    as_html,
    render,
    sample_values,
    values_for,
    variables_of,
)
from marketing.messages.rules import Channel, Language, MessageClass
from marketing.messages.segments import Size, size_of

TEMPLATES_MAX = 1_000
SEGMENTS_MAX = 10
SUBJECT_MAX = 200


class TemplateUnknown(NotFound):
    """There is no such template."""

    code = "message_template_unknown"


class TemplateKindFixed(Conflict):
    """A template keeps its channel and its class: campaigns count on them. Use another code."""

    code = "message_template_kind_fixed"


@dataclass(frozen=True, slots=True)
class Words:
    """A text in one language; `subject` only in the inbox."""

    body: str
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class TemplateWish:
    """A template as somebody writes it; at least one language."""

    code: str
    name: str
    channel: Channel
    message_class: MessageClass
    texts: Mapping[Language, Words]


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a template."""

    id: int
    version: int
    written_by: str
    written_at: datetime
    retired: bool
    says: TemplateWish

    @property
    def facts(self) -> frozenset[str]:
        """What every message of this template must bring along."""
        return required_facts(self.says)


@dataclass(frozen=True, slots=True)
class Text:
    """A finished text. `size` and `cost_milli` (thousandths of a minor unit) only for what is paid by the segment."""

    language: Language
    subject: str | None
    body: str
    size: Size | None = None
    cost_milli: int = 0

    @property
    def html(self) -> str:
        return as_html(self.body)


def required_facts(wish: TemplateWish) -> frozenset[str]:
    """The facts that the texts show, in any language, and the currency where one of them is money."""
    shown = {name for words in wish.texts.values() for part in _parts(words) for name in variables_of(part)}
    facts = {name for name in shown if not VARIABLES[name].personal}
    return frozenset(facts | ({CURRENCY} if facts.intersection(MONEY) else set()))


def _parts(words: Words) -> list[str]:
    return [words.body] if words.subject is None else [words.body, words.subject]


# ------------------------------------------------------------------------------------------------ saving
def save_template(tx: Tx, wish: TemplateWish, *, by: str) -> Template:
    """Keep a template as the next version of its code; the same as the newest changes nothing.

    Locks the code. Raises TextUnusable with the place of every fault, TemplateKindFixed.
    """
    check_template(tx, wish)
    tx.ask("SELECT pg_advisory_xact_lock(hashtext('message_template'), hashtext(%s))", (wish.code,))
    newest = _newest(tx, wish.code)
    if newest is not None:
        if (newest.says.channel, newest.says.message_class) != (wish.channel, wish.message_class):
            raise TemplateKindFixed("This code belongs to a template of another channel or class")
        if newest.says == wish and not newest.retired:
            return newest
    row = tx.ask(
        "INSERT INTO marketing.message_template (code, version, name, channel, message_class, written_by, written_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
        (
            wish.code, (newest.version if newest else 0) + 1, wish.name, wish.channel, wish.message_class, by, tx.now,
        ),
    ).fetchone()  # fmt: skip
    assert row is not None
    for language, words in wish.texts.items():
        tx.ask(
            "INSERT INTO marketing.message_text (template_id, language, subject, body) VALUES (%s, %s, %s, %s)",
            (row[0], language, words.subject, words.body),
        )
    return template(tx, row[0])


def check_template(tx: Tx, wish: TemplateWish) -> None:
    """Raises TextUnusable when a text does not parse, asks for what is not there, or comes out too long."""
    faults: list[FieldError] = []
    if not wish.texts:
        faults.append(FieldError("/texts", "at least one language is needed"))
    policy = policy_in_force(tx)
    for language, words in wish.texts.items():
        try:
            preview_text(policy, wish, language)
        except TextUnusable as error:
            faults.append(FieldError(f"/texts/{language}/body", error.detail))
        if (words.subject is None) == (wish.channel == Channel.INBOX):
            fault = "is needed" if words.subject is None else "a text message has no subject"
            faults.append(FieldError(f"/texts/{language}/subject", fault))
    if faults:
        raise TextUnusable(faults[0].detail, errors=faults)


def retire_template(tx: Tx, code: str) -> None:
    """Offer a template no more; what is queued keeps it. Raises TemplateUnknown."""
    newest = _newest(tx, code)
    if newest is None:
        raise TemplateUnknown("There is no such template")
    tx.ask(
        "UPDATE marketing.message_template SET retired_at = coalesce(retired_at, %s) WHERE id = %s", (tx.now, newest.id)
    )


# ------------------------------------------------------------------------------------------------ reading
_SELECT: LiteralString = (
    "SELECT id, code, version, name, channel, message_class, retired_at IS NOT NULL AS retired, written_by, written_at "
    "FROM marketing.message_template "
)
_NEWEST: LiteralString = (
    "WHERE retired_at IS NULL AND (code, version) IN "
    "(SELECT code, max(version) FROM marketing.message_template GROUP BY code) ORDER BY name, code LIMIT %s"
)


def template(tx: Tx, template_id: int) -> Template:
    """One version. Raises TemplateUnknown."""
    found = templates_by_id(tx, [template_id])
    if template_id not in found:
        raise TemplateUnknown("There is no such template")
    return found[template_id]


def templates_by_id(tx: Tx, template_ids: Sequence[int]) -> dict[int, Template]:
    """These versions; unknown ids are left out. Two statements."""
    rows = tx.ask(_SELECT + "WHERE id = ANY(%s)", (list(template_ids),))
    return _with_texts(tx, rows.fetchall())


def newest_templates(tx: Tx, limit: int = TEMPLATES_MAX) -> list[Template]:
    """The newest version of every template that is not retired, by name."""
    rows = tx.ask(_SELECT + _NEWEST, (limit,))
    return list(_with_texts(tx, rows.fetchall()).values())


def _newest(tx: Tx, code: str) -> Template | None:
    rows = tx.ask(_SELECT + "WHERE code = %s ORDER BY version DESC LIMIT 1", (code,))
    return next(iter(_with_texts(tx, rows.fetchall()).values()), None)


def _with_texts(tx: Tx, rows: Sequence[Sequence[Any]]) -> dict[int, Template]:
    texts: dict[int, dict[Language, Words]] = {row[0]: {} for row in rows}
    found = tx.ask(
        "SELECT template_id, language, subject, body FROM marketing.message_text WHERE template_id = ANY(%s) "
        "ORDER BY template_id, language",
        (list(texts),),
    )
    for template_id, language, subject, body in found:
        texts[template_id][Language(language)] = Words(body, subject)
    return {
        id_: Template(
            id_, version, by, at, retired,
            TemplateWish(code, name, Channel(channel), MessageClass(message_class), texts[id_]),
        )
        for id_, code, version, name, channel, message_class, retired, by, at in rows
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------ filling in
def language_for(wish: TemplateWish, chosen: Language | None, default: Language) -> Language:
    """The member's language if there is a text in it, else the house's, else the first there is."""
    for language in (chosen, default):
        if language in wish.texts:
            assert language is not None
            return language
    return next(iter(wish.texts))


def finished_text(
    policy: Policy,
    wish: TemplateWish,
    language: Language,
    facts: Mapping[str, Any],
    *,
    name: str | None,
    store: str | None,
) -> Text:
    """The text for one member as it leaves. Raises TextUnusable."""
    return _finish(policy, wish, language, values_for(language, facts, name=name, store=store))


def preview_text(policy: Policy, wish: TemplateWish, language: Language) -> Text:
    """The text for a made-up member. Raises TextUnusable."""
    return _finish(policy, wish, language, sample_values(language, get_settings().company_currency))


def signed(rules: PolicyWish, language: Language, body: str) -> str:
    """A text message with the sender's name before it, as the networks want it."""
    sign = rules.signs[language].strip()
    # Chinese signs end in a bracket that is as wide as a blank.
    return sign + ("" if sign.endswith("】") else " ") + " ".join(body.split())


def _finish(policy: Policy, wish: TemplateWish, language: Language, values: Mapping[str, Any]) -> Text:
    words = wish.texts[language]
    body = render(words.body, values)
    if not body:
        raise TextUnusable("the text is empty")
    if wish.channel != Channel.SMS:
        return Text(language, render(words.subject or "", values)[:SUBJECT_MAX], body)
    rules = policy.says
    whole = signed(rules, language, body)
    if wish.message_class == MessageClass.MARKETING:
        whole += " " + rules.opt_outs[language].strip()
    size = size_of(whole)
    if size.segments > SEGMENTS_MAX:
        raise TextUnusable(f"the text message would have {size.segments} parts, at most {SEGMENTS_MAX} are sent")
    return Text(language, None, whole, size, size.segments * rules.segment_cost_milli)
