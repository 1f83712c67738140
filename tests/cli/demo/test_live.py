from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tokenguard.cli.demo.live import view
from tokenguard.cli.demo.play import Event, Exit, Happening, Line
from tokenguard.cli.demo.stage import ACTORS

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
BUDGETS = [{"label": "web/day", "spent": 2_468_000_000, "limit": 4_000_000_000}]


def shown(redraw: bool, capsys: pytest.CaptureFixture[str]) -> str:
    screen = view(lambda: BUDGETS, redraw=redraw)
    for happening in HAPPENINGS:
        screen.take(happening)
    return capsys.readouterr().out


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def pretend(**env: str) -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        for name, value in {"TERM": "xterm", "COLUMNS": "80", **env}.items():
            monkeypatch.setenv(name, value)

    monkeypatch.delenv("NO_COLOR", raising=False)
    return pretend


def screen_of(output: str) -> list[str]:
    """What a terminal shows in the end: it understands going up, clearing to the end of a line, and clearing below."""
    lines = [""]
    row = column = 0
    for part in re.split(r"(\x1b\[\d*[AKJ]|\n)", re.sub(r"\x1b\[\d*m", "", output)):
        if part == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif part.startswith("\x1b") and part.endswith("A"):
            row -= int(part[2:-1])
        elif part == "\x1b[K":
            lines[row] = lines[row][:column]
        elif part == "\x1b[J":
            lines[row:] = [lines[row][:column]]
        else:
            lines[row] = lines[row][:column] + part + lines[row][column + len(part) :]
            column += len(part)
    return lines[:-1]


def test_a_line_for_each_thing_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(True, capsys).splitlines()
    assert lines == [
        "claude  starts in web on feat/login",
        "claude  > Add a login form",
        "claude  gemini-3.1-pro         in  2.0k  cached 40.0k  out   321    $1.23    $1.23 so far",
        "claude  gemini-3.1-pro         in  2.0k  cached 40.0k  out   321    $1.23    $2.47 so far",
        "budget  web/day at 61%: $2.47 of $4.00",
    ]


def test_a_board_in_place_on_a_terminal(terminal: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    terminal()
    lines = screen_of(shown(True, capsys))
    assert lines == [
        "claude  > Add a login form",
        "",
        "$2.47 in 2 calls",
        "",
        "web/day  ██████████████▊░░░░░░░░░  61%  $2.47 of $4.00",
        "",
        "   AGENT   REPO  BRANCH      MODEL           CALLS    IN  CACHED  OUT   COST",
        "!  claude  web   feat/login  gemini-3.1-pro      2  4.0k   80.0k  642  $2.47",
    ]
    assert max(map(len, lines)) < 80


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"TERM": "xterm", "redraw": "no"}])
def test_lines_on_a_terminal_that_cannot_or_should_not(
    terminal: Callable[..., None], capsys: pytest.CaptureFixture[str], env: dict[str, Any]
) -> None:
    redraw = env.pop("redraw", "yes") == "yes"
    terminal(**env)
    assert "\x1b" not in shown(redraw, capsys)


def test_no_colour_where_nobody_wants_it(terminal: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    terminal(NO_COLOR="1")
    assert re.search(r"\x1b\[\d+m", shown(True, capsys)) is None


def test_a_narrow_terminal_cuts_lines(terminal: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    terminal(COLUMNS="40")
    board = screen_of(shown(True, capsys))[1:]
    assert max(map(len, board)) < 40
