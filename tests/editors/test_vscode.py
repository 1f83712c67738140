"""The extension in a real VS Code, beside a real daemon: one window, from before there is a daemon on."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.editors.extension import ITEM, Extension, install
from tests.editors.vscode import VSCode
from tests.editors.window import Window
from tests.support.installation import Installation
from tests.support.waiting import until
from tokenguard import simulator
from tokenguard.policy import money

pytestmark = pytest.mark.real_editors

TOAST = ".notification-toast .notification-list-item"
SIDE = ".sidebar"
HOVER = ".monaco-hover.workbench-hover, .monaco-hover"
MINE = """\
// mine
{
  "workbench.startupEditor": "none", // nothing
  "workbench.tips.enabled": false,
  "terminal.integrated.gpuAcceleration": "off", // text that a test can read
  "tokenguard.command": "%s"
}
"""


class Desk:
    """A window, and the installation beside it."""

    def __init__(self, window: Window, tg: Installation, settings: Path) -> None:
        self.window, self.tg, self.settings = window, tg, settings
        self.mine = settings.read_text()
        self._runs: list[subprocess.Popen[str]] = []
        self._budgets: list[str] = []

    def bar(self, pattern: str) -> str:
        """The status bar's item once it says that."""
        return self.window.says(ITEM, pattern)

    def spend(self, output: int = 100) -> None:
        """An agent makes one call with so many tokens of output, and ends."""
        self.tg(*self.tg.agent("anthropic", f"Say it. [sim:output={output}]"))

    def begin(self, *prompts: str) -> subprocess.Popen[str]:
        """An agent that goes on beside; lines on its standard input end its pauses."""
        run = subprocess.Popen(
            self.tg.command(*self.tg.agent("anthropic", *prompts)), env=self.tg.env, cwd=self.tg.work,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._runs.append(run)
        return run

    def today(self) -> str:
        """As the daemon has it."""
        status: dict[str, Any] = self.tg.json("status")
        return money.usd(status["totals"]["today"]["cost_nanos"])

    def limit(self, name: str, limit: str, *more: str) -> None:
        """A budget of the repository for the day, until the end of the test."""
        self.tg("budget", "set", name, "--scope", "repo", "--window", "day", "--limit", limit, *more)
        self._budgets.append(name)

    def tidy(self) -> None:
        """End what runs, remove budgets, and put away what was told."""
        for run in self._runs:
            run.terminate()
            run.communicate()
        for name in self._budgets:
            self.tg("budget", "remove", name)
        self._runs, self._budgets = [], []
        if self.window.count(TOAST):
            self.window.command("Notifications: Clear All Notifications")
            until(lambda: not self.window.count(TOAST), "nothing is told")


@pytest.fixture(scope="module")
def stage(vscode: VSCode, extension: Extension, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with simulator.spawn(seed=1) as sim:
        tg = Installation(folder / "home", sim.url)
        tg.fix_port()
        user, extensions, command = folder / "user", folder / "extensions", folder / "its bin" / "tokenguard"
        settings = user / "User" / "settings.json"
        for file in (settings, command):
            file.parent.mkdir(parents=True)
        settings.write_text(MINE % command)
        command.write_text(f'#!/bin/sh\nexec {shlex.join(tg.command())} "$@"\n')
        command.chmod(0o755)
        install(extension.package(), extensions)
        agent = command.with_name("llm")
        agent.write_text(f"#!/bin/sh\nexec {shlex.join(tg.agent('anthropic', 'Say it. [sim:output=10]')[2:])}\n")
        agent.chmod(0o755)
        # Editors have the PATH of a login shell.
        (tg.home / ".profile").write_text(f"PATH={shlex.quote(str(command.parent))}:$PATH\n")
        with (
            vscode.running(user, extensions, tg.work, {**tg.env, "SHELL": "/bin/sh"}) as url,
            vscode.window(url) as window,
        ):
            window.says(ITEM, "tokenguard", seconds=120)
            yield Desk(window, tg, settings)
        tg.stop()


@pytest.fixture
def desk(stage: Desk) -> Iterator[Desk]:
    """The same one for each test, and tidy."""
    yield stage
    stage.tidy()


def test_without_a_daemon_it_says_so_and_starts_none(desk: Desk) -> None:
    desk.bar("tokenguard is not running")
    assert desk.tg.daemon_pid() is None


def test_a_daemon_is_found_when_it_comes(desk: Desk) -> None:
    desk.tg("daemon", "start")
    # The pause between attempts may be half a minute by now: its socket is what tells.
    desk.window.says(ITEM, re.escape("$0.00 today"), seconds=5)


def test_a_call_is_seen(desk: Desk) -> None:
    desk.spend()
    assert desk.today() != "$0.00"
    desk.bar(re.escape(f"{desk.today()} today"))


def test_levels_are_coloured_and_told(desk: Desk) -> None:
    desk.limit("day", "4 calls")
    desk.spend()
    desk.bar("web/day 50% info$")
    quiet = desk.window.style(ITEM, "backgroundColor")
    desk.spend()
    desk.bar("web/day 75% warn$")
    assert desk.window.style(ITEM, "backgroundColor") == quiet
    assert not desk.window.count(TOAST)
    desk.spend()
    desk.bar("web/day 100% used up$")
    assert desk.window.style(ITEM, "backgroundColor") != quiet
    desk.window.says(TOAST, "web/day is used up \\(4 calls of 4 calls\\)")


def test_a_budget_that_is_gone_is_not_shown(desk: Desk) -> None:
    desk.window.says(ITEM, "today · \\S+/h$", seconds=5)


def test_a_call_that_waits_is_answered_with_a_button(desk: Desk) -> None:
    desk.limit("tight", "0.001", "--at-limit", "hold")
    run = desk.begin("PAUSE", "Say it. [sim:output=10]", "PAUSE", "And again. [sim:output=10]")
    assert run.stdin is not None
    run.stdin.write("\n")
    run.stdin.flush()
    desk.window.says(TOAST, "web waits for you: ≈\\$\\S+ for opus-5.5. The day budget of repository web")
    desk.bar("1 call waiting · ")
    desk.window.click(f"{TOAST} .monaco-button", "+$5")
    desk.bar("^\\$0.\\d+ today .* web/tight \\d%")
    assert desk.tg.json("status")["holds"] == []
    run.stdin.write("\n")
    assert run.communicate(timeout=60)[0].split().count("200") == 2


def test_it_is_answered_from_the_status_bar_too(desk: Desk) -> None:
    desk.limit("tighter", "0.001", "--at-limit", "hold")
    run = desk.begin("Say it. [sim:output=10]")
    desk.bar("1 call waiting · ")
    desk.window.click(ITEM)
    desk.window.choose("waits for you", "Deny")
    assert "said no" in run.communicate(timeout=60)[0]
    desk.bar("^\\$0.\\d+ today")


def test_the_pointer_on_it_shows_budgets_and_sessions(desk: Desk) -> None:
    desk.limit("roomy", "5")
    run = desk.begin("Say it. [sim:output=10]", "PAUSE")
    assert run.stdout is not None
    assert run.stdout.readline().startswith("200")
    desk.window("hover", ITEM)
    said = desk.window.says(HOVER, "python main 1 ")
    assert re.search("tokenguard .* today", said) and "web/roomy" in said and "Dashboard" in said
    desk.window("mouse.move", 400, 200)


def test_the_side_bar_holds_sessions_and_commits(desk: Desk) -> None:
    desk.window.command("View: Show tokenguard")
    desk.window.says(SIDE, "No session runs")
    run = desk.begin("Say it. [sim:output=10]", "PAUSE")
    desk.window.says(SIDE, "python ?<\\$0.001 · main")
    desk.window.says(SIDE, f"Not committed yet ?{re.escape(desk.today())}")
    run.communicate("\n", timeout=60)
    commit = ("git", "-c", "user.name=A", "-c", "user.email=a@b", "commit", "--allow-empty", "-qm", "Say it all")
    subprocess.run(commit, cwd=desk.tg.work, check=True)
    desk.spend()
    desk.window.says(SIDE, "Say it all")


def test_this_editor_s_agents_go_through_tokenguard_until_that_is_undone(desk: Desk) -> None:
    desk.window.command("tokenguard: Send This Editor's Agents through tokenguard")
    desk.window.says(TOAST, "This editor's agents go through tokenguard now: \\d settings in")
    assert "claudeCode.environmentVariables" in desk.settings.read_text()
    desk.window.click(f"{TOAST} .monaco-button", "Undo")
    desk.window.says(TOAST, "byte for byte")
    assert desk.settings.read_text() == desk.mine


def test_reports_run_in_terminals_and_the_dashboard_is_an_editor(desk: Desk) -> None:
    desk.window.command("tokenguard: Report of This Repository")
    desk.window.says(".xterm-rows", r"total \d+ ")
    desk.window.command("View: Toggle Panel Visibility")
    desk.window.command("tokenguard: Open the Dashboard")
    desk.window.says(".editor-container .xterm-rows", "today .* help")
    desk.window("keyboard.press", "q")
    until(lambda: not desk.window.count(".editor-container .xterm-rows"), "the dashboard is closed")


def test_an_agent_is_run_in_a_terminal(desk: Desk) -> None:
    desk.window.command("tokenguard: Run an Agent in a Terminal")
    desk.window.choose("Run an agent", "llm")
    desk.window.says(".terminal-editor .xterm-rows, .xterm-rows", r"tokenguard \S+ in 1 call")


def test_a_budget_is_raised(desk: Desk) -> None:
    desk.limit("raised", "5")
    desk.spend()
    desk.bar("web/raised 0%")
    desk.window.command("tokenguard: Raise a Budget")
    desk.window.choose("Which budget", "web/raised")
    desk.window.answer("By how much", "2")
    desk.window.answer("Why", "the release")
    desk.window.says(TOAST, "web/raised is raised by 2 until its window ends")
    [budget] = desk.tg.json("status")["budgets"]
    assert budget["limit"] == 7_000_000_000


def test_after_a_restart_of_the_daemon_it_goes_on(desk: Desk) -> None:
    before = desk.today()
    desk.tg("daemon", "stop")
    desk.bar("tokenguard is not running")
    desk.window.says(SIDE, "The daemon is not running")
    desk.tg("daemon", "start")
    desk.window.says(ITEM, re.escape(f"{before} today"), seconds=5)
    desk.spend()
    assert desk.today() != before
    desk.bar(re.escape(f"{desk.today()} today"))


def test_it_is_found_again_after_it_was_killed(desk: Desk) -> None:
    pid = desk.tg.daemon_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    desk.bar("tokenguard is not running")
    desk.window.click(ITEM)
    desk.window.says(TOAST, "Nothing is measured or held to budgets until it runs")
    desk.window.click(f"{TOAST} .monaco-button", "Start it")
    desk.bar(re.escape(f"{desk.today()} today"))
    assert desk.tg.daemon_pid() not in (None, pid)
