"""`tokenguard team status` and its like: what the daemon is asked, and what comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import Cli
from tests.cli.team.conftest import FakeDaemon
from tests.cli.team.told import member, team
from tokenguard.team.gitrefs.members import member_id

TEAM = '[team]\nname = "web"\nsalt = "0123456789abcdef"\n[[team.budget]]\nname = "month"\nlimit = "$500"\n'


@pytest.fixture
def joined(cli: Cli, daemon: FakeDaemon, repo: Path) -> FakeDaemon:
    """Ann's machine is in the team web."""
    (repo / "tokenguard.toml").write_text(TEAM)
    assert cli("team", "join", "--trust").code == 0
    daemon.teams = [team()]
    daemon.asked.clear()
    return daemon


def test_without_a_team_there_is_nothing_to_ask(cli: Cli, daemon: FakeDaemon) -> None:
    assert cli("team", "status").out.startswith("This machine is in no team. tokenguard team init begins one")
    assert cli("team", "status", "--json").document == {"teams": [], "concern": None}
    assert cli("team", "sync").code == 2
    assert daemon.asked == []


def test_status(cli: Cli, joined: FakeDaemon) -> None:
    assert "month   $41.20  $500.00    8%  $60.00" in cli("team", "status").out
    assert cli("team", "status", "--json").document["teams"] == [team()]
    assert 'this machine is in no team "api"; it is in web' in cli("team", "status", "--team", "api").err


@pytest.mark.parametrize(
    ("words", "path", "body"),
    [
        (["sync"], "/v1/team/sync", {"team": "web"}),
        (["lease", "--amount", "20"], "/v1/team/lease", {"team": "web", "amount": "20"}),
        (
            ["raise", "month", "--amount", "50.25", "--reason", "release"],
            "/v1/team/change",
            {"team": "web", "budget": "month", "amount": "+50.25", "reason": "release"},
        ),
        (
            ["lower", "month", "--amount", "10", "--reason", "back"],
            "/v1/team/change",
            {"team": "web", "budget": "month", "amount": "-10", "reason": "back"},
        ),
    ],
)
def test_what_is_asked_of_the_daemon(
    cli: Cli, joined: FakeDaemon, words: list[str], path: str, body: dict[str, str]
) -> None:
    outcome = cli("team", *words)
    assert (outcome.code, outcome.err) == (0, "") and outcome.out.startswith("web · git, rights")
    assert joined.asked == [(path, body)]
    assert cli("team", *words, "--json").document["teams"] == [team()]


@pytest.mark.parametrize("amount", ["0", "2M tokens", ""])
def test_only_dollars_are_shared(cli: Cli, joined: FakeDaemon, amount: str) -> None:
    assert cli("team", "lease", "--amount", amount).code == 2
    assert joined.asked == []


def test_what_the_daemon_refuses_is_told(cli: Cli, joined: FakeDaemon) -> None:
    joined.fails.add("/v1/team/change")
    outcome = cli("team", "raise", "month", "--amount", "5", "--reason", "x", "--json")
    assert outcome.code == 3 and outcome.document["error"]["message"] == "team web cannot be reached"


def test_members_are_named_by_the_history_of_the_clone(cli: Cli, joined: FakeDaemon) -> None:
    ann = member_id("0123456789abcdef", "ANN@example.com ")
    joined.teams = [team(members=[member(ann, "77aa10ff", you=True), member("f" * 16, "00000000")])]
    lines = cli("team", "members").out.splitlines()
    assert lines[1].startswith("Ann Example (you)") and lines[2].startswith("f" * 16)
    told = cli("team", "members", "--json").document["members"]
    assert [(one["team"], one["name"]) for one in told] == [("web", "Ann Example"), ("web", None)]
