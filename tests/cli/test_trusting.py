"""`tokenguard trust` and `tokenguard untrust`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.support import Cli

TEAM = (
    '[team]\nname = "web"\nsalt = "0123456789abcdef"\nmode = "rights"\ntreasurer = "a/b"\n'
    '[[team.budget]]\nname = "month"\nlimit = "$500"\n'
)


@pytest.fixture
def repo(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "web"
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    url = "https://ann:secret@git.example.com/web.git"
    subprocess.run(["git", "-C", str(folder), "remote", "add", "origin", url], check=True)
    monkeypatch.chdir(folder)
    return folder


def test_what_takes_effect_is_shown(cli: Cli, repo: Path) -> None:
    (repo / "tokenguard.toml").write_text(TEAM)
    outcome = cli("trust")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "team web, through the remote origin (https://git.example.com/web.git)\n"
        "  nobody spends what was not handed to them\n"
        "  month: $500.00 a month (UTC), refuse\n"
        "  if it cannot be reached, and what was handed over is used up: calls are refused\n"
        "  whoever can read that repository sees what this machine spends here\n"
        "  nobody sees prompts, branches, paths or sessions\n"
        f"Agreed for {repo}. To take part: tokenguard team join\n"
    )


def test_it_can_be_looked_at_first(cli: Cli, repo: Path) -> None:
    (repo / "tokenguard.toml").write_text(TEAM)
    assert "It takes effect with: tokenguard trust\n" in cli("trust", "--show").out
    assert cli("trust", "--show", "--json").document["standing"] == "unknown"
    assert cli("trust", "--json").document["standing"] == "trusted"


def test_what_was_changed_is_asked_about_anew(cli: Cli, repo: Path) -> None:
    (repo / "tokenguard.toml").write_text(TEAM)
    cli("trust")
    (repo / "tokenguard.toml").write_text("# a remark\n" + TEAM)
    assert cli("trust", "--show", "--json").document["standing"] == "trusted"
    (repo / "tokenguard.toml").write_text(TEAM.replace("500", "5000"))
    assert cli("trust", "--show", "--json").document["standing"] == "changed"


def test_it_can_be_taken_back(cli: Cli, repo: Path) -> None:
    (repo / "tokenguard.toml").write_text(TEAM)
    assert cli("untrust").out == f"{repo} was not trusted.\n"
    cli("trust")
    assert cli("untrust").out == f"{repo} is not trusted any more: its [team] has no effect.\n"
    assert cli("trust", "--show", "--json").document["standing"] == "unknown"


def test_limits_alone_need_no_trust(cli: Cli, repo: Path) -> None:
    (repo / "tokenguard.toml").write_text('[[budget]]\nname = "day"\nlimit = 5\nwindow = "day"\n')
    assert cli("trust").out == f"{repo / 'tokenguard.toml'} asks for nothing that needs trust.\n"
    assert cli("trust", "--json").document["standing"] == "nothing"


def test_a_repository_can_be_named(cli: Cli, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repo / "tokenguard.toml").write_text(TEAM)
    monkeypatch.chdir(tmp_path)
    outcome = cli("trust")
    assert (outcome.code, outcome.err) == (
        2,
        "tokenguard: the current folder is not in a repository; change to one that you have cloned\n",
    )
    assert cli("trust", str(repo)).code == 0


def test_what_is_wrong_is_told(cli: Cli, repo: Path) -> None:
    (repo / "tokenguard.toml").write_text(TEAM.replace('"origin"', "").replace("rights", "write"))
    outcome = cli("trust")
    assert (outcome.code, outcome.out) == (3, "")
    assert 'mode "write" is not known; use one of shared, rights' in outcome.err


def test_a_team_that_nobody_can_read_is_told_of(cli: Cli, repo: Path) -> None:
    (repo / "tokenguard.toml").write_text(TEAM.replace("rights", "write"))
    assert 'team: mode "write" is not known: use one of shared, rights' in cli("status").out
    (finding,) = [one for one in cli("doctor", "--json").document["checks"] if one["check"] == "team"]
    assert finding["state"] == "fail"


def test_doctor_and_team_status_tell_of_it(cli: Cli, repo: Path) -> None:
    (repo / "tokenguard.toml").write_text(TEAM)
    told = f"[team] of {repo / 'tokenguard.toml'} has no effect: nobody agreed to it"
    (finding,) = [one for one in cli("doctor", "--json").document["checks"] if one["check"] == "team"]
    assert finding == {"check": "team", "state": "warn", "detail": told, "remedy": "tokenguard trust"}
    assert told in cli("team", "status").err
    assert cli("team", "status", "--json").document["concern"] == {"message": told, "remedy": "tokenguard trust"}
    assert told in cli("status").out
    ran = cli("run", "no-such-agent")
    assert f"tokenguard: {told}; tokenguard trust\n" in ran.err
    assert told not in cli("run", "--quiet", "no-such-agent").err
    cli("trust")
    (finding,) = [one for one in cli("doctor", "--json").document["checks"] if one["check"] == "team"]
    assert finding["state"] == "warn" and finding["remedy"] == "tokenguard team join"
    assert cli("team", "status").err == "" and "[team]" not in cli("status").out
