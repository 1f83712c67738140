"""A session and budgets on the dashboard, in a real terminal: the agent's processes are real, and so is what is set."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.installation import AGENT, Installation
from tests.support.tmux import TMUX, Tmux, utf8
from tests.support.waiting import until
from tokenguard.platforms import processes

pytestmark = pytest.mark.skipif(TMUX is None, reason="needs tmux")

PROMPT = "Explain the plan. " * 40


@pytest.fixture
def screen(tg: Installation, tmp_path: Path) -> Iterator[Tmux]:
    terminal = Tmux(tmp_path, tg.command("tui"), utf8(tg.env), 100, 30)
    yield terminal
    terminal.close()


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is none of the session's."""
    with subprocess.Popen(["sleep", "600"]) as child:
        yield child
        child.kill()


def shows(terminal: Tmux, *texts: str) -> None:
    def there() -> bool:
        shown = terminal.screen()
        return all(text in shown for text in texts)

    try:
        until(there)
    except AssertionError:
        raise AssertionError(f"{texts} are not all in\n{terminal.screen()}") from None


def test_an_agent_is_paused_goes_on_and_is_stopped(
    tg: Installation, screen: Tmux, bystander: subprocess.Popen[bytes]
) -> None:
    command = tg.command("run", "--", sys.executable, str(AGENT), "anthropic", PROMPT, "PAUSE", PROMPT)
    with subprocess.Popen(
        command,
        env=tg.env,
        cwd=tg.work,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline().startswith("200")
        (session,) = tg.json("status")["sessions"]
        agent = session["pid"]
        shows(screen, session["agent"])
        screen.keys("End", "Enter")
        shows(screen, "PROCESS", str(agent), "CONTEXT", "pause", "stop")

        screen.keys("p")
        shows(screen, f"(process {agent})?", "leave it")
        screen.keys("y")
        shows(screen, "paused", "resume")
        assert processes.is_stopped(agent) and not processes.is_stopped(bystander.pid)
        until(lambda: processes.is_stopped(run.pid), "run stops with its agent")

        screen.keys("r")
        shows(screen, "leave it")
        screen.keys("y")
        until(lambda: not processes.is_stopped(agent) and not processes.is_stopped(run.pid), "both go on")

        shows(screen, "pause")
        screen.keys("x")
        shows(screen, "leave it")
        screen.keys("y")
        assert run.wait() == -signal.SIGTERM
        shows(screen, "ended")
        assert bystander.poll() is None
        screen.keys("Escape")
        shows(screen, "nothing runs")


def test_a_budget_is_set_and_counts(tg: Installation, screen: Tmux) -> None:
    subprocess.run(tg.command("daemon", "start"), env=tg.env, check=True, capture_output=True)
    shows(screen, "no budget yet")
    screen.keys("4")
    shows(screen, "n sets one")
    screen.keys("n")
    shows(screen, "a new budget")
    screen.keys("night", "Down", "none")
    shows(screen, '"none" is not an amount')
    screen.keys("C-u")
    shows(screen, "limit           such as 20")
    screen.keys("5", "Down", "Down", "day")
    shows(screen, "window          day")
    screen.keys("Enter")
    shows(screen, "1 budget", "night is set", "$5.00")
    assert [one["name"] for one in tg.json("status")["budgets"]] == ["night"]
    screen.keys("+")
    shows(screen, "raise night")
    screen.keys("2", "Tab", "due")
    shows(screen, "reason          due")
    screen.keys("Enter")
    shows(screen, "$7.00", "raised", "due")
    screen.keys("x")
    shows(screen, "remove the budget night?")
    screen.keys("y")
    shows(screen, "n sets one")
    assert tg.json("status")["budgets"] == []
