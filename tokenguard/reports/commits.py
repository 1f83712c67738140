"""Which commit a call was for.

Where git hooks have noted the commits, a call belongs to the first one that was made in its working tree after it; and
what was rewritten since, to what became of it. Elsewhere it belongs to the first commit of its branch that was written
when it started, or later. It belongs to none as long as there is no such commit.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from typing import Any

from tokenguard.attribution.commits import Commit, History, described, made_here
from tokenguard.ledger.commits import closings, rewrites
from tokenguard.policy.committing import Heritage, Span, Standing, span_at, spans
from tokenguard.records import Closing
from tokenguard.reports.instants import instant_at

Place = tuple[str | None, str | None, str | None]
"""Repository, branch and working tree."""

_SECOND_US = 1_000_000


class Committed:
    """The commits of the branches and working trees in which there were calls."""

    def __init__(self, conn: sqlite3.Connection, places: Iterable[tuple[str | None, ...]], since_us: int) -> None:
        """`places`: repository, branch and working tree."""
        branches: dict[str, set[str]] = {}
        for repo, branch, _ in places:
            if repo:
                branches.setdefault(repo, set()).update([branch] if branch else [])
        closed = closings(conn, sorted(branches)) if branches else []
        self.heritage = Heritage(closed, rewrites(conn))
        self.spans = _by_tree(closed)
        """The times of commits that hooks have noted, by working tree."""
        known = self.heritage.known
        self._lines: dict[tuple[str, str], tuple[Commit, ...]] = {}
        self._unnoted: dict[tuple[str, str], tuple[Commit, ...]] = {}
        self._known: dict[str, Commit] = {}
        standing: dict[str, str] = {}
        noted = {one.repo for one in closed}
        for repo, names in branches.items():
            history = History(repo, since_us)
            self._known |= history.commits
            lines = history.lines(sorted(names))
            self._lines |= {(repo, branch): line for branch, line in lines.items()}
            if repo in noted:
                standing |= {hash: commit.twin for hash, commit in history.standing().items()}
                here = {hash for hashes in made_here(repo).values() for hash in hashes} - known
                for branch, line in lines.items():
                    self._unnoted[repo, branch] = tuple(commit for commit in line if commit.hash in here)
        self.standing = Standing(self.heritage, standing)
        """What stands for commits on branches that are there."""
        self._known |= self._described(closed, since_us)

    def edges(self) -> Iterator[int]:
        """The first instants that are for another commit, or none."""
        for line in self._lines.values():
            yield from map(_over_us, line)
        for times in self.spans.values():
            yield from (edge for span in times for edge in (span.since_us, span.until_us))

    def each_next(self, places: Sequence[Place], instants: Sequence[int]) -> list[str | None]:
        """`next` of many calls, for the thousands of which it is asked once where it cannot be another."""
        edges = {place: self._edges_at(place) for place in set(places)}
        known: dict[tuple[Place, int], str | None] = {}
        found: list[str | None] = []
        for place, at_us in zip(places, instants, strict=True):
            within = place, bisect_right(edges[place], at_us)
            if within not in known:
                known[within] = self.next(*place, at_us)
            found.append(known[within])
        return found

    def _edges_at(self, place: Place) -> list[int]:
        """Those of `edges` that matter in a place, in order."""
        repo, branch, worktree = place
        line = self._lines.get((repo or "", branch or ""), ())
        noted = self.spans.get(worktree or repo or "", [])
        return sorted({*map(_over_us, line), *(edge for span in noted for edge in (span.since_us, span.until_us))})

    def next(self, repo: str | None, branch: str | None, worktree: str | None, at_us: int) -> str | None:
        """The hash of the commit that a call of that instant is for, as it is called now."""
        first = self.first(repo, branch, worktree, at_us)
        return first and (self.standing.of(first) or self.heritage.heirs(first)[0])

    def first(self, repo: str | None, branch: str | None, worktree: str | None, at_us: int) -> str | None:
        """The hash of the commit that a call of that instant is for, as it was when it was made."""
        times = self.spans.get(worktree or repo or "", [])
        if (span := span_at(times, at_us)) is not None:
            return span.hash
        # What nobody has noted since is not the work of others that came later.
        lines = self._unnoted if times and at_us >= times[-1].until_us else self._lines
        line = lines.get((repo or "", branch or ""), ())
        place = bisect_left(line, at_us // _SECOND_US, key=lambda commit: commit.at_us // _SECOND_US)
        return line[place].hash if place < len(line) else None

    def about(self, hash: str | None, tz: tzinfo) -> dict[str, Any]:
        """What a row tells of its commit."""
        return about(self._known.get(hash or ""), tz)

    def _described(self, closed: Iterable[Closing], since_us: int) -> dict[str, Commit]:
        """The commits that are only now known to be asked for."""
        missing: dict[str, set[str]] = {}
        for one in closed:
            last = self.heritage.heirs(one.hash)[0]
            if one.until_us > since_us and last not in self._known:
                missing.setdefault(one.repo, set()).add(last)
        found: dict[str, Commit] = {}
        for repo, hashes in missing.items():
            found |= described(repo, hashes) or {}
        return found


def _over_us(commit: Commit) -> int:
    """From when on a call is not for a commit: dated to the second, it is later than a call of the same second."""
    return commit.at_us // _SECOND_US * _SECOND_US + _SECOND_US


def about(commit: Commit | None, tz: tzinfo) -> dict[str, Any]:
    """What a row tells of a commit."""
    if commit is None:
        return {"subject": None, "committed_at": None}
    return {"subject": commit.subject, "committed_at": instant_at(commit.at_us, tz)}


def _by_tree(closed: Iterable[Closing]) -> dict[str, list[Span]]:
    found: dict[str, list[Closing]] = {}
    for one in closed:
        found.setdefault(one.worktree, []).append(one)
    return {tree: spans(line) for tree, line in found.items()}
