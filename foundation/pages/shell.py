"""The shell around every page: menu, language, who is signed in; and the page for what went wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import flask
from flask_babel import get_locale, gettext

from foundation.access.principal import Principal, principal_or_none
from foundation.errors import DomainError
from foundation.pages.assets import Assets
from foundation.pages.formats import FILTERS
from foundation.pages.words import LANGUAGES

if TYPE_CHECKING:
    from foundation.http.rooms import MenuItem

BOTTOM_BAR_MAX = 4
EXTENSION = "regulars.shell"


@dataclass(frozen=True, slots=True)
class Shell:
    """What the shell of one application knows."""

    menu: tuple["MenuItem", ...]
    assets: Assets


@dataclass(frozen=True, slots=True)
class MenuSection:
    """Entries of the menu under one heading (None: without)."""

    heading: Any
    items: tuple["MenuItem", ...]


def install_shell(app: flask.Flask, menu: Sequence["MenuItem"], assets: Assets) -> None:
    """Give `app` the shell's templates, filters and globals."""
    app.extensions[EXTENSION] = Shell(tuple(sorted(menu, key=lambda item: (item.order, item.path))), assets)
    environment = app.jinja_env
    environment.filters.update(FILTERS)
    environment.globals.update(asset=assets.address, languages=LANGUAGES, language_address=_language_address)
    environment.trim_blocks = environment.lstrip_blocks = True


def render(template: str, **context: Any) -> str:
    """A page template (`"members/search.html"`, extending `shell/base.html`) inside the shell."""
    shell: Shell = flask.current_app.extensions[EXTENSION]
    principal = principal_or_none()
    items = menu_of(shell, principal)
    return flask.render_template(
        template,
        **context,
        principal=principal,
        csrf_token=getattr(flask.request, "csrf_token", None) or "",
        language=str(get_locale()),
        menu=_sections(items),
        bottom_bar=items[:BOTTOM_BAR_MAX],
        path=flask.request.path,
        home_page=getattr(flask.request, "home_page", "/"),
    )


def menu_of(shell: Shell, principal: Principal | None) -> list["MenuItem"]:
    """The entries this person may open, in order."""
    return [] if principal is None else [item for item in shell.menu if item.permission in principal.permissions]


def home_of(principal: Principal | None) -> str:
    """The first page of a person: the first entry of their menu, else their account; log-in for a stranger."""
    if principal is None:
        return "/login"
    items = menu_of(flask.current_app.extensions[EXTENSION], principal)
    return items[0].path if items else "/account"


def render_problem_page(error: DomainError, request_id: str) -> str:
    """What a person with a browser sees in place of a problem document."""
    return render(
        "shell/problem.html",
        status=error.treatment.status,
        title=problem_title(error.treatment.status),
        detail=gettext(error.detail),
        request_id=request_id,
        retryable=error.treatment.retryable,
    )


def problem_title(status: int) -> str:
    """A heading in the reader's language."""
    titles = {
        401: gettext("Please log in"),
        403: gettext("You may not see this"),
        404: gettext("There is nothing here"),
        405: gettext("This cannot be done here"),
        409: gettext("This contradicts what is recorded"),
        413: gettext("That is too large"),
        422: gettext("Something does not fit together"),
        429: gettext("Too fast"),
        503: gettext("A part of the system is away"),
    }
    fallback = gettext("Something went wrong") if status >= 500 else gettext("This did not work")
    return str(titles.get(status, fallback))


def _sections(items: Sequence["MenuItem"]) -> list[MenuSection]:
    headings: dict[str, tuple[Any, list[MenuItem]]] = {}
    for item in items:
        headings.setdefault(str(item.section or ""), (item.section, []))[1].append(item)
    return [MenuSection(heading, tuple(inside)) for heading, inside in headings.values()]


def _language_address(language: str) -> str:
    where = flask.request.full_path.rstrip("?") if flask.request.method == "GET" else "/"
    return "/language?" + urlencode({"to": language, "next": where})
