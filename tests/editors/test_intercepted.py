"""An editor that `tokenguard run --intercept` starts: what plug-ins say to providers comes through, unconfigured."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editors.vscode import VSCode
from tests.support.installation import Installation
from tests.support.waiting import until
from tokenguard import simulator

pytestmark = pytest.mark.real_editors

CALLS = {
    "openai-chat": "https://api.openai.com/v1/chat/completions",
    "anthropic-messages": "https://api.anthropic.com/v1/messages",
}
"""By their dialect."""


@pytest.fixture
def sim(vscode: VSCode) -> Iterator[simulator.Process]:
    with simulator.spawn(seed=1) as running:
        yield running


def test_plug_ins_that_know_no_address_of_ours(vscode: VSCode, sim: simulator.Process, tmp_path: Path) -> None:
    tg = Installation(tmp_path / "home", sim.url)
    user, extensions, out = tmp_path / "user", tmp_path / "extensions", tmp_path / "out"
    for folder in (user, out):
        folder.mkdir()
    shutil.copytree(Path(__file__).parent / "plain_plug_in", extensions / "tokenguard.plain-plug-in-0.0.1")
    env = {**tg.env, "PROBE_OUT": str(out), "PROBE_CALLS": json.dumps(CALLS)}
    try:
        with (
            vscode.running(user, extensions, tg.work, env, by=tg.command("run", "--intercept", "--")) as url,
            vscode.window(url),
        ):
            until((out / "told").exists, "the plug-in has called", seconds=120)
            (session,) = tg.json("status")["sessions"]
        assert json.loads((out / "told").read_bytes()) == {
            f"{way} {name}": 200 for way in ("https", "fetch") for name in CALLS
        }
        assert {call.dialect for call in sim.bill().calls} == CALLS.keys()
        assert (session["wrapped"], session["repo"], session["calls"]) == (True, str(tg.work.resolve()), 4)
        assert session["cost_nanos"] == sim.bill().total_nanos > 0
    finally:
        tg.stop()
