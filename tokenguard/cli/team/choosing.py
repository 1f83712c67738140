"""Which team a command is about, and what the daemon tells of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenguard import attribution, client
from tokenguard.cli import output
from tokenguard.config.memberships import Membership, read_memberships
from tokenguard.config.paths import Paths
from tokenguard.errors import UsageError

WITHIN = 30.0
"""Seconds: a round trip to the others ends within ten, and another may be under way."""

_JOIN = "tokenguard team join, in a repository that names one"


def membership(paths: Paths, name: str | None) -> Membership:
    """The team of that name, of the current repository, or the only one. Raises `UsageError`, and `ConfigError`."""
    known = read_memberships(paths)
    repo = attribution.locate(Path()).repo
    if name is not None:
        found = [one for one in known if one.name == name]
        if not found:
            names = ", ".join(one.name for one in known)
            raise UsageError(f'this machine is in no team "{name}"', f"it is in {names}" if names else _JOIN)
        return found[0]
    found = [one for one in known if repo in one.repositories] or list(known)
    if not found:
        raise UsageError("this machine is in no team", _JOIN)
    if len(found) > 1:
        raise UsageError("there are several teams", f"choose by --team: {', '.join(one.name for one in found)}")
    return found[0]


def get_teams(paths: Paths, name: str | None) -> list[Mapping[str, Any]]:
    """What the daemon knows of all teams, or of the one that is named. Raises `UsageError` and `DaemonError`."""
    if name is None and not read_memberships(paths):
        return []
    if name is not None:
        membership(paths, name)
    daemon = client.ensure(paths, os.environ, output.note)
    return [one for one in daemon.get("/v1/team")["teams"] if name in (None, one["name"])]


def do(paths: Paths, path: str, body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Have the daemon do it; what it knows then. Raises `DaemonError`."""
    told = client.ensure(paths, os.environ, output.note).post(path, dict(body), timeout=WITHIN)
    return [one for one in told["teams"] if body.get("team") in (None, one["name"])]
