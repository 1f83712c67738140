"""The extension in Eclipse Theia, beside a real daemon."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.agents.isolation import leave_the_network
from tests.editors.extension import Extension
from tests.editors.theia import READY, Theia
from tests.editors.vscode import Unavailable, VSCode
from tests.support.installation import Installation
from tokenguard import simulator
from tokenguard.policy import money

pytestmark = pytest.mark.theia


@pytest.fixture(scope="module")
def installed(extension: Extension) -> tuple[VSCode, Theia]:
    """It, and VS Code, whose browser and Node.js it takes. After that, this process is out of the network."""
    try:
        vscode = VSCode()
        theia = Theia(vscode.node)
    except Unavailable as error:
        pytest.skip(str(error))
    leave_the_network()
    return vscode, theia


@pytest.fixture
def sim(installed: tuple[VSCode, Theia]) -> Iterator[simulator.Process]:
    with simulator.spawn(seed=1) as running:
        yield running


def test_the_status_bar_shows_spend_and_the_budget_that_binds(
    installed: tuple[VSCode, Theia], extension: Extension, sim: simulator.Process, tmp_path: Path
) -> None:
    vscode, theia = installed
    tg = Installation(tmp_path / "home", sim.url)
    tg("daemon", "start")
    try:
        with (
            theia.running(tmp_path / "theia", extension.package(), tg.work, tg.env) as url,
            vscode.window(url, READY) as window,
        ):
            window.says(READY, r"\$0\.00 today", seconds=90)
            tg("budget", "set", "day", "--scope", "repo", "--window", "day", "--limit", "4 calls")
            tg(*tg.agent("anthropic", "Say it. [sim:output=5000]"))
            with agent(tg, "anthropic", "Say it again. [sim:output=5000]", "PAUSE"):
                spent = re.escape(money.usd(sim.bill().total_nanos))
                window.says(READY, f"{spent} today .* web/day 50% info")
    finally:
        tg.stop()


@contextmanager
def agent(tg: Installation, *said: str) -> Generator[None]:
    """One that has said it, and goes on until the end."""
    with subprocess.Popen(
        tg.command(*tg.agent(*said)), env=tg.env, cwd=tg.work, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as run:
        assert run.stdout is not None
        assert any(line == b"paused\n" for line in iter(run.stdout.readline, b""))
        yield
        run.communicate(b"\n")
