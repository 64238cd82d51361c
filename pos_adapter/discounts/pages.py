"""The manager's own page: a code for a discount over a clerk's limit."""

from foundation.access import PrincipalKind, allow, current_principal
from foundation.database import Tx
from foundation.http import Pages, transactional
from foundation.pages import render
from foundation.settings import get_settings
from organisation.contract import stores_within
from pos_adapter.discounts.operations import TRIES_MAX, codes_of
from pos_adapter.permissions import DISCOUNTS_APPROVE

discounts_pages = Pages("discounts", __name__, url_prefix="/discounts")
SHOWN = 10


@discounts_pages.route("/code")
@allow(DISCOUNTS_APPROVE)
@transactional
def code_page(tx: Tx) -> str:
    """Make a code, and see what became of the last ones."""
    person = current_principal()
    stores = stores_within(tx, person)
    is_person = person.kind is PrincipalKind.PERSON and person.id.isdecimal()
    return render(
        "discounts/code.html",
        codes=codes_of(tx, int(person.id), SHOWN) if is_person else [],
        zone=stores[0].timezone if stores else get_settings().company_timezone,
        most=TRIES_MAX,
        now=tx.now,
    )
