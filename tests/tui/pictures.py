"""Pictures of every screen, at every size and in both lights: `python -m tests.tui.pictures` draws them anew.

Look at what has changed before you commit it.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

from tests.tui.answering import NOW, answering
from tests.tui.detail import DETAIL
from tests.tui.limits import BUDGETS, COUNTERS
from tests.tui.past import past
from tests.tui.teams import TEAMS
from tests.tui.test_help import ADVICE
from tests.tui.told import STATUS
from tokenguard_tui.app import Dashboard
from tokenguard_tui.themes import DARK, LIGHT

FOLDER = Path(__file__).parent / "drawn"
DRAWN_BY = FOLDER / "drawn_by.txt"
"""Other versions of these draw the same screens with other strokes."""
SIZES = ((40, 15), (80, 24), (160, 50))
THEMES = (DARK.name, LIGHT.name)
SCREENS = ("now", "models", "history", "budgets", "session", "team", "advice", "help")

ALL = tuple(product(SCREENS, SIZES, THEMES))

_ANSWERS: Mapping[str, Any] = {
    "/v1/sessions/s1": DETAIL,
    "/v1/budgets": BUDGETS,
    "/v1/advice": ADVICE,
    "/v1/team": TEAMS,
}
_KEYS = {
    "now": (),
    "budgets": ("4",),
    "team": ("5",),
    "advice": ("6",),
    "help": ("question_mark",),
    "session": ("enter",),
}
_NOW_US = int(NOW.timestamp()) * 1_000_000
_CALL = {"session": "s1", "agent": "claude", "model": "claude-opus-5-5", "repo": "/src/web", "billing": "metered"}
_HOLD = {**STATUS["holds"][0], "expires_at": "2026-11-21T10:18:31Z"}
_USAGE = {"input": 2_100, "cache_read": 214_000, "cache_write_5m": 0, "cache_write_1h": 0, "output": 318}


def drawn_by() -> str:
    return "".join(f"{name} {version(name)}\n" for name in ("textual", "textual-plotext", "rich"))


def path_of(name: str, size: tuple[int, int], theme: str) -> Path:
    return FOLDER / f"{name}-{size[0]}x{size[1]}-{'light' if theme == LIGHT.name else 'dark'}.svg"


async def picture(name: str, size: tuple[int, int], theme: str, folder: Path) -> str:
    """A screen as SVG."""
    if name in ("models", "history"):
        async with past(folder, "2" if name == "models" else "3", size) as (app, pilot):
            app.theme = theme
            await app.settled(pilot)
            return _svg(app)
    async with answering(folder, size, _ANSWERS) as (app, pilot):
        app.theme = theme
        app.state.status({**STATUS, "holds": [_HOLD], **({"budgets": COUNTERS} if name == "budgets" else {})})
        for event in _events():
            app.state.heard(event)
        app.state.stale = False
        # What stands behind a window is drawn no more.
        await app.look(pilot)
        if name == "session":
            app.screen.query_one("Sessions").focus()
            await pilot.press("down")
        await pilot.press(*_KEYS[name])
        await app.look(pilot)
        return _svg(app)


def _events() -> list[dict[str, Any]]:
    """A call that was charged each minute, and one that runs."""
    found: list[dict[str, Any]] = []
    for number in range(12):
        data = {**_CALL, "id": number, "usage": _USAGE, "cost_nanos": 130_000_000 + number * 9_000_000}
        at_us = _NOW_US - (12 - number) * 60_000_000
        found.append({"type": "call.settled", "at_us": at_us, "data": {**data, "confidence": "exact", "outcome": "ok"}})
    running = {**_CALL, "id": 99, "usage": _USAGE, "output_bytes": 1_600}
    return [*found, {"type": "call.progress", "at_us": _NOW_US, "data": running}]


def _svg(app: Dashboard) -> str:
    return app.export_screenshot(title="tokenguard", simplify=True)


async def _draw() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, size, theme in ALL:
            path_of(name, size, theme).write_text(await picture(name, size, theme, Path(folder)), "utf-8")
    DRAWN_BY.write_text(drawn_by(), "utf-8")


if __name__ == "__main__":
    asyncio.run(_draw())
