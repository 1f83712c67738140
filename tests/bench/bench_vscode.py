"""The extension in a real VS Code: how soon the status bar shows a call, and what it takes in the extension host.

python -m tests.bench.bench_vscode [--calls N] [--runs N]     N calls one by one (30), medians of N editors (5)

It needs npm and Chromium, as `make test-editors` does; without them it says so, and measures nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.agents.isolation import leave_the_network
from tests.editors.extension import ITEM, Extension, install
from tests.editors.vscode import Unavailable, VSCode
from tests.editors.window import Window
from tests.support.installation import Installation
from tests.support.waiting import until
from tokenguard import client, simulator
from tokenguard.config.paths import find_paths
from tokenguard.policy import money

PAUSE = 0.4
"""Seconds between calls that are to be seen one by one."""
BURST = 100
QUIET = 10.0
"""Seconds in which an extension host that has done what it does at its start takes next to no CPU."""
PATIENCE = 6
"""How often that is waited for."""

_WATCH = f"""
window.changes = [];
const item = document.querySelector('{ITEM}');
const note = () => window.changes.push([Date.now(), item.innerText]);
new MutationObserver(note).observe(item, {{subtree: true, childList: true, characterData: true}});
null
"""


class Editor(NamedTuple):
    """One that runs."""

    window: Window
    tg: Installation
    host: psutil.Process
    """Its extension host."""


class Agent:
    """Calls of one session, one after the other."""

    def __init__(self, tg: Installation) -> None:
        daemon = client.find(find_paths(tg.env))
        assert daemon is not None
        self._daemon = daemon
        session = daemon.post("/v1/sessions", {"agent": "claude", "cwd": str(tg.work), "pid": os.getpid()})
        self._path = f"/s/{session['token']}/anthropic/v1/messages"
        self._connection = HTTPConnection("127.0.0.1", daemon.port, timeout=30)

    def call(self) -> float:
        """When its answer was there, in milliseconds."""
        said = [{"role": "user", "content": "Say it. [sim:output=400]"}]
        body = json.dumps({"model": "claude-opus-5-5", "max_tokens": 1_000, "messages": said})
        headers = {"content-type": "application/json", "x-api-key": "k", "anthropic-version": "2023-06-01"}
        self._connection.request("POST", self._path, body, headers)
        answer = self._connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        return time.time() * 1_000

    def today(self) -> str:
        """What is spent, as the status bar says it."""
        return money.usd(self._daemon.get("/v1/status")["totals"]["today"]["cost_nanos"])


@contextmanager
def editor(vscode: VSCode, vsix: Path | None) -> Generator[Editor]:
    """An editor with the extension, or without, beside a daemon."""
    with tempfile.TemporaryDirectory(prefix="tokenguard-bench-") as made, simulator.spawn(seed=1) as sim:
        folder = Path(made)
        tg = Installation(folder / "home", sim.url)
        user, extensions = folder / "user", folder / "extensions"
        (user / "User").mkdir(parents=True)
        (user / "User" / "settings.json").write_text('{"workbench.startupEditor": "none"}')
        extensions.mkdir()
        if vsix is not None:
            install(vsix, extensions)
        tg("daemon", "start")
        try:
            with vscode.running(user, extensions, tg.work, tg.env) as url, vscode.window(url) as window:
                if vsix is not None:
                    window.says(ITEM, "today", seconds=120)
                yield Editor(window, tg, until(lambda: _host(user), "the extension host runs"))
        finally:
            tg.stop()


def _host(user: Path) -> psutil.Process | None:
    """The extension host of the editor whose settings are there."""
    for process in psutil.process_iter():
        words: list[str] = []
        with suppress(psutil.Error):
            words = process.cmdline()
        if "--type=extensionHost" in words and any(str(user) in " ".join(one.cmdline()) for one in process.parents()):
            return process
    return None


def seen(one: Editor, calls: int) -> None:
    """How soon a call is in the status bar."""
    agent = Agent(one.tg)
    one.window("evaluate", _WATCH)
    calls_made: list[tuple[float, str]] = []
    for _ in range(calls):
        end = agent.call()
        time.sleep(PAUSE)
        calls_made.append((end, agent.today()))
    late = [_shown(one, text) - end for end, text in calls_made]
    say("a call that has ended is in the status bar, median", statistics.median(late), "ms", "<= 300")
    say("... at worst", max(late), "ms", "<= 300")
    for _ in range(BURST - 1):
        agent.call()
    end = agent.call()
    time.sleep(PAUSE)
    one.window.says(ITEM, re.escape(agent.today()))
    say(f"the last of {BURST} calls without a pause", _shown(one, agent.today()) - end, "ms", "<= 300")


def _shown(one: Editor, sum: str) -> float:
    """When it was there first."""
    changes: list[tuple[float, str]] = one.window("evaluate", "window.changes")
    return next(at for at, text in changes if f"{sum} today" in text)


def taken(one: Editor) -> float:
    """MB that only the extension host has."""
    for _ in range(PATIENCE):
        before = one.host.cpu_times()
        time.sleep(QUIET)
        after = one.host.cpu_times()
        if after.user + after.system - before.user - before.system < 0.02 * QUIET:
            break
    return one.host.memory_full_info().uss / 1e6


def say(what: str, value: float, unit: str, goal: str) -> None:
    print(f"{what:<56} {value:8.1f} {unit:<4} ({goal})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="The extension in a real VS Code.")
    parser.add_argument("--calls", type=int, default=30)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tokenguard-bench-") as folder:
        try:
            vscode, vsix = VSCode(), Extension(Path(folder) / "vscode").package()
        except Unavailable as error:
            print(f"nothing is measured: {error}")
            return
        leave_the_network()
        without: list[float] = []
        with_it: list[float] = []
        for run in range(asked.runs):
            with editor(vscode, None) as one:
                without.append(taken(one))
            with editor(vscode, vsix) as one:
                if run == 0:
                    seen(one, asked.calls)
                with_it.append(taken(one))
        print(
            "MB of extension hosts without it, and with it:",
            *(f"{a:.1f} {b:.1f}," for a, b in zip(without, with_it, strict=True)),
        )
        say("extension host without it, its own memory", statistics.median(without), "MB", "no goal")
        say("what it adds", statistics.median(with_it) - statistics.median(without), "MB", "<= 15")
        say("... at worst", max(with_it) - min(without), "MB", "<= 15")


if __name__ == "__main__":
    main()
