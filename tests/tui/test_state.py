from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tokenguard_tui.state import BURN_MINUTES, RECENT, State

NOW = datetime(2026, 11, 21, 10, 30, 20, tzinfo=UTC)
NOW_US = int(NOW.timestamp()) * 1_000_000


def event(kind: str, at_us: int = NOW_US, **data: Any) -> dict[str, Any]:
    call = {"id": 7, "session": "s", "agent": "claude", "model": "opus", "repo": "/src/web", "billing": "metered"}
    return {"type": kind, "at_us": at_us, "data": {**call, **data}}


def settled(nanos: int, **of: Any) -> dict[str, Any]:
    return event("call.settled", usage={"output": 9}, cost_nanos=nanos, confidence="exact", outcome="ok", **of)


def test_a_call_is_one_row_from_its_beginning_to_its_end() -> None:
    state = State()
    state.heard(event("call.started"))
    state.heard(event("call.progress", usage={"input": 4}, output_bytes=40))
    (row,) = state.calls
    assert (row.outcome, row.cost_nanos, row.output_bytes) == ("running", None, 40)
    state.heard(settled(5))
    assert list(state.calls) == [row]
    assert (row.outcome, row.cost_nanos, row.usage) == ("ok", 5, {"output": 9})


def test_the_rate_is_that_of_the_last_minutes() -> None:
    state = State()
    for minutes, nanos in ((0, 100), (9, 20), (10, 7), (59, 3), (60, 1)):
        state.heard(settled(nanos, id=minutes, at_us=NOW_US - minutes * 60_000_000))
    assert state.rate(NOW) == 120 * 6
    burn = state.burn(NOW)
    assert (len(burn), burn[-1], burn[-10], burn[-11], burn[0]) == (BURN_MINUTES, 100, 20, 7, 3)


def test_dollars_that_nobody_pays_do_not_burn() -> None:
    state = State()
    state.heard(settled(100, billing="subscription"))
    assert state.rate(NOW) == 0
    assert state.calls[0].notional


def test_a_status_is_wanted_once_sums_have_changed() -> None:
    state = State()
    state.status({"sessions": [], "budgets": [], "windows": [], "holds": []})
    state.heard(event("call.started"))
    assert not state.stale
    state.heard(settled(1))
    assert state.stale


@pytest.mark.parametrize(
    ("kind", "data"), [("session.steered", {"id": "s", "deed": "pause"}), ("team.heard", {"team": "web"})]
)
def test_a_status_is_wanted_once_something_is_not_as_it_was(kind: str, data: dict[str, str]) -> None:
    state = State()
    state.status({"sessions": []})
    state.heard({"type": kind, "at_us": NOW_US, "data": data})
    assert state.stale


def test_what_was_told_stays_while_the_daemon_is_away() -> None:
    state = State()
    state.status({"sessions": [{"id": "s"}]})
    state.heard(event("call.started"))
    state.lost("the daemon has ended")
    assert (state.away, state.sessions, state.calls[0].outcome) == ("the daemon has ended", [{"id": "s"}], "unknown")
    assert not state.holds and not state.budgets


def test_events_of_a_newer_daemon_are_passed_over() -> None:
    state = State()
    state.heard({"type": "moon.rose", "data": {}})
    state.heard({})
    assert list(state.calls) == []


def test_the_call_that_is_refused_next_stands_first() -> None:
    state = State()
    state.status({"holds": [{"id": "b", "expires_at": "2026-11-21T11:00:00Z"}, {"id": "a", "expires_at": "2026"}]})
    assert [hold["id"] for hold in state.holds] == ["a", "b"]


def test_what_happened_before_stands_before_what_is_heard() -> None:
    state = State()
    state.heard(settled(100, id=3))
    state.heard(event("call.started", id=2, at_us=NOW_US - 1_000_000))
    state.lost("the daemon has ended")
    before = [settled(7, id=1, at_us=NOW_US - 5_000_000), settled(5, id=2, at_us=NOW_US), settled(100, id=3)]
    minute = NOW_US // 60_000_000
    state.recalled({"calls": before, "minutes": [[minute - 1, 30], [minute, 40]]})
    assert [(row.id, row.outcome, row.cost_nanos) for row in state.calls] == [
        (1, "ok", 7),
        (2, "ok", 5),
        (3, "ok", 100),
    ]
    # What was heard in a minute is not added to what the ledger has of it.
    assert state.burn(NOW)[-2:] == [30, 100]


def test_the_newest_calls_are_kept() -> None:
    state = State()
    state.heard(settled(1, id=RECENT))
    state.recalled({"calls": [settled(1, id=at, at_us=NOW_US - RECENT + at) for at in range(RECENT)], "minutes": []})
    assert [row.id for row in state.calls] == list(range(1, RECENT + 1))
    state.heard(settled(1, id=RECENT + 1))
    assert (len(state.calls), state.calls[-1].id) == (RECENT, RECENT + 1)
