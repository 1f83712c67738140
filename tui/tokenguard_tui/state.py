"""What the screens show: one model, made of the daemon's status and kept up to date by its events. No I/O, no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

RECENT = 200
"""Calls that are kept for the feed."""
BURN_MINUTES = 60
"""Minutes of the sparkline."""
RATE_MINUTES = 10
"""Minutes over which the burn rate is told."""

_MINUTE_US = 60_000_000
_OPEN = {"running", "unknown"}
_ENDINGS = {"call.settled", "call.refused"}
_STALE = _ENDINGS | {
    *("session.started", "session.ended", "session.steered", "session.turn-ended", "hold.asked", "hold.answered"),
    *("budget.level", "budget.raised", "config.reloaded", "official.window", "ledger.changed", "lost"),
    *("team.heard", "team.away"),
}
"""Events after which sums in the last status do not hold any more."""


@dataclass
class CallRow:
    """A call in the feed, as far as it has come."""

    id: int
    at_us: int
    agent: str
    model: str
    repo: str | None
    session: str
    usage: Mapping[str, int] = field(default_factory=dict[str, int])
    cost_nanos: int | None = None
    """None while it runs, and where it is not known."""
    output_bytes: int = 0
    confidence: str = "exact"
    outcome: str = "running"
    """`running`, `refused`, or what it came to."""
    reason: str = ""
    request_class: str = "main"
    notional: bool = False


@dataclass
class State:
    """All of it. `told` is the last status; None before the first."""

    told: Mapping[str, Any] | None = None
    away: str | None = None
    """Why nothing is heard of the daemon; None while it is."""
    calls: deque[CallRow] = field(default_factory=lambda: deque[CallRow](maxlen=RECENT))
    """The newest last."""
    plain: bool = False
    """Whether nothing beyond ASCII may be drawn."""
    stale: bool = True
    """Whether a new status should be asked for."""
    _minutes: dict[int, int] = field(default_factory=dict[int, int])
    """Minute of the epoch -> nanodollars of the calls that ended in it."""

    @property
    def sessions(self) -> Sequence[Mapping[str, Any]]:
        """Running sessions."""
        return self._list("sessions")

    @property
    def budgets(self) -> Sequence[Mapping[str, Any]]:
        """Budgets in force, the fullest first."""
        return self._list("budgets")

    @property
    def windows(self) -> Sequence[Mapping[str, Any]]:
        """Windows that providers keep."""
        return self._list("windows")

    @property
    def holds(self) -> Sequence[Mapping[str, Any]]:
        """Calls that wait for an answer, the one that is refused next first."""
        return sorted(self._list("holds"), key=lambda hold: hold["expires_at"])

    def _list(self, name: str) -> Sequence[Mapping[str, Any]]:
        return self.told.get(name, ()) if self.told else ()

    def status(self, told: Mapping[str, Any]) -> None:
        """A status has come."""
        self.told, self.away, self.stale = told, None, False

    def recalled(self, told: Mapping[str, Any]) -> None:
        """What happened before anything was heard, or while nothing was."""
        rows = {row.id: row for row in self.calls}
        for event in told["calls"]:
            data = event["data"]
            row = rows.setdefault(data["id"], _row(data, event["at_us"]))
            if row.outcome in _OPEN:
                _take(row, event["type"], data)
        self.calls = deque(sorted(rows.values(), key=lambda row: row.at_us)[-RECENT:], RECENT)
        for minute, nanos in told["minutes"]:
            self._minutes[minute] = max(nanos, self._minutes.get(minute, 0))

    def heard(self, event: Mapping[str, Any]) -> None:
        """An event has come. Types that are not known, of a newer daemon, are passed over."""
        kind, data, at_us = event.get("type", ""), event.get("data", {}), event.get("at_us", 0)
        if kind.startswith("call."):
            self._call(kind, data, at_us)
        self.stale = self.stale or kind in _STALE

    def lost(self, reason: str) -> None:
        """The daemon is not there any more. What was told last stays, and is marked as old."""
        self.away, self.stale = reason, True
        for row in self.calls:
            if row.outcome == "running":
                row.outcome = "unknown"

    def burn(self, now: datetime) -> list[int]:
        """Nanodollars a minute of the last hour, the present minute last."""
        minute = int(now.timestamp()) // 60
        return [self._minutes.get(at, 0) for at in range(minute - BURN_MINUTES + 1, minute + 1)]

    def rate(self, now: datetime) -> int:
        """Nanodollars an hour, by the last minutes."""
        return sum(self.burn(now)[-RATE_MINUTES:]) * 60 // RATE_MINUTES

    def _call(self, kind: str, data: Mapping[str, Any], at_us: int) -> None:
        row = next((one for one in reversed(self.calls) if one.id == data["id"]), None)
        if row is None:
            row = _row(data, at_us)
            self.calls.append(row)
        _take(row, kind, data)
        if kind == "call.settled" and not row.notional:
            self._spend(at_us, data["cost_nanos"])

    def _spend(self, at_us: int, nanos: int) -> None:
        minute = at_us // _MINUTE_US
        self._minutes[minute] = self._minutes.get(minute, 0) + nanos
        if len(self._minutes) > 2 * BURN_MINUTES:
            self._minutes = {at: spent for at, spent in self._minutes.items() if at > minute - BURN_MINUTES}


def _row(data: Mapping[str, Any], at_us: int) -> CallRow:
    return CallRow(data["id"], at_us, data["agent"], data["model"], data.get("repo"), data["session"])


def _take(row: CallRow, kind: str, data: Mapping[str, Any]) -> None:
    """What an event says of its call."""
    row.model = data["model"]
    row.request_class = data.get("request_class", row.request_class)
    row.notional = data.get("billing") in ("subscription", "local")
    match kind:
        case "call.progress":
            row.usage, row.output_bytes = data["usage"], data["output_bytes"]
        case "call.settled":
            row.usage, row.cost_nanos = data["usage"], data["cost_nanos"]
            row.confidence, row.outcome = data["confidence"], data["outcome"]
        case "call.refused":
            row.outcome, row.reason = "refused", data["reason"]
        case _:
            pass
