"""Two languages: the catalogues of all packages as one, compiled when the application starts.

The sources are `<package>/.../translations/zh/LC_MESSAGES/messages.po`; English is the words in the code. Nothing
compiled lies on disk, so nothing compiled can be old.
"""

import io
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import flask
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from flask_babel import Babel, Domain

from foundation.access.principal import principal_or_none

LANGUAGES = {"en": "English", "zh": "中文"}
LANGUAGE_COOKIE = "regulars_language"
OWN_TRANSLATIONS = Path(__file__).parent / "translations"


def install_words(app: flask.Flask, folders: Iterable[Path], timezone: str) -> None:
    """Give `app` gettext in code and templates, with the words of all `folders` and our own."""
    words = Domain(translation_directories=[])
    for language in LANGUAGES:
        words.cache[language, "messages"] = _translations(language, (OWN_TRANSLATIONS, *folders))
    babel = Babel(app, default_locale="en", default_timezone=timezone, locale_selector=choose_language)
    babel.domain_instance = words


def choose_language() -> str:
    """`en` or `zh`: what was chosen on a page, else the person's own, else what the browser prefers."""
    chosen = flask.request.cookies.get(LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return chosen
    principal = principal_or_none()
    if principal is not None and principal.locale in LANGUAGES:
        return principal.locale
    return flask.request.accept_languages.best_match(LANGUAGES) or "en"


def read_catalogue(path: Path) -> Catalog:
    """One messages.po."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


@lru_cache(maxsize=8)
def _translations(language: str, folders: tuple[Path, ...]) -> Translations:
    together = Catalog(locale=language)
    for folder in folders:
        path = folder / language / "LC_MESSAGES" / "messages.po"
        if path.exists():
            for message in read_catalogue(path):
                if message.id and message.string:
                    together.add(message.id, message.string, context=message.context)
    compiled = io.BytesIO()
    write_mo(compiled, together)
    compiled.seek(0)
    return Translations(compiled, domain="messages")
