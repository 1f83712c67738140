"""Setting up the line of today: what is put into the state folder, what is shown, and what the script prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.cli.support import Cli
from tokenguard.cli.statusline.setting_up import PLACES, SCRIPT, set_up
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.errors import UsageError

SHELLS = [words for words in (["dash"], ["bash", "--posix"], ["busybox", "ash"], ["/bin/sh"]) if shutil.which(words[0])]
NOBODY = 2**22 + 1
"""Above all pids."""
TEXT = "$1.20 today · it's 82% of \\n `id` $(id) web/day"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "a state folder", tmp_path / "a state folder")


def write(paths: Paths, head: str, *lines: str) -> None:
    (hook_paths.bars(paths) / hook_paths.NOW).write_text("".join(f"{line}\n" for line in (head, *lines)))


def printed(paths: Paths, *arguments: str, shell: list[str] | None = None) -> str:
    """What the script prints, where there is no program that it could start."""
    script = str(hook_paths.bars(paths) / SCRIPT)
    words = [shutil.which(shell[0]) or shell[0], *shell[1:], script] if shell else [script]
    done = subprocess.run([*words, *arguments], env={"PATH": "/nowhere"}, capture_output=True, timeout=20, check=True)
    assert done.stderr == b""
    return done.stdout.decode()


@pytest.mark.parametrize("shell", SHELLS, ids=lambda words: words[-1])
def test_the_script_prints_the_line_in_every_shell(paths: Paths, shell: list[str]) -> None:
    set_up("tmux", paths)
    assert printed(paths, shell=shell) == "", "nothing is written yet"
    write(paths, f"tokenguard 1 {os.getpid()}", TEXT, f"#[bold]{TEXT}", "", "ok")
    assert printed(paths, shell=shell) == f"{TEXT}\n"
    assert printed(paths, "tmux", shell=shell) == f"#[bold]{TEXT}\n"


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_has_nothing_to_say(paths: Paths) -> None:
    set_up("tmux", paths)
    done = subprocess.run(["shellcheck", hook_paths.bars(paths) / SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    "head",
    [f"tokenguard 1 {pid}" for pid in (NOBODY, "", "x", "0", 2**32 + 1, "9" * 30, "OURS OURS")]
    + ["tokenguard 1", "tokenguard 2 OURS", ""],
)
def test_a_file_of_nobody_is_not_believed(paths: Paths, head: str) -> None:
    set_up("zsh", paths)
    write(paths, head.replace("OURS", str(os.getpid())), TEXT, TEXT, "", "ok")
    assert printed(paths) == ""


def test_a_torn_file_says_nothing(paths: Paths) -> None:
    set_up("zsh", paths)
    write(paths, f"tokenguard 1 {os.getpid()}", TEXT)
    assert printed(paths) == ""


@pytest.mark.parametrize("place", PLACES)
def test_a_place_can_be_set_up_again(cli: Cli, home: Path, place: str) -> None:
    folder = home / "hooks" / "bars"
    first = cli("statusline", "--setup", place)
    assert (first.code, first.err) == (0, "")
    assert str(folder) in first.out
    assert cli("statusline", "--setup", place) == first
    assert (folder / SCRIPT).stat().st_mode & 0o777 == 0o700
    assert not [file for file in folder.rglob("*") if file.name.endswith(".new")]


def test_only_neovim_needs_a_plug_in(paths: Paths) -> None:
    set_up("tmux", paths)
    assert [file.name for file in hook_paths.bars(paths).iterdir()] == [SCRIPT]
    set_up("nvim", paths)
    assert (hook_paths.bars(paths) / "nvim/lua/tokenguard.lua").is_file()


def test_starship_gets_settings_that_it_can_read(paths: Paths) -> None:
    _, text = set_up("starship", paths)
    custom = tomllib.loads(text)["custom"]["tokenguard"]
    write(paths, f"tokenguard 1 {os.getpid()}", TEXT, "", "", "ok")
    done = subprocess.run([*custom["shell"], "-c", custom["command"]], capture_output=True, text=True, check=True)
    assert done.stdout == f"{TEXT}\n"


@pytest.mark.parametrize("name", ["it's", 'a "b"', "a$b", "a`b", "a)b", "a#b", "a\nb"])
def test_a_folder_that_would_need_quoting_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="need quoting"):
        set_up("tmux", Paths(tmp_path / name, tmp_path / name))
    assert not (tmp_path / name).exists()


def test_a_line_is_printed_or_set_up(cli: Cli) -> None:
    outcome = cli("statusline", "--format", "tmux", "--setup", "tmux")
    assert (outcome.code, outcome.out) == (2, "")


def test_another_format_is_no_format(cli: Cli) -> None:
    outcome = cli("statusline", "--format", "html")
    assert (outcome.code, outcome.out) == (2, "")
    assert "'claude', 'plain', 'tmux', 'nvim', 'json'" in outcome.err
