"""What a report can be grouped by."""

from __future__ import annotations

from tokenguard.ledger.queries import GROUP_KEYS
from tokenguard.reports.instants import TIME_KEYS

CUTTING = (*TIME_KEYS, "block")
"""Keys that cut the time of a report into spans, which have an order of their own. A `block` is of five hours."""

KEYS = (
    *CUTTING,
    "session",
    "sub-agent",
    "length",
    "repo",
    "worktree",
    "branch",
    "commit",
    "agent",
    "model",
    "provider",
    "task",
    "request-class",
    "billing",
    "origin",
    "confidence",
)

UNMARKED = (*CUTTING, "length", "commit")
"""Keys by which it says nothing that a row is dearer than others by the token."""

STORED = frozenset(KEYS).intersection(GROUP_KEYS)
"""Those by which the ledger itself can group. The others are made of these and of time."""

BESIDE = {"commit": ("repo", "branch", "worktree"), "length": ("conversation",)}
"""What the ledger has to group by besides, so that those can be told."""

TOLD = {"commit": ("subject", "committed_at"), "length": ("sessions", "turns", "growth")}
"""What rows tell besides: by `commit`, and by `length` alone."""
