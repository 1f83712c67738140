"""Plug-ins that find their provider's address in the environment, as Roo Code does, in a real VS Code."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.editors.extension import ITEM, Extension, install
from tests.editors.vscode import VSCode
from tests.support.installation import Installation
from tests.support.waiting import until
from tokenguard import simulator

pytestmark = pytest.mark.real_editors

MINE = '{\n  "workbench.startupEditor": "none" // nothing\n}\n'


@pytest.fixture
def sim(vscode: VSCode) -> Iterator[simulator.Process]:
    with simulator.spawn(seed=1) as running:
        yield running


def test_they_get_what_terminals_get_and_lose_it_again(
    vscode: VSCode, extension: Extension, sdk: Path, sim: simulator.Process, tmp_path: Path
) -> None:
    tg = Installation(tmp_path / "home", sim.url)
    port = tg.fix_port()
    tg("daemon", "start")
    user, extensions, out = tmp_path / "user", tmp_path / "extensions", tmp_path / "out"
    settings = user / "User" / "settings.json"
    for folder in (settings.parent, out, tg.work / ".vscode"):
        folder.mkdir(parents=True)
    settings.write_text(MINE)
    elsewhere = {"terminal.integrated.env.linux": {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}}
    (tg.work / ".vscode" / "settings.json").write_text(json.dumps(elsewhere))
    install(extension.package(), extensions)
    shutil.copytree(Path(__file__).parent / "sdk_plug_in", extensions / "tokenguard.sdk-plug-in-0.0.1")
    env = {**tg.env, "PROBE_OUT": str(out), "PROBE_SDK": str(sdk)}
    numbers = count()

    def task() -> dict[str, Any]:
        """What becomes of a task that begins now."""
        number = next(numbers)
        told = out / f"{number}.told"
        (out / f"{number}.ask").touch()
        until(told.exists, "the task has ended", seconds=60)
        found: dict[str, Any] = json.loads(told.read_bytes())
        return found

    def begun_anew() -> None:
        """The window; what code-server runs on here does not see that a file has changed."""
        (out / "ready").unlink(missing_ok=True)
        window.command("Developer: Reload Window")
        until((out / "ready").exists, "the plug-in is there", seconds=120)
        window.says(ITEM, "today", seconds=60)

    provider, ours = "https://api.anthropic.com", f"http://127.0.0.1:{port}/anthropic"
    try:
        with vscode.running(user, extensions, tg.work, env) as url, vscode.window(url) as window:
            window.says(ITEM, "today", seconds=120)
            until((out / "ready").exists, "the plug-in is there", seconds=60)
            assert task() == {"address": provider}, "what a repository sets counts"

            tg("env", "--write", "vscode", "--file", str(settings))
            begun_anew()
            assert task() == {"address": ours, "answer": "message"}
            (session,) = tg.json("status")["sessions"]
            assert (session["agent"], session["repo"]) == ("vscode", str(tg.work.resolve()))
            assert session["cost_nanos"] == sim.bill().total_nanos > 0

            tg("env", "--undo", "vscode", "--file", str(settings))
            begun_anew()
            assert task() == {"address": provider}
        assert settings.read_text() == MINE
    finally:
        tg.stop()
