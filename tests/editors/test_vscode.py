"""The extension in a real VS Code, beside a real daemon: one window, from before there is a daemon on."""

from __future__ import annotations

import re
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
HOVER = ".monaco-hover.workbench-hover, .monaco-hover"
MINE = '// mine\n{\n  "workbench.startupEditor": "none", // nothing\n  "workbench.tips.enabled": false\n}\n'


class Desk:
    """A window, and the installation beside it."""

    def __init__(self, window: Window, tg: Installation, settings: Path) -> None:
        self.window, self.tg, self.settings = window, tg, settings
        self._runs: list[subprocess.Popen[str]] = []

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

    def clear(self) -> None:
        """Put away what was told."""
        self.window.command("Notifications: Clear All Notifications")
        until(lambda: not self.window.count(TOAST), "nothing is told")

    def end(self) -> None:
        for run in self._runs:
            run.kill()
            run.communicate()


@pytest.fixture(scope="module")
def desk(vscode: VSCode, extension: Extension, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with simulator.spawn(seed=1) as sim:
        tg = Installation(folder / "home", sim.url)
        settings, extensions = folder / "user", folder / "extensions"
        (settings / "User").mkdir(parents=True)
        (settings / "User" / "settings.json").write_text(MINE)
        install(extension.package(), extensions)
        with vscode.running(settings, extensions, tg.work, tg.env) as url, vscode.window(url) as window:
            made = Desk(window, tg, settings)
            yield made
            made.end()
        tg.stop()


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
    desk.tg("budget", "set", "day", "--scope", "repo", "--window", "day", "--limit", "4 calls")
    desk.bar("web/day 25%$")
    quiet = desk.window.style(ITEM, "backgroundColor")
    desk.spend()
    desk.spend()
    desk.bar("web/day 75% warn")
    assert desk.window.style(ITEM, "backgroundColor") == quiet
    assert not desk.window.count(TOAST)
    desk.spend()
    desk.bar("web/day 100% used up")
    assert desk.window.style(ITEM, "backgroundColor") != quiet
    desk.window.says(TOAST, "web/day is used up \\(4 calls of 4 calls\\)")
    desk.clear()
