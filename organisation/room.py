"""Everything of this package that the web application serves."""

from foundation.access import register_people
from foundation.http import Room
from organisation.counters.http import counters_blueprint
from organisation.devices.http import clients_blueprint
from organisation.staff.http import staff_blueprint
from organisation.staff.people import resolve_person
from organisation.stores.http import stores_blueprint

register_people(resolve_person)

room = Room(
    name="organisation",
    blueprints=[stores_blueprint, counters_blueprint, staff_blueprint, clients_blueprint],
)
