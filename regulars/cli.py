"""The `regulars` command: everything the operator does from a terminal."""

import sys
from datetime import datetime
from pathlib import Path

import click

from regulars.running.environment import database_at_hand, given_environment, home_of
from regulars.running.problems import CannotRun


class House(click.Group):
    """Says what went wrong in a sentence instead of a traceback when the operator can do something about it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), "demo"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "demo":
            # The demo reads with numpy and pandas; no other command should wait for them.
            from regulars.demo.command import demo

            return demo
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> object:
        from foundation.settings import SettingMissing

        try:
            return super().invoke(ctx)
        except (CannotRun, SettingMissing) as problem:
            raise click.ClickException(str(problem)) from None


@click.group(cls=House)
def main() -> None:
    """Regulars: one true account for every member, every sale from every till.

    Settings come from the environment (docs/runbook.md lists them). Data of the embedded servers, keys and logs lie in
    REGULARS_HOME (default .regulars).
    """


@main.command()
@click.option("--demo/--no-demo", default=True, show_default=True, help="Make the demo's store and log-ins.")
@click.option("--sales/--no-sales", default=True, show_default=True, help="Post the demo's sales, once.")
@click.option(
    "--department/--no-department", default=True, show_default=True, help="With them a made-up department store."
)
def run(demo: bool, sales: bool, department: bool) -> None:
    """Start the whole house here and keep it running; Ctrl-C stops it."""
    from regulars.running.house import run_house

    given = given_environment()
    run_house(home_of(given), given, demo=demo, sales=sales, department=department)


@main.command()
def migrate() -> None:
    """Bring the database to this release; safe to run twice and by two at once."""
    from foundation.settings import get_settings
    from regulars.running.migrating import migrate as run_migrations

    with database_at_hand():
        before, after = run_migrations(get_settings().database_url)
    click.echo(f"The database is at {after}" + ("" if before == after else f" (it was at {before or 'nothing'})"))


@main.command()
def web() -> None:
    """Serve pages and API on PORT (8000) of WEB_HOST (127.0.0.1)."""
    from foundation.logging import configure_logging
    from foundation.settings import get_settings
    from regulars.running.web_server import WebServer

    settings = get_settings()
    configure_logging(settings.log_level)
    WebServer(settings).run()


@main.command()
@click.option("--payments", is_flag=True, help="Take payments and give them back, nothing else.")
def worker(payments: bool) -> None:
    """Work on the queued tasks; payments have a worker of their own, for those who wait at a counter."""
    from foundation.logging import configure_logging
    from foundation.settings import get_settings
    from regulars.running.workers import run_worker

    configure_logging(get_settings().log_level)
    run_worker(get_settings(), payments=payments)


@main.command()
def beat() -> None:
    """Send the periodic tasks; run exactly one."""
    from foundation.logging import configure_logging
    from foundation.settings import get_settings
    from regulars.running.workers import run_beat

    configure_logging(get_settings().log_level)
    run_beat(get_settings(), home_of(given_environment()))


@main.command()
def relay() -> None:
    """Give committed events their positions; a second one stands by."""
    from foundation.logging import configure_logging
    from foundation.settings import get_settings
    from regulars.running.workers import run_the_relay

    configure_logging(get_settings().log_level)
    run_the_relay()


@main.group()
def payments() -> None:
    """Payments taken by us, beside what the banks say of them."""


@payments.command()
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The day of the file, in UTC.")
@click.option(
    "--file", "path", type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The daily file; without it the acquirer's is fetched from ACQUIRER_FILES.",
)  # fmt: skip
@click.option("--rail", type=click.Choice(["card", "wechat", "alipay"]), default="card", show_default=True)
def reconcile(day: datetime, path: Path | None, rail: str) -> None:
    """Compare a bank's daily file with our payments and refunds; exits 1 when something differs."""
    from regulars.running.reconciling import reconcile_day

    with database_at_hand():
        sys.exit(0 if reconcile_day(day.date(), rail, path, click.echo) else 1)


@main.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(file: Path) -> None:
    """Write the whole database to FILE, and the keys that open it to FILE.keys; keep the two apart."""
    from foundation.settings import get_settings
    from regulars.running.backup import back_up

    with database_at_hand():
        report = back_up(get_settings(), file)
    click.echo(report.words())


@main.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--keys", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Default: FILE.keys.")
@click.option("--replace", is_flag=True, help="Give up what is in the database now.")
def restore(file: Path, keys: Path | None, replace: bool) -> None:
    """Bring the database back from FILE. Stop the house first; it starts on the restored data."""
    from regulars.running.backup import restore_house

    given = given_environment()
    click.echo(restore_house(home_of(given), given, file, keys, replace=replace).words())


@main.command()
def status() -> None:
    """Tell what runs, and whether every part is ready; exits 1 when something is not."""
    from regulars.running.status import tell_status

    sys.exit(0 if tell_status(home_of(given_environment()), click.echo) else 1)


@main.command()
@click.argument("part", type=click.Choice(["web", "worker", "relay"]))
def alive(part: str) -> None:
    """Exit 0 when this part works; for the health check of a container."""
    from foundation.settings import get_settings
    from regulars.running.status import is_alive

    sys.exit(0 if is_alive(part, get_settings(), click.echo) else 1)


@main.command()
def secrets() -> None:
    """Print fresh passwords and keys as lines of an .env file, for docker-compose.yml."""
    from regulars.running.keys import new_secrets

    for name, value in new_secrets().items():
        click.echo(f"{name}={value}")


@main.command()
@click.argument("username")
def administrator(username: str) -> None:
    """Make a person who may do everything; prints the password once. For a house without the demo."""
    from foundation.database import database
    from regulars.running.bootstrap import make_administrator

    with database_at_hand(), database().transaction() as tx:
        made = make_administrator(tx, username)
    click.echo(f"Log in as {made['username']} with {made['password']} and change the password.")


@main.group()
def ledger() -> None:
    """The books."""


@ledger.command()
def verify() -> None:
    """Prove every journal, balance, lot, hold, allocation and the seal; names what is wrong and exits 1 then."""
    from regulars.running.verifying import verify_books

    with database_at_hand():
        faults = verify_books(click.echo)
    sys.exit(1 if faults else 0)


@ledger.command()
def expire() -> None:
    """Let lots expire whose last day has passed, and end holds whose time is over; the worker does it by the clock."""
    from foundation.database import database
    from member_api.ledger.endings import end_holds, expire_lots

    with database_at_hand():
        holds, lots = end_holds(database()), expire_lots(database())
    click.echo(f"Holds of {holds.members} members ended, lots of {lots.members} members expired")
    if lots.left or holds.left:
        click.echo(f"{max(lots.left, holds.left)} members were in use; run it again")


@ledger.command()
def seal() -> None:
    """Seal what is not sealed yet, and sign the end of the chain; the worker does it every night."""
    from foundation.database import database
    from member_api.seal.operations import seal_everything, sign_root
    from regulars.running.workers import register_everything

    register_everything()
    with database_at_hand():
        sealed, root = seal_everything(database()), sign_root(database())
    click.echo(f"{sealed} journals sealed; " + (f"root {root.position} signed" if root else "no new root"))


@ledger.command()
def public_key() -> None:
    """Print the public key of the seal, in hex: keep it where this machine's keys are not."""
    from foundation.settings import get_settings
    from member_api.seal.chain import public_key_of

    with database_at_hand():
        click.echo(public_key_of(get_settings().seal_key).hex())


@main.group()
def lake() -> None:
    """The lake: every sale line by line for analytics, made from the database."""


@lake.command("status")
def lake_status() -> None:
    """Tell how far the lake is and what it consists of; exits 1 when files are missing."""
    from regulars.running.lake import tell_state

    with database_at_hand():
        missing = tell_state(click.echo)
    sys.exit(1 if missing else 0)


@lake.command("export")
def lake_export() -> None:
    """Take what has happened into the lake now; the worker does it every twenty seconds."""
    from regulars.running.lake import export_now

    with database_at_hand():
        export_now(click.echo)


@lake.command("backfill")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="Only months from this business date on.")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="Only months up to this business date.")
def lake_backfill(first: datetime | None, last: datetime | None) -> None:
    """Make the lake again from the database, while the house runs; readers see the old one until it is done."""
    from regulars.running.lake import make_again

    with database_at_hand():
        make_again(click.echo, first.date() if first else None, last.date() if last else None)


@lake.command("check")
def lake_check() -> None:
    """Compare the lake with the database to the line and the cent; names what differs and exits 1 then."""
    from regulars.running.lake import compare

    with database_at_hand():
        differences = compare(click.echo)
    sys.exit(1 if differences else 0)


@main.group()
def score() -> None:
    """What members have been worth, and where they are heading."""


@score.command("run")
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Sales before this day; today if not said."
)
@click.option(
    "--horizon", type=click.IntRange(1, 730), default=None, help="Days ahead; as in the settings if not said."
)
def score_run(as_of: datetime | None, horizon: int | None) -> None:
    """Score every member, here and now; exits 1 when it fails."""
    from rich.console import Console

    from foundation.database import database
    from regulars.running.scoring import run_here

    with database_at_hand():
        done = run_here(database(), as_of.date() if as_of else None, horizon, Console())
    sys.exit(0 if done else 1)


@score.command("status")
@click.option("--limit", type=click.IntRange(1, 100), default=10, show_default=True)
def score_status(limit: int) -> None:
    """Tell how the latest runs went, and how far the one under way is."""
    from rich.console import Console

    from foundation.database import database
    from regulars.running.scoring import show_status

    with database_at_hand():
        show_status(database(), limit, Console())
