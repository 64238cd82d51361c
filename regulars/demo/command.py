"""`regulars demo`: post the demo, or compare what stands in the database with the source."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from regulars.demo.check import check_demo, table_of
from regulars.demo.connection import DemoStopped
from regulars.demo.credentials import read_head_office
from regulars.demo.department.check import check_department
from regulars.demo.department.load import DepartmentReport, load_department
from regulars.demo.load import CONNECTIONS, load_demo
from regulars.demo.report import DemoReport, Part, Refusal
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
@click.option(
    "--department/--no-department", default=True, show_default=True, help="The made-up department store, too."
)
@click.option("--groceries/--no-groceries", default=True, show_default=True, help="The year of real grocery sales.")
@click.option("--check", is_flag=True, help="Post nothing; compare the database with the source to the cent.")
def demo(
    base_url: str | None,
    home: Path | None,
    offset_weeks: int | None,
    baskets: int | None,
    connections: int,
    again: bool,
    department: bool,
    groceries: bool,
    check: bool,
) -> None:
    """Post a year of real grocery sales (dunnhumby Complete Journey), and a made-up department store, to the server.

    Exits with 1 when something was refused or differs, 2 when the server does not answer.
    """
    console = Console()
    if check:
        with database_at_hand() as house:
            sys.exit(0 if _is_as_made(home or house.root, offset_weeks, baskets, groceries, department, console) else 1)
    home = home or home_of(given_environment()).root
    server = read_head_office(home)
    if server is None:
        raise click.ClickException(f"There is no demo-credentials.json in {home}: start the house with `regulars run`.")
    complete = True
    try:
        if groceries:
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
            show(report, console)
            complete = report.complete
        if department:
            made = load_department(
                base_url or server[0], home, server[1], offset_weeks=offset_weeks, again=again, console=console
            )
            show_department(made, console)
            complete = complete and (made is None or made.complete)
    except DemoStopped as stopped:
        console.print(f"[red]The demo stopped:[/red] {stopped}")
        console.print("Nothing is lost: the same command goes on where it stopped.")
        sys.exit(2)
    sys.exit(0 if complete else 1)


def _is_as_made(
    home: Path, offset_weeks: int | None, baskets: int | None, groceries: bool, department: bool, console: Console
) -> bool:
    equal = True
    if groceries:
        found = check_demo(home, offset_weeks=offset_weeks, baskets=baskets)
        console.print(found.table())
        equal = found.equal
    findings = check_department(home, offset_weeks=offset_weeks) if department else None
    if findings is not None:
        console.print(table_of("The department store as it was made, and the database", findings))
        equal = equal and all(each.equal for each in findings)
    return equal


def show(report: DemoReport, console: Console) -> None:
    """Say what a load did, on the terminal."""
    console.print(_table("The demo", report.parts))
    console.print(
        f"{report.lines:,} lines, {report.money.amount / 100:,.2f} USD received by the stores, "
        f"{report.money.coupons / 100:,.2f} USD of makers' coupons; {report.points:,} points earned. "
        f"{report.seconds:.0f} s, of which {report.client_cpu_seconds:.0f} s of a core in this loader."
    )
    console.print(f"Dates moved by {report.offset_weeks} weeks. What is real and what is made up: docs/demo.md")
    _show_oddities(report.flags, report.refusals, console)


def show_department(report: DepartmentReport | None, console: Console) -> None:
    """Say what became of the department store, on the terminal."""
    if report is None:
        console.print("The department store stands already (--again sends it once more).")
        return
    takings = report.takings
    console.print(_table("The department store (made up)", report.parts))
    console.print(
        f"{report.calendar.first_day} to {report.calendar.last_day}: {report.taken / 100:,.2f} CNY at the tills, "
        f"{report.closed} days closed. On its floor: {takings.tickets['issued']} tickets, {takings.settlements} "
        f"settlements over {takings.net / 100:,.2f} CNY, {takings.by_rail / 100:,.2f} of it through the simulators of "
        f"the banks; {takings.returns} returns. {report.seconds:.0f} s."
    )
    _show_oddities(report.flags, report.refusals, console)


def _table(title: str, parts: Sequence[Part]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in ("", "new", "there already", "not sent again", "refused", "seconds"):
        table.add_column(heading, justify="left" if not heading else "right")
    for part in parts:
        counts = (part.new, part.known, part.skipped, part.refused)
        table.add_row(part.what, *(f"{count:,}" for count in counts), f"{part.seconds:.1f}")
    return table


def _show_oddities(flags: Mapping[str, int], refusals: Sequence[Refusal], console: Console) -> None:
    for name, count in flags.items():
        console.print(f"  flagged {name}: {count:,} sales")
    for refusal in refusals[:REASONS_SHOWN_MAX]:
        console.print(
            f"  [red]refused[/red] {refusal.count:,} {refusal.what}: {refusal.status} {refusal.code} {refusal.detail}"
        )
