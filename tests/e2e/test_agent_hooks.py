"""A program that runs hooks and a status line as Claude Code does, in a terminal, with the real daemon behind it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launch.support import Terminal
from tests.support.installation import AGENT, Installation
from tests.support.waiting import until

FEW = '[[budget]]\nname = "few"\nscope = "repo"\nlimit = "1 calls"\nwindow = "day"\n'

CLAUDE = f"""#!{sys.executable}
import json, os, subprocess, sys
settings = json.load(open(sys.argv[2]))
(group,) = settings["hooks"]["UserPromptSubmit"]

def run(command, told):
    return subprocess.run(["/bin/sh", "-c", command["command"]], input=told, capture_output=True, text=True).stdout

for prompt in sys.stdin:
    said = run(group["hooks"][0], json.dumps({{"prompt": prompt}}))
    if said:
        told = json.loads(said)
        print(told["decision"], told["reason"], flush=True)
    else:
        call = [sys.executable, {str(AGENT)!r}, "anthropic", prompt]
        subprocess.run(call, env={{**os.environ, **settings["env"]}})
    print("line:", run(settings["statusLine"], "{{}}").strip(), flush=True)
"""


@pytest.fixture
def claude(tg: Installation, sim: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    program = tmp_path / "claude"
    program.write_text(CLAUDE)
    program.chmod(0o755)
    with (tg.home / "config.toml").open("a") as config:
        config.write(FEW)
    monkeypatch.chdir(tg.work)
    terminal = Terminal(tg.command("run", "--", str(program)), tg.env)
    yield terminal
    terminal.close()


def verdicts(tg: Installation) -> list[str]:
    """What stands in the files of runs."""
    return [file.read_text().splitlines()[1] for file in (tg.home / "hooks" / "sessions").glob("*/verdict")]


def test_a_prompt_is_refused_until_its_budget_is_raised(tg: Installation, claude: Terminal) -> None:
    until(lambda: verdicts(tg) == ["0 ok"], "the run has a verdict")
    claude.type("one\n")
    claude.until("200")
    claude.until("line: $0.")
    until(lambda: " block " in "".join(verdicts(tg)), "the budget is used up")
    claude.type("two\n")
    claude.until("block tokenguard stopped this request: the day budget of repository web is used up (1 of 1 call). It")
    claude.until("line: $0.")
    claude.until("web/few 100% used up")
    assert [one["refused"] for one in tg.json("status")["sessions"]] == [0]
    tg("budget", "raise", "few", "--amount", "1 call", "--reason", "to go on")
    until(lambda: verdicts(tg) == ["0 ok"], "there is room")
    claude.type("three\n")
    claude.until("200")
    claude.type("\x04")
    assert claude.wait() == 0
    until(lambda: not any((tg.home / "hooks" / "sessions").glob("*")), "nothing is left of the run")


def test_a_daemon_that_ends_takes_its_word_with_it(tg: Installation, claude: Terminal) -> None:
    until(lambda: verdicts(tg) == ["0 ok"], "the run has a verdict")
    claude.type("one\n")
    claude.until("200")
    until(lambda: " block " in "".join(verdicts(tg)), "the budget is used up")
    before = tg.daemon_pid()
    tg("daemon", "restart")
    until(lambda: tg.daemon_pid() != before and " block " in "".join(verdicts(tg)), "the next one says it again")
    claude.type("two\n")
    claude.until("block tokenguard stopped this request")
