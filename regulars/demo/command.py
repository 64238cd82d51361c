"""`regulars demo`: post the demo, or compare what stands in the database with the source."""

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from regulars.demo.check import check_demo
from regulars.demo.connection import DemoStopped
from regulars.demo.credentials import read_head_office
from regulars.demo.load import CONNECTIONS, load_demo
from regulars.demo.report import DemoReport
from regulars.running.environment import database_at_hand, given_environment, home_of

REASONS_SHOWN_MAX = 20


@click.command()
@click.option("--base-url", default=None, help="The running server; by default the one in demo-credentials.json.")
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), default=None, help="Default: REGULARS_HOME, .regulars."
)
@click.option("--offset-weeks", type=int, default=None, help="Move the data by so many weeks; 0 leaves them in 2017.")
@click.option("--baskets", type=click.IntRange(min=1), default=None, help="Only the first so many baskets.")
@click.option("--connections", type=click.IntRange(1, 8), default=CONNECTIONS, show_default=True)
@click.option("--again", is_flag=True, help="Send everything, also what an earlier run has the answer for.")
@click.option("--check", is_flag=True, help="Post nothing; compare the database with the source to the cent.")
def demo(
    base_url: str | None,
    home: Path | None,
    offset_weeks: int | None,
    baskets: int | None,
    connections: int,
    again: bool,
    check: bool,
) -> None:
    """Post a year of real grocery sales (dunnhumby Complete Journey) to the running server.

    Exits with 1 when something was refused or differs, 2 when the server does not answer.
    """
    console = Console()
    if check:
        with database_at_hand() as house:
            found = check_demo(home or house.root, offset_weeks=offset_weeks, baskets=baskets)
        console.print(found.table())
        sys.exit(0 if found.equal else 1)
    home = home or home_of(given_environment()).root
    server = read_head_office(home)
    if server is None:
        raise click.ClickException(f"There is no demo-credentials.json in {home}: start the house with `regulars run`.")
    try:
        report = load_demo(
            base_url or server[0],
            home,
            server[1],
            offset_weeks=offset_weeks,
            baskets=baskets,
            connections=connections,
            again=again,
            follow_up=True,
            console=console,
        )
    except DemoStopped as stopped:
        console.print(f"[red]The demo stopped:[/red] {stopped}")
        console.print("Nothing is lost: the same command goes on where it stopped.")
        sys.exit(2)
    show(report, console)
    sys.exit(0 if report.complete else 1)


def show(report: DemoReport, console: Console) -> None:
    """Say what a load did, on the terminal."""
    table = Table(title="The demo", title_justify="left")
    for heading in ("", "new", "there already", "not sent again", "refused", "seconds"):
        table.add_column(heading, justify="left" if not heading else "right")
    for part in report.parts:
        table.add_row(
            part.what,
            f"{part.new:,}",
            f"{part.known:,}",
            f"{part.skipped:,}",
            f"{part.refused:,}",
            f"{part.seconds:.1f}",
        )
    console.print(table)
    console.print(
        f"{report.lines:,} lines, {report.money.amount / 100:,.2f} USD received by the stores, "
        f"{report.money.coupons / 100:,.2f} USD of makers' coupons; {report.points:,} points earned. "
        f"{report.seconds:.0f} s, of which {report.client_cpu_seconds:.0f} s of a core in this loader."
    )
    console.print(f"Dates moved by {report.offset_weeks} weeks. What is real and what is made up: docs/demo.md")
    for name, count in report.flags.items():
        console.print(f"  flagged {name}: {count:,} sales")
    for refusal in report.refusals[:REASONS_SHOWN_MAX]:
        console.print(
            f"  [red]refused[/red] {refusal.count:,} {refusal.what}: {refusal.status} {refusal.code} {refusal.detail}"
        )
