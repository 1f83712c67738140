"""`tokenguard env --write` in a real VS Code: its plug-ins and terminals come through the daemon, as sessions."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editors.vscode import VSCode
from tests.support.family import caller
from tests.support.installation import Installation
from tests.support.waiting import until
from tokenguard import simulator

pytestmark = pytest.mark.real_editors

MINE = '// mine\n{\n  "workbench.startupEditor": "none" // nothing\n}\n'


@pytest.fixture
def sim(vscode: VSCode) -> Iterator[simulator.Process]:
    with simulator.spawn(seed=1) as running:
        yield running


@pytest.fixture
def tg(tmp_path: Path, sim: simulator.Process) -> Iterator[Installation]:
    made = Installation(tmp_path / "home", sim.url)
    made.fix_port()
    made("daemon", "start")
    yield made
    made.stop()


def test_plug_ins_and_terminals_of_vs_code(
    vscode: VSCode, tg: Installation, sim: simulator.Process, tmp_path: Path
) -> None:
    settings, extensions, out = tg.home / ".config" / "Code", tmp_path / "extensions", tmp_path / "out"
    (settings / "User").mkdir(parents=True)
    (settings / "User" / "settings.json").write_text(MINE)
    shutil.copytree(Path(__file__).parent / "probe", extensions / "tokenguard.probe-0.0.1")
    out.mkdir()
    tg("env", "--write", "vscode")
    agent = shlex.join([*caller(tmp_path / "bin", "claude"), "anthropic", "Explain the plan."])
    env = {**tg.env, "PROBE_OUT": str(out), "PROBE_AGENT": agent, "SHELL": "/bin/sh"}

    with vscode.running(settings, extensions, tg.work, env) as url:
        with vscode.window(url):
            until((out / "done").exists, "the plug-in and the terminal are done", seconds=120)
        told = json.loads((out / "plug-in.json").read_text())
        assert told["status"] == 200, told
        assert (out / "terminal").read_text().startswith("200")
        assert f"OPENAI_BASE_URL={told['variables']['ANTHROPIC_BASE_URL'].replace('anthropic', 'openai/v1')}" in (
            (out / "env").read_text().splitlines()
        )
        sessions = {session["agent"]: session for session in tg.json("status")["sessions"]}
    assert sessions.keys() == {"vscode", "claude"}
    for session in sessions.values():
        assert (session["calls"], session["wrapped"], session["labels"]) == (1, False, {"editor": "vscode"})
        assert (session["repo"], session["branch"]) == (str(tg.work.resolve()), "main")
    assert sum(session["cost_nanos"] for session in sessions.values()) == sim.bill().total_nanos

    tg("env", "--undo", "vscode")
    assert (settings / "User" / "settings.json").read_text() == MINE
