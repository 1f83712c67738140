"""The dashboard before a real daemon: what it shows, and what its keys do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from tests.tui.told import STATUS
from tokenguard.config.paths import Paths
from tokenguard_tui.app import Dashboard
from tokenguard_tui.state import State
from tokenguard_tui.widgets import holds
from tokenguard_tui.widgets.gauges import Gauges
from tokenguard_tui.widgets.holds import Holds
from tokenguard_tui.widgets.rows import TITLES, Rows
from tokenguard_tui.widgets.sessions import Sessions


async def until(pilot: Pilot[Any], holds: Callable[[], object], what: str) -> None:
    try:
        async with asyncio.timeout(20):
            while not holds():
                await pilot.pause(0.05)
    except TimeoutError:
        raise AssertionError(what) from None


class Alone(Dashboard):
    """Without a daemon; it keeps what it would have asked of one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Paths(folder, folder))
        self.asked: list[tuple[str, object]] = []

    def act(self, path: str, body: object, said: str) -> None:  # type: ignore[override]  # no thread is needed here
        self.asked.append((path, body))


def lines(app: Dashboard, widget: type[Rows]) -> list[str]:
    """What a list shows below its titles."""
    found = app.screen.query_one(widget)
    options = [found.get_option_at_index(index) for index in range(found.option_count)]
    return [str(option.prompt) for option in options if option.id != TITLES]


@asynccontextmanager
async def shown(folder: Path, size: tuple[int, int]) -> AsyncGenerator[tuple[Alone, Pilot[None]]]:
    """The dashboard after the status above."""
    app = Alone(folder)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.state.away, "the feed has found nothing")
        app.state.status(STATUS)
        for _ in range(2):  # what appears takes room from what was there
            app.draw()
            await pilot.pause()
        yield app, pilot


@pytest.mark.parametrize("size", [(38, 12), (80, 24), (160, 50)])
async def test_budgets_sessions_and_holds_are_shown_at_every_size(tmp_path: Path, size: tuple[int, int]) -> None:
    async with shown(tmp_path, size) as (app, _):
        (budget, window) = lines(app, Gauges)
        assert all(part in budget for part in ("web/day", "82%", "!", "$2.60")), budget
        assert "Claude 5 h" in window and "70%" in window
        (session,) = lines(app, Sessions)
        assert all(part in session for part in ("●", "claude", "$6.21")), session
        (hold,) = lines(app, Holds)
        words = " ".join(hold.split())
        assert all(part in words for part in ("opus-5.5", "≈$3.44", "340k uncached tokens")), hold
        assert all(len(line) <= size[0] for line in (budget, window, session))


@pytest.mark.parametrize(
    ("key", "body"),
    [("a", {"answer": "approve"}), ("plus", {"answer": "approve", "amount": "$5"}), ("d", {"answer": "deny"})],
)
async def test_one_key_answers_what_waits(tmp_path: Path, key: str, body: object) -> None:
    async with shown(tmp_path, (80, 24)) as (app, pilot):
        assert {"a", "d", "plus"} <= set(app.screen.active_bindings)
        await pilot.press(key)
        await pilot.pause()
        assert app.asked == [("/v1/holds/7f2c", body)]


async def test_a_budget_is_raised_in_its_own_unit_and_only_where_one_is_the_reason(tmp_path: Path) -> None:
    async with shown(tmp_path, (80, 24)) as (app, pilot):
        app.state.status({**STATUS, "holds": [{**STATUS["holds"][0], "unit": "calls"}]})
        app.draw()
        await pilot.press("plus")
        await pilot.pause()
        assert app.asked == [("/v1/holds/7f2c", {"answer": "approve", "amount": "50 calls"})]
        app.state.status({**STATUS, "holds": [{**STATUS["holds"][0], "unit": None}]})
        app.draw()
        await pilot.press("plus")
        await pilot.pause()
        assert len(app.asked) == 1 and "plus" not in app.screen.active_bindings
        assert {"a", "d"} <= set(app.screen.active_bindings)


async def test_a_cheaper_model_is_offered_where_there_is_one(tmp_path: Path) -> None:
    async with shown(tmp_path, (80, 24)) as (app, pilot):
        assert "c" not in app.screen.active_bindings
        cheaper = {"model": "claude-sonnet-5", "estimate_nanos": 690_000_000}
        app.state.status({**STATUS, "holds": [{**STATUS["holds"][0], "cheaper": cheaper}]})
        app.draw()
        (hold,) = lines(app, Holds)
        assert "c sonnet-5 ≈$0.690" in hold
        await pilot.press("c")
        await pilot.pause()
        assert app.asked == [("/v1/holds/7f2c", {"answer": "cheaper"})]


async def test_a_row_keeps_its_place_and_the_selection_its_row(tmp_path: Path) -> None:
    async with shown(tmp_path, (80, 24)) as (app, pilot):
        other = {**STATUS["sessions"][0], "id": "s2", "agent": "codex", "started_at": "2026-11-21T10:01:00Z"}
        sessions = app.screen.query_one(Sessions)
        app.state.status({**STATUS, "sessions": [other, STATUS["sessions"][0]]})
        app.draw()
        sessions.highlighted = 2  # below the titles
        assert sessions.selected == "s2"
        first = {**STATUS["sessions"][0], "id": "s0", "started_at": "2026-11-21T09:00:00Z"}
        app.state.status({**STATUS, "sessions": [other, STATUS["sessions"][0], first]})
        app.draw()
        await pilot.pause()
        assert [line.split()[1] for line in lines(app, Sessions)] == ["claude", "claude", "codex"]
        assert sessions.selected == "s2"


async def test_a_session_whose_turn_has_ended_rests_at_once(tmp_path: Path) -> None:
    async with shown(tmp_path, (80, 24)) as (app, _):
        called = {**STATUS["sessions"][0], "in_flight": 0, "last_call_at": "2999-01-01T00:00:00Z"}
        for more, mark in (({}, "●"), ({"your_turn": True}, "◌"), ({"your_turn": True, "in_flight": 1}, "●")):
            app.state.status({**STATUS, "sessions": [{**called, **more}]})
            app.draw()
            (session,) = lines(app, Sessions)
            assert mark in session, more


async def test_sub_agents_stand_below_their_session(tmp_path: Path) -> None:
    def sub(name: str, nanos: int) -> dict[str, Any]:
        usage = {"input": 64_000, "output": 4_000}
        sums = {"calls": 12, "cost_nanos": nanos, "confidence": "exact", "usage": usage}
        return {"id": name, "type": None if name == "a4" else f"kind-{name}", "model": "claude-haiku-4-5", **sums}

    subs = [sub(name, nanos) for name, nanos in (("a1", 1), ("a2", 190_000_000), ("a3", 5), ("a4", 4))]
    for size, expected in (((100, 24), ["kind-a2", "kind-a3", "a4"]), ((40, 15), [])):
        async with shown(tmp_path, size) as (app, pilot):
            app.state.status({**STATUS, "sessions": [{**STATUS["sessions"][0], "sub_agents": subs}]})
            app.draw()
            await pilot.pause()
            below = lines(app, Sessions)[1:]
            assert [line.split()[1] for line in below] == expected
            if below:
                assert below[0].split()[2:] == ["haiku-4.5", "12", "64.0k", "0", "4.0k", "$0.190"], below


async def test_q_ends_it_whatever_is_wrong(tmp_path: Path) -> None:
    app = Dashboard(Paths(tmp_path, tmp_path))
    async with app.run_test(size=(20, 5)) as pilot:
        await until(pilot, lambda: app.state.away, "the feed has found nothing")
        assert "the daemon is not running" in str(app.screen.query_one("#today", Static).content)
        assert not {"a", "d", "plus"} & set(app.screen.active_bindings) and "s" in app.screen.active_bindings
        await pilot.press("q")
    assert app.return_code == 0


async def test_the_keys_go_back_to_where_they_were_once_nothing_waits(tmp_path: Path) -> None:
    async with shown(tmp_path, (80, 24)) as (app, pilot):
        assert isinstance(app.screen.focused, Holds)
        app.state.status({**STATUS, "holds": []})
        app.draw()
        await pilot.pause()
        assert isinstance(app.screen.focused, Sessions)
        assert "enter" not in app.screen.active_bindings
        await pilot.press("down")
        assert app.screen.active_bindings["enter"].binding.description == "open"


def test_every_key_says_what_it_does() -> None:
    from tools.document_tui import bindings

    bare = [key.key for keys in bindings().values() for key in keys if not key.tooltip and not key.description]
    assert not bare


def test_who_asks_for_more_is_shown_with_how_much() -> None:
    state = State()
    wants = {"model": "", "estimate_nanos": 5_000_000_000, "budget": "web/day", "unit": "usd", "wants": 5_000_000_000}
    state.status({**STATUS, "holds": [{**STATUS["holds"][0], **wants}]})
    ((_, shown),) = holds.lines(state, datetime(2026, 11, 21, 10, 0, tzinfo=UTC), 80)
    assert shown.plain.startswith("! claude web  asks  for $5.00 more  4:31 left")


@pytest.mark.parametrize("width", [36, 60, 100])
def test_what_waits_is_broken_into_lines_that_stand_below_each_other(width: int) -> None:
    state = State()
    reason = "the day budget of repository web is used up and this call would cost more than is left"
    state.status({**STATUS, "holds": [{**STATUS["holds"][0], "reason": reason}]})
    ((_, shown),) = holds.lines(state, datetime(2026, 11, 21, 10, 0, tzinfo=UTC), width)
    first, *others = shown.plain.splitlines()
    assert first.startswith("! claude web  opus-5.5")
    assert all(line.startswith("  ") for line in others)
    assert max(map(len, (first, *others))) <= width, shown.plain
    assert "next call ≈$3.44  4:31 left  + $5" in shown.plain
    assert " ".join(shown.plain.split()).endswith(reason)
