"""Calls, counted since the daemon counts."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

from tokenguard.exporting.calls import Ended, Source
from tokenguard.policy.measure import is_notional
from tokenguard.records import Usage

BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Upper bounds of durations, in seconds."""

MOST = 1_000
"""Sources that are told apart. Agents choose the names of their models: beyond it, they are `OTHER`."""

OTHER = "other"


class Durations:
    """How many took how long."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        """Of each bucket by itself; the last one has no bound."""
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds


class Counts:
    """Sums by where calls belong. They only grow."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[Source, str]] = Counter()
        """By source and outcome."""
        self.usage: dict[Source, Usage] = {}
        self.cost: Counter[Source] = Counter()
        """Nanodollars that are really billed, and `notional` those that are not."""
        self.notional: Counter[Source] = Counter()
        self.durations: dict[tuple[str, str], Durations] = {}
        """By provider and model."""
        self._sources: set[Source] = set()

    def add(self, call: Ended) -> None:
        """Count a call."""
        source = self._known(call.source)
        self.calls[source, call.outcome] += 1
        if call.outcome == "refused":
            return
        self.usage[source] = self.usage.get(source, Usage()) + call.usage
        (self.notional if is_notional(source.billing) else self.cost)[source] += call.nanos
        if call.seconds is not None:
            self.durations.setdefault((source.provider, source.model), Durations()).add(call.seconds)

    def _known(self, source: Source) -> Source:
        if source not in self._sources:
            if len(self._sources) >= MOST:
                return Source(OTHER, OTHER, OTHER, source.billing)
            self._sources.add(source)
        return source
