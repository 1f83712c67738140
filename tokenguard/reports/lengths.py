"""Conversations by their length, and how their turns grow.

A turn is a request of the conversation itself: a title, a compaction or a sub-agent's request is none. A conversation
is what the agent calls a session, also if it is resumed by another run; its length is that within the report.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections import Counter
from typing import Any

from tokenguard.ledger.growth import Growth, growth
from tokenguard.ledger.queries import FOREVER_US, sums_in
from tokenguard.ledger.values import Where

_LONGEST = (5, 20, 50, 100, 200, 500)
LENGTHS = tuple(f"{low + 1}-{high}" for low, high in zip((0, *_LONGEST[:-1]), _LONGEST, strict=True)) + (
    f"{_LONGEST[-1] + 1}+",
)
"""Turns, the shortest first."""

_MEASURED = 15
"""Conversations of a length whose turns are looked at one by one: those that cost most."""
_TURNS = 40_000
"""Turns that are looked at for a report, at most."""


def length_of(turns: int) -> str | None:
    """The length with so many turns; None where there is none."""
    return LENGTHS[bisect_left(_LONGEST, turns)] if turns else None


class Conversations:
    """The conversations of a report: how many turns they have, and what they cost."""

    def __init__(self, conn: sqlite3.Connection, where: Where, since_us: int | None, until_us: int | None) -> None:
        self._conn = conn
        self._turns: Counter[str] = Counter()
        self._nanos: Counter[str] = Counter()
        self._sessions: dict[str, set[str]] = {}
        keys, numbers = ["conversation", "session", "request-class"], ["calls", "cost_nanos", "notional_nanos"]
        span = (since_us or 0, FOREVER_US if until_us is None else until_us)
        for _, conversation, session, request_class, calls, *nanos in sums_in(
            conn, keys, where, [span], numbers
        ).rows():
            name = conversation or ""
            self._turns[name] += calls if request_class == "main" else 0
            self._nanos[name] += sum(nanos)
            self._sessions.setdefault(name, set()).add(session or "")

    def length(self, name: str | None) -> str | None:
        """Of a conversation."""
        return length_of(self._turns[name or ""])

    def of_length(self, length: str | None) -> dict[str, Any]:
        """How many conversations there are, how many turns they have, and how the dearest of them grow."""
        names = [name for name in self._nanos if self.length(name) == length]
        turns = sum(self._turns[name] for name in names)
        return {"sessions": len(names), "turns": turns, "growth": self._growth(names) if length else None}

    def _growth(self, names: list[str]) -> dict[str, Any] | None:
        """The growth of those that cost most, as many as can be looked at in a moment."""
        names.sort(key=lambda name: (-self._nanos[name], name))
        chosen: list[str] = []
        turns = 0
        for name in names[:_MEASURED]:
            turns += self._turns[name]
            if chosen and turns > _TURNS // len(LENGTHS):
                break
            chosen.append(name)
        sessions = sorted({session for name in chosen for session in self._sessions[name]})
        sums = sum(growth(self._conn, sessions, chosen).values(), Growth())
        if not sums.edge:
            return None
        return {
            "sessions": sums.conversations,
            "turns": sums.turns,
            "first_nanos": round(sums.first_nanos / sums.edge),
            "last_nanos": round(sums.last_nanos / sums.edge),
            "first_prompt": round(sums.first_prompt / sums.edge),
            "last_prompt": round(sums.last_prompt / sums.edge),
            "per_turn_nanos": round(sums.rise / sums.steps) if sums.steps else 0,
        }
