"""The text of the status line."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from tokenguard.policy.statusline import line

NOON = datetime.fromisoformat("2026-11-21T12:00:00+01:00")
NOON_S = int(NOON.timestamp())


def totals(nanos: int, *, confidence: str = "exact", unpriced: int = 0, notional: int = 0) -> dict[str, Any]:
    return {"cost_nanos": nanos, "confidence": confidence, "unpriced": unpriced, "notional_nanos": notional}


def budget(label: str, spent: int, limit: int, level: str = "ok", **rest: Any) -> dict[str, Any]:
    given = {
        "label": label,
        "scope": "global",
        "key": "",
        "unit": "usd",
        "official": None,
        "spent": spent,
        "limit": limit,
        "remaining": limit - spent,
        "level": level,
    }
    return {**given, **rest}


def window(name: str, used: float, resets_at: str | None, provider: str = "anthropic") -> dict[str, Any]:
    return {"provider": provider, "name": name, "used_percent": used, "resets_at": resets_at}


WEB = {"id": "s1", "agent": "claude", "repo": "/src/web", "branch": "main", "task": "login"}


def status(**rest: Any) -> dict[str, Any]:
    given = {"totals": {"today": totals(0)}, "sessions": [WEB], "budgets": [], "windows": [], "holds": []}
    return {**given, **rest}


def shown(found: dict[str, Any] | None, session: str | None = "s1", **given: Any) -> str:
    return line(given, found, session, NOON)


def test_all_of_it() -> None:
    found = status(
        totals={"today": totals(14_820_000_000), "hour": totals(3_100_000_000)},
        budgets=[budget("web/day", 16_400_000_000, 20_000_000_000, "info", scope="repo", key="/src/web")],
        windows=[
            window("seven_day", 41.9, "2026-11-25T10:00:00Z"),
            window("five_hour", 70.0, "2026-11-21T11:54:00Z"),
            window("five_hour", 1.0, None, provider="chatgpt"),
        ],
    )
    assert shown(found) == "$14.82 today · $3.10/h · web/day 82% info $3.60 left · 5h 70% until 12:54 · week 41%"


@pytest.mark.parametrize(
    ("today", "start"),
    [
        (totals(0), "$0.00 today"),
        (totals(1_000_000_000, confidence="estimated"), "≈$1.00 today"),
        (totals(1_000_000_000, unpriced=1), "≈$1.00 today"),
        (totals(1_200_000_000, notional=12_300_000_000), "$1.20 today, $12.30 notional"),
    ],
)
def test_what_is_not_exact_and_what_a_plan_covers_are_told_apart(today: dict[str, Any], start: str) -> None:
    assert shown(status(totals={"today": today})) == start


@pytest.mark.parametrize(
    ("hour", "text"),
    [
        (totals(0), ""),
        (totals(2_000_000_000, confidence="estimated"), " · ≈$2.00/h"),
        (totals(0, notional=5_000_000_000), ""),
    ],
)
def test_the_last_hour_is_told_where_it_took_something(hour: dict[str, Any], text: str) -> None:
    assert shown(status(totals={"today": totals(0), "hour": hour})) == f"$0.00 today{text}"


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (budget("all", 0, 5_000_000_000), "all 0% $5.00 left"),
        (budget("all", 4_600_000_000, 5_000_000_000, "soft"), "all 92% soft $0.400 left"),
        (budget("all", 6_000_000_000, 5_000_000_000, "hard"), "all 120% used up"),
        (budget("few", 290, 300, "soft", unit="calls"), "few 96% soft 10 calls left"),
        (budget("plan", 72, 90, "warn", unit="percent", official="anthropic/five_hour"), "plan 72% of 90% warn"),
    ],
)
def test_a_budget(one: dict[str, Any], text: str) -> None:
    assert shown(status(budgets=[one])) == f"$0.00 today · {text}"


@pytest.mark.parametrize(
    ("scope", "key", "counts"),
    [
        ("global", "", True),
        ("user", "", True),
        ("session", "s1", True),
        ("session", "s2", False),
        ("repo", "/src/web", True),
        ("repo", "/src/api", False),
        ("branch", "/src/web:main", True),
        ("branch", "/src/web:next", False),
        ("agent", "claude", True),
        ("agent", "codex", False),
        ("provider", "anthropic", True),
        ("model", "claude-opus-5-5", True),
        ("model", "gpt-6.1", False),
        ("task", "login", True),
        ("task", "other", False),
        ("novel", "", False),
    ],
)
def test_only_budgets_that_count_the_session_are_shown(scope: str, key: str, counts: bool) -> None:
    found = status(budgets=[budget("all", 1, 100), budget("this run", 50, 100, scope=scope, key=key)])
    assert ("this run 50%" in shown(found, model={"id": "claude-opus-5-5"})) is counts


def test_the_limit_of_the_run_is_called_so() -> None:
    found = status(budgets=[budget("s1/session", 1, 10, scope="session", key="s1")])
    assert "this run 10%" in shown(found)


def test_of_several_budgets_the_one_that_is_used_most_is_shown() -> None:
    found = status(budgets=[budget("a", 10, 100), budget("b", 9, 10), budget("c", 50, 100)])
    assert "b 90%" in shown(found)


def test_a_window_of_another_provider_is_no_budget_of_claude() -> None:
    found = status(budgets=[budget("codex", 90, 90, "hard", unit="percent", official="chatgpt/five_hour")])
    assert shown(found) == "$0.00 today"


def test_another_agent_has_no_windows_of_claudes() -> None:
    codex = WEB | {"agent": "codex"}
    found = status(
        sessions=[codex],
        windows=[window("five_hour", 70.0, None)],
        budgets=[budget("plan", 89, 90, unit="percent", official="anthropic/five_hour"), budget("all", 1, 10)],
    )
    assert shown(found) == "$0.00 today · all 10% <$0.001 left"


def test_without_a_session_the_folder_tells_the_repository() -> None:
    found = status(budgets=[budget("web", 9, 10, scope="repo", key="/src/web")])
    assert "web 90%" in shown(found, None, workspace={"project_dir": "/src/web"})
    assert "web 90%" not in shown(found, None, workspace={"project_dir": "/src/api"})


def test_a_call_that_waits_stands_first() -> None:
    found = status(holds=[{"id": "7f2b", "session": "s2"}, {"id": "7f2c", "session": "s1"}])
    assert shown(found) == "! waiting: tokenguard approve 7f2c · $0.00 today"
    assert shown(found, "s3") == "$0.00 today"
    assert shown(found, None).startswith("! waiting: tokenguard approve 7f2b")


def test_what_claude_code_tells_is_shown_where_the_daemon_knows_nothing() -> None:
    limits = {
        "five_hour": {"used_percentage": 99.9, "resets_at": NOON_S + 3600},
        "seven_day": {"used_percentage": 41, "resets_at": NOON_S + 3 * 86_400},
    }
    told = "5h 99% until 13:00 · week 41%"
    assert shown(status(), rate_limits=limits) == f"$0.00 today · {told}"
    assert shown(None, rate_limits=limits, cost={"total_cost_usd": 0.4}) == (
        f"≈$0.400 this session · tokenguard is not running · {told}"
    )


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {"five_hour": None},
        {"five_hour": {"used_percentage": 5000, "resets_at": NOON_S + 60}},
        {"five_hour": {"used_percentage": "12"}},
        {"five_hour": {"used_percentage": True}},
        {"five_hour": {"used_percentage": 50, "resets_at": NOON_S - 1}},
        {"five_hour": {"used_percentage": 50, "resets_at": NOON_S * 1000}},
        {"five_hour": {"resets_at": NOON_S + 60}},
    ],
)
def test_windows_that_cannot_be_are_left_out(told: object) -> None:
    assert shown(None, rate_limits=told) == "tokenguard is not running"


def test_an_older_daemon_tells_less() -> None:
    found = status()
    del found["windows"], found["totals"]["today"]["notional_nanos"]
    assert shown(found) == "$0.00 today"


def test_names_cannot_steer_the_terminal() -> None:
    assert shown(status(budgets=[budget("a\x1b[2J\nb", 1, 10)])) == "$0.00 today · a[2Jb 10% <$0.001 left"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
GIVEN = st.dictionaries(
    st.sampled_from(["rate_limits", "cost", "workspace", "model", "session_id"]),
    JSON | st.dictionaries(st.sampled_from(["five_hour", "seven_day", "total_cost_usd", "project_dir", "id"]), JSON),
)


@for_all(GIVEN, st.sampled_from([None, status(budgets=[budget("all", 1, 10)])]))
def test_whatever_claude_code_tells_there_is_one_line(given: dict[str, Any], found: dict[str, Any] | None) -> None:
    text = line(given, found, None, NOON)
    assert text and "\n" not in text
