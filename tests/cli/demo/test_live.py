from __future__ import annotations

import pytest

from tokenguard.cli.demo.cast import ACTORS
from tokenguard.cli.demo.live import Lines
from tokenguard.cli.demo.play import Event, Exit, Happening, Line

USAGE = {"input": 100, "cache_read": 40_000, "cache_write_5m": 1_900, "cache_write_1h": 0, "output": 321}
CALL = {"session": "s1", "model": "gemini-3.1-pro-preview", "usage": USAGE, "cost_nanos": 1_234_000_000}
HAPPENINGS: list[Happening] = [
    Event("session.started", {"id": "s1", "agent": "claude", "repo": "/tmp/web", "branch": "feat/login"}),
    Line(ACTORS[0], "> Add a login form"),
    Event("call.started", CALL),
    Event("call.settled", CALL),
    Event("call.settled", CALL),
    Event("budget.level", {"budget": "web/day", "level": "info", "spent": 2_468_000_000, "limit": 4_000_000_000}),
    Event("call.refused", CALL | {"budget": "web/day"}),
    Event("session.ended", {"id": "s1"}),
    Exit(ACTORS[0], 1),
]


def test_a_line_for_each_thing(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    for happening in HAPPENINGS:
        lines.take(happening)
    assert capsys.readouterr().out.splitlines() == [
        "claude  starts in web on feat/login",
        "claude  > Add a login form",
        "claude  gemini-3.1-pro         in  2.0k  cached 40.0k  out   321    $1.23    $1.23 so far",
        "claude  gemini-3.1-pro         in  2.0k  cached 40.0k  out   321    $1.23    $2.47 so far",
        "budget  web/day at 61%: $2.47 of $4.00",
    ]
