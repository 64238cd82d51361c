"""The page shell: base templates, the design system, words in two languages."""

from typing import Any

import flask
from flask_babel import gettext, lazy_gettext, ngettext


def lazy(message: str, **values: Any) -> Any:
    """A translation looked up when it is shown: for labels made at import time (menu entries, form fields)."""
    return lazy_gettext(message, **values)


def render(template: str, **context: Any) -> str:
    """Render a page template (`"members/search.html"`) inside the shell."""
    return flask.render_template(template, **context)


__all__ = ["gettext", "lazy", "ngettext", "render"]
