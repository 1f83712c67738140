from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.tui.told import STATUS
from tokenguard_tui.once import text
from tokenguard_tui.state import State

NOW = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)
CALL = {"id": 7, "session": "s1", "agent": "claude", "model": "claude-opus-5-5", "repo": "/src/web"}


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_first_screen_as_lines(width: int) -> None:
    state = State()
    state.status(STATUS)
    state.heard({"type": "call.started", "at_us": int(NOW.timestamp() * 1e6), "data": CALL})
    shown = text(state, NOW, width)
    assert all(len(line) <= width for line in shown.splitlines()), shown
    spend, holds, gauges, sessions, calls = shown.split("\n\n")
    assert spend.startswith("$14.82 today") and "$0.00/h" in spend
    assert holds.splitlines()[0] == "! claude web  opus-5.5  next call ≈$3.44  4:31 left  + $5"
    titles, budget, window = gauges.splitlines()
    assert {"BUDGET", "LEFT"} <= set(titles.split()) <= {"BUDGET", "SPENT", "LIMIT", "LEFT", "UNTIL"}
    assert budget.startswith("web/day") and "82%" in budget and "Claude 5 h" in window
    titles, session = sessions.splitlines()
    assert titles.split()[-2:] == ["COST", "LAST"]
    assert session.startswith("●  claude") and session.split()[-1] == "$6.21"
    assert calls.splitlines() == ["NOW", "10:00:00  claude  opus-5.5  …"]


def test_what_is_not_there_says_what_to_do() -> None:
    state = State()
    state.status({**STATUS, "sessions": [], "budgets": [], "windows": [], "holds": []})
    _, gauges, sessions, calls = text(state, NOW, 80).split("\n\n")
    assert "tokenguard budget set" in gauges and "tokenguard run" in sessions and calls == "no call yet"
