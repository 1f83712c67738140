"""Checks of teams: whether what the current repository says has effect, and whether the others can be reached."""

from __future__ import annotations

from collections.abc import Iterator

from tokenguard import client
from tokenguard.cli.findings import Finding, failed, ok, warn
from tokenguard.cli.team.here import concern, find_here
from tokenguard.config.memberships import read_memberships
from tokenguard.config.paths import Paths
from tokenguard.errors import ConfigError, TokenguardError, UsageError


def findings(paths: Paths) -> Iterator[Finding]:
    """Nothing where there is no team."""
    try:
        yield from _here(paths)
        if read_memberships(paths):
            yield from _reached(paths)
    except TokenguardError as error:
        yield failed("team", error)


def _here(paths: Paths) -> Iterator[Finding]:
    try:
        here = find_here()
    except UsageError:
        return  # in no repository
    except ConfigError as error:
        yield failed("team", error)
        return
    if here.policy is None:
        return
    if (untrusted := concern(paths)) is not None:
        yield warn("team", *untrusted)
    elif not any(here.repo in one.repositories for one in read_memberships(paths)):
        yield warn("team", f"this machine does not take part in {here.policy.name}", "tokenguard team join")


def _reached(paths: Paths) -> Iterator[Finding]:
    daemon = client.find(paths)
    if daemon is None:
        yield ok("team", f"in {', '.join(one.name for one in read_memberships(paths))}")
        return
    for one in daemon.get("/v1/team")["teams"]:
        if one["problem"]:
            yield warn("team", f"{one['name']}: {one['problem']}", "tokenguard team sync, once that is put right")
        else:
            yield ok("team", f"{one['name']}, through {one['backend']}")
        for remark in one["remarks"]:
            yield warn("team", f"{one['name']}: {remark}", "tokenguard team status")
