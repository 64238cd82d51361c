"""The floors: what PostgreSQL and a bare web server do when nothing is looked up, decided or checked."""

import re
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import psycopg

from benchmarks.house import House
from benchmarks.load import Round
from benchmarks.receipts import Maker, Shop, Till
from regulars.running.account import server_account
from regulars.running.postgres import server_environment

TABLES = Path(__file__).with_name("floor.sql")
# `pgbench` fills in a number and a member; both are spelled so that nothing else in a receipt looks like them.
SCRIPT = """\
\\set number random(1, 9007199254740991)
\\set member random(:first, :last)
SELECT floor.post_sale('pgbench', md5(random()::text),
    replace(replace(:body, '900719925474', :number ::text), '"?"', :member ::text)::json);
"""


def build(house: House, shop: Shop) -> Shop:
    """Make the floor's tables and functions; returns the shop with its members named by the ids of their accounts."""
    with psycopg.connect(house.database_url, autocommit=True) as connection:
        connection.execute(TABLES.read_text().encode())
        connection.execute("ANALYZE")
        connection.execute("CHECKPOINT")
        accounts = connection.execute("SELECT id FROM floor.account ORDER BY id").fetchall()
    return replace(shop, members=[f'"{row[0]}"' for row in accounts])


def run_pgbench(house: House, shop: Shop, clients: int, seconds: float) -> Round:
    """The single-sale function called by pgbench: no Python, no HTTP."""
    numbers = [int(member.strip('"')) for member in shop.members]
    body = Maker(shop, "", [Till("S01", "T1", "", 900719925474)], ['"?"'], seed=1).single()
    directory = Path(tempfile.mkdtemp(prefix="pgbench-", dir=house.directory))
    directory.chmod(0o777)
    script = directory / "script.sql"
    script.write_text(SCRIPT)
    account = server_account()
    done = subprocess.run(
        [
            str(house.programs / "pgbench"),
            *("--no-vacuum", "--protocol=prepared", f"--client={clients}", f"--jobs={min(clients, 2)}"),
            *(f"--time={max(1, round(seconds))}", f"--file={script}", "--log", f"--log-prefix={directory}/log"),
            *("-D", f"first={min(numbers)}", "-D", f"last={max(numbers)}", "-D", f"body={body.decode()}"),
            house.database_url,
        ],
        cwd=directory,
        env=server_environment(),
        user=account.uid if account.switch else None,
        group=account.gid if account.switch else None,
        extra_groups=[] if account.switch else None,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 60,
    )
    if done.returncode != 0:
        raise RuntimeError(f"pgbench: {done.stderr[-2000:]}")
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout
    times = sorted(
        int(line.split()[2]) / 1e3 for log in directory.glob("log.*") for line in log.read_text().splitlines()
    )
    return Round(float(found[1]), times[len(times) // 2], times[len(times) * 95 // 100], 0.0, len(times))
