"""The table and the file."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.machine import Machine
from benchmarks.rounds import Measured

RESULTS = Path(__file__).with_name("results") / "latest.json"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The product beside its floors, over so many connections. `target` is the ratio to the first floor."""

    title: str
    connections: int
    product: Measured
    floors: Sequence[Measured]
    target: float | None = None
    p95_target_ms: float | None = None

    @property
    def ratios(self) -> list[float]:
        return [self.product.sales_per_s / floor.sales_per_s for floor in self.floors]

    @property
    def missed(self) -> list[str]:
        """Which targets it does not reach."""
        missed = []
        if self.target is not None and self.ratios[0] < self.target:
            missed.append(f"{self.ratios[0]:.2f} of the floor, wanted {self.target}")
        if self.p95_target_ms is not None and self.product.p95_ms > self.p95_target_ms:
            missed.append(f"p95 {self.product.p95_ms:.1f} ms, wanted {self.p95_target_ms:g}")
        return missed


def show(machine: Machine, comparisons: Sequence[Comparison]) -> None:
    """Print what was measured."""
    console = Console(width=150)
    console.print(
        f"{machine.cores} cores ({machine.processor}), {machine.memory_gb} GB, {machine.system}; "
        f"Python {machine.python}, PostgreSQL {machine.postgresql}, gunicorn {machine.gunicorn}, "
        f"psycopg {machine.psycopg}; fdatasync {machine.fdatasync_us:.0f} us; load before {machine.load_before}. "
        "Client, server and database share the cores."
    )
    table = Table("what", "connections", "sales/s", "p50 ms", "p95 ms", "of this floor", "CPU us a sale", "missed")
    for comparison in comparisons:
        table.add_section()
        for measured, ratio in [(comparison.product, None), *zip(comparison.floors, comparison.ratios, strict=True)]:
            table.add_row(
                f"{comparison.title}: {measured.name}",
                str(comparison.connections),
                f"{measured.sales_per_s:,.0f}",
                f"{measured.p50_ms:.1f}",
                f"{measured.p95_ms:.1f}",
                f"{ratio:.2f}" if ratio is not None else "",
                _cpu(measured),
                "; ".join(comparison.missed) if ratio is None else "",
            )
    console.print(table)


def _cpu(measured: Measured) -> str:
    parts = {**measured.cpu(), "client": measured.client_us}
    return ", ".join(f"{name} {used:.0f}" for name, used in parts.items() if used >= 1)


def keep(machine: Machine, comparisons: Sequence[Comparison], null_client_us: float) -> None:
    """Write the figures, every round of them."""
    RESULTS.parent.mkdir(exist_ok=True)
    content = {
        "machine": asdict(machine),
        "client_us_a_request_against_nothing": round(null_client_us, 1),
        "comparisons": [_content(comparison) for comparison in comparisons],
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")


def _content(comparison: Comparison) -> dict[str, Any]:
    return {
        "what": comparison.title,
        "connections": comparison.connections,
        "ratios": {floor.name: round(r, 3) for floor, r in zip(comparison.floors, comparison.ratios, strict=True)},
        "target": comparison.target,
        "missed": comparison.missed,
        "measured": [
            {
                "name": measured.name,
                "sales_per_s": round(measured.sales_per_s, 1),
                "p50_ms": round(measured.p50_ms, 2),
                "p95_ms": round(measured.p95_ms, 2),
                "cpu_us_a_sale": {name: round(used) for name, used in measured.cpu().items()},
                "client_cpu_us_a_sale": round(measured.client_us, 1),
                "events_behind_after": measured.events_behind,
                "rounds": [asdict(each) for each in measured.rounds],
            }
            for measured in (comparison.product, *comparison.floors)
        ],
    }
