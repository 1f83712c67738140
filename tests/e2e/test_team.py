"""A team from outside: two homes, a bare remote between them, real daemons, and a simulator that bills."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.installation import Installation
from tests.support.waiting import until
from tokenguard import simulator

USD = 10**9
LONG = "word " * 16_000
"""Of 80,000 bytes, so that a call costs several cents."""


class Person:
    """Somebody with a clone and an installation of their own."""

    def __init__(self, folder: Path, name: str, remote: Path, sim: simulator.Process, settings: str = "") -> None:
        folder.mkdir()
        self.tg = Installation(folder / "home", sim.url, settings=settings)
        self.work = self.tg.work
        self.git("config", "user.name", f"{name} Example")
        self.git("config", "user.email", f"{name.lower()}@example.com")
        self.git("config", "commit.gpgsign", "false")
        self.git("remote", "add", "origin", f"file://{remote}")

    def git(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = ["git", *words]
        return subprocess.run(
            command, cwd=self.work, env=self.tg.env, capture_output=True, text=True, check=check, timeout=60
        )

    def team(self) -> Any:
        """What is known of it after having heard of the others."""
        (told,) = self.tg.json("team", "sync")["teams"]
        return told

    def calls(self, count: int, prompt: str = LONG) -> list[str]:
        """What each of so many calls was answered."""
        done = self.tg(*self.tg.agent("anthropic", *[prompt] * count), check=False)
        return done.stdout.splitlines()


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    folder = tmp_path / "remote.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(folder)], check=True)
    return folder


@pytest.fixture
def ann(tmp_path: Path, remote: Path, sim: simulator.Process) -> Iterator[Person]:
    person = Person(tmp_path / "ann", "Ann", remote, sim)
    yield person
    person.tg.stop()


@pytest.fixture
def bob(tmp_path: Path, remote: Path, sim: simulator.Process) -> Iterator[Person]:
    person = Person(tmp_path / "bob", "Bob", remote, sim)
    yield person
    person.tg.stop()


def begin(ann: Person, bob: Person, *options: str) -> None:
    """Ann begins a team, and Bob takes part."""
    ann.git("commit", "-q", "--allow-empty", "-m", "Begin")
    ann.tg("team", "init", "web", *options)
    ann.git("add", "tokenguard.toml")
    ann.git("commit", "-q", "-m", "Share a budget")
    ann.git("push", "-q", "origin", "main")
    bob.git("pull", "-q", "origin", "main")
    refused = bob.tg("team", "join", check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    bob.tg("team", "join", "--trust")


def spent(told: Any) -> int:
    (budget,) = told["budgets"]
    return int(budget["spent"])


def test_what_one_spends_the_other_sees_and_is_refused_by(ann: Person, bob: Person, sim: simulator.Process) -> None:
    begin(ann, bob, "--limit", "0.30", "--window", "total")
    ann.team()
    assert bob.team()["mode"] == "shared"
    assert all(line.startswith("200 ") for line in ann.calls(3))
    (mine,) = ann.team()["budgets"]
    assert mine["free"] == mine["limit"] - mine["spent"] < USD // 10
    told = bob.team()
    bill = sim.bill().total_nanos
    assert spent(told) == bill == told["budgets"][0]["others"] > USD // 5
    names = {one["name"] for one in bob.tg.json("team", "members")["members"]}
    assert names == {"Ann Example", "Bob Example"}
    *_, last = bob.calls(3)
    assert last.startswith("4") and "the limit that binds is team:web/total, not yours" in last
    assert "To go on: raise total of web in tokenguard.toml, for all who agree" in last
    assert "team:web/total" in bob.tg("status").stdout
    checked = bob.tg("ci", "check", "--team", check=False)
    assert checked.returncode == (1 if sim.bill().total_nanos >= 3 * USD // 10 else 0)


def test_nobody_spends_what_was_not_handed_to_them(ann: Person, bob: Person, sim: simulator.Process) -> None:
    begin(ann, bob, "--limit", "8", "--mode", "rights")
    bob.team()
    ann.team()
    granted = until(lambda: bob.team()["budgets"][0]["granted"], "something is handed to Bob")
    ann.tg.stop()
    assert 0 < granted < 4 * USD
    answers = bob.calls(14)
    assert answers[0].startswith("200 ")
    assert answers[-1].startswith("4") and "the limit that binds is team:web/month, not yours" in answers[-1]
    bill = sim.bill().total_nanos
    assert 0 < bill <= granted
    assert bob.tg.json("team", "leave") == {"team": "web", "left": True, "given_back": True}
    assert bob.tg.json("team", "status")["teams"] == []
    until(
        lambda: (ann.team()["budgets"][0]["others"], ann.team()["budgets"][0]["held"]) == (bill, 0), "it is given back"
    )


def test_a_policy_that_was_changed_is_asked_about_anew(ann: Person, bob: Person) -> None:
    begin(ann, bob, "--limit", "20")
    file = bob.work / "tokenguard.toml"
    file.write_text(file.read_text().replace("$20", "$200"))
    assert "was changed since you agreed to it: tokenguard trust" in bob.tg("status").stdout
    assert bob.team()["budgets"][0]["limit"] == 20 * USD
    bob.tg("trust")
    assert bob.team()["budgets"][0]["limit"] == 200 * USD


def test_a_push_is_stopped_by_the_team_s_limit(ann: Person, bob: Person, sim: simulator.Process) -> None:
    bob.tg.configure(sim.url, settings='[hooks.team]\npush = "block"\nwarn_at = "warn"\nblock_at = "warn"\n')
    begin(ann, bob, "--limit", "0.20", "--window", "total")
    bob.tg("hooks", "install")
    assert all(line.startswith("200 ") for line in ann.calls(2))
    ann.team()
    bob.team()

    def stopped() -> str:
        done = bob.git("push", "-q", "origin", "HEAD:refs/heads/bob", check=False)
        return done.stderr if done.returncode else ""

    said = until(stopped, "the hook stops it")
    assert "the limit that binds is team:web/total, not yours: it is at 82%" in said
    assert "To go on: raise total of web in tokenguard.toml" in said
