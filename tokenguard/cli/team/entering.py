"""`tokenguard team init` and `join`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from tokenguard.attribution.authors import own_address
from tokenguard.cli import output
from tokenguard.cli.amounts import AMOUNT, Limit
from tokenguard.cli.commands import examples
from tokenguard.cli.team.beginning import append_team, begun
from tokenguard.cli.team.here import Here, address, find_here, url_of, with_team, without_login
from tokenguard.cli.team.logins import check_login, user_of
from tokenguard.cli.team.terms import terms
from tokenguard.cli.trusting import reload_teams
from tokenguard.config import trust
from tokenguard.config.memberships import Membership, read_memberships, save_memberships
from tokenguard.config.paths import Paths, find_paths
from tokenguard.config.teams import BACKENDS, MODES, UNREACHABLE, WINDOWS
from tokenguard.errors import UsageError
from tokenguard.policy.naming import printable
from tokenguard.records.teams import TeamPolicy
from tokenguard.team.gitrefs.members import member_id, writer
from tokenguard.team.gitrefs.urls import MEANS, looks_public, refusal
from tokenguard.team.identity import new_machine

_LONGEST = 400

_AS = click.option("--as", "who", metavar="WHO", help="A mail address, or a role of the database; git's without it.")
_LOGIN = click.option("--login", metavar="SETTINGS", help="Of PostgreSQL: 'user=ann passfile=/home/ann/.pgpass'.")
_YES = click.option("--yes", is_flag=True, help="Also where everybody may read the remote.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command(
    short_help="Begin a team in the current repository.",
    epilog=examples(
        "tokenguard team init web --limit 500",
        "tokenguard team init web --limit 500 --mode rights --remote upstream",
        "tokenguard team init web --limit 5 --backend postgres --database 'host=db dbname=tg'",
    ),
)
@click.argument("name")
@click.option("--limit", type=AMOUNT, help="What all may spend together, such as 500.")
@click.option("--window", type=click.Choice(WINDOWS), default="month", help="In which time; a month without it.")
@click.option("--timezone", help="Of the window, for everybody; UTC without it.")
@click.option(
    "--backend", type=click.Choice(BACKENDS), default="git", help="What it is shared through; git without it."
)
@click.option("--mode", type=click.Choice(MODES), help="Of git. rights: never over the limit; shared without it.")
@click.option("--remote", help="Of git: a remote or a URL; origin without it.")
@click.option("--database", metavar="SETTINGS", help="Of PostgreSQL: where it is, without user and password.")
@click.option("--repository", metavar="NAME", help="Of PostgreSQL: as what this repository has limits of its own.")
@click.option("--unreachable", type=click.Choice(UNREACHABLE), help="What then becomes of calls; refuse without it.")
@_AS
@_LOGIN
@_YES
@_JSON
def init(
    name: str,
    limit: Limit | None,
    window: str,
    timezone: str | None,
    who: str | None,
    login: str | None,
    yes: bool,
    as_json: bool,
    **given: str | None,
) -> None:
    """Begin the team NAME: write [team] to the repository's tokenguard.toml, agree to it, and take part.

    All that stands in the file stays as it is. Commit and push it, and the others can join.
    """
    paths, here = find_paths(os.environ), find_here()
    if here.policy is not None:
        raise UsageError(f"{here.file} names the team {here.policy.name} already", "tokenguard team join takes part")
    if given["backend"] == "git":
        _member(here, "any", who, login)  # who cannot take part has nothing to begin
    check_login(login or "")
    machine = new_machine()
    budget = {"window": window, "timezone": timezone}
    table = begun(name, limit, budget, given, lambda salt: writer(_member(here, salt, who, login), machine))
    policy = append_team(here.file, table, check=lambda policy: _check_remote(here, policy, yes))
    here = replace(here, policy=policy)
    if policy.backend == "postgres" and not (who or login):
        trust.trust(paths, here.common_dir, policy)
        _say_begun(here, policy, as_json)
        return
    joined = _enter(paths, here, who, login, machine)
    if as_json:
        output.say_json(_as_json(here, joined))
        return
    _say_joined(here, joined)
    output.say(f"Commit {here.file.name} and push it. The others then run tokenguard team join --trust.")


@click.command(
    short_help="Take part in the team of the current repository.",
    epilog=examples("tokenguard team join", "tokenguard team join --trust", "tokenguard team join --login user=ann"),
)
@click.option("--trust", "agrees", is_flag=True, help="Agree to what the repository says of its team.")
@_AS
@_LOGIN
@_YES
@_JSON
def join(agrees: bool, who: str | None, login: str | None, yes: bool, as_json: bool) -> None:
    """Take part in the team that the repository's tokenguard.toml names.

    What agents spend in this repository counts from then on, and nothing of before. You are known by a salted hash of
    your mail address.
    """
    paths, here = find_paths(os.environ), find_here()
    policy = with_team(here)
    if here.standing(paths) != "trusted" and not agrees:
        raise UsageError(
            f"nobody agreed to what {_text(here.file)} says of its team",
            "see it by tokenguard trust --show, and add --trust",
        )
    _check_remote(here, policy, yes)
    joined = _enter(paths, here, who, login, new_machine())
    if as_json:
        output.say_json(_as_json(here, joined))
    else:
        _say_joined(here, joined)


def _enter(paths: Paths, here: Here, who: str | None, login: str | None, machine: str) -> Membership:
    """Agree, and be in the team from now on, or with what it says now."""
    policy = with_team(here)
    known = {one.name: one for one in read_memberships(paths)}
    if policy.backend == "postgres" and who and not login:
        login = f"user={who}"
    new = Membership(policy, _member(here, policy.salt, who, login), machine, {}, here.repo, check_login(login or ""))
    before = known.get(new.name)
    if before is not None:
        others = [repo for repo in before.repositories if repo != here.repo]
        if others and before.policy != policy:
            raise UsageError(
                f"{_text(others[0])} says something else of the team {policy.name}",
                "leave it there first, or rename one",
            )
        # Who one is stays: what was spent and handed over is known by it.
        new = replace(before, policy=policy, clone=before.clone or here.repo, login=new.login or before.login)
    since = new.repositories.get(here.repo) or time.time_ns() // 1000
    new = replace(new, repositories={**new.repositories, here.repo: since})
    trust.trust(paths, here.common_dir, policy)
    save_memberships(paths, (known | {new.name: new}).values())
    reload_teams(paths)
    return new


def _member(here: Here, salt: str, who: str | None, login: str | None) -> str:
    """As whom somebody takes part: a salted hash of an address, or a role of a database."""
    if not salt:
        role = who or user_of(login or "")
        if not role:
            raise UsageError("nobody knows who you are in the database", "add --login user=ROLE")
        return role
    known_by = who or own_address(str(here.worktree))
    if not known_by:
        raise UsageError("git knows no address of yours", "git config user.email, or --as ADDRESS")
    return member_id(salt, known_by)


def _check_remote(here: Here, policy: TeamPolicy, yes: bool) -> None:
    """Whether it is there and can be used. Who reads it sees what each member spends, if not who that is."""
    if policy.backend != "git":
        return
    url = url_of(here, policy)
    if url is None:
        raise UsageError(f"this clone has no remote {policy.remote}", "git remote add it, or name another by --remote")
    if (why := refusal(url)) is not None:
        raise UsageError(f"the remote {policy.remote} cannot be used: {why}", MEANS)
    if not yes and looks_public(url):
        raise UsageError(
            f"everybody may be able to read {without_login(url)}, and what each of you spends there",
            "name a private --remote, or add --yes if it is private",
        )


def _say_begun(here: Here, policy: TeamPolicy, as_json: bool) -> None:
    """Of a database, in which somebody has to make the team first."""
    if as_json:
        output.say_json({"team": policy, "address": address(here, policy), "file": _text(here.file)})
        return
    for line in terms(policy, address(here, policy)):
        output.say(line)
    output.say("Then: tokenguard team init-db --login user=ADMIN, and tokenguard team add ROLE for everybody.")


def _say_joined(here: Here, joined: Membership) -> None:
    for line in terms(joined.policy, address(here, joined.policy)):
        output.say(line)
    output.say(f"This machine takes part as {joined.member}/{joined.machine}; {_text(here.repo)} counts from now on.")


def _as_json(here: Here, joined: Membership) -> dict[str, Any]:
    return {
        "team": joined.policy,
        "name": joined.name,
        "member": joined.member,
        "machine": joined.machine,
        "repositories": [_text(repo) for repo in joined.repositories],
        "address": address(here, joined.policy),
        "file": _text(here.file),
    }


def _text(path: Path | str) -> str:
    return printable(str(path), _LONGEST)
