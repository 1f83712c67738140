"""Which commit a call was for: the next one that was written on its branch.

A call belongs to the first commit of its branch that was written when it started, or later; to none as long as there
is no such commit.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from typing import Any

from tokenguard.attribution.commits import Commit, commits


class Committed:
    """The commits of the branches on which there were calls."""

    def __init__(self, places: Iterable[tuple[str | None, str | None]], since_us: int) -> None:
        branches: dict[str, set[str]] = {}
        for repo, branch in places:
            if repo and branch:
                branches.setdefault(repo, set()).add(branch)
        self._lines = {
            (repo, branch): line
            for repo, names in branches.items()
            for branch, line in commits(repo, sorted(names), since_us).items()
        }
        self._known = {commit.hash: commit for line in self._lines.values() for commit in line}

    def edges(self) -> Iterator[int]:
        """The first instants that are no more for a commit."""
        return (commit.at_us + 1_000_000 for line in self._lines.values() for commit in line)

    def next(self, repo: str | None, branch: str | None, at_us: int) -> str | None:
        """The hash of the commit that a call of that instant is for."""
        line: tuple[Commit, ...] = self._lines.get((repo or "", branch or ""), ())
        # Commits are dated to the second: one of the same second is later than the call.
        place = bisect_left(line, at_us // 1_000_000, key=lambda commit: commit.at_us // 1_000_000)
        return line[place].hash if place < len(line) else None

    def about(self, hash: str | None, tz: tzinfo) -> dict[str, Any]:
        """What a row tells of its commit."""
        commit = self._known.get(hash or "")
        if commit is None:
            return {"subject": None, "committed_at": None}
        at = datetime.fromtimestamp(commit.at_us / 1_000_000, tz).isoformat(timespec="seconds")
        return {"subject": commit.subject, "committed_at": at}
