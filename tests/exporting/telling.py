"""Events of calls as the guard tells them."""

from __future__ import annotations

import socket
from typing import Any

from tokenguard.records import Event, Usage

NOON = 1_795_262_400_000_000
"""2026-11-21 12:00 UTC"""

USAGE = Usage(input=100, cache_read=2_000, cache_write_5m=300, output=40, reasoning=10)

CALL: dict[str, Any] = {
    "id": 7,
    "session": "bcdfg",
    "agent": "claude",
    "repo": "/home/ann/src/web",
    "branch": "main",
    "model": "claude-opus-5-5",
    "provider": "anthropic",
    "billing": "metered",
}
ENDED: dict[str, Any] = {
    "served": "claude-opus-5-5-20261001",
    "status": 200,
    "outcome": "ok",
    "usage": USAGE,
    "cost_nanos": 41_500_001,
    "confidence": "exact",
}


def started(id: int = 7, at_us: int = NOON) -> Event:
    return Event("call.started", at_us, {**CALL, "id": id})


def settled(id: int = 7, at_us: int = NOON, **changes: Any) -> Event:
    return Event("call.settled", at_us, {**CALL, **ENDED, "id": id, **changes})


def refused(id: int = 7, **changes: Any) -> Event:
    return Event("call.refused", NOON, {**CALL, "id": id, "budget": "web/day", "reason": "used up", **changes})


def status(**changes: Any) -> dict[str, Any]:
    """The daemon's, as far as it is exported."""
    given: dict[str, Any] = {
        "totals": {"today": {"cost_nanos": 14_820_000_000, "notional_nanos": 0}},
        "sessions": [],
        "budgets": [],
        "windows": [],
        "holds": [],
        "ledger": {"failing": None},
    }
    return {**given, **changes}


def budget(name: str = "day", **changes: Any) -> dict[str, Any]:
    given = {"name": name, "label": f"web/{name}", "scope": "repo", "window": "day", "unit": "usd", "level": "warn"}
    return {**given, "limit": 20_000_000_000, "spent": 16_400_000_000, "reserved": 500_000_000, **changes}


def free_port() -> int:
    """One of loopback that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
