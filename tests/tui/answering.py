"""The dashboard without a daemon: it is told what the test says, and keeps what it would have done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from tests.tui.told import STATUS
from tokenguard.config.paths import Paths
from tokenguard_tui.app import Dashboard
from tokenguard_tui.asking import Asked
from tokenguard_tui.doing import Wanted
from tokenguard_tui.widgets.rows import TITLES, Rows

NOW = datetime(2026, 11, 21, 10, 14, tzinfo=UTC)


class Answering(Dashboard):
    """`answers` are by path; what is not there is answered with why."""

    def __init__(self, folder: Path, answers: Mapping[str, Any]) -> None:
        super().__init__(Paths(folder, folder), now=lambda: NOW)
        self.answers = dict(answers)
        self.done: list[tuple[str, Mapping[str, object]]] = []
        self.problem = ""
        """Why nothing is done; empty if all is."""
        self.said: list[str] = []
        self._waiting = 0
        self.hearing.start = lambda: None  # type: ignore[method-assign]  # there is no daemon to listen to

    def on_asked(self, message: Asked) -> None:  # type: ignore[override]  # no thread is needed here
        message.prevent_default()
        self._waiting += 1
        self.call_later(self._answer, message)

    def _answer(self, message: Asked) -> None:
        told = self.answers.get(message.path)
        message.take(told, "" if told is not None else f"there is no {message.path}")
        self._waiting -= 1

    def on_wanted(self, message: Wanted) -> None:  # type: ignore[override]  # no thread is needed here
        message.prevent_default()
        self.done.append((message.path, message.body))
        self.call_later(message.take, self.problem)

    def act(self, path: str, body: Any, said: str) -> None:  # type: ignore[override]  # no thread is needed here
        self.done.append((path, body))

    def notify(self, message: str, **_: Any) -> None:
        self.said.append(message)

    async def look(self, pilot: Pilot[None]) -> None:
        """Until what was asked for is shown, and has found its room."""
        await until(pilot, lambda: self.screen.is_mounted, "there is no screen")
        for _ in range(3):
            self.draw()
            await pilot.pause()
            await until(pilot, lambda: not self._waiting, "a question was not answered")


@asynccontextmanager
async def answering(
    folder: Path, size: tuple[int, int], answers: Mapping[str, Any]
) -> AsyncGenerator[tuple[Answering, Pilot[None]]]:
    """The dashboard after a status."""
    app = Answering(folder, answers)
    async with app.run_test(size=size) as pilot:
        app.state.status(STATUS)
        await app.look(pilot)
        yield app, pilot


async def until(pilot: Pilot[Any], holds: Callable[[], object], what: str) -> None:
    try:
        async with asyncio.timeout(20):
            while not holds():
                await pilot.pause(0.05)
    except TimeoutError:
        raise AssertionError(what) from None


def rows(app: Dashboard, widget: type[Rows] | str) -> list[str]:
    """What a list shows below its titles."""
    found = app.screen.query_one(widget, Rows) if isinstance(widget, str) else app.screen.query_one(widget)
    options = [found.get_option_at_index(index) for index in range(found.option_count)]
    return [str(option.prompt).rstrip() for option in options if option.id != TITLES]
