"""Which commit a call was for, when commits close what was spent before them and are rewritten later.

A call belongs to the first commit, in the order in which they were made, whose span in its working tree it is in. That
never changes; what became of the commit does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush

from msgspec import Struct

from tokenguard.records import Closing, Rewrite


class Span(Struct, frozen=True):
    """A time in a working tree, half open, whose calls are for one commit."""

    since_us: int
    until_us: int
    hash: str


def spans(closings: Iterable[Closing]) -> list[Span]:
    """The times that belong to the commits of one working tree, which stand in the order in which they were made.

    They ascend and do not overlap: where spans do, the first commit has the time.
    """
    ordered = list(closings)
    edges = sorted({edge for one in ordered for edge in (one.since_us, one.until_us)})
    begins = sorted(range(len(ordered)), key=lambda at: ordered[at].since_us)
    waiting = iter(begins)
    upcoming = next(waiting, None)
    open_: list[int] = []
    found: list[Span] = []
    for since_us, until_us in zip(edges, edges[1:], strict=False):
        while upcoming is not None and ordered[upcoming].since_us <= since_us:
            heappush(open_, upcoming)
            upcoming = next(waiting, None)
        while open_ and ordered[open_[0]].until_us <= since_us:
            heappop(open_)
        if not open_:
            continue
        hash = ordered[open_[0]].hash
        if found and found[-1].hash == hash and found[-1].until_us == since_us:
            since_us = found.pop().since_us
        found.append(Span(since_us, until_us, hash))
    return found


def span_at(line: list[Span], at_us: int) -> Span | None:
    """The one of `spans` that holds an instant."""
    place = bisect_right(line, at_us, key=lambda span: span.since_us) - 1
    return line[place] if place >= 0 and at_us < line[place].until_us else None


class Heritage:
    """What became of commits."""

    def __init__(self, closings: Iterable[Closing], rewrites: Iterable[Rewrite]) -> None:
        """Both in the order in which they were made."""
        self._next: dict[str, list[tuple[int, str]]] = {}
        for number, one in enumerate(rewrites, 1):
            self._next.setdefault(one.old, []).append((number, one.new))
        self._twin: dict[str, str] = {}
        self._repeats: dict[str, list[str]] = {}
        for made in closings:
            self._twin[made.hash] = made.twin
            if made.repeats and made.twin:
                self._repeats.setdefault(made.twin, []).append(made.hash)

    def heirs(self, hash: str) -> tuple[str, ...]:
        """All that took the place of a commit, the latest first; the last one is the commit itself."""
        latest = {hash: 0}
        todo = [hash]
        while todo:
            for number, new in self._next.get(todo.pop(), ()):
                if new not in latest:
                    todo.append(new)
                latest[new] = max(number, latest.get(new, 0))
        return tuple(sorted(latest, key=lambda one: -latest[one]))

    def twins(self, hash: str) -> list[str]:
        """The fingerprints of a commit and its heirs, as far as they are known."""
        return list(dict.fromkeys(twin for one in self.heirs(hash) if (twin := self._twin.get(one))))

    def repeated(self, hash: str) -> Iterator[str]:
        """The heirs of the commits that repeat a commit, or one of its heirs."""
        for twin in self.twins(hash):
            for copy in self._repeats.get(twin, ()):
                yield from self.heirs(copy)

    @property
    def known(self) -> frozenset[str]:
        """All commits that were made, or took a place."""
        return frozenset(self._twin) | {new for heirs in self._next.values() for _, new in heirs}


class Standing:
    """Which of some commits stands for another one, so that its calls count there, and there only."""

    def __init__(self, heritage: Heritage, commits: Mapping[str, str]) -> None:
        """`commits`: hash -> twin; of commits of which nothing is known, the first one repeats others."""
        self._heritage = heritage
        self._commits = commits
        self._strange: dict[str, str] = {}
        known = heritage.known
        for hash, twin in commits.items():
            if twin and hash not in known:
                self._strange.setdefault(twin, hash)
        self._found: dict[str, str | None] = {}

    def of(self, hash: str) -> str | None:
        """The latest heir of a commit among these; else one that repeats it, here or elsewhere; else None."""
        if hash not in self._found:
            self._found[hash] = self._find(hash)
        return self._found[hash]

    def _find(self, hash: str) -> str | None:
        for one in (*self._heritage.heirs(hash), *self._heritage.repeated(hash)):
            if one in self._commits:
                return one
        return next((self._strange[twin] for twin in self._heritage.twins(hash) if twin in self._strange), None)
