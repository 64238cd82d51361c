"""Whether the database holds what the source holds: every basket once, every line, to the cent; and what is special.

Reads the tables of pos directly, in one read-only transaction, as only the roof may. Looks at the receipts of the
demo's own terminals; the cash desk, and people who try things out, have others.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import numpy as np
import pyarrow as pa
import pyarrow.csv
from rich.table import Table

from foundation.database import Tx, database
from regulars.demo import state
from regulars.demo.dates import wall_times
from regulars.demo.places import Places, find_places
from regulars.demo.receipts import per_basket
from regulars.demo.source import Integers, Source, read_source

QUANTITY_USUAL_MAX = 1_000
LINES_MAX = 2_000
STATEMENT_TIMEOUT_MS = 300_000

RECEIPTS: LiteralString = """
    COPY (
    SELECT substr(store.code, 2)::bigint AS store, substr(sale.terminal, 2)::bigint AS terminal, sale.sequence,
           sale.business_date - DATE '1970-01-01' AS business_day, extract(epoch FROM sale.occurred_at)::bigint AS at,
           sale.amount, coalesce(sale.member_id, 0) AS member, (sale.member_part = 'done')::int AS done,
           coalesce(t.paid, 0) AS paid, coalesce(t.voucher, 0) AS voucher, coalesce(t.face, 0) AS face
    FROM pos.sale JOIN organisation.store ON store.id = sale.store_id
    LEFT JOIN (
        SELECT business_date, sale_id, sum(amount) AS paid, sum(amount) FILTER (WHERE kind = 'voucher') AS voucher,
               sum(coalesce(face, amount)) FILTER (WHERE kind = 'voucher') AS face
        FROM pos.tender GROUP BY business_date, sale_id) AS t
        ON t.business_date = sale.business_date AND t.sale_id = sale.id
    WHERE store.code ~ '^S[0-9]+$' AND sale.terminal ~ '^T[0-9]$' AND sale.type = 'sale' AND sale.series = 0
    ) TO STDOUT (FORMAT csv, HEADER)
"""

LINES: LiteralString = """
    COPY (
    SELECT substr(store.code, 2)::bigint AS store, substr(sale.terminal, 2)::bigint AS terminal, sale.sequence,
           line.line::bigint AS line, coalesce(product.code, line.product_code)::bigint AS product,
           (line.product_id IS NOT NULL)::int AS known, line.quantity::bigint AS quantity, line.amount,
           line.regular_amount,
           coalesce((SELECT sum((d ->> 'amount')::bigint) FROM json_array_elements(line.discounts) AS d), 0) AS discount
    FROM pos.sale_line AS line
    JOIN pos.sale ON sale.business_date = line.business_date AND sale.id = line.sale_id
    JOIN organisation.store ON store.id = sale.store_id
    LEFT JOIN pos.product ON product.id = line.product_id
    WHERE store.code ~ '^S[0-9]+$' AND sale.terminal ~ '^T[0-9]$' AND sale.type = 'sale' AND sale.series = 0
    ) TO STDOUT (FORMAT csv, HEADER)
"""

Columns = dict[str, Integers]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing compared: how much of it the source and the database hold, and how many single entries differ."""

    what: str
    source: int
    stored: int
    different: int

    @property
    def equal(self) -> bool:
        return self.source == self.stored and self.different == 0


@dataclass(frozen=True, slots=True)
class Oddity:
    """Entries of the source that are worth a name; the database holds them as they are."""

    count: int
    what: str


@dataclass(frozen=True, slots=True)
class Check:
    """The whole comparison. Money is in cents."""

    findings: tuple[Finding, ...]
    oddities: tuple[Oddity, ...]

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return all(finding.equal for finding in self.findings)

    def table(self) -> Table:
        """The comparison for the terminal."""
        return table_of("Source and database", self.findings, self._caption())

    def _caption(self) -> str:
        return "Stored as they came:\n" + "\n".join(f"{odd.count:>7,} {odd.what}" for odd in self.oddities)


def table_of(title: str, findings: Sequence[Finding], caption: str | None = None) -> Table:
    """Findings for the terminal."""
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    table.add_column("")
    for heading in ("source", "database", "different"):
        table.add_column(heading, justify="right")
    for found in findings:
        colour = "green" if found.equal else "red"
        counts = (f"{found.source:,}", f"{found.stored:,}", f"[{colour}]{found.different:,}[/{colour}]")
        table.add_row(found.what, *counts)
    return table


def check_demo(home: Path, *, offset_weeks: int | None = None, baskets: int | None = None) -> Check:
    """Compare the database of this process with the source.

    `offset_weeks` and `baskets`: as posted; None takes what the loader wrote into `home`, else 0 and all.
    """
    weeks, count = _as_posted(home)
    whole = read_source()
    source = whole.first(baskets if baskets is not None else count)
    with database().transaction(read_only=True) as tx:
        tx.execute(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}")
        receipts, lines = _read(tx, RECEIPTS), _read(tx, LINES)
    return compare(source, find_places(whole.baskets), weeks if offset_weeks is None else offset_weeks, receipts, lines)


def compare(source: Source, places: Places, offset_weeks: int, receipts: Columns, lines: Columns) -> Check:
    """Compare the source with columns as the two queries give them."""
    number = len(source.baskets)
    counts = np.diff(source.baskets.first_line)
    key = _receipt_key(source.baskets.store, places.terminal_of_basket[:number], places.sequence_of_basket[:number])
    line = np.arange(len(source.lines.amount)) - np.repeat(source.baskets.first_line[:-1], counts) + 1
    line_key = np.repeat(key, counts) * LINES_MAX + line
    stored = _receipt_key(receipts["store"], receipts["terminal"], receipts["sequence"])
    stored_line = _receipt_key(lines["store"], lines["terminal"], lines["sequence"]) * LINES_MAX + lines["line"]
    return Check(
        (
            *_receipt_findings(source, offset_weeks, Match(key, stored), receipts),
            *_line_findings(source, Match(line_key, stored_line), lines),
        ),
        _oddities(source),
    )


class Match:
    """Which entries of the source and of the database are the same, by key. Keys of the source are unique."""

    def __init__(self, source: Integers, stored: Integers) -> None:
        self.source_count, self.stored_count = len(source), len(stored)
        unique, first = np.unique(stored, return_index=True)
        order = np.argsort(source)
        at = np.minimum(np.searchsorted(unique, source[order]), max(len(unique) - 1, 0))
        same = unique[at] == source[order] if len(unique) else np.zeros(len(source), dtype=np.bool_)
        self.source, self.stored = order[same], first[at[same]]
        # Neither side's single entries have a partner more than once, so what is not matched is missing or too many.
        self.single = self.source_count + self.stored_count - 2 * len(self.source)

    def presence(self, what: str) -> Finding:
        """Whether each entry is there exactly once."""
        return Finding(what, self.source_count, self.stored_count, self.single)

    def sums(self, what: str, source: Integers, stored: Integers) -> Finding:
        """Whether the sums are equal, and each entry is."""
        return Finding(what, int(source.sum()), int(stored.sum()), self._different(source, stored))

    def each(self, what: str, source: Integers, stored: Integers) -> Finding:
        """Whether each entry is equal, where sums have no meaning: the figures count the matched entries."""
        different = self._different(source, stored)
        return Finding(what, len(self.source), len(self.source) - different, different)

    def _different(self, source: Integers, stored: Integers) -> int:
        return int((source[self.source] != stored[self.stored]).sum())


def _receipt_findings(source: Source, offset_weeks: int, match: Match, stored: Columns) -> list[Finding]:
    times = wall_times(source.baskets.at, offset_weeks)
    amount, coupons = per_basket(source.lines.amount, source.baskets), per_basket(source.lines.coupon, source.baskets)
    return [
        match.presence("receipts"),
        match.each("  business date", times.local.astype("datetime64[D]").astype(np.int64), stored["business_day"]),
        match.each("  moment", times.utc().astype(np.int64), stored["at"]),
        match.sums("  amount, cents", amount, stored["amount"]),
        match.sums("  tenders, cents", amount, stored["paid"]),
        match.sums("  coupons: face of the vouchers, cents", coupons, stored["face"]),
        match.sums("  coupons: paid by voucher, cents", np.minimum(amount, coupons), stored["voucher"]),
        match.sums("  member's part done", np.ones(len(source.baskets), dtype=np.int64), stored["done"]),
        _one_member_each(source.baskets.household[match.source], stored["member"][match.stored]),
    ]


def _line_findings(source: Source, match: Match, stored: Columns) -> list[Finding]:
    lines = source.lines
    known = np.isin(lines.product, source.products.id).astype(np.int64)
    return [
        match.presence("lines"),
        match.each("  product", lines.product, stored["product"]),
        match.sums("  product in the catalogue", known, stored["known"]),
        match.sums("  quantity", lines.quantity, stored["quantity"]),
        match.sums("  amount, cents", lines.amount, stored["amount"]),
        match.sums("  shelf price, cents", lines.regular_amount, stored["regular_amount"]),
        match.sums("  discounts, cents", lines.retail_discount + lines.coupon_match, stored["discount"]),
    ]


def _one_member_each(household: Integers, member: Integers) -> Finding:
    """Whether each household is one member and each member one household."""
    pairs = np.unique(np.stack((household, member)), axis=1)
    households, members = len(np.unique(pairs[0])), len(np.unique(pairs[1]))
    return Finding("  households as members", households, members, 2 * pairs.shape[1] - households - members)


def _oddities(source: Source) -> tuple[Oddity, ...]:
    """What in the source looks like a mistake and is not one of ours."""
    lines, products = source.lines, source.products
    amount, coupons = per_basket(lines.amount, source.baskets), per_basket(lines.coupon, source.baskets)
    unknown = ~np.isin(lines.product, products.id)
    return (
        Oddity(int(unknown.sum()), "lines of products that the catalogue lacks (flagged)"),
        Oddity(int((lines.quantity == 0).sum()), "lines with quantity 0"),
        Oddity(int((lines.amount == 0).sum()), "lines for which the store received nothing"),
        Oddity(
            int((lines.quantity > QUANTITY_USUAL_MAX).sum()), f"lines with a quantity over {QUANTITY_USUAL_MAX}: fuel"
        ),
        Oddity(int((amount == 0).sum()), "receipts of 0.00"),
        Oddity(
            int((coupons > amount).sum()), "receipts whose coupons are worth more than the total (face over amount)"
        ),
    )


def _receipt_key(store: Integers, terminal: Integers, sequence: Integers) -> Integers:
    """One number for store (below 2^17), terminal (below 10) and sequence (below 2^20)."""
    return (store * 10 + terminal) * 2**20 + sequence


def _as_posted(home: Path) -> tuple[int, int | None]:
    if (loaded := state.read_loaded(home)) is not None:
        return loaded.offset_weeks, loaded.baskets
    if (progress := state.read_progress(home)) is not None:
        return progress.plan.offset_weeks, progress.plan.baskets
    return 0, None


def _read(tx: Tx, query: LiteralString) -> Columns:
    """The rows of a COPY as columns of whole numbers."""
    with tx.raw.cursor().copy(query) as copy:
        text = b"".join(bytes(block) for block in copy)
    table = pyarrow.csv.read_csv(
        io.BytesIO(text), convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=False)
    )
    return {name: table.column(name).cast(pa.int64()).to_numpy() for name in table.column_names}
