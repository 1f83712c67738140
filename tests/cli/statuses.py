"""What a daemon says of its status."""

from __future__ import annotations

from datetime import datetime
from typing import Any

NOON = datetime.fromisoformat("2026-11-21T12:00:00+01:00")


def totals(nanos: int, calls: int = 1, confidence: str = "exact", unpriced: int = 0) -> dict[str, Any]:
    return {"calls": calls, "cost_nanos": nanos, "confidence": confidence, "unpriced": unpriced, "usage": {}}


def session(repo: str | None, branch: str | None, **rest: Any) -> dict[str, Any]:
    return {"id": "bcdfg", "agent": "claude", "repo": repo, "branch": branch, "task": None, **rest}


def budget(label: str, spent: int, limit: int, level: str, **rest: Any) -> dict[str, Any]:
    given = {"label": label, "unit": "usd", "limit": limit, "spent": spent, "level": level, "resets_at": None}
    return {**given, **rest}


STATUS: dict[str, Any] = {
    "daemon": {"pid": 1, "port": 4747, "version": "0.1.0", "uptime_s": 12.3},
    "totals": {"today": totals(14_820_000_000, 60), "hour": totals(3_100_000_000, 9)},
    "sessions": [
        session("/src/web", "feat/login", **totals(6_210_000_000, 41)),
        session(None, None, **totals(193_000_000, 1, "bound")),
    ],
    "budgets": [
        budget("web/day", 16_400_000_000, 20_000_000_000, "info", resets_at="2026-11-22T00:00:00+01:00"),
        budget("calls", 300, 300, "hard", unit="calls", resets_at="2026-12-01T00:00:00+01:00"),
        budget("all", 0, 5_000_000_000, "ok"),
    ],
    "holds": [],
}


def found(**changes: Any) -> dict[str, Any]:
    """A status with nothing in it but what is given."""
    nothing: dict[str, Any] = {"daemon": {}, "sessions": [], "budgets": [], "holds": []}
    return {**nothing, "totals": {"today": totals(0, 0), "hour": totals(0, 0)}, **changes}
