"""What a daemon tells of one session."""

from __future__ import annotations

from typing import Any

from tests.tui.told import STATUS

AT_US = 1_795_255_200_000_000
"""2026-11-21 10:00 UTC"""


def turn(number: int, **of: Any) -> dict[str, Any]:
    """A turn a minute; each sends 8,000 tokens more than the one before."""
    return {
        "id": number,
        "session": "s1",
        "agent": "claude",
        "repo": "/src/web",
        "branch": "feat/login",
        "model": "claude-opus-5-5",
        "provider": "anthropic",
        "billing": "metered",
        "requested": None,
        "request_class": "main",
        "subagent": None,
        "subagent_type": None,
        "task_type": "edit",
        "started_us": AT_US + number * 60_000_000,
        "ended_us": AT_US + number * 60_000_000 + 12_300_000,
        "outcome": "ok",
        "status": 200,
        "usage": {"input": 2_000, "cache_read": 8_000 * number, "cache_write_5m": 6_000, "output": 300 + number},
        "cost_nanos": 20_000_000 * number,
        "confidence": "exact",
        "budget": None,
        "reason": None,
        "fees": {},
        "decisions": [],
        **of,
    }


REFUSED = turn(
    12,
    outcome="refused",
    ended_us=None,
    cost_nanos=None,
    usage={},
    budget="web/day",
    reason="the day budget of repository web is used up (19.97 of 20.00 USD)",
    decisions=[{"kind": "deny", "who": "ada", "reason": "too dear"}],
)

DETAIL: dict[str, Any] = {
    "session": {**STATUS["sessions"][0], "in_flight": 0, "pid": 4711, "started_at": "2026-11-21T09:30:00Z"},
    "models": [
        {"model": "claude-opus-5-5", "calls": 38, "cost_nanos": 6_020_000_000, "confidence": "exact", "unpriced": 0},
        {"model": "claude-haiku-4-5", "calls": 3, "cost_nanos": 190_000_000, "confidence": "exact", "unpriced": 0},
    ],
    "budgets": STATUS["budgets"],
    "sub_agents": [
        {
            "id": "a1",
            "type": "Explore",
            "model": "claude-haiku-4-5",
            "calls": 12,
            "cost_nanos": 190_000_000,
            "notional_nanos": 0,
            "confidence": "exact",
            "unpriced": 0,
            "usage": {"input": 4_000, "cache_write_5m": 60_000, "cache_read": 400_000, "output": 4_000},
        }
    ],
    "processes": [
        {
            "pid": 4711 + depth,
            "depth": depth,
            "name": name,
            "started_us": AT_US + depth,
            "cpu_s": 12.5,
            "memory_bytes": size << 20,
            "stopped": False,
        }
        for depth, name, size in ((0, "claude", 312), (1, "node", 96), (2, "rg", 1_400))
    ],
    "at_us": AT_US,
    "turns": [
        *(turn(number) for number in range(1, 9)),
        turn(9, request_class="title", model="claude-haiku-4-5", cost_nanos=1_000_000, usage={"input": 900}),
        turn(10, requested="claude-opus-5-5", model="claude-sonnet-5", fees={"web_search": 2}),
        turn(11, outcome="client-gone", confidence="estimated"),
        REFUSED,
    ],
}
