"""What a daemon tells of budgets, and in its status of their counters."""

from __future__ import annotations

from typing import Any

from tests.tui.told import STATUS

MACHINE, HAND = "/c/budgets.toml", "/c/config.toml"


def counter(name: str, label: str, key: str = "", **of: Any) -> dict[str, Any]:
    return {**STATUS["budgets"][0], "name": name, "label": label, "key": key, "source": MACHINE, **of}


COUNTERS = [
    counter("day", "web/day", "/src/web"),
    counter("day", "api/day", "/src/api", spent=2 * 10**9, remaining=17 * 10**9, level="ok"),
    counter(
        "all",
        "all",
        source=HAND,
        landing=2 * 10**9,
        landing_released=False,
        spent=25 * 10**9,
        remaining=0,
        level="hard",
    ),
    counter("own", "web:own", "/src/web", unit="calls", limit=300, spent=12, reserved=0, remaining=288, level="ok")
    | {"source": "/src/web/tokenguard.toml"},
]

BUDGETS: dict[str, Any] = {
    "budgets": [
        {
            "name": "day",
            "source": MACHINE,
            "changeable": True,
            "table": {
                "name": "day",
                "limit": "$20",
                "scope": "repo",
                "window": "day",
                "levels": [50, 75, 90],
                "at_limit": "hold",
                "mode": "calibrated",
                "match": {"model": "claude-opus-*"},
                "forecast": True,
            },
        },
        {
            "name": "all",
            "source": HAND,
            "changeable": False,
            "table": {
                "name": "all",
                "limit": "$20",
                "scope": "global",
                "window": "month",
                "levels": [50, 75, 90],
                "at_limit": "refuse",
                "mode": "strict",
                "landing": "$2",
            },
        },
    ],
    "trail": [
        {
            "at": "2026-11-21T10:04:00Z",
            "kind": "raise",
            "who": "ada",
            "budget": "web/day",
            "amount": 5 * 10**9,
            "unit": "usd",
            "reason": "release tonight",
            "expires_at": "2026-11-21T14:00:00Z",
            "session": None,
            "agent": None,
            "model": None,
        },
        {
            "at": "2026-11-20T10:04:00Z",
            "kind": "deny",
            "who": "bob",
            "budget": None,
            "amount": None,
            "unit": None,
            "reason": "too dear",
            "expires_at": None,
            "session": "s1",
            "agent": "claude",
            "model": "claude-opus-5-5",
        },
    ],
}
