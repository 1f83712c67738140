"""What happens, line by line: for where nothing can be drawn."""

from __future__ import annotations

import os
import sys
from typing import Any

from tokenguard.cli import output
from tokenguard.cli.demo.play import Event, Happening, Line
from tokenguard.policy import money
from tokenguard.policy.naming import short_model


class _Session:
    """A session, and what it has spent so far."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.agent: str = data["agent"]
        self.repo = os.path.basename(data["repo"] or "")
        self.branch: str = data["branch"] or ""
        self.nanos = 0


class Lines:
    """A line for each thing that happens."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}

    def take(self, happening: Happening) -> None:
        """Show the next thing."""
        match happening:
            case Line(actor, text):
                output.say(f"{actor.agent:<6}  {text}")
            case Event("session.started", data):
                self._sessions[data["id"]] = session = _Session(data)
                output.say(f"{session.agent:<6}  starts in {session.repo} on {session.branch}")
            case Event("call.settled", data):
                session = self._sessions[data["session"]]
                session.nanos += data["cost_nanos"]
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


def _percent(budget: dict[str, Any]) -> str:
    return f"{money.percent(budget['spent'], budget['limit'])}%"


def _spent(budget: dict[str, Any]) -> str:
    return f"{money.usd(budget['spent'])} of {money.usd(budget['limit'])}"


def _sent(usage: dict[str, int]) -> int:
    return usage["input"] + usage["cache_write_5m"] + usage["cache_write_1h"]


def _model(data: dict[str, Any]) -> str:
    return short_model(data["model"]).removesuffix("-preview")
