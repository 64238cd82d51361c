"""Everything of this package that the web application serves."""

from pathlib import Path

from foundation.access import register_people
from foundation.http import MenuItem, Room
from foundation.pages import lazy
from organisation.counters.http import counters_blueprint
from organisation.counters.pages import counters_pages
from organisation.devices.http import clients_blueprint
from organisation.devices.pages import devices_pages
from organisation.names.http import names_blueprint
from organisation.permissions import READ
from organisation.staff.http import staff_blueprint
from organisation.staff.pages import staff_pages
from organisation.staff.people import resolve_person
from organisation.stores.http import stores_blueprint
from organisation.stores.pages import stores_pages

register_people(resolve_person)

HERE = Path(__file__).parent
ORGANISATION = lazy("Organisation")

room = Room(
    name="organisation",
    blueprints=[names_blueprint, stores_blueprint, counters_blueprint, staff_blueprint, clients_blueprint],
    pages=[stores_pages, counters_pages, staff_pages, devices_pages],
    menu=[
        MenuItem(lazy("Stores"), "/organisation/stores", READ, "store", 80, ORGANISATION),
        MenuItem(lazy("Counters"), "/organisation/counters", READ, "desk", 81, ORGANISATION),
        MenuItem(lazy("Staff"), "/organisation/staff", READ, "staff", 82, ORGANISATION),
        MenuItem(lazy("Devices"), "/organisation/devices", READ, "device", 83, ORGANISATION),
    ],
    translations=[HERE / "translations"],
    static=HERE / "static",
)
