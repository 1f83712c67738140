"""The Now screen as text, for scripts and for terminals that only take lines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tokenguard import client
from tokenguard.config.paths import Paths
from tokenguard.errors import DaemonError
from tokenguard.policy import money
from tokenguard_tui import ascii, terminal, words
from tokenguard_tui.state import State
from tokenguard_tui.widgets import calls, gauges, holds, sessions
from tokenguard_tui.widgets.rows import Row

CALLS = 8
"""The last calls that are shown."""


def first_screen(paths: Paths, width: int) -> str:
    """What it shows now, in lines of at most `width` cells. Raises `DaemonError`."""
    daemon = client.find(paths)
    if daemon is None:
        raise DaemonError("the daemon is not running", "start it with: tokenguard daemon start")
    state = State(plain=terminal.is_plain())
    state.status(daemon.get("/v1/status"))
    state.recalled(daemon.get("/v1/recent"))
    return text(state, datetime.now().astimezone(), width)


def text(state: State, now: datetime, width: int) -> str:
    """Lines of at most `width` cells, without colours; it needs a status."""
    parts = (
        [_spend(state, now, width)],
        _plain(holds.lines(state, now, width)),
        _plain(gauges.lines(state, now, width)),
        _plain(sessions.lines(state, now, width)),
        _plain(calls.lines(state, now, width, CALLS)),
    )
    shown = "\n\n".join("\n".join(lines) for part in parts if (lines := list(part)))
    return ascii.text(shown) if state.plain else shown


def _spend(state: State, now: datetime, width: int) -> str:
    totals = state.told["totals"]["today"] if state.told else {"cost_nanos": 0}
    notional = totals.get("notional_nanos", 0)
    spent = f"{words.usd(totals)} today" + (f"  {money.usd(notional)} notional" if notional else "")
    line = words.spark(state.burn(now), max(6, min(30, width // 4)), plain=state.plain)
    burn = f"{money.usd(state.rate(now))}/h  {line}"
    return f"{spent}{burn:>{max(2 + len(burn), width - len(spent))}}"


def _plain(rows: list[Row]) -> Iterator[str]:
    for _, line in rows:
        yield line.plain.rstrip()
