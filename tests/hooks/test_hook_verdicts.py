"""What the hooks say at commits and pushes, with a real git and in every shell."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.hooks.world import GONE, World

SAID = "web/day at 82% ($16.40 of $20.00, resets 00:00)"


@pytest.fixture
def tree(shells: World) -> Path:
    """A repository with hooks."""
    tree = shells.repository()
    shells.put_hooks(tree / ".git" / "hooks")
    return tree


def test_a_commit_is_warned_of_and_made(shells: World, tree: Path) -> None:
    shells.say(tree / ".git", f"* * 0 warn ok {SAID}")
    done = shells.commit(tree, "second")
    assert done.stderr == f"tokenguard: {SAID}. Committing goes on.\n"
    assert shells.git(tree, "log", "-1", "--format=%s").stdout == "second\n"


def test_a_commit_is_stopped(shells: World, tree: Path) -> None:
    shells.say(tree / ".git", f"* * 0 block ok {SAID}.")
    told = shells.commit(tree, "second", code=1).stderr
    assert told == f"tokenguard: this commit is stopped: {SAID}. To go on: TOKENGUARD_OVERRIDE=WHY git commit\n"
    assert shells.git(tree, "log", "-1", "--format=%s").stdout == "first\n"


def test_how_to_go_on_is_said_to_whom_it_stops(shells: World, tree: Path) -> None:
    shells.say(tree / ".git", f"* * 0 block ok {SAID}. To go on: tokenguard budget raise web/day --reason WHY")
    told = shells.commit(tree, "second", code=1).stderr
    assert told.endswith("raise web/day --reason WHY, or TOKENGUARD_OVERRIDE=WHY git commit\n")
    told = shells.commit(tree, "second", env={"TOKENGUARD_OVERRIDE": "a demo"}).stderr
    assert told == f"tokenguard: {SAID}. Committing goes on, as you say: a demo\n"
    shells.say(tree / ".git", f"* * 0 warn block {SAID}. To go on: tokenguard budget raise web/day --reason WHY")
    assert shells.commit(tree, "third").stderr == f"tokenguard: {SAID}. Committing goes on.\n"


def test_a_reason_lets_it_through_and_is_noted(shells: World, tree: Path) -> None:
    shells.say(tree / ".git", f"* * 0 block ok {SAID}")
    reason = " the release\n\t`rm -rf ~` $(id) %s\\n \x1b[31m"
    done = shells.commit(tree, "second", env={"TOKENGUARD_OVERRIDE": reason})
    assert SAID in done.stderr and "\x1b" not in done.stderr
    override, commit = shells.spool(tree / ".git")
    assert override.rstrip() == "1 override . main commit the release  `rm -rf ~` $(id) %s\\n  [31m"
    assert commit == f"1 commit . main {shells.hash(tree)}"


@pytest.mark.parametrize("reason", ["", " ", "\n\t "])
def test_no_reason_is_none(shells: World, tree: Path, reason: str) -> None:
    shells.say(tree / ".git", f"* * 0 block ok {SAID}")
    shells.commit(tree, "second", code=1, env={"TOKENGUARD_OVERRIDE": reason})
    assert shells.spool(tree / ".git") == []


def test_a_long_reason_is_cut(shells: World, tree: Path) -> None:
    shells.say(tree / ".git", f"* * 0 block ok {SAID}")
    shells.commit(tree, "second", env={"TOKENGUARD_OVERRIDE": "x" * 5000})
    assert shells.spool(tree / ".git")[0] == f"1 override . main commit {'x' * 500}"


def test_a_reason_goes_unnoted_where_nobody_is_stopped(shells: World, tree: Path) -> None:
    shells.say(tree / ".git", f"* * 0 warn ok {SAID}")
    shells.commit(tree, "second", env={"TOKENGUARD_OVERRIDE": "why"})
    assert [line.split()[1] for line in shells.spool(tree / ".git")] == ["commit"]


def test_git_can_be_told_to_pass_over_hooks(shells: World, tree: Path) -> None:
    shells.say(tree / ".git", f"* * 0 block block {SAID}")
    shells.commit(tree, "second", "--no-verify")
    assert shells.spool(tree / ".git") == [f"1 commit . main {shells.hash(tree)}"]


def test_a_push_is_stopped_warned_of_and_noted(shells: World, tree: Path) -> None:
    remote = shells.root / "remote.git"
    shells.git(shells.root, "init", "--quiet", "--bare", str(remote))
    shells.say(tree / ".git", f"* * 0 ok block {SAID}")
    done = shells.git(tree, "push", str(remote), "main", code=1)
    assert f"tokenguard: this push is stopped: {SAID}. To go on: TOKENGUARD_OVERRIDE=WHY git push" in done.stderr
    done = shells.git(tree, "push", str(remote), "main", env={"TOKENGUARD_OVERRIDE": "a demo"})
    assert f"tokenguard: {SAID}. Pushing goes on, as you say: a demo\n" in done.stderr
    shells.say(tree / ".git", f"* * 0 ok warn {SAID}")
    shells.commit(tree, "second", "--no-verify")
    assert f"tokenguard: {SAID}. Pushing goes on.\n" in shells.git(tree, "push", str(remote), "main").stderr
    assert [line for line in shells.spool(tree / ".git") if "commit" not in line] == [
        "1 push . main",
        "1 push . main",
        "1 override . main push a demo",
        "1 push . main",
    ]


def test_the_first_line_that_fits_is_the_one(shells: World, tree: Path) -> None:
    shells.git(tree, "checkout", "--quiet", "-b", "feat/a[1]", code=None)
    shells.git(tree, "checkout", "--quiet", "-b", "feat/a")
    shells.say(
        tree / ".git",
        "other feat/a 0 block block another working tree",
        ". feat/* 0 block block a pattern is none",
        ". main 0 block block another branch",
        ". - 0 block block nowhere",
        ". feat/a 1 block block it was so until long ago",
        ". feat/a 99999999999 warn ok this one",
        "* * 0 block block everybody else",
    )
    assert shells.commit(tree, "second").stderr == "tokenguard: this one. Committing goes on.\n"


def test_a_detached_head_is_a_dash(shells: World, tree: Path) -> None:
    shells.git(tree, "checkout", "--quiet", "--detach")
    shells.say(tree / ".git", ". main 0 block block a branch", "* - 0 warn ok nowhere", "* * 0 block block all")
    assert shells.commit(tree, "second").stderr == "tokenguard: nowhere. Committing goes on.\n"
    assert shells.spool(tree / ".git") == [f"1 commit . - {shells.hash(tree)}"]


def test_ok_ends_the_search(shells: World, tree: Path) -> None:
    shells.say(tree / ".git", ". main 0 ok ok -", "* * 0 block block everybody else")
    assert shells.commit(tree, "second").stderr == ""


@pytest.mark.parametrize(
    "pid", [str(GONE), "", "0", "-1", "1x", "00", "-9 1", "$(kill $$)", str(2**32 + 1), "9" * 30, "1 more"]
)
def test_without_a_daemon_there_is_silence(shells: World, tree: Path, pid: str) -> None:
    shells.say(tree / ".git", f"* * 0 block block {SAID}", pid=pid)
    assert shells.commit(tree, "second").stderr == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n\n",
        "tokenguard 2 {pid}\n* * 0 block block all\n",
        "other 1 {pid}\n* * 0 block block all\n",
        "* * 0 block block all\n",
        "tokenguard 1 {pid}",
        "tokenguard 1 {pid}\n* * 0 block block it was not written to its e",
        "tokenguard 1 {pid}\n* * 0 block\n",
        "tokenguard 1 {pid}\n* * 0 block block\n",
        "tokenguard 1 {pid}\n* * 0 BLOCK block all\n",
        "tokenguard 1 {pid}\n* * soon block block all\n",
        "tokenguard 1 {pid}\n* * 99999999999999999999 block block all\n",
        "tokenguard 1 {pid}\n* * 1 block block it is over\n",
        "tokenguard 1 {pid}\n* * 0 block block colour \x1b[31m\n",
        "tokenguard 1 {pid}\n* * 0 block block a bell \x07\n",
        "tokenguard 1 {pid}\n\x00\x00\x00\x00\n",
    ],
)
def test_what_is_not_understood_is_passed_over(shells: World, tree: Path, text: str) -> None:
    folder = shells.folder(tree / ".git")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenguard-status").write_text(text.format(pid=os.getpid()))
    assert shells.commit(tree, "second").stderr == ""


def heard(shells: World, tree: Path, *options: str) -> str:
    """What the hook says, run by itself."""
    hook = tree / ".git" / "hooks" / "pre-commit"
    done = subprocess.run([*shells.shell, *options, hook], cwd=tree, capture_output=True, text=True, check=False)
    assert done.stdout == "" and done.returncode in (0, 1)
    return done.stderr


def test_half_a_file_says_nothing_that_the_whole_one_does_not(shells: World, tree: Path) -> None:
    """As where a disk was full, or a file system knows no renaming at once."""
    shells.say(tree / ".git", "other main 0 block block not here", ". main 0 warn ok here", "* * 0 block block all")
    status = shells.folder(tree / ".git") / "tokenguard-status"
    whole = status.read_bytes()
    expected = "tokenguard: here. Committing goes on.\n"
    told: list[str] = []
    for length in range(len(whole) + 1):
        status.write_bytes(whole[:length])
        told.append(heard(shells, tree))
    assert set(told) == {"", expected}
    assert told[-1] == expected and told.index(expected) == whole.index(b"here\n* *") + len(b"here\n")


def test_a_daemon_that_hangs_is_not_waited_for(shells: World, tree: Path) -> None:
    hung = subprocess.Popen(["sleep", "600"])
    try:
        os.kill(hung.pid, signal.SIGSTOP)
        shells.say(tree / ".git", "* * 0 warn ok here", pid=hung.pid)
        assert shells.commit(tree, "second").stderr == "tokenguard: here. Committing goes on.\n"
    finally:
        hung.kill()
        hung.wait()
    assert shells.commit(tree, "third").stderr == ""


@pytest.mark.parametrize("options", ["-e", "-u", "-eu", "-euf"])
def test_whatever_the_shell_is_told_to_be_strict_about(shells: World, tree: Path, options: str) -> None:
    shells.say(tree / ".git", "other * 0 ok ok -", "* * 99999999999 warn ok here")
    assert heard(shells, tree, options) == "tokenguard: here. Committing goes on.\n"
    shells.say(tree / ".git", "* * 0 block ok here", pid=GONE)
    assert heard(shells, tree, options) == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_full_disk_stops_nobody(shells: World, tree: Path) -> None:
    shells.say(tree / ".git", "* * 0 block ok here")
    (shells.folder(tree / ".git") / "tokenguard-spool").symlink_to("/dev/full")
    told = shells.commit(tree, "second", env={"TOKENGUARD_OVERRIDE": "a demo"}).stderr
    assert told == "tokenguard: here. Committing goes on, as you say: a demo (which could not be noted)\n"


@pytest.mark.parametrize(
    "said",
    [
        "$(touch {file}) `touch {file}`",
        "'; touch {file}; '",
        '"; touch {file}; "',
        "%s %n %d \\n \\c done",
        "-e -n * ? [a] ~ $HOME ${{HOME}} !! && || ; & | > {file}",
        "naïve ☃ 🌲",
    ],
)
def test_whatever_is_said_is_said_and_not_done(shells: World, tree: Path, said: str) -> None:
    file = shells.root / "harmed"
    said = said.format(file=file)
    shells.say(tree / ".git", f"* * 0 warn ok {said}")
    assert shells.commit(tree, "second").stderr == f"tokenguard: {said}. Committing goes on.\n"
    assert not file.exists()


def test_a_status_that_is_a_folder_or_a_link_to_nothing_is_none(shells: World, tree: Path) -> None:
    status = shells.folder(tree / ".git") / "tokenguard-status"
    status.mkdir(parents=True)
    assert shells.commit(tree, "second").stderr == ""
    status.rmdir()
    status.symlink_to("nowhere")
    assert shells.commit(tree, "third").stderr == ""


def test_without_the_script_hooks_are_silent(shells: World, tree: Path) -> None:
    shells.say(tree / ".git", f"* * 0 block block {SAID}")
    (shells.paths.state_dir / "hooks" / "hook.sh").unlink()
    assert shells.commit(tree, "second").stderr == ""
    assert shells.spool(tree / ".git") == []


def test_a_state_folder_that_cannot_be_written_stops_nobody(shells: World, tree: Path) -> None:
    (shells.paths.state_dir / "hooks" / "repositories").write_text("in the way")
    assert shells.commit(tree, "second").stderr == ""


@pytest.mark.parametrize("options", ["errexit", "nounset", "errexit:nounset:noglob:noclobber"])
def test_options_that_are_inherited_do_no_harm(shells: World, tree: Path, options: str) -> None:
    shells.say(tree / ".git", f"* * 99999999999 warn ok {SAID}")
    done = shells.commit(tree, "second", env={"SHELLOPTS": options, "CDPATH": "/:/tmp", "IFS": "aeiou", "ENV": "/nil"})
    assert done.stderr == f"tokenguard: {SAID}. Committing goes on.\n"
    assert shells.spool(tree / ".git") == [f"1 commit . main {shells.hash(tree)}"]


def test_with_a_thin_path_everything_works(shells: World, tree: Path) -> None:
    """Programs with windows are started without the PATH of a shell."""
    shells.say(tree / ".git", f"* * 0 block ok {SAID}")
    hook = tree / ".git" / "hooks" / "pre-commit"
    env = {"PATH": "/nonexistent", "HOME": "/nonexistent"}
    done = subprocess.run([hook], cwd=tree, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"tokenguard: this commit is stopped: {SAID}.")
