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

MINE = """\
{
  "workbench.startupEditor": "none", // nothing
  "workbench.editor.useModal": "off" // settings in an editor, as files are
}
"""


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
    settings, machine = user / "User" / "settings.json", user / "Machine" / "settings.json"
    for folder in (settings.parent, machine.parent, out, tg.work / ".vscode"):
        folder.mkdir(parents=True)
    settings.write_text(MINE)
    machine.write_text("{} // mine\n")
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

    def saved(sets: bool) -> None:
        """The settings are saved in the editor: code-server does not take over what others write there."""
        window.command("File: Revert File")  # to what is there now
        until(
            lambda: ("_BASE_URL" in window.text(".monaco-editor .view-lines")) == sets, "the editor shows what is there"
        )
        window("keyboard.press", "Control+s")

    def begins(expected: dict[str, str]) -> None:
        until(lambda: task() == expected, f"a task that begins now has {expected}")

    provider, ours = "https://api.anthropic.com", f"http://127.0.0.1:{port}/anthropic"
    try:
        with vscode.running(user, extensions, tg.work, env) as url, vscode.window(url) as window:
            window.says(ITEM, "today", seconds=120)
            until((out / "ready").exists, "the plug-in is there", seconds=60)
            assert task() == {"address": provider}, "what a repository sets counts"

            tg("env", "--write", "vscode", "--file", str(machine))
            begins({"address": ours, "answer": "message"})
            (session,) = tg.json("status")["sessions"]
            assert (session["agent"], session["repo"]) == ("vscode", str(tg.work.resolve()))
            assert session["cost_nanos"] == sim.bill().total_nanos > 0
            tg("env", "--undo", "vscode", "--file", str(machine))
            begins({"address": provider})

            window.command("Preferences: Open User Settings (JSON)")
            window.says(".monaco-editor.focused .view-lines", "startupEditor")
            tg("env", "--write", "vscode", "--file", str(settings))
            saved(sets=True)
            begins({"address": ours, "answer": "message"})
            tg("env", "--undo", "vscode", "--file", str(settings))
            saved(sets=False)
            begins({"address": provider})
        assert (settings.read_text(), machine.read_text()) == (MINE, "{} // mine\n")
    finally:
        tg.stop()
