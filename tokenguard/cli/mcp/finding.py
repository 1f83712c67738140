"""In which session a server runs that an agent has started: nothing of it is secret, and no token is ever read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenguard import client
from tokenguard.attribution import locate


def session_of(
    sessions: Sequence[Mapping[str, Any]], env: Mapping[str, str], ancestors: Iterable[int], cwd: Path
) -> str | None:
    """Its id: by the environment that `run` sets, by the processes that the server comes from, or by its folder.

    The folder only tells where a single session runs in its repository. None if nothing tells.
    """
    ids = {one["id"] for one in sessions}
    if (named := env.get(client.SESSION)) in ids:
        return named
    by_pid = {one["pid"]: str(one["id"]) for one in sessions if one["pid"] is not None}
    for pid in ancestors:
        if pid in by_pid:
            return by_pid[pid]
    repo = locate(cwd).repo
    here = [str(one["id"]) for one in sessions if repo is not None and one["repo"] == repo]
    return here[0] if len(here) == 1 else None


def ancestors() -> list[int]:
    """The processes from which this one comes, the nearest first; many agents hand servers no environment."""
    import psutil

    try:
        return [process.pid for process in psutil.Process(os.getpid()).parents()]
    except psutil.Error:
        return [os.getppid()]
