"""Everything of this package that the web application serves."""

from foundation.http import Room
from pos_adapter.catalogue.http import catalogue_blueprint
from pos_adapter.sales.http import sales_blueprint

room = Room(
    name="pos_adapter",
    blueprints=[sales_blueprint, catalogue_blueprint],
)
