"""Agents with somebody at their terminal: what our hooks do there, and that the user's own go on."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.agents.roster import CLAUDE, CODEX, GEMINI, KEY
from tests.agents.roster.shape import PROJECT
from tests.agents.stage import STOPPED, Stage, joined
from tests.support.tmux import TMUX, Tmux
from tests.support.waiting import until

pytestmark = [
    pytest.mark.real_agents,
    pytest.mark.skipif(TMUX is None, reason="tmux, the terminal of these tests, is not installed"),
]

PATIENCE_S = 90
KEYSTROKE_S = 0.3
"""What a person takes from one key to the next."""
ANSWER = "Here is the answer:"
NOTHING_ALLOWED = f"{STOPPED}the session budget allows nothing. To go on: tokenguard budget raise"
USED_UP = f"{STOPPED}the day budget of repository web is used up (1 of 1 call)."
NOBODY = 2**22 + 1
"""Above all pids."""

CLAUDE_SEEN = replace(CLAUDE, before=("claude",), after=())
GEMINI_SEEN = replace(GEMINI, before=("gemini", "--yolo", "--prompt-interactive"))
CODEX_SEEN = replace(
    CODEX,
    before=("codex", "--dangerously-bypass-approvals-and-sandbox"),
    files={
        ".codex/config.toml": f'{CODEX.files[".codex/config.toml"]}[projects."{PROJECT}"]\ntrust_level = "trusted"\n',
        ".codex/auth.json": json.dumps({"auth_mode": "apikey", "OPENAI_API_KEY": KEY}),
    },
)

Open = Callable[..., "Seen"]


class Seen:
    """An agent in a terminal."""

    def __init__(self, stage: Stage, folder: Path, prompt: str, *options: str) -> None:
        env = {**stage.installation.env, **stage.env, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
        agent = stage.installation.command("run", *options, "--", *stage.agent.command(prompt))
        os.chdir(stage.installation.work)
        self.terminal = Tmux(folder, agent, env, 110, 40)

    def shows(self, text: str) -> str:
        """Wait until it does; all of what it shows then, without line breaks."""

        def screen() -> str | None:
            now = joined(self.terminal.screen())
            assert self.terminal.ended() is None or text in now, now
            return now if text in now else None

        return until(screen, f"{text} is shown", seconds=PATIENCE_S)

    def asks(self, prompt: str) -> None:
        """Type a prompt."""
        self.terminal.keys("-l", prompt)
        self.shows(prompt)
        # Gemini CLI takes an Enter at once after other keys for a line of something that is pasted, not for the end.
        time.sleep(KEYSTROKE_S)
        self.terminal.keys("Enter")

    def leaves(self, *, clear: bool = False) -> int:
        """The exit code of the run, after its person has said good-bye; `clear`: something stands in its line."""
        if clear:
            self.terminal.keys("C-c")
        self.asks("/quit")

        def ended() -> tuple[int] | None:
            # The first Enter may only take what is suggested.
            self.terminal.keys("Enter")
            code = self.terminal.ended()
            return None if code is None else (code,)

        return until(ended, "it ends", seconds=PATIENCE_S)[0]


@pytest.fixture
def opened(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Starts the agent in a terminal, with a prompt and options of `run`."""
    monkeypatch.chdir(tmp_path)
    seen: list[Seen] = []

    def start(prompt: str, *options: str) -> Seen:
        seen.append(Seen(stage, tmp_path, prompt, *options))
        return seen[-1]

    yield start
    for one in seen:
        one.terminal.close()


def session(stage: Stage) -> dict[str, Any]:
    """The session that runs, as `tokenguard status` tells of it."""
    (found,) = stage.installation.json("status")["sessions"]
    return dict(found)


def verdict(stage: Stage) -> Path:
    return stage.installation.home / "hooks" / "sessions" / str(session(stage)["id"]) / "verdict"


def settings_of_claude(stage: Stage, settings: dict[str, object]) -> None:
    file = Path(stage.env["HOME"], ".claude", "settings.json")
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(settings))


of = pytest.mark.parametrize


@of("agent", [CLAUDE_SEEN, GEMINI_SEEN], indirect=True, ids=lambda one: one.name)
def test_a_prompt_is_refused_before_anything_is_asked(stage: Stage, opened: Open) -> None:
    seen = opened("say hello", "--budget", "0", "--yes")
    seen.shows(NOTHING_ALLOWED)
    assert (stage.seen(), stage.refused()) == ((), 0)
    assert seen.leaves(clear=True) == 0
    assert stage.bill() == {} == stage.ledger()
    assert not verdict_folders(stage)


def verdict_folders(stage: Stage) -> list[Path]:
    """Folders of runs that have ended."""
    return list((stage.installation.home / "hooks" / "sessions").glob("*"))


@of("agent", [CODEX_SEEN], indirect=True, ids=lambda one: one.name)
def test_codex_runs_no_hooks_of_ours_and_is_refused_at_its_call(stage: Stage, opened: Open) -> None:
    seen = opened("say hello", "--budget", "0", "--yes")
    seen.shows(NOTHING_ALLOWED)
    assert stage.bill() == {}
    assert stage.refused() > 0
    assert seen.leaves() == 0


@of("agent", [CLAUDE_SEEN], indirect=True, ids=lambda one: one.name)
def test_the_next_prompt_is_refused_until_the_budget_is_raised(stage: Stage, opened: Open) -> None:
    stage.configure('[[budget]]\nname = "few"\nscope = "repo"\nlimit = "1 calls"\nwindow = "day"\n')
    seen = opened("say hello")
    seen.shows(ANSWER)
    until(lambda: "block" in verdict(stage).read_text(), "the verdict is there")
    seen.asks("and once more")
    seen.shows(USED_UP)
    assert (stage.own(), stage.refused()) == (1, 0)
    stage.installation("budget", "raise", "few", "--amount", "1 call", "--reason", "to go on")
    until(lambda: "block" not in verdict(stage).read_text(), "the verdict is gone")
    seen.terminal.keys("Enter")  # the prompt stands where it was typed
    until(lambda: stage.own() == 2, "it is asked", seconds=PATIENCE_S)
    assert stage.refused() == 0
    assert seen.leaves() == 0


@of("agent", [CLAUDE_SEEN], indirect=True, ids=lambda one: one.name)
def test_the_status_line_tells_what_was_spent(stage: Stage, opened: Open) -> None:
    stage.configure('[[budget]]\nname = "day"\nscope = "repo"\nlimit = "$5"\nwindow = "day"\n')
    seen = opened("say hello")
    seen.shows("$0.00 today · web/day 0% $5.00 left")
    seen.shows(ANSWER)
    seen.shows("/h · web/day 1% $4.9")
    assert seen.leaves() == 0


@of("agent", [CLAUDE_SEEN], indirect=True, ids=lambda one: one.name)
def test_the_users_own_hook_and_status_line_stay(stage: Stage, opened: Open, tmp_path: Path) -> None:
    told = tmp_path / "told"
    hook = {"type": "command", "command": f"cat >>'{told}'"}
    line = {"type": "command", "command": "echo a line of my own"}
    settings_of_claude(stage, {"hooks": {"UserPromptSubmit": [{"hooks": [hook]}]}, "statusLine": line})
    seen = opened("say hello", "--budget", "0", "--yes")
    screen = seen.shows(NOTHING_ALLOWED)
    seen.shows("a line of my own")
    assert "today" not in screen
    assert json.loads(told.read_text())["prompt"] == "say hello"
    assert stage.seen() == ()
    assert seen.leaves(clear=True) == 0


@of("agent", [GEMINI_SEEN], indirect=True, ids=lambda one: one.name)
def test_hooks_of_gemini_s_user_run_beside_ours(stage: Stage, opened: Open, tmp_path: Path) -> None:
    file, told = Path(stage.env["HOME"], ".gemini", "settings.json"), tmp_path / "told"
    hook = {"type": "command", "name": "mine", "command": f"cat >>'{told}'"}
    mine = {"BeforeAgent": [{"hooks": [hook]}]}
    file.write_text(json.dumps({**json.loads(file.read_text()), "hooks": mine}))
    seen = opened("say hello", "--budget", "0", "--yes")
    seen.shows(NOTHING_ALLOWED)
    assert json.loads(told.read_text())["prompt"] == "say hello"
    assert stage.seen() == ()
    assert seen.leaves() == 0


@of("agent", [CLAUDE_SEEN, GEMINI_SEEN], indirect=True, ids=lambda one: one.name)
def test_what_a_daemon_that_is_gone_has_said_stops_nobody(stage: Stage, opened: Open) -> None:
    """The prompt becomes a call, which is decided on as ever."""
    seen = opened("say hello")
    seen.shows(ANSWER)
    stage.installation("budget", "set", "all", "--limit", "1 call", "--window", "day")
    said = until(lambda: _blocked(verdict(stage)), "the verdict is there")
    verdict(stage).write_text(f"tokenguard 1 {NOBODY}\n{said.splitlines()[1]}\n")
    before = stage.refused()
    seen.asks("and once more")
    until(lambda: stage.refused() > before, "the call is refused", seconds=PATIENCE_S)
    seen.shows(STOPPED)


def _blocked(file: Path) -> str:
    text = file.read_text()
    return text if " block " in text else ""


@of("agent", [CODEX_SEEN], indirect=True, ids=lambda one: one.name)
def test_codex_waits_for_its_person_and_the_users_program_is_told_too(
    stage: Stage, opened: Open, tmp_path: Path
) -> None:
    theirs, told = tmp_path / "theirs", tmp_path / "theirs.told"
    theirs.write_text('printf "%s %s\\n" "$1" "$2" >>"$0.told"\n')
    file = Path(stage.env["HOME"], ".codex", "config.toml")
    file.write_text(f'notify = ["sh", "{theirs}", "mine"]\n{file.read_text()}')
    seen = opened("say hello")
    seen.shows(ANSWER)
    until(lambda: session(stage)["your_turn"], "its turn has ended")
    until(lambda: told.exists() and '"say hello"' in told.read_text(), "the user is told")
    assert {line.split()[0] for line in told.read_text().splitlines()} == {"mine"}
    assert seen.leaves() == 0
