"""`tokenguard tui` in a real terminal, beside a real daemon and agents."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.installation import Installation
from tests.support.tmux import TMUX, Tmux, utf8
from tests.support.waiting import DEADLINE, until
from tokenguard import simulator

pytestmark = pytest.mark.skipif(TMUX is None, reason="needs tmux")

PROMPT = "Explain the plan. " * 40
ASKS = '[[budget]]\nname = "day"\nscope = "repo"\nlimit = "2 calls"\nwindow = "day"\nat_limit = "hold"\n'

Show = Callable[..., Tmux]


@pytest.fixture
def show(tg: Installation, tmp_path: Path) -> Iterator[Show]:
    """Show the dashboard in a terminal."""
    opened: list[Tmux] = []

    def show(width: int = 80, height: int = 24, **env: str) -> Tmux:
        opened.append(Tmux(tmp_path, tg.command("tui"), {**utf8(tg.env), **env}, width, height))
        return opened[-1]

    yield show
    for terminal in opened:
        terminal.close()


def seen(terminal: Tmux, *texts: str) -> str:
    """The screen, once all of these are on it."""

    def screen() -> str | None:
        shown = terminal.screen()
        return shown if all(text in shown for text in texts) else None

    try:
        return until(screen)
    except AssertionError:
        raise AssertionError(f"{texts} are not all in\n{terminal.screen()}") from None


def begin(tg: Installation, *prompts: str) -> subprocess.Popen[str]:
    command = tg.command(*tg.agent("anthropic:stream", *prompts))
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=tg.env, cwd=tg.work, text=True, **pipes)


def left(terminal: Tmux) -> None:
    """It ends with `q`, and has said nothing that it should not."""
    terminal.resize(80, 24)
    terminal.keys("q")
    until(lambda: terminal.ended() is not None, "it ends")
    assert terminal.ended() == 0 and "Traceback" not in terminal.screen(), terminal.screen()


def test_numbers_move_and_a_hold_is_answered_with_one_key(tg: Installation, sim: simulator.Process, show: Show) -> None:
    tg.configure(sim.url, settings=ASKS)
    terminal = show()
    seen(terminal, "the daemon is not running", "s start")
    terminal.keys("s")
    seen(terminal, "nothing runs", "no call yet")
    with begin(tg, PROMPT, PROMPT, PROMPT) as run:
        held = seen(terminal, "! ", "next call ≈", "2 of 2 calls", "100%  ✗", "+ 50 calls", "d deny")
        assert len(sim.requests()) == 2
        assert held.count("opus-5.5") >= 3, held
        terminal.keys("a")
        out, _ = run.communicate(timeout=DEADLINE)
    assert [line.split()[0] for line in out.splitlines()] == ["200"] * 3
    seen(terminal, "nothing runs", "it goes on")
    assert len(sim.requests()) == 3
    left(terminal)


def test_it_says_when_the_daemon_is_gone_and_finds_the_next_one(
    tg: Installation, sim: simulator.Process, show: Show
) -> None:
    tg(*tg.agent("anthropic", PROMPT))
    terminal = show()
    seen(terminal, "nothing runs", "opus-5.5")
    killed = tg.daemon_pid()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    shown = seen(terminal, "away", "s start")
    assert "opus-5.5" in shown
    terminal.keys("s")
    until(lambda: "away" not in terminal.screen(), "it is found")
    assert tg.daemon_pid() not in (None, killed)
    left(terminal)


def test_the_demo_is_shown_on_it_until_somebody_has_seen_enough(tg: Installation, tmp_path: Path) -> None:
    terminal = Tmux(tmp_path, tg.command("demo", "--fast"), utf8(tg.env), 120, 40)
    try:
        seen(terminal, "web/day", "The agents have ended.", "nothing runs", "opus-5.5")
        terminal.keys("q")
        until(lambda: terminal.ended() is not None, "it ends")
        shown = terminal.screen()
        assert terminal.ended() == 0 and "The ledger equals the providers' own bill to the nanodollar" in shown, shown
    finally:
        terminal.close()


def test_a_demo_that_is_left_early_leaves_nothing_behind(tg: Installation, tmp_path: Path) -> None:
    terminal = Tmux(tmp_path, tg.command("demo"), {**utf8(tg.env), "TMPDIR": str(tmp_path)}, 80, 24)
    try:
        seen(terminal, "web/day", "claude")
        terminal.keys("q")
        until(lambda: terminal.ended() is not None, "it ends")
        assert terminal.ended() == 0 and "there is nothing to compare" in terminal.screen(), terminal.screen()
        assert not list(tmp_path.glob("tokenguard-demo-*"))
    finally:
        terminal.close()


@pytest.mark.parametrize(
    "env", [{}, {"NO_COLOR": "1"}, {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_it_survives_every_size_and_poor_terminals(
    tg: Installation, sim: simulator.Process, show: Show, env: dict[str, str]
) -> None:
    tg.configure(sim.url, settings=ASKS.replace("hold", "refuse"))
    tg(*tg.agent("anthropic", PROMPT))
    terminal = show(**env)
    seen(terminal, "web/day", "50%")
    for width, height in ((38, 12), (10, 3), (200, 60), (38, 5), (1, 1), (90, 12)):
        terminal.resize(width, height)
    seen(terminal, "web/day", "50%")
    terminal.resize(38, 12)
    shown = seen(terminal, "web/day", "50%", "? help")  # the last line is drawn anew after the others
    assert max(map(len, shown.splitlines())) <= 38
    if "LC_ALL" in env:
        # A sign that the terminal cannot draw would be shown as `?`.
        above, _, _ = shown.rpartition("? help")
        assert shown.isascii() and above and "?" not in above, shown
    left(terminal)
