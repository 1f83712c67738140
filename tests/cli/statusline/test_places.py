"""The line of today where it is shown: in a real tmux, neovim, zsh and fish. Skipped where one is not installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import until
from tokenguard.cli.statusline.setting_up import set_up
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.policy import bars

PLAIN = "$1.20 today · 100%x $(id) 82% soft"
FOUND = bars.Bar((bars.Part("$1.20 today"), bars.Part("100%x $(id) 82% soft", "soft")), "soft", (), None)
NOBODY = 2**22 + 1


def needs(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed here")
    return found


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "state", tmp_path / "state")


def write(paths: Paths, found: bars.Bar = FOUND, pid: int | None = None) -> None:
    """Put the line there as the daemon does: the whole file at once."""
    file = hook_paths.bars(paths) / hook_paths.NOW
    lines = (bars.plain(found), bars.tmux(found), bars.nvim(found), " ".join((found.level, *found.waiting)))
    new = file.with_name(".new")
    new.write_text("".join(f"{line}\n" for line in (f"tokenguard 1 {pid or os.getpid()}", *lines)))
    new.replace(file)


@pytest.fixture
def tmux(tmp_path: Path, paths: Paths) -> Iterator[Callable[..., str]]:
    """Gives commands to a tmux whose settings hold the lines that are shown."""
    program = needs("tmux")
    _, lines = set_up("tmux", paths)
    settings = tmp_path / "tmux.conf"
    settings.write_text(lines)
    env = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
    env.pop("TMUX", None)

    def do(server: str, *words: str) -> str:
        command = [program, "-S", str(tmp_path / server), "-f", str(settings), *words]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=20).stdout

    yield do
    for server in ("inner", "outer"):
        subprocess.run([program, "-S", str(tmp_path / server), "kill-server"], capture_output=True, check=False)


def test_tmux_shows_it_in_its_status_line(tmux: Callable[..., str], tmp_path: Path, paths: Paths) -> None:
    """The outer tmux is the terminal of the inner one, so that its status line can be read, colours included."""
    write(paths)
    inner = f"{shutil.which('tmux')} -S {tmp_path / 'inner'} -f {tmp_path / 'tmux.conf'} new-session"
    tmux("outer", "new-session", "-d", "-x", "100", "-y", "10", f"env -u TMUX {inner}")

    def status_line(*options: str) -> str:
        return tmux("outer", "capture-pane", "-p", *options).rstrip("\n").rpartition("\n")[2]

    until(lambda: PLAIN in status_line(), "the line is in tmux's status line")
    coloured = status_line("-e")
    assert "\x1b[35m" in coloured[: coloured.index("100%x")], "in magenta"
    write(paths, pid=NOBODY)
    tmux("inner", "refresh-client", "-S")
    until(lambda: "today" not in status_line(), "a daemon that is gone shows nothing")


class Nvim:
    """A neovim without a window, whose init.lua holds the lines that are shown."""

    def __init__(self, folder: Path, paths: Paths, more: str = "") -> None:
        self._program = needs("nvim")
        _, lines = set_up("nvim", paths)
        init = folder / "init.lua"
        notes = "notes = {}; vim.notify = function(text, level) table.insert(notes, text) end\n"
        init.write_text(f"{notes}{lines}{more}")
        self._socket = folder / "nvim.sock"
        env = {**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": str(folder)}
        words = [self._program, "--headless", "--clean", "-u", str(init), "--listen", str(self._socket)]
        self._env = env
        self._process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until(self._socket.exists, "neovim listens")

    def ask(self, lua: str) -> Any:
        """What an expression in Lua comes to."""
        words = [
            self._program,
            "--server",
            str(self._socket),
            "--remote-expr",
            f"json_encode(luaeval({json.dumps(lua)}))",
        ]
        done = subprocess.run(words, env=self._env, capture_output=True, text=True, check=True, timeout=20)
        return json.loads(done.stdout or done.stderr)

    def line(self) -> Any:
        """The status line as it is drawn, with its highlights."""
        return self.ask("vim.api.nvim_eval_statusline(vim.o.statusline, {highlights = true, maxwidth = 120})")

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def nvim(tmp_path: Path, paths: Paths) -> Iterator[Callable[..., Nvim]]:
    started: list[Nvim] = []

    def start(more: str = "") -> Nvim:
        started.append(Nvim(tmp_path, paths, more))
        return started[-1]

    yield start
    for one in started:
        one.close()


def test_neovim_shows_it_and_every_change(nvim: Callable[..., Nvim], paths: Paths) -> None:
    editor = nvim()
    assert "today" not in editor.line()["str"]
    write(paths)
    until(lambda: PLAIN in editor.line()["str"], "neovim heard of the file")
    found = editor.line()
    groups = {one["group"]: one["start"] for one in found["highlights"]}
    assert found["str"].encode()[groups["TokenguardSoft"] :].startswith(b"100%x")
    write(paths, pid=NOBODY)
    until(lambda: "today" not in editor.line()["str"], "a daemon that is gone shows nothing")


def test_neovim_says_once_that_a_call_waits_and_takes_the_answer(
    nvim: Callable[..., Nvim], tmp_path: Path, paths: Paths
) -> None:
    answered = tmp_path / "answered"
    program = tmp_path / "tokenguard"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{answered}\necho "told $*"\n')
    program.chmod(0o700)
    editor = nvim(f'require("tokenguard").setup({{ folder = "{hook_paths.bars(paths)}", program = "{program}" }})\n')
    waiting = bars.Bar((bars.Part("! waiting", bars.WAITING),), "ok", ("7fc",), None)
    write(paths, waiting)
    until(lambda: editor.ask("notes"), "neovim says so")
    write(paths, waiting)
    write(paths, bars.Bar((bars.Part("still"), *waiting.parts), "ok", ("7fc",), None))
    until(lambda: "still" in editor.line()["str"], "neovim heard of the change")
    assert len(editor.ask("notes")) == 1
    editor.ask("vim.cmd('TokenguardApprove bcd 2.50')")
    editor.ask("vim.cmd('TokenguardDeny')")
    until(lambda: len(editor.ask("notes")) == 3, "neovim says what came of it")
    assert sorted(answered.read_text().splitlines()) == ["approve bcd --amount 2.50", "deny"]
    assert set(editor.ask("notes")[1:]) == {"told approve bcd --amount 2.50", "told deny"}


def test_a_status_line_of_ones_own_stays(nvim: Callable[..., Nvim], paths: Paths) -> None:
    own = f"vim.o.statusline = 'mine'; require('tokenguard').setup({{ folder = '{hook_paths.bars(paths)}' }})\n"
    assert nvim(own).line()["str"] == "mine"


def test_zsh_shows_it_in_its_prompt(tmp_path: Path, paths: Paths) -> None:
    program = needs("zsh")
    _, lines = set_up("zsh", paths)
    write(paths)
    script = f'{lines}print -P -- "$RPROMPT"\n'
    env = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run([program, "-f", "-c", script], env=env, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"{PLAIN}\n", "")


def test_fish_shows_it_in_its_prompt(tmp_path: Path, paths: Paths) -> None:
    program = needs("fish")
    _, lines = set_up("fish", paths)
    write(paths)
    env = {**os.environ, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    words = [program, "--no-config", "-c", f"{lines}fish_right_prompt"]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"{PLAIN}\n", "")


def test_the_plug_in_in_the_source_tree_is_the_same() -> None:
    """What plug-in managers take from the repository, and what is installed, is one file."""
    root = Path(__file__).parents[3]
    assert (root / "editors/nvim/lua/tokenguard.lua").samefile(
        root / "tokenguard/cli/statusline/scripts/tokenguard.lua"
    )
