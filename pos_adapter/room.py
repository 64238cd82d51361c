"""Everything of this package that the web application serves."""

from pathlib import Path

from foundation.http import MenuItem, Room
from foundation.pages import lazy
from pos_adapter.catalogue.http import catalogue_blueprint
from pos_adapter.day.http import day_blueprint
from pos_adapter.day.pages import day_pages
from pos_adapter.desk.http import desk_blueprint
from pos_adapter.desk.pages import DESK_USE, desk_pages
from pos_adapter.discounts.http import discounts_blueprint
from pos_adapter.discounts.pages import discounts_pages
from pos_adapter.handheld.http import handheld_blueprint
from pos_adapter.handheld.pages import handheld_pages
from pos_adapter.overview.http import overview_blueprint
from pos_adapter.overview.pages import overview_pages
from pos_adapter.own_receipts.pages import own_receipts_pages
from pos_adapter.parcels.http import parcels_blueprint
from pos_adapter.parcels.pages import parcels_pages
from pos_adapter.payments.http import payments_blueprint
from pos_adapter.payments.pages import payments_pages
from pos_adapter.permissions import (
    DAY_READ,
    DISCOUNTS_APPROVE,
    FLOOR,
    PARCELS,
    PAYMENTS_READ,
    READ,
    RETURNS_ISSUE,
    SHIFTS_WORK,
    TICKETS_WRITE,
)
from pos_adapter.repairs.http import repairs_blueprint
from pos_adapter.repairs.pages import repairs_pages
from pos_adapter.returns.http import returns_blueprint
from pos_adapter.returns.pages import returns_pages
from pos_adapter.sales.http import sales_blueprint
from pos_adapter.sales.pages import receipt_pages
from pos_adapter.settlements.http import settlements_blueprint
from pos_adapter.tenders.http import tenders_blueprint
from pos_adapter.tickets.http import tickets_blueprint
from pos_adapter.tickets.live import live_blueprint
from pos_adapter.tills.http import tills_blueprint

HERE = Path(__file__).parent

room = Room(
    name="pos_adapter",
    blueprints=[
        sales_blueprint,
        catalogue_blueprint,
        tenders_blueprint,
        tills_blueprint,
        repairs_blueprint,
        overview_blueprint,
        tickets_blueprint,
        settlements_blueprint,
        live_blueprint,
        payments_blueprint,
        desk_blueprint,
        parcels_blueprint,
        returns_blueprint,
        discounts_blueprint,
        handheld_blueprint,
        day_blueprint,
    ],
    pages=[
        overview_pages,
        receipt_pages,
        own_receipts_pages,
        repairs_pages,
        payments_pages,
        handheld_pages,
        desk_pages,
        day_pages,
        parcels_pages,
        returns_pages,
        discounts_pages,
    ],
    menu=[
        MenuItem(lazy("Overview"), "/overview", READ, "home", 10),
        MenuItem(lazy("Counter"), "/handheld", TICKETS_WRITE, "device", 15),
        MenuItem(lazy("Cash desk"), "/desk", DESK_USE, "desk", 16),
        MenuItem(lazy("Floor board"), "/floor", FLOOR, "clock", 24),
        MenuItem(lazy("Shifts"), "/shifts", SHIFTS_WORK, "till", 19),
        MenuItem(lazy("Receipts"), "/receipts", READ, "receipt", 25),
        MenuItem(lazy("Day close"), "/days", DAY_READ, "list", 26),
        MenuItem(lazy("Settlements"), "/settlements", READ, "coins", 27),
        MenuItem(lazy("Left goods"), "/parcels", PARCELS, "tag", 18),
        MenuItem(lazy("Returns"), "/returns", RETURNS_ISSUE, "left", 17),
        MenuItem(lazy("Manager's code"), "/discounts/code", DISCOUNTS_APPROVE, "key", 27),
        MenuItem(lazy("Payments"), "/payments", PAYMENTS_READ, "coins", 28),
        MenuItem(lazy("Repairs"), "/repairs", READ, "repair", 30),
    ],
    translations=sorted(HERE.glob("**/translations")),
    static=HERE / "static",
)
