"""Draw screens of the dashboard over made-up weeks, as pictures for README.md: `python -m tools.draw_tui`."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from tokenguard import prices
from tokenguard.config.paths import Paths
from tokenguard.ledger import Settlement, writes
from tokenguard.ledger.migrations import migrate
from tokenguard.policy.money import NANOS
from tokenguard.prices import charge, decode
from tokenguard.records import Call, Leg, Usage
from tokenguard.reports.history import Asked as Window
from tokenguard.reports.history import history
from tokenguard.reports.instants import parse_instant
from tokenguard.reports.models import models
from tokenguard_tui.app import Dashboard
from tokenguard_tui.asking import Asked

FOLDER = Path(__file__).parent.parent / "docs/images"
SIZE = (100, 30)
PICTURES = {"now": [], "models": ["2"], "history": ["3", "m"]}
"""Name of a picture -> the keys that lead there."""

_NOW = datetime(2026, 11, 18, 14, 42, 7, tzinfo=UTC)
_NOW_US = int(_NOW.timestamp()) * 1_000_000
_CATALOGUE = decode((files(prices) / "catalogue.json").read_bytes())
_DAYS = 35
_LIVELY = 9
"""Calls of a whole share in an hour in the middle of a working day."""

# Agent, provider, dialect, model, repository, branch; its share of calls, tokens that it sends and writes.
_WORK = (
    ("claude", "anthropic", "anthropic-messages", "claude-opus-5-5", "/src/web", "feat/login", 0.5, 60_000, 900),
    ("claude", "anthropic", "anthropic-messages", "claude-sonnet-5", "/src/web", "feat/login", 1.0, 90_000, 700),
    ("claude", "anthropic", "anthropic-messages", "claude-haiku-4-5", "/src/docs", "fix/typo", 0.8, 50_000, 300),
    ("codex", "openai", "openai-responses", "gpt-6.1-sol", "/src/api", "main", 0.6, 45_000, 900),
)
_FELL = timedelta(days=6)
"""Since then, caches serve one of the models badly."""


def main() -> None:
    """Draw all of them."""
    FOLDER.mkdir(exist_ok=True)
    with closing(_ledger()) as conn:
        for name, keys in PICTURES.items():
            (FOLDER / f"{name}.svg").write_text(asyncio.run(_drawn(conn, keys)), "utf-8")


async def _drawn(conn: sqlite3.Connection, keys: list[str]) -> str:
    app = _Shown(conn)
    async with app.run_test(size=SIZE) as pilot:
        app.state.status(_STATUS)
        for event in _events():
            app.state.heard(event)
        app.state.stale = False
        for key in [*keys, "down"]:
            await pilot.press(key)
            for _ in range(3):
                app.draw()
                await pilot.pause()
        return app.export_screenshot(title="tokenguard tui")


class _Shown(Dashboard):
    """The dashboard, whose questions are answered from a ledger in memory."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        super().__init__(Paths(Path(), Path()), now=lambda: _NOW)
        self.conn = conn
        self.hearing.stop()

    def on_asked(self, message: Asked) -> None:  # type: ignore[override]  # no thread is needed here
        """As the daemon would."""
        message.prevent_default()
        if message.path == "/v1/models":
            since_us = parse_instant(message.query["since"], _NOW_US, UTC)
            told = models(self.conn, _CATALOGUE, since_us, _NOW_US, UTC)
        else:
            told = history(self.conn, msgspec.convert(dict(message.query), Window, strict=False), _NOW_US, UTC)
        message.take(json.loads(msgspec.json.encode(told)), "")


def _ledger() -> sqlite3.Connection:
    conn = sqlite3.connect(":memory:", isolation_level=None)
    migrate(conn)
    dice = random.Random(7)
    number = 0
    begin = _NOW.replace(minute=0, second=0) - timedelta(days=_DAYS)
    for hour in (begin + timedelta(hours=at) for at in range(_DAYS * 24 + 1)):
        busy = max(0.0, 1 - abs(hour.hour - 13.5) / 6) * (0.12 if hour.weekday() > 4 else 1)
        for work in _WORK:
            for _ in range(round(busy * work[6] * _LIVELY * dice.uniform(0.3, 1.7))):
                number += 1
                writes.settle(conn, _settled(number, hour + timedelta(seconds=dice.randrange(2_500)), work, dice))
    return conn


def _settled(number: int, at: datetime, work: tuple[Any, ...], dice: random.Random) -> Settlement:
    agent, provider, dialect, model, repo, branch, _, sent, written = work
    cached = 0.4 if "haiku" in model and _NOW - at < _FELL else 0.91
    prompt = round(sent * dice.uniform(0.5, 1.5))
    leg = Leg(model, Usage(input=prompt - round(prompt * cached), cache_read=round(prompt * cached), output=written))
    started_us = int(at.timestamp()) * 1_000_000
    made = Call(number, "s", agent, provider, dialect, model, started_us, True, repo, branch)
    priced = charge(_CATALOGUE, provider, (leg,), started_us)
    return Settlement(made, priced, started_us + 1, "ok", (leg,), leg.usage)


def _dollars(dollars: float) -> dict[str, Any]:
    return {"cost_nanos": round(dollars * NANOS), "confidence": "exact", "unpriced": 0, "notional_nanos": 0}


def _budget(label: str, spent: float, limit: int, level: str, **times: Any) -> dict[str, Any]:
    left = round((limit - spent) * NANOS)
    sums = {"spent": round(spent * NANOS), "limit": limit * NANOS, "reserved": 0, "remaining": left}
    return {"label": label, "key": label, "unit": "usd", "level": level, **sums, "resets_at": None, **times}


def _session(
    name: str, agent: str, repo: str, branch: str, calls: int, usage: Mapping[str, int], dollars: float
) -> Any:
    times = {"started_at": f"2026-11-18T09:0{name}:00Z", "last_call_at": f"2026-11-18T14:42:0{name}Z"}
    place = {"repo": f"/src/{repo}", "branch": branch, "task": None, "state": "running", "in_flight": 1}
    return {"id": name, "agent": agent, **place, **times, "calls": calls, "usage": usage, **_dollars(dollars)}


_STATUS: dict[str, Any] = {
    "totals": {"today": {"calls": 75, **_dollars(17.93)}, "hour": {"calls": 12, **_dollars(3.1)}},
    "budgets": [
        _budget("web/day", 16.4, 20, "warn", forecast={"full_at": "2026-11-18T17:05:00Z"}),
        _budget("opus/month", 92.1, 200, "ok", resets_at="2026-12-01T00:00:00Z"),
    ],
    "windows": [
        {"provider": "anthropic", "name": "five_hour", "used_percent": 70.0, "resets_at": "2026-11-18T15:54:00Z"}
    ],
    "sessions": [
        _session(
            "1", "claude", "web", "feat/login", 41, {"input": 118_000, "cache_read": 3_100_000, "output": 22_000}, 6.21
        ),
        _session("2", "codex", "api", "main", 17, {"input": 96_000, "cache_read": 800_000, "output": 11_000}, 1.07),
        _session("3", "claude", "docs", "fix/typo", 3, {"input": 9_000, "cache_read": 0, "output": 1_000}, 0.03),
    ],
    "holds": [
        {
            **{"id": "7f2c", "agent": "claude", "repo": "/src/web", "model": "claude-opus-5-5", "unit": "usd"},
            **{"estimate_nanos": 3_440_000_000, "expires_at": "2026-11-18T14:46:38Z"},
            "reason": "this call re-reads 340k uncached tokens: the cache expired 6 minutes ago",
        }
    ],
}


def _events() -> list[dict[str, Any]]:
    """The calls of the last hour."""
    dice = random.Random(3)
    found: list[dict[str, Any]] = []
    for number in range(40, -1, -1):
        agent, _, _, model, repo, *_, sent, written = _WORK[dice.randrange(len(_WORK))]
        usage = {"input": sent // 20, "cache_read": sent, "output": written + dice.randrange(500)}
        session = {"/src/web": "1", "/src/api": "2", "/src/docs": "3"}[repo]
        told = {"id": 40 - number, "session": session, "agent": agent, "model": model, "repo": repo, "usage": usage}
        spent = {"cost_nanos": round(dice.uniform(0.02, 0.14) * NANOS), "confidence": "exact", "outcome": "ok"}
        at_us = _NOW_US - number * 83_000_000
        found.append({"type": "call.settled", "at_us": at_us, "data": {**told, **spent, "billing": "metered"}})
    return found


if __name__ == "__main__":
    main()
