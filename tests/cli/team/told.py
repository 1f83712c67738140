"""What the daemon tells of a team."""

from __future__ import annotations

from typing import Any

USD = 1_000_000_000


def budget(**changes: Any) -> dict[str, Any]:
    return {
        "name": "month",
        "label": "team:web/month",
        "scope": "team",
        "team": "web",
        "key": "team:web",
        "window": "month",
        "unit": "usd",
        "limit": 500 * USD,
        "spent": 41_200_000_000,
        "reserved": 0,
        "remaining": 7_900_000_000,
        "level": "ok",
        "resets_at": "2026-12-01T00:00:00+00:00",
        "source": "team:web",
        "others": 29_100_000_000,
        "held": 60 * USD,
        "presumed": 0,
        "free": 390_900_000_000,
        "granted": 20 * USD,
        "usable": True,
        **changes,
    }


def member(id: str, machine: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": id,
        "machine": machine,
        "name": None,
        "budget": "month",
        "spent": 12_100_000_000,
        "held": 7_900_000_000,
        "presumed": 0,
        "heard_at": "2026-11-21T11:59:48Z",
        "you": False,
        **changes,
    }


def team(**changes: Any) -> dict[str, Any]:
    return {
        "name": "web",
        "backend": "git",
        "mode": "rights",
        "hard": True,
        "member": "a1b2c3d4e5f60718",
        "machine": "77aa10ff",
        "repositories": ["/src/web"],
        "state": "ok",
        "problem": None,
        "heard_at": "2026-11-21T11:59:48Z",
        "remarks": [],
        "budgets": [budget()],
        "members": [],
        **changes,
    }
