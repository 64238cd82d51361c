"""A report as a file for a spreadsheet program: CSV in UTF-8, money in whole units, nothing that is taken for a
formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal

import flask

from foundation.money import exponent

Cell = str | int | float | Decimal | None
# What a spreadsheet program reads as the beginning of a formula, also behind a tab or a line break.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def spreadsheet(name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> flask.Response:
    """The file `name`.csv. With a byte order mark, without which one program takes Chinese for Latin letters."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([harmless(cell) for cell in head])
    writer.writerows([[harmless(cell) for cell in row] for row in rows])
    answer = flask.Response(text.getvalue().encode("utf-8-sig"), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def harmless(cell: Cell) -> Cell:
    """A cell that is only looked at: words that would be worked out as a formula begin with an apostrophe."""
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(FORMULA) else cell
    return "" if cell is None else cell


def units(amount: float | None, currency: str) -> Decimal | None:
    """Minor units as an amount of the currency; of fractions two digits more are kept."""
    if amount is None:
        return None
    if isinstance(amount, int):
        return Decimal(amount).scaleb(-exponent(currency))
    return Decimal(repr(round(amount, 2))).scaleb(-exponent(currency))
