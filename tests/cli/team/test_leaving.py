"""`tokenguard team leave`: what is given back, and what is forgotten."""

from __future__ import annotations

from pathlib import Path

from tests.cli.support import Cli
from tests.cli.team.conftest import FakeDaemon
from tokenguard.config.memberships import Membership, folder, read_memberships
from tokenguard.config.paths import find_paths

TEAM = '[team]\nname = "web"\nsalt = "0123456789abcdef"\n[[team.budget]]\nname = "month"\nlimit = "$500"\n'


def memberships(home: Path) -> tuple[Membership, ...]:
    return read_memberships(find_paths({"TOKENGUARD_HOME": str(home)}))


def test_leaving_gives_back_and_forgets(cli: Cli, daemon: FakeDaemon, repo: Path, home: Path) -> None:
    (repo / "tokenguard.toml").write_text(TEAM)
    cli("team", "join", "--trust")
    kept = folder(find_paths({"TOKENGUARD_HOME": str(home)}), "web")
    kept.mkdir()
    daemon.asked.clear()
    assert cli("team", "leave").out == "This machine is not in web any more.\n"
    assert daemon.asked == [("/v1/team/leave", {"team": "web"}), ("/v1/team/reload", {})]
    assert memberships(home) == () and not kept.exists()
    assert "this machine is in no team; tokenguard team join" in cli("team", "leave").err


def test_leaving_while_nobody_can_be_reached_needs_to_be_meant(
    cli: Cli, daemon: FakeDaemon, repo: Path, home: Path
) -> None:
    (repo / "tokenguard.toml").write_text(TEAM)
    cli("team", "join", "--trust")
    daemon.fails.add("/v1/team/leave")
    outcome = cli("team", "leave")
    assert outcome.code == 3 and "add --yes to leave without telling the others" in outcome.err
    assert len(memberships(home)) == 1
    assert cli("team", "leave", "--yes", "--json").document == {"team": "web", "left": True, "given_back": False}
    assert memberships(home) == ()


def test_who_hands_out_the_limit_does_not_leave_by_mistake(cli: Cli, daemon: FakeDaemon, repo: Path) -> None:
    cli("team", "init", "web", "--limit", "500", "--mode", "rights")
    assert "this machine hands out the limit" in cli("team", "leave").err
    assert cli("team", "leave", "--yes").code == 0
