"""A ledger with some weeks in it, and a dashboard whose questions are answered from there as the daemon would."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace
from textual.pilot import Pilot

from tests.ledger.support import call, in_memory, settlement
from tests.tui.told import STATUS
from tokenguard import prices
from tokenguard.config.paths import Paths
from tokenguard.ledger import writes
from tokenguard.policy.money import NANOS
from tokenguard.prices import decode
from tokenguard.records import Usage
from tokenguard.reports.history import Asked as Window
from tokenguard.reports.history import history
from tokenguard.reports.instants import parse_instant
from tokenguard.reports.models import models
from tokenguard_tui.app import Dashboard
from tokenguard_tui.asking import Asked

NOW = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)
"""A Wednesday."""

_CATALOGUE = decode((files(prices) / "catalogue.json").read_bytes())
_HOUR_US = 3_600_000_000


class Daily(NamedTuple):
    """A call that is made every day at this hour, of 100k tokens."""

    hour: int
    model: str
    agent: str
    repo: str
    dollars: int
    cached: int
    """So many of them came from a cache."""


DAILY = (
    Daily(9, "claude-opus-4-5", "claude", "/src/web", 3, 90_000),
    Daily(13, "gpt-5.1-codex", "codex", "/src/api", 1, 50_000),
    Daily(16, "claude-opus-4-5", "claude", "/other/web", 2, 90_000),
)


def ledger(
    days: int = 20, billing: str = "metered", daily: Sequence[Daily] = DAILY, *, missed_today: bool = False
) -> sqlite3.Connection:
    """The same calls on every day of so many and up to `NOW`; those of today miss the cache if it is said."""
    conn = in_memory()
    now_us = int(NOW.timestamp()) * 1_000_000
    midnight_us = now_us - now_us % (24 * _HOUR_US)
    number = 0
    for day in range(days, -1, -1):
        for one in daily:
            number += 1
            at_us = midnight_us - (day * 24 - one.hour) * _HOUR_US
            if at_us < now_us:
                provider = "openai" if one.agent == "codex" else "anthropic"
                made = replace(call(number, model=one.model, started_us=at_us), agent=one.agent, provider=provider)
                made = replace(made, repo=one.repo, billing=billing)
                cached = 0 if missed_today and not day else one.cached
                usage = Usage(input=100_000 - cached, cache_read=cached, output=1_000)
                writes.settle(conn, replace(settlement(made, one.dollars * NANOS), usage=usage, legs=()))
    return conn


def told(conn: sqlite3.Connection, path: str, query: Mapping[str, str]) -> dict[str, Any]:
    """The answer of the daemon at `NOW`."""
    now_us = int(NOW.timestamp()) * 1_000_000
    if path == "/v1/models":
        found = models(conn, _CATALOGUE, parse_instant(query["since"], now_us, UTC), now_us, UTC)
    else:
        found = history(conn, msgspec.convert(dict(query), Window, strict=False), now_us, UTC)
    answer: dict[str, Any] = json.loads(msgspec.json.encode(found))
    return answer


class Past(Dashboard):
    """The dashboard over such a ledger; nothing else of a daemon is there."""

    def __init__(self, folder: Path, conn: sqlite3.Connection) -> None:
        super().__init__(Paths(folder, folder), now=lambda: NOW)
        self.conn = conn
        self.questions: list[Mapping[str, str]] = []
        self.problem = ""
        self.hearing.stop()

    def on_asked(self, message: Asked) -> None:  # type: ignore[override]  # no thread is needed here
        """Answered at once."""
        message.prevent_default()
        self.questions.append(message.query)
        message.take(None if self.problem else told(self.conn, message.path, message.query), self.problem)

    async def settled(self, pilot: Pilot[None]) -> None:
        """What was asked is answered, and what was answered is drawn."""
        for _ in range(3):
            self.draw()
            await pilot.pause()

    def text(self) -> str:
        """What stands on the screen."""
        # Textual gives what it has drawn as pictures only.
        strips = self.screen._compositor.render_strips()  # pyright: ignore[reportPrivateUsage]
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


@asynccontextmanager
async def past(
    folder: Path, key: str, size: tuple[int, int], conn: sqlite3.Connection | None = None
) -> AsyncGenerator[tuple[Past, Pilot[None]]]:
    """The screen of this key."""
    app = Past(folder, conn or ledger())
    try:
        async with app.run_test(size=size) as pilot:
            app.state.status(STATUS)
            await pilot.press(key)
            await app.settled(pilot)
            yield app, pilot
    finally:
        app.conn.close()
