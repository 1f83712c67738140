"""Events as the guard tells them."""

from __future__ import annotations

from typing import Any

from tokenguard.records import Event

NOON = 1_795_262_400_000_000
"""2026-11-21 12:00 UTC"""

DATA: dict[str, dict[str, Any]] = {
    "hold.asked": {
        "id": "7f2c",
        "session": "bcdfg",
        "agent": "claude",
        "repo": "/home/ann/src/web",
        "model": "claude-opus-5-5",
        "estimate_nanos": 3_440_000_000,
        "reason": "340k uncached tokens",
        "asked_at": "2026-11-21T12:00:00Z",
        "expires_at": "2026-11-21T12:05:00Z",
        "budget": "web/day",
        "unit": "usd",
        "wants": None,
    },
    "hold.answered": {"id": "7f2c", "session": "bcdfg", "answer": "approve", "who": "ann", "reason": None},
    "budget.level": {
        "budget": "web/day",
        "level": "soft",
        "spent": 18_400_000_000,
        "limit": 20_000_000_000,
        "unit": "usd",
        "key": "/home/ann/src/web",
        "window_end_us": NOON,
    },
    "call.runaway": {"call": 7, "session": "bcdfg", "rule": "repeats", "action": "warn", "text": "Bash 8 times"},
    "call.preflight": {"call": 8, "session": "bcdfg", "estimate_nanos": 3_440_000_000, "text": "340k uncached tokens"},
}


def event(type: str, **changes: Any) -> Event:
    return Event(type, NOON, {**DATA[type], **changes})
