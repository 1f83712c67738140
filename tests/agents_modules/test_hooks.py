"""The scripts that agents run: what they say, in every shell, and that nothing can make them lie or wait."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tokenguard.agents import hooks

SHELLS = [words for words in (["dash"], ["bash", "--posix"], ["busybox", "ash"], ["/bin/sh"]) if shutil.which(words[0])]
NOBODY = 2**22 + 1
"""Above all pids."""
TEXT = "tokenguard stopped this request: it's used up (1.00 of 1.00 USD), $(rm -rf /) `id` %s \N{EURO SIGN} && ! *"


@pytest.fixture(params=SHELLS, ids=lambda words: words[-1])
def shell(request: pytest.FixtureRequest) -> list[str]:
    found: list[str] = request.param
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A private folder whose name a shell would take apart, with all scripts and the link."""
    private = tmp_path / "it's a $HOME\n of mine"
    private.mkdir()
    (tmp_path / "files").mkdir()
    (private / hooks.SESSION).symlink_to(tmp_path / "files")
    for name in (hooks.PROMPT, hooks.LINE, hooks.TURN):
        (private / name).write_text(hooks.script(name))
    return private


def run(
    shell: list[str], folder: Path, script: str, *args: str, stdin: bytes = b"{}", path: str = "/nowhere"
) -> tuple[str, str]:
    """What a script says. Without programs to start, it has to do by itself what it does."""
    words = [shutil.which(shell[0]) or shell[0], *shell[1:], str(folder / script), *args]
    done = subprocess.run(words, input=stdin, env={"PATH": path}, capture_output=True, timeout=20, check=True)
    return done.stdout.decode(), done.stderr.decode()


def ours(text: str) -> str:
    """With the number of a process that lives; that of each worker is another one, and must not name a test."""
    return text.replace("OURS", str(os.getpid()))


def verdict(folder: Path, line: str, *, head: str = f"tokenguard 1 {os.getpid()}") -> None:
    (folder / hooks.SESSION / "verdict").write_text(f"{head}\n{line}\n")


def prompt(shell: list[str], folder: Path, **more: Any) -> Any:
    out, err = run(shell, folder, hooks.PROMPT, **more)
    assert err == ""
    return json.loads(out) if out else None


def test_a_prompt_is_refused_in_the_words_of_the_daemon(shell: list[str], folder: Path) -> None:
    verdict(folder, f"0 block {TEXT}")
    assert prompt(shell, folder) == {"decision": "block", "reason": TEXT}


@pytest.mark.parametrize("line", ["0 ok", "0 ok and more", "0 warn it is nearly used up"])
def test_nothing_is_said_while_all_is_well(shell: list[str], folder: Path, line: str) -> None:
    verdict(folder, line)
    assert prompt(shell, folder) is None


@pytest.mark.parametrize(
    "head",
    [
        f"tokenguard 1 {NOBODY}",
        "tokenguard 2 OURS",
        "tokenguard  1 OURS and more",
        "other 1 OURS",
        "tokenguard 1 ",
        "tokenguard 1 -1",
        "tokenguard 1 0",
        f"tokenguard 1 {2**32 + 1}",
        f"tokenguard 1 {'9' * 30}",
        "tokenguard 1 $$",
        "",
    ],
)
def test_only_a_daemon_that_lives_is_believed(shell: list[str], folder: Path, head: str) -> None:
    verdict(folder, "0 block no", head=ours(head))
    assert prompt(shell, folder) is None


@pytest.mark.parametrize(
    "line",
    ["block no", "x block no", "0 block", "0 block ", "0", "", "-1 block no", '0 block "quoted"', "0 block a\\b"],
)
def test_what_is_not_as_it_should_be_is_no_verdict(shell: list[str], folder: Path, line: str) -> None:
    verdict(folder, line)
    assert prompt(shell, folder) is None


@pytest.mark.parametrize("text", ["", "tokenguard 1", "tokenguard 1 OURS", "tokenguard 1 OURS\n0 b"])
def test_a_torn_file_is_no_verdict(shell: list[str], folder: Path, text: str) -> None:
    (folder / hooks.SESSION / "verdict").write_text(ours(text))
    assert prompt(shell, folder) is None


def test_no_file_is_no_verdict(shell: list[str], folder: Path) -> None:
    assert prompt(shell, folder) is None
    (folder / hooks.SESSION / "verdict").mkdir()
    assert prompt(shell, folder) is None
    (folder / hooks.SESSION).unlink()
    assert prompt(shell, folder) is None


@pytest.mark.parametrize(("left_s", "refused"), [(60, True), (-1, False), (-86_400, False)])
def test_a_verdict_ends(shell: list[str], folder: Path, left_s: int, refused: bool) -> None:
    verdict(folder, f"{int(time.time()) + left_s} block no")
    assert (prompt(shell, folder, path=os.environ["PATH"]) is not None) is refused


def test_a_verdict_whose_end_cannot_be_told_is_none(shell: list[str], folder: Path) -> None:
    verdict(folder, f"{int(time.time()) + 60} block no")
    out, _ = run(shell, folder, hooks.PROMPT)
    assert out == ""


def test_what_the_agent_tells_is_not_waited_for(shell: list[str], folder: Path) -> None:
    verdict(folder, "0 block no")
    reader, writer = os.pipe()
    try:
        words = [*shell, str(folder / hooks.PROMPT)]
        done = subprocess.run(words, stdin=reader, capture_output=True, timeout=20, check=True)
        assert b"block" in done.stdout
    finally:
        os.close(reader)
        os.close(writer)


def test_the_status_line_is_what_the_daemon_wrote(shell: list[str], folder: Path) -> None:
    line = folder / hooks.SESSION / "line"
    assert run(shell, folder, hooks.LINE) == ("", "")
    line.write_text(f"tokenguard 1 {os.getpid()}\n$1.00 today · {TEXT}\n")
    assert run(shell, folder, hooks.LINE) == (f"$1.00 today · {TEXT}\n", "")


@pytest.mark.parametrize(
    "head", [f"tokenguard 1 {pid}" for pid in (NOBODY, "x", "0", "9" * 30)] + ["tokenguard 2 OURS", "x"]
)
def test_without_a_daemon_there_is_no_status_line(shell: list[str], folder: Path, head: str) -> None:
    (folder / hooks.SESSION / "line").write_text(ours(f"{head}\n$1.00 today\n"))
    assert run(shell, folder, hooks.LINE) == ("", "")


def test_the_end_of_a_turn_is_told(shell: list[str], folder: Path) -> None:
    os.mkfifo(folder / hooks.TURNS)
    pipe = os.open(folder / hooks.TURNS, os.O_RDWR | os.O_NONBLOCK)
    try:
        told = '{"type":"agent-turn-complete","cwd":"/x"}'
        assert run(shell, folder, hooks.TURN, told) == ("", "")
        assert os.read(pipe, 100) == b"turn\n"
        assert run(shell, folder, hooks.TURN, '{"type":"approval-requested"}') == ("", "")
        assert run(shell, folder, hooks.TURN) == ("", "")
        with pytest.raises(BlockingIOError):
            os.read(pipe, 100)
    finally:
        os.close(pipe)


def test_a_turn_ends_also_where_nobody_listens(shell: list[str], folder: Path) -> None:
    told = '{"type":"agent-turn-complete"}'
    assert run(shell, folder, hooks.TURN, told) == ("", "")
    assert not (folder / hooks.TURNS).exists()
    os.mkfifo(folder / hooks.TURNS)
    assert run(shell, folder, hooks.TURN, told) == ("", "")


def test_the_users_own_command_gets_what_it_would_have_got(shell: list[str], folder: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "their's"
    theirs.write_text('#!/bin/sh\nprintf "%s|" "$@"\nexit 3\n')
    theirs.chmod(0o755)
    script = folder / hooks.TURN
    script.write_text(hooks.script(hooks.TURN) + hooks.then([str(theirs), "a b", "$x"]))
    words = [*shell, str(script), '{"type":"agent-turn-complete","text":"it\'s"}']
    done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    assert done.stdout == 'a b|$x|{"type":"agent-turn-complete","text":"it\'s"}|'
    assert done.returncode == 3


def test_a_command_line_survives_any_folder(folder: Path) -> None:
    verdict(folder, "0 block no")
    done = subprocess.run(
        ["/bin/sh", "-c", hooks.command(folder, hooks.PROMPT)], capture_output=True, text=True, timeout=20, check=True
    )
    assert json.loads(done.stdout)["reason"] == "no"


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@pytest.mark.parametrize("name", [hooks.PROMPT, hooks.LINE, hooks.TURN])
def test_shellcheck_has_nothing_to_say(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(hooks.script(name) + hooks.then(["a b"]) * (name == hooks.TURN))
    done = subprocess.run(["shellcheck", "-s", "sh", str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({}, {}),
        ({"a": 1, "hooks": {"Stop": [1]}}, {"a": 1, "hooks": {"Stop": [1]}}),
        ({"hooks": {"Before": [{"hooks": ["theirs"]}]}}, {"hooks": {"Before": [{"hooks": ["theirs"]}]}}),
    ],
)
def test_a_hook_stands_behind_those_that_are_there(settings: dict[str, Any], kept: dict[str, Any]) -> None:
    made = hooks.with_hook(settings, "Before", {"command": "ours"})
    assert made["hooks"]["Before"][-1] == {"hooks": [{"command": "ours"}]}
    del made["hooks"]["Before"][-1]
    assert made == {**kept, "hooks": {"Before": [], **kept.get("hooks", {})}}


@pytest.mark.parametrize("settings", [{"hooks": []}, {"hooks": {"Before": {}}}, {"hooks": None}])
def test_hooks_that_cannot_be_read_are_left_as_they_are(settings: dict[str, Any]) -> None:
    assert hooks.with_hook(settings, "Before", {}) == settings
