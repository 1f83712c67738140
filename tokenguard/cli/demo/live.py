"""Spend while it happens: a board that is redrawn in place on a terminal, a line for each call everywhere else."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tokenguard.cli import output
from tokenguard.cli.demo.play import Event, Happening, Line
from tokenguard.policy import money
from tokenguard.policy.naming import short_model

_HEADER = ("", "AGENT", "REPO", "BRANCH", "MODEL", "CALLS", "IN", "CACHED", "OUT", "COST")
_NUMBERS = {5, 6, 7, 8, 9}
_BAR = 24
_EIGHTHS = " ▏▎▍▌▋▊▉"

Standings = Callable[[], Sequence[dict[str, Any]]]
"""The budgets of `tokenguard status --json`, as they are now."""


class View(Protocol):
    """Shows what happens."""

    def take(self, happening: Happening) -> None:
        """Show the next thing."""
        ...


def view(standings: Standings, *, redraw: bool) -> View:
    """A board where that is wanted and possible, lines otherwise."""
    able = sys.stdout.isatty() and os.environ.get("TERM") not in (None, "dumb")
    return _Board(standings) if redraw and able else _Lines()


class _Session:
    """What a session has spent so far."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.agent: str = data["agent"]
        self.repo = os.path.basename(data["repo"] or "")
        self.branch: str = data["branch"] or ""
        self.model = ""
        self.sign = "●"
        self.calls = self.sent = self.cached = self.output = self.nanos = 0

    def add(self, data: dict[str, Any]) -> None:
        usage: dict[str, int] = data["usage"]
        self.model = _model(data)
        self.calls += 1
        self.sent += _sent(usage)
        self.cached += usage["cache_read"]
        self.output += usage["output"]
        self.nanos += data["cost_nanos"]

    def row(self) -> Sequence[str]:
        counts = (money.tokens(count) for count in (self.sent, self.cached, self.output))
        names = (self.sign, self.agent, self.repo, self.branch, self.model)
        return (*names, str(self.calls), *counts, money.usd(self.nanos))


class _Board:
    """Budgets and sessions, in place below what the agents write."""

    def __init__(self, standings: Standings) -> None:
        self._standings = standings
        self._sessions: dict[str, _Session] = {}
        self._height = 0

    def take(self, happening: Happening) -> None:
        match happening:
            case Line(actor, text):
                self._draw(f"{actor.agent:<6}  {text}")
            case Event("session.started", data):
                self._sessions[data["id"]] = _Session(data)
                self._draw()
            case Event("call.settled", data):
                self._sessions[data["session"]].add(data)
                self._draw()
            case Event("call.refused", data):
                self._sessions[data["session"]].sign = "!"
                self._draw()
            case Event("session.ended", data):
                session = self._sessions[data["id"]]
                session.sign = session.sign.replace("●", "○")
                self._draw()
            case _:
                pass

    def _draw(self, above: str | None = None) -> None:
        sessions = self._sessions.values()
        calls, nanos = sum(one.calls for one in sessions), sum(one.nanos for one in sessions)
        budgets = output.columns([_standing(one) for one in self._standings()], right={2})
        table = output.columns([_HEADER, *(session.row() for session in sessions)], right=_NUMBERS)
        board = ["", f"{money.usd(nanos)} in {calls} calls", "", *budgets, "", *table]
        width = shutil.get_terminal_size().columns - 1
        lines = [] if above is None else [above]
        lines += [output.styled(line[:width], "dim") if line is table[0] else line[:width] for line in board]
        # Line by line over the old board, so that nothing flickers; what is left of it goes last.
        up = f"\x1b[{self._height}A" if self._height else ""
        sys.stdout.write(up + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J")
        sys.stdout.flush()
        self._height = len(board)


class _Lines:
    """A line for each thing that happens."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}

    def take(self, happening: Happening) -> None:
        match happening:
            case Line(actor, text):
                output.say(f"{actor.agent:<6}  {text}")
            case Event("session.started", data):
                self._sessions[data["id"]] = session = _Session(data)
                output.say(f"{session.agent:<6}  starts in {session.repo} on {session.branch}")
            case Event("call.settled", data):
                session = self._sessions[data["session"]]
                session.add(data)
                output.say(f"{session.agent:<6}  {_settled(data)}  {money.usd(session.nanos):>7} so far")
            case Event("budget.level", data):
                output.say(f"budget  {data['budget']} at {_percent(data)}: {_spent(data)}")
            case _:
                pass
        sys.stdout.flush()


def _settled(data: dict[str, Any]) -> str:
    usage: dict[str, int] = data["usage"]
    counts = (
        f"{name} {money.tokens(count):>5}"
        for name, count in (("in", _sent(usage)), ("cached", usage["cache_read"]), ("out", usage["output"]))
    )
    return "  ".join((f"{_model(data):<21}", *counts, f"{money.usd(data['cost_nanos']):>7}"))


def _standing(budget: dict[str, Any]) -> Sequence[str]:
    return budget["label"], _bar(budget["spent"], budget["limit"]), _percent(budget), _spent(budget)


def _bar(spent: int, limit: int) -> str:
    eighths = min(spent, limit) * _BAR * 8 // limit
    full, part = divmod(eighths, 8)
    drawn = "█" * full + (_EIGHTHS[part] if part else "")
    return drawn.ljust(_BAR, "░")


def _percent(budget: dict[str, Any]) -> str:
    return f"{money.percent(budget['spent'], budget['limit'])}%"


def _spent(budget: dict[str, Any]) -> str:
    return f"{money.usd(budget['spent'])} of {money.usd(budget['limit'])}"


def _sent(usage: dict[str, int]) -> int:
    return usage["input"] + usage["cache_write_5m"] + usage["cache_write_1h"]


def _model(data: dict[str, Any]) -> str:
    return short_model(data["model"]).removesuffix("-preview")
