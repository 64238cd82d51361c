"""All measures by name. What is not here is no measure."""

from collections.abc import Mapping
from types import MappingProxyType

from analytics.measures.health import HEALTH_MEASURES
from analytics.measures.measure import Measure
from analytics.measures.places import AREA_MEASURES
from analytics.measures.sales import SALES_MEASURES
from foundation.errors import Invalid


class MeasureUnknown(Invalid):
    """No measure has this name, or it cannot be worked out over what was asked."""

    code = "measure_unknown"


ALL_MEASURES = (*SALES_MEASURES, *AREA_MEASURES, *HEALTH_MEASURES)
MEASURES: Mapping[str, Measure] = MappingProxyType({measure.name: measure for measure in ALL_MEASURES})
assert len(MEASURES) == len(ALL_MEASURES), "two measures have one name"


def measure(name: str) -> Measure:
    """The measure of this name. Raises MeasureUnknown."""
    if name not in MEASURES:
        raise MeasureUnknown(f"there is no measure {name!r}; there are: {', '.join(MEASURES)}")
    return MEASURES[name]
