"""Everything of this package that the web application serves."""

from foundation.http import Room
from pos_adapter.catalogue.http import catalogue_blueprint
from pos_adapter.repairs.http import repairs_blueprint
from pos_adapter.sales.http import sales_blueprint
from pos_adapter.tills.http import tills_blueprint

room = Room(
    name="pos_adapter",
    blueprints=[sales_blueprint, catalogue_blueprint, tills_blueprint, repairs_blueprint],
)
