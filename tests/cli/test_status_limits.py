"""Budgets and windows in the status."""

from __future__ import annotations

from typing import Any

from tests.cli.statuses import NOON, STATUS, budget, found
from tokenguard.cli.status import lines


def test_of_a_limit_that_is_shared_it_says_what_others_have() -> None:
    one = {**STATUS["budgets"][0], "team": "web", "label": "team:web/month", "others": 29_100_000_000}

    def told(**shared: Any) -> str:
        (line,) = [line for line in lines({**STATUS, "budgets": [{**one, **shared}]}, NOON) if "team:web" in line]
        return line

    assert "$29.10 by others, $60.00 held by them" in told(held=50_000_000_000, presumed=10_000_000_000)
    assert "$29.10 by others" in told(held=0, presumed=0) and "held" not in told(held=0, presumed=0)
    assert "nothing heard of the others" in told(others=None, held=None, presumed=None)


def test_windows_of_providers() -> None:
    windows = [
        {
            "provider": "anthropic",
            "name": "five_hour",
            "used_percent": 62.9,
            "resets_at": "2026-11-21T13:05:00Z",
            "seen_at": "2026-11-21T10:55:00Z",
        },
        {
            "provider": "chatgpt",
            "name": "seven_day",
            "used_percent": 100.0,
            "resets_at": "2026-11-24T13:05:00Z",
            "seen_at": "2026-11-21T09:10:00Z",
        },
        {"provider": "house", "name": "x", "used_percent": 0.0, "resets_at": None, "seen_at": "2026-11-21T11:00:00Z"},
    ]
    assert lines(found(windows=windows), NOON)[1:] == [
        "Claude 5 h   62%           resets 14:05",
        "Codex 7 d   100%  used up  resets Nov 24  as of 10:10",
        "house x       0%",
    ]


def test_landing_reserves() -> None:
    dollar = 1_000_000_000
    kept = budget("web/day", 5 * dollar, 20 * dollar, "ok", landing=2 * dollar, landing_released=False)
    free = budget("calls", 90, 100, "soft", unit="calls", landing=5, landing_released=True)
    assert lines(found(budgets=[kept, free, budget("all", 0, dollar, "ok", landing=0)]), NOON)[1:] == [
        "web/day     $5.00  of $20.00     25%        landing $2.00 kept",
        "calls    90 calls  of 100 calls  90%  soft  landing 5 calls open",
        "all         $0.00  of $1.00       0%",
    ]


def forecast(per_hour: int, full_at: str | None, *ends: int) -> dict[str, Any]:
    low, likely, high = ends or (None, None, None)
    return {"per_hour": per_hour, "full_at": full_at, "likely": likely, "low": low, "high": high}


def test_where_spending_is_going() -> None:
    cent = 10_000_000
    fast = forecast(310 * cent, "2026-11-21T12:05:00Z", 1_640 * cent, 2_400 * cent, 3_100 * cent)
    slow = forecast(0, "2026-11-27T12:05:00Z", 2_600_000, 3_100_000, 4_400_000)
    rolls = forecast(2, None)
    fresh = forecast(2, None, 2, 50, 50)
    given = [
        budget("web/day", 1_400 * cent, 2_000 * cent, "info", resets_at="2026-11-22T00:00:00+01:00", forecast=fast),
        budget("tokens", 100_000, 4_000_000, "ok", unit="tokens", forecast=slow, landing=5, landing_released=False),
        budget("rolls", 2, 10, "ok", unit="calls", forecast=rolls, reserved=1),
        budget("new", 2, 100, "ok", unit="calls", forecast=fresh),
        budget("full", cent, cent, "hard", forecast=forecast(0, "2026-11-21T10:59:59Z", cent, cent, cent)),
        budget("plan", 85, 90, "ok", unit="percent", forecast=None),
    ]
    assert lines(found(budgets=given), NOON)[1:] == [
        "web/day       $14.00  of $20.00        70%  info     resets 00:00    $3.10/h  full ≈13:05   "
        "ends ≈$24.00 ($16.40 to $31.00)",
        "tokens   100k tokens  of 4.0M tokens    2%                                    full ≈Nov 27  "
        "ends ≈3.1M tokens (2.6M to 4.4M) · landing 5 tokens kept",
        "rolls        2 calls  of 10 calls      20%                         2 calls/h                1 call set aside",
        "new          2 calls  of 100 calls      2%                         2 calls/h",
        "full          $0.010  of $0.01        100%  used up",
        "plan                  limit 90%        85%",
    ]
    told = lines(found(budgets=given[:1]), NOON, 80)[1:]
    assert told == ["web/day  $14.00  of $20.00  70%  info  resets 00:00  $3.10/h  full ≈13:05"]
