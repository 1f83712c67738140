"""What an agent is told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tokenguard.cli.mcp.telling import answer, budgets, spending

NOON = datetime.fromisoformat("2026-11-21T12:00:00+01:00")
SESSION: dict[str, Any] = {"id": "bcdfghj", "agent": "claude", "repo": "/home/ann/src/web", "branch": "main"}
EXACT = {"confidence": "exact", "unpriced": 0, "notional_nanos": 0}
USAGE = {"input": 118_000, "cache_read": 3_100_000, "cache_write_5m": 20_000, "cache_write_1h": 1_000, "output": 22_000}


def budget(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "label": "web/day",
        "scope": "repo",
        "key": "",
        "unit": "usd",
        "level": "warn",
        "at_limit": "refuse",
    }
    given |= {"limit": 20_000_000_000, "spent": 16_400_000_000, "remaining": 3_600_000_000, "forecast": None}
    return {**given, "resets_at": "2026-11-22T00:00:00+01:00", **changes}


def test_a_budget_with_its_forecast() -> None:
    forecast = {"per_hour": 3_100_000_000, "full_at": "2026-11-21T12:05:00Z", "likely": 24_000_000_000}
    assert budgets(SESSION, [budget(forecast=forecast)], [], NOON).splitlines() == [
        "session bcdfghj of claude in web main",
        "web/day: $16.40 of $20.00 spent (82%), $3.60 left; starts anew 00:00; at $3.10 an hour; full about 13:05; "
        "ends at about $24.00; level warn; at the limit calls are refused",
    ]


def test_budgets_of_all_kinds() -> None:
    found = [
        budget(
            label="bcdfghj/few",
            scope="session",
            key="bcdfghj",
            unit="calls",
            limit=50,
            spent=1,
            remaining=49,
            resets_at=None,
            level="ok",
            at_limit="hold",
        ),
        budget(label="plan", unit="percent", limit=90, spent=72, resets_at="2026-11-25T10:00:00Z", at_limit="warn"),
    ]
    window = {"provider": "anthropic", "name": "five_hour", "used_percent": 71.5, "resets_at": "2026-11-21T11:54:00Z"}
    assert budgets(SESSION, found, [window], NOON).splitlines() == [
        "session bcdfghj of claude in web main",
        "bcdfghj/few (this run): 1 call of 50 calls spent (2%), 49 calls left; at the limit calls wait for a person",
        "plan: 72% used, limit 90%; starts anew Nov 25 11:00; level warn; at the limit nothing is stopped",
        "Claude 5 h, a window of the plan: 71% used; starts anew 12:54",
    ]
    assert budgets(None, [], [], NOON).splitlines() == [
        "tokenguard knows no session of this agent; this is what counts here",
        "no budget limits it",
    ]


def test_spending() -> None:
    session = {
        **SESSION,
        **EXACT,
        "calls": 41,
        "cost_nanos": 6_210_000_000,
        "usage": USAGE,
        "reserved_nanos": 400_000_000,
    }
    session["notional_nanos"] = 1_000_000_000
    models = [{"model": "claude-opus-5-5", "cost_nanos": 6_020_000_000, **EXACT, "confidence": "estimated"}]
    subs = [{"id": "x" * 20, "type": "Explore", "calls": 12, "cost_nanos": 190_000_000, **EXACT}]
    status = {"totals": {"today": {"cost_nanos": 14_820_000_000, **EXACT}}}
    detail = {"session": session, "models": models, "sub_agents": subs}
    assert spending(detail, status).splitlines() == [
        "session bcdfghj of claude in web main",
        "41 calls, $6.21 (and $1.00 that a plan covers)",
        "tokens: 118k in, 3.1M from cache, 21.0k to cache, 22.0k out",
        "opus-5.5 ≈$6.02",
        "sub-agent Explore: 12 calls, $0.190",
        "set aside for calls in flight: $0.400",
        "today, all agents: $14.82",
    ]


@pytest.mark.parametrize(
    ("kind", "reason", "text"),
    [
        ("approve", None, "max approved it. web/day: $3.60 of $20.00 is left."),
        ("deny", "it is late", "max denied it: it is late. web/day: $3.60 of $20.00 is left. Finish with that; "),
        (
            "waiting",
            None,
            "Nobody has answered request 7f2c yet. web/day: $3.60 of $20.00 is left. To go on waiting, ask",
        ),
        ("expired", None, "Nobody answered in time. web/day: "),
        ("gone", None, "It was not answered (gone). web/day: "),
    ],
)
def test_answers(kind: str, reason: str | None, text: str) -> None:
    found = {"id": "7f2c", "answer": kind, "who": "max", "answer_reason": reason, "standing": budget()}
    assert answer(found).startswith(text)


def test_no_name_makes_another_line() -> None:
    told = budgets({**SESSION, "branch": "x\nweb/day: $0.00 spent"}, [budget(label="a\nb")], [], NOON)
    assert len(told.splitlines()) == 2
