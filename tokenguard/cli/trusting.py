"""`tokenguard trust` and `tokenguard untrust`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from tokenguard import client
from tokenguard.cli import output
from tokenguard.cli.commands import examples
from tokenguard.cli.team.here import Here, address, find_here
from tokenguard.cli.team.terms import terms
from tokenguard.config import trust as trusted
from tokenguard.config.memberships import Membership, read_memberships, save_memberships
from tokenguard.config.paths import Paths, find_paths
from tokenguard.errors import UsageError
from tokenguard.policy.naming import printable
from tokenguard.records.teams import TeamPolicy

_LONGEST = 400

_PATH = click.argument("path", type=click.Path(path_type=Path, exists=True, file_okay=False), required=False)


@click.command(epilog=examples("tokenguard trust", "tokenguard trust --show", "tokenguard trust ~/src/web"))
@_PATH
@click.option("--show", is_flag=True, help="Only show what would take effect.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def trust(path: Path | None, show: bool, as_json: bool) -> None:
    """Let a repository's tokenguard.toml do more than tighten: the current one's, or that of PATH.

    Limits and hooks of a repository hold without it. A [team] makes this machine ask and tell others, so it takes
    effect once you agree; when it is changed, you are asked again.
    """
    paths, here = find_paths(os.environ), find_here(path)
    if here.policy is not None and not show:
        takes_part = _renew(paths, here, here.policy)
        trusted.trust(paths, here.common_dir, here.policy)
        reload_teams(paths)
    else:
        takes_part = bool(_memberships_of(paths, here))
    if as_json:
        output.say_json({**_as_json(here, here.standing(paths)), "takes_part": takes_part})
        return
    if here.policy is None:
        output.say(f"{_text(here.file)} asks for nothing that needs trust.")
        return
    for line in terms(here.policy, address(here, here.policy)):
        output.say(line)
    if show:
        output.say("It takes effect with: tokenguard trust")
    elif takes_part:
        output.say(f"Agreed for {_text(here.repo)}: this machine takes part by that from now on.")
    else:
        output.say(f"Agreed for {_text(here.repo)}. To take part: tokenguard team join")


@click.command(epilog=examples("tokenguard untrust", "tokenguard untrust ~/src/web"))
@_PATH
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def untrust(path: Path | None, as_json: bool) -> None:
    """Take it back: the repository's tokenguard.toml can only tighten again."""
    paths, here = find_paths(os.environ), find_here(path)
    for one in _memberships_of(paths, here):
        raise UsageError(f"this machine takes part in {one.name}", f"tokenguard team leave --team {one.name}")
    changed = trusted.untrust(paths, here.common_dir)
    if changed:
        reload_teams(paths)
    if as_json:
        output.say_json({**_as_json(here, here.standing(paths)), "changed": changed})
    elif changed:
        output.say(f"{_text(here.repo)} is not trusted any more: its [team] has no effect.")
    else:
        output.say(f"{_text(here.repo)} was not trusted.")


def reload_teams(paths: Paths) -> None:
    """Tell the daemon, if one runs, that there is something new to read."""
    daemon = client.find(paths)
    if daemon is not None:
        daemon.post("/v1/team/reload")


def _renew(paths: Paths, here: Here, policy: TeamPolicy) -> bool:
    """Take part by what the repository says now, if this machine takes part.

    Raises `UsageError` where it would not be the same team.
    """
    of_here = _memberships_of(paths, here)
    new: dict[str, Membership] = {}
    for one in of_here:
        renewed = new[one.name] = replace(one, policy=policy)
        if (renewed.name, policy.backend, policy.salt) != (one.name, one.policy.backend, one.policy.salt):
            raise UsageError(
                f"{_text(here.file)} names another team than {one.name}, in which this machine takes part",
                f"tokenguard team leave --team {one.name}, then tokenguard team join --trust",
            )
    if new:
        save_memberships(paths, [new.get(one.name, one) for one in read_memberships(paths)])
    return bool(new)


def _memberships_of(paths: Paths, here: Here) -> list[Membership]:
    return [one for one in read_memberships(paths) if here.repo in one.repositories]


def _as_json(here: Here, standing: str) -> dict[str, Any]:
    policy = here.policy
    return {
        "repository": _text(here.repo),
        "file": _text(here.file),
        "standing": standing,
        "team": policy,
        "address": address(here, policy) if policy else None,
    }


def _text(path: Path | str) -> str:
    return printable(str(path), _LONGEST)
