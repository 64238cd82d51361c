"""The page shell: base templates, the design system, words in two languages.

A page is a template that extends `shell/base.html` and imports its parts from `shell/macros.html`.
"""

from typing import Any

from flask_babel import gettext, lazy_gettext, ngettext

from foundation.pages.shell import render


def lazy(message: str, **values: Any) -> Any:
    """A translation looked up when it is shown: for labels made at import time (menu entries, form fields)."""
    return lazy_gettext(message, **values)


__all__ = ["gettext", "lazy", "ngettext", "render"]
