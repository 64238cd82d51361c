"""Printing over HTTP: the desk notes each print before the paper comes, so that a second one is a copy."""

import msgspec

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import Blueprint, idempotent, msgspec_answer
from pos_adapter.desk.printing import note_print
from pos_adapter.permissions import SETTLE
from pos_adapter.settlements.http import settlement_id

desk_blueprint = Blueprint("desk", __name__, description="Receipts of settlements on paper")


class PrintNoted(msgspec.Struct, frozen=True):
    """Which print it is; all but the first are copies."""

    n: int
    copy: bool


@desk_blueprint.route("/settlements/<settlement>/prints", methods=["POST"])
@allow(SETTLE)
@idempotent
@msgspec_answer(201, PrintNoted)
def post_print(tx: Tx, settlement: str) -> PrintNoted:
    """Note that the receipt of a paid settlement is printed."""
    printed = note_print(tx, current_principal(), settlement_id(settlement))
    return PrintNoted(printed.n, printed.n > 1)
