"""A team with a database, from outside: whoever keeps it, a member, a real PostgreSQL, and a simulator that bills."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_team import USD, Person
from tests.support.installation import Installation
from tests.support.postgres import Server, missing
from tests.support.waiting import until
from tokenguard import simulator

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")

KEEPER = ("--login", "user=postgres")


@pytest.fixture
def server() -> Iterator[Server]:
    # A short path: a unix socket is in it. pytest's own folders are closed to whom the server runs as.
    with tempfile.TemporaryDirectory(prefix="tg-pg-") as folder:
        Path(folder).chmod(0o711)
        server = Server(Path(folder) / "s")
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)


@pytest.fixture
def bob(tmp_path: Path, sim: simulator.Process, server: Server) -> Iterator[Person]:
    """Who keeps the database, too."""
    remote = tmp_path / "remote.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(remote)], check=True)
    person = Person(tmp_path / "bob", "Bob", remote, sim)
    yield person
    person.tg.stop()


def test_a_team_is_made_worked_in_and_left(bob: Person, server: Server, sim: simulator.Process) -> None:
    server.database("shared")
    tg = bob.tg
    where = f"host=127.0.0.1 port={server.port} dbname=shared"
    tg("team", "init", "web", "--limit", "5", "--backend", "postgres", "--database", where)
    assert tg.json("team", "init-db", *KEEPER) == {"team": "web", "migrations": ["0001", "0002", "0003"]}
    assert tg.json("team", "init-db", *KEEPER)["migrations"] == []
    assert tg.json("team", "add", "bob", "--limit", "2", *KEEPER)["created"]
    tg("team", "join", "--login", "user=bob")
    assert bob.team()["mode"] == "leases"
    assert bob.calls(1)[0].startswith("200 ")
    bill = sim.bill().total_nanos
    told = until(lambda: (found := bob.team()) and found["budgets"][0]["spent"] == bill and found, "it is reported")
    assert {one["name"]: one["spent"] for one in told["budgets"]} == {"month": bill, "member-bob": bill}
    (checked,) = [one for one in tg.json("ci", "check", "--team", *KEEPER)["team"] if one["name"] == "month"]
    assert (checked["spent"], checked["limit"]) == (bill, 5 * USD)
    assert tg.json("team", "raise", "month", "--amount", "1", "--reason", "release", *KEEPER)["limit"] == 6 * USD
    refused = tg("team", "raise", "month", "--amount", "1", "--reason", "more", check=False)
    assert refused.returncode == 3 and "administers it" in refused.stderr
    assert tg.json("team", "leave")["given_back"]
    (rest,) = [one for one in tg.json("ci", "check", "--team", *KEEPER)["team"] if one["name"] == "month"]
    assert (rest["spent"], rest["held"]) == (bill, 0)


def test_a_home_that_was_copied_takes_part_as_another_one(bob: Person, server: Server, sim: simulator.Process) -> None:
    server.database("shared")
    tg = bob.tg
    where = f"host=127.0.0.1 port={server.port} dbname=shared"
    tg("team", "init", "web", "--limit", "5", "--backend", "postgres", "--database", where)
    tg("team", "init-db", *KEEPER)
    tg("team", "add", "bob", *KEEPER)
    tg("team", "join", "--login", "user=bob")
    assert bob.calls(1)[0].startswith("200 ")
    bill = sim.bill().total_nanos
    until(lambda: bob.team()["budgets"][0]["spent"] == bill, "it is reported")
    tg.stop()
    shutil.copytree(tg.home, tg.home.parent / "copy", ignore=shutil.ignore_patterns("*.sock", "daemon.json"))
    copy = Installation(tg.home.parent / "copy", sim.url)
    try:
        (theirs,) = copy.json("team", "sync")["teams"]
        first = bob.team()
        assert first["machine"] != theirs["machine"]
        assert f"it takes part as bob/{theirs['machine']} now" in theirs["remarks"][0]
        assert not first["remarks"]
        # What was called before is in both ledgers, and was spent once.
        assert first["budgets"][0]["spent"] == bill
        assert theirs["machine"] in copy("team", "status").stdout
    finally:
        copy.stop()


def test_a_database_that_is_away_is_told_of(bob: Person, server: Server) -> None:
    server.database("shared")
    tg = bob.tg
    where = f"host=127.0.0.1 port={server.port} dbname=shared"
    tg("team", "init", "web", "--limit", "5", "--backend", "postgres", "--database", where)
    tg("team", "init-db", *KEEPER)
    tg("team", "add", "bob", *KEEPER)
    tg("team", "join", "--login", "user=bob")
    bob.team()
    server.stop()
    failed = tg("team", "sync", check=False)
    assert failed.returncode == 3 and failed.stderr.count("\n") == 1
    (told,) = tg.json("team", "status")["teams"]
    assert told["state"] == "away" and told["problem"]
    (finding,) = [one for one in tg.json("doctor")["checks"] if one["check"] == "team"]
    assert finding["state"] == "warn" and finding["remedy"]
    server.start()
    assert bob.team()["state"] == "ok"
