"""What a daemon tells."""

from __future__ import annotations

from typing import Any

STATUS: dict[str, Any] = {
    "totals": {
        name: {"calls": 3, "cost_nanos": 14_820_000_000, "confidence": "exact", "unpriced": 0, "notional_nanos": 0}
        for name in ("today", "hour")
    },
    "sessions": [
        {
            "id": "s1",
            "agent": "claude",
            "repo": "/src/web",
            "branch": "feat/login",
            "task": None,
            "state": "running",
            "in_flight": 1,
            "calls": 41,
            "cost_nanos": 6_210_000_000,
            "confidence": "exact",
            "usage": {"input": 118_000, "cache_read": 3_100_000, "output": 22_000},
            "started_at": "2026-11-21T10:00:00Z",
            "last_call_at": None,
        }
    ],
    "budgets": [
        {
            "label": "web/day",
            "key": "/src/web",
            "unit": "usd",
            "limit": 20_000_000_000,
            "spent": 16_400_000_000,
            "reserved": 1_000_000_000,
            "remaining": 2_600_000_000,
            "level": "warn",
            "resets_at": None,
            "forecast": None,
        }
    ],
    "windows": [{"provider": "anthropic", "name": "five_hour", "used_percent": 70.0, "resets_at": None}],
    "holds": [
        {
            "id": "7f2c",
            "agent": "claude",
            "repo": "/src/web",
            "model": "claude-opus-5-5",
            "estimate_nanos": 3_440_000_000,
            "reason": "this call re-reads 340k uncached tokens",
            "expires_at": "2026-11-21T10:04:31Z",
        }
    ],
}
