"""A file that says that a daemon runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.hooks.world import GONE, World
from tests.support.waiting import until
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard_hooks import flagging, scripts
from tokenguard_hooks.locking import alone


def run(world: World, tree: Path, event: str = "pre-commit") -> str:
    """What a line in the file of a manager runs while it does something."""
    command = [*world.shell, str(scripts.run_file(world.paths)), event]
    done = subprocess.run(command, cwd=tree, env=world.env, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr


def test_it_is_there_while_the_daemon_runs(world: World) -> None:
    flag = flagging.flag(world.paths)
    flagging.wake(world.paths)
    assert flag.exists()
    flagging.wake(world.paths)
    flagging.put_to_sleep(world.paths)
    flagging.put_to_sleep(world.paths)
    assert not flag.exists()


def test_without_hooks_it_is_not_made(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "state", tmp_path / "state")
    flagging.wake(paths)
    flagging.put_to_sleep(paths)
    assert flagging.since_us(paths) is None and not paths.state_dir.exists()


def test_the_first_that_finds_the_daemon_dead_takes_it_away(shells: World) -> None:
    tree = shells.repository()
    flagging.wake(shells.paths)
    shells.say(tree / ".git", "* * 0 warn ok here")
    assert run(shells, tree) == "tokenguard: here. Committing goes on.\n"
    assert shells.spool(tree / ".git") == ["1 begin . main"], "for a daemon that lives"
    assert flagging.flag(shells.paths).exists()
    shells.runs(GONE)
    shells.say(tree / ".git", "* * 0 warn ok here", pid=GONE)
    assert run(shells, tree, "pre-push") == "" and flagging.flag(shells.paths).exists()
    assert run(shells, tree) == "" and not flagging.flag(shells.paths).exists()
    assert shells.spool(tree / ".git") == ["1 begin . main"], "which is there still"
    spool = shells.folder(tree / ".git") / hook_paths.SPOOL
    spool.unlink()
    assert run(shells, tree) == "" and not spool.exists()
    flagging.wake(shells.paths)
    run(shells, tree)
    assert shells.spool(tree / ".git") == ["1 begin . main"], "for one that cannot be seen from here"


def test_one_that_has_ended_and_that_nobody_has_asked_after_is_dead(world: World) -> None:
    tree = world.repository()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as daemon:
        flagging.wake(world.paths)
        world.runs(daemon.pid)
        world.say(tree / ".git", "* * 0 ok ok -", pid=daemon.pid)
        run(world, tree)
        assert flagging.flag(world.paths).exists()
        daemon.kill()
        until(lambda: Path(f"/proc/{daemon.pid}/stat").read_text().split(") ")[1][0] == "Z")
        run(world, tree)
        assert not flagging.flag(world.paths).exists()


@pytest.mark.parametrize("event", ["pre-commit", "post-commit"])
def test_nobody_else_changes_hooks_meanwhile(world: World, event: str) -> None:
    tree = world.repository()
    flagging.wake(world.paths)
    world.runs(GONE)
    with alone(hook_paths.hooks(world.paths)):
        assert run(world, tree, event) == ""
        assert flagging.flag(world.paths).exists()
    assert run(world, tree, event) == ""
    assert not flagging.flag(world.paths).exists(), "those of an earlier version note commits, and do the same"


def test_a_daemon_that_has_nothing_to_say_is_not_dead(world: World) -> None:
    tree = world.repository()
    flagging.wake(world.paths)
    assert run(world, tree) == "" and flagging.flag(world.paths).exists()


@pytest.mark.parametrize("event", ["pre-commit", "post-commit"])
def test_that_a_manager_runs_hooks_is_said_once(shells: World, event: str) -> None:
    """By a script of one's own it may be the second alone."""
    tree = shells.repository()
    said = shells.folder(tree / ".git") / hook_paths.MANAGED
    run(shells, tree, "pre-push")
    assert not said.exists()
    run(shells, tree, event)
    assert said.read_bytes() == b""
    said.write_text("as it was")
    run(shells, tree)
    assert said.read_text() == "as it was"
    other = shells.repository("api")
    shells.put_hooks(other / ".git" / "hooks")
    shells.commit(other, "second")
    assert not (shells.folder(other / ".git") / hook_paths.MANAGED).exists(), "git itself runs these"
