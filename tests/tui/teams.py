"""What a daemon tells of teams."""

from __future__ import annotations

from typing import Any

USD = 10**9


def quota(**of: Any) -> dict[str, Any]:
    return {
        "name": "month",
        "label": "team:web/month",
        "scope": "team",
        "team": "web",
        "key": "team:web",
        "window": "month",
        "unit": "usd",
        "limit": 500 * USD,
        "spent": 205 * USD,
        "reserved": 0,
        "remaining": 18 * USD,
        "level": "ok",
        "resets_at": "2026-12-01T00:00:00+00:00",
        "forecast": None,
        "source": "team:web",
        "others": 165 * USD,
        "held": 62 * USD,
        "presumed": 25 * USD,
        "free": 190 * USD,
        "granted": 58 * USD,
        "usable": True,
        **of,
    }


def member(id: str, machine: str, **of: Any) -> dict[str, Any]:
    return {
        "id": id,
        "machine": machine,
        "name": None,
        "budget": "month",
        "spent": 40 * USD,
        "held": 18 * USD,
        "presumed": 0,
        "heard_at": "2026-11-21T10:13:48Z",
        "you": False,
        **of,
    }


MEMBERS = [
    member("a1b2c3d4e5f60718", "77aa10ff", name="Ann Example", you=True),
    member("0f0f0f0f0f0f0f0f", "4be1c0d2", name="Bob Sample", spent=130 * USD, held=62 * USD),
    member("9c8d7e6f5a4b3c2d", "1188ee00", spent=35 * USD, held=0, presumed=25 * USD, heard_at="2026-11-19T08:00:00Z"),
]


DAY = quota(
    name="day",
    label="team:web/day",
    limit=40 * USD,
    spent=37 * USD,
    level="soft",
    held=0,
    presumed=0,
    free=0,
    granted=None,
    remaining=3 * USD,
    resets_at="2026-11-22T00:00:00+00:00",
)


def team(**of: Any) -> dict[str, Any]:
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
        "heard_at": "2026-11-21T10:13:48Z",
        "remarks": ["9c8d7e6f5a4b3c2d has not been heard of for two days"],
        "budgets": [quota(), DAY],
        "members": MEMBERS,
        **of,
    }


TEAMS: dict[str, Any] = {"teams": [team()]}
