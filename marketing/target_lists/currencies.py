"""In which currency a condition on money is meant that names none.

In that of the stores it is narrowed to, if they all have one; without `where`, in the only one of all stores. Else in
the company's: amounts of different currencies are never compared.
"""

from dataclasses import replace

from foundation.conditions import Condition, Where
from foundation.database import Tx
from foundation.settings import get_settings
from marketing.target_lists.catalogue import MEASURES
from marketing.target_lists.filters import Filter, changed
from organisation.contract import currencies_of


def in_currencies_of_stores(tx: Tx, filter_: Filter) -> Filter:
    """The filter with the currency named where it is another than the company's and goes without saying."""
    return changed(filter_, lambda condition: _settled(tx, condition))


def _settled(tx: Tx, condition: Condition) -> Condition:
    if condition.currency is not None or not MEASURES[condition.measure].currency:
        return condition
    where = dict(condition.where)
    meant = currencies_of(tx, where.get(Where.STORE), where.get(Where.FORMAT))
    if len(meant) != 1 or get_settings().company_currency in meant:
        return condition
    return replace(condition, currency=min(meant))
