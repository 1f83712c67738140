"""Search, order and clipboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.tui.test_app import lines, shown
from tests.tui.told import STATUS
from tokenguard_tui.widgets.gauges import Gauges
from tokenguard_tui.widgets.search import Search
from tokenguard_tui.widgets.sessions import Sessions

FIRST = STATUS["sessions"][0]
THREE: list[dict[str, Any]] = [
    {**FIRST, "last_call_at": "2026-11-21T10:05:00Z"},
    {**FIRST, "id": "s2", "agent": "codex", "repo": "/src/api", "started_at": "2026-11-21T10:01:00Z", "cost_nanos": 1},
    {
        **FIRST,
        "id": "s3",
        "agent": "aider",
        "repo": "/src/docs",
        "started_at": "2026-11-21T10:02:00Z",
        "cost_nanos": 9_000_000_000,
        "last_call_at": "2026-11-21T10:06:00Z",
    },
]


async def test_lists_are_narrowed_while_somebody_types_and_whole_again_after_escape(tmp_path: Path) -> None:
    async with shown(tmp_path, (100, 30)) as (app, pilot):
        app.state.status({**STATUS, "sessions": THREE, "holds": []})
        app.draw()
        await pilot.press("slash", "C", "o", "d")
        await pilot.pause()
        assert [line.split()[1] for line in lines(app, Sessions)] == ["codex"]
        assert lines(app, Gauges) == []
        # It stays so while numbers change, and letters are text, not keys.
        app.state.status({**STATUS, "sessions": [{**one, "calls": 99} for one in THREE], "holds": []})
        app.draw()
        await pilot.press("q")
        await pilot.pause()
        assert lines(app, Sessions) == []
        await pilot.press("backspace", "enter")
        await pilot.pause()
        assert app.screen.query(Search) and not app.screen.query_one(Search).has_focus
        assert [line.split()[1] for line in lines(app, Sessions)] == ["codex"]
        await pilot.press("slash", "escape")
        await pilot.pause()
        assert not app.screen.query(Search)
        assert len(lines(app, Sessions)) == 3 and len(lines(app, Gauges)) == 2


async def test_sessions_stand_in_the_order_that_is_wanted(tmp_path: Path) -> None:
    async with shown(tmp_path, (100, 30)) as (app, pilot):
        app.state.status({**STATUS, "sessions": THREE, "holds": []})
        app.draw()
        app.screen.query_one(Sessions).focus()
        orders: list[list[str]] = []
        for _ in range(4):
            await pilot.pause()
            orders.append([line.split()[1] for line in lines(app, Sessions)])
            await pilot.press("o")
        assert orders == [
            ["claude", "codex", "aider"],
            ["aider", "claude", "codex"],
            ["aider", "claude", "codex"],
            ["codex", "aider", "claude"],
        ]


async def test_a_line_is_copied(tmp_path: Path) -> None:
    async with shown(tmp_path, (100, 30)) as (app, pilot):
        sessions = app.screen.query_one(Sessions)
        sessions.focus()
        await pilot.press("down", "y")
        await pilot.pause()
        assert app.clipboard.startswith("●  claude") and app.clipboard.endswith("$6.21")
