"""`tokenguard team init` and `join`: what is written, and what the daemon is told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.cli.support import Cli
from tests.cli.team.conftest import FakeDaemon
from tokenguard.config.memberships import Membership, read_memberships
from tokenguard.config.paths import find_paths
from tokenguard.config.teams import read_team_policy
from tokenguard.records.teams import TeamBudget, TeamPolicy
from tokenguard.team.gitrefs.members import member_id

DATABASE = "host=db.example.com dbname=tokenguard"


def memberships(home: Path) -> tuple[Membership, ...]:
    return read_memberships(find_paths({"TOKENGUARD_HOME": str(home)}))


def policy_of(repo: Path) -> TeamPolicy:
    found = read_team_policy(repo)
    assert found is not None
    return found


def test_init_begins_a_team_and_takes_part(cli: Cli, daemon: FakeDaemon, repo: Path, home: Path) -> None:
    outcome = cli("team", "init", "web", "--limit", "500")
    assert (outcome.code, outcome.err) == (0, "")
    policy = policy_of(repo)
    assert policy == TeamPolicy(
        "web", budgets=(TeamBudget("month", 500_000_000_000),), remote="origin", salt=policy.salt
    )
    (joined,) = memberships(home)
    assert (joined.policy, joined.clone) == (policy, str(repo))
    assert joined.member == member_id(policy.salt, "ann@example.com")
    assert list(joined.repositories) == [str(repo)] and joined.repositories[str(repo)] > 0
    assert daemon.asked == [("/v1/team/reload", {})]
    assert cli("trust", "--show", "--json").document["standing"] == "trusted"
    assert outcome.out.splitlines()[-2:] == [
        f"This machine takes part as {joined.member}/{joined.machine}; {repo} counts from now on.",
        "Commit tokenguard.toml and push it. The others then run tokenguard team join --trust.",
    ]


@pytest.mark.parametrize(
    "before", [b"", b"# ours\r\n[hooks]\npush = 'block'", b'[[budget]]\nname="d"\nlimit=5\nwindow="day"\n']
)
def test_what_stands_in_the_file_stays_byte_for_byte(cli: Cli, daemon: FakeDaemon, repo: Path, before: bytes) -> None:
    (repo / "tokenguard.toml").write_bytes(before)
    assert cli("team", "init", "web", "--limit", "5").code == 0
    written = (repo / "tokenguard.toml").read_bytes()
    assert written.startswith(before) and policy_of(repo).name == "web"
    assert b"[[team.budget]]\n" in written


def test_the_machine_that_begins_hands_out_the_limit(cli: Cli, daemon: FakeDaemon, repo: Path, home: Path) -> None:
    told = cli("team", "init", "web", "--limit", "500", "--mode", "rights", "--json").document
    (joined,) = memberships(home)
    assert policy_of(repo).treasurer == f"{joined.member}/{joined.machine}" == f"{told['member']}/{told['machine']}"
    assert told["address"] == "https://git.example.com/acme/web.git"


def test_where_everybody_may_read_it_must_be_meant(cli: Cli, daemon: FakeDaemon, repo: Path, home: Path) -> None:
    subprocess.run(["git", "remote", "set-url", "origin", "git@github.com:acme/web.git"], check=True)
    outcome = cli("team", "init", "web", "--limit", "500")
    assert outcome.code == 2 and "everybody may be able to read git@github.com:acme/web.git" in outcome.err
    assert not (repo / "tokenguard.toml").exists() and memberships(home) == ()
    (repo / "tokenguard.toml").write_text(TEAM)
    assert cli("team", "join", "--trust").code == 2 and memberships(home) == ()
    assert cli("team", "join", "--trust", "--yes").code == 0
    assert cli("team", "leave").code == 0
    (repo / "tokenguard.toml").unlink()
    assert cli("team", "init", "web", "--limit", "500", "--remote", "git@git.example.com:acme/budgets.git").code == 0


@pytest.mark.parametrize("url", ["ext::sh -c true", "http://git.example.com/web.git", "git://git.example.com/web.git"])
def test_a_remote_at_which_something_else_would_run_is_not_used(
    cli: Cli, daemon: FakeDaemon, repo: Path, home: Path, url: str
) -> None:
    subprocess.run(["git", "remote", "set-url", "origin", url], check=True)
    outcome = cli("team", "init", "web", "--limit", "5")
    assert outcome.code == 2 and "the remote origin cannot be used" in outcome.err
    assert memberships(home) == () and not (repo / "tokenguard.toml").exists()


def test_the_remote_must_be_there(cli: Cli, daemon: FakeDaemon, repo: Path) -> None:
    assert "this clone has no remote upstream" in cli("team", "init", "web", "--limit", "5", "--remote", "upstream").err
    (repo / "tokenguard.toml").write_text(TEAM)
    subprocess.run(["git", "remote", "remove", "origin"], check=True)
    assert "this clone has no remote origin" in cli("team", "join", "--trust").err


def test_every_key_can_be_given(cli: Cli, daemon: FakeDaemon, repo: Path) -> None:
    options = ["--limit", "20", "--window", "week", "--timezone", "Europe/Berlin", "--unreachable", "warn"]
    options += ["--remote", "git@git.example.com:acme/budgets.git", "--as", "ann@work.example.com"]
    assert cli("team", "init", "web", *options).err == ""
    budget = TeamBudget("week", 20_000_000_000, "week", "Europe/Berlin")
    expected = TeamPolicy("web", budgets=(budget,), remote="git@git.example.com:acme/budgets.git", unreachable="warn")
    found = policy_of(repo)
    assert found == replace(expected, salt=found.salt)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["web"], "--limit is missing; such as --limit 500"),
        (["Web!", "--limit", "5"], 'name "Web!" is not taken'),
        (["web", "--limit", "2M tokens"], "a team shares dollars"),
        (["web", "--limit", "0"], "limit is zero"),
        (["web", "--limit", "5", "--timezone", "Mars"], 'timezone "Mars" is not known'),
        (["web", "--limit", "5", "--remote", "ext::sh -c true"], "neither a remote nor a URL"),
        (["web", "--limit", "5", "--database", DATABASE], "database means nothing here"),
        (["web", "--backend", "postgres"], "database is missing"),
        (["web", "--backend", "postgres", "--database", "host=db user=ann"], "database holds user"),
        (["web", "--backend", "postgres", "--database", DATABASE, "--login", "password=x"], "--login holds a password"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_written(
    cli: Cli, daemon: FakeDaemon, repo: Path, home: Path, options: list[str], error: str
) -> None:
    outcome = cli("team", "init", *options)
    assert (outcome.code, outcome.out, error in outcome.err) == (2, "", True), outcome.err
    assert memberships(home) == () and not (repo / "tokenguard.toml").exists()


def test_a_database_is_made_first(cli: Cli, daemon: FakeDaemon, repo: Path, home: Path) -> None:
    outcome = cli("team", "init", "web", "--limit", "5", "--backend", "postgres", "--database", DATABASE)
    assert outcome.out.splitlines()[-1].startswith("Then: tokenguard team init-db --login user=ADMIN")
    assert memberships(home) == ()
    assert cli("team", "join", "--login", "user=ann passfile='/home/ann/my pass'").code == 0
    (joined,) = memberships(home)
    assert (joined.member, joined.login) == ("ann", "user=ann passfile='/home/ann/my pass'")
    assert "nobody knows who you are" in cli("team", "join").err
    assert cli("team", "leave").code == 0
    assert cli("team", "join", "--as", "bob").code == 0
    (joined,) = memberships(home)
    assert (joined.member, joined.login) == ("bob", "user=bob")


def test_nobody_joins_what_they_did_not_agree_to(cli: Cli, daemon: FakeDaemon, repo: Path, home: Path) -> None:
    (repo / "tokenguard.toml").write_text(TEAM)
    outcome = cli("team", "join")
    assert (outcome.code, outcome.out) == (2, "") and "tokenguard trust --show, and add --trust" in outcome.err
    assert memberships(home) == () and daemon.asked == []
    assert cli("team", "join", "--trust").code == 0
    (first,) = memberships(home)
    assert first.member == member_id("0123456789abcdef", "ann@example.com")


TEAM = '[team]\nname = "web"\nsalt = "0123456789abcdef"\n[[team.budget]]\nname = "month"\nlimit = "$500"\n'


def test_joining_again_changes_nothing_but_what_the_repository_says(
    cli: Cli, daemon: FakeDaemon, repo: Path, home: Path
) -> None:
    (repo / "tokenguard.toml").write_text(TEAM)
    cli("team", "join", "--trust")
    (first,) = memberships(home)
    (repo / "tokenguard.toml").write_text(TEAM.replace("500", "600"))
    assert cli("team", "join").code == 2
    assert cli("trust").out.endswith("this machine takes part by that from now on.\n")
    (second,) = memberships(home)
    assert second.policy == policy_of(repo) != first.policy
    assert (second.member, second.machine, second.repositories) == (first.member, first.machine, first.repositories)
    assert cli("team", "join").code == 0
    assert memberships(home) == (second,)


def test_another_clone_of_a_team_takes_part_too(
    cli: Cli, daemon: FakeDaemon, repo: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / "tokenguard.toml").write_text(TEAM)
    cli("team", "join", "--trust")
    other = tmp_path / "api"
    subprocess.run(["git", "init", "-q", str(other)], check=True)
    subprocess.run(["git", "-C", str(other), "remote", "add", "origin", "https://git.example.com/acme/api"], check=True)
    (other / "tokenguard.toml").write_text(TEAM)
    monkeypatch.chdir(other)
    assert cli("team", "join", "--trust", "--as", "ann@example.com").code == 0
    (joined,) = memberships(home)
    assert list(joined.repositories) == [str(repo), str(other)] and joined.clone == str(repo)
    (other / "tokenguard.toml").write_text(TEAM.replace("500", "600"))
    assert f"{repo} says something else of the team web" in cli("team", "join", "--trust").err


def test_a_repository_that_names_another_team_is_left_first(cli: Cli, daemon: FakeDaemon, repo: Path) -> None:
    (repo / "tokenguard.toml").write_text(TEAM)
    cli("team", "join", "--trust")
    (repo / "tokenguard.toml").write_text(TEAM.replace('"web"', '"api"'))
    outcome = cli("trust")
    assert outcome.code == 2 and "tokenguard team leave --team web" in outcome.err
    assert cli("trust", "--show", "--json").document["standing"] == "changed"


def test_trust_is_not_taken_back_below_a_team(cli: Cli, daemon: FakeDaemon, repo: Path) -> None:
    (repo / "tokenguard.toml").write_text(TEAM)
    cli("team", "join", "--trust")
    assert cli("untrust").err == ("tokenguard: this machine takes part in web; tokenguard team leave --team web\n")


def test_git_must_know_an_address(cli: Cli, daemon: FakeDaemon, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repo / "tokenguard.toml").write_text(TEAM)
    subprocess.run(["git", "config", "--unset", "user.email"], check=True)
    monkeypatch.setenv("HOME", str(repo))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(repo))
    assert "git knows no address of yours; git config user.email, or --as ADDRESS" in cli("team", "join", "--trust").err
    assert cli("team", "join", "--trust", "--as", "ann@example.com").code == 0
