"""Hooks put themselves to sleep where others may commit in other working trees, or there is no main one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hooks.killing import killed_at_each_step
from tests.hooks.world import GONE, SHELLS, World, everything, found
from tests.support.waiting import until
from tokenguard.config import hook_paths
from tokenguard_hooks import everywhere, reaching, resting, scripts
from tokenguard_hooks.installing import install
from tokenguard_hooks.repository import look
from tokenguard_hooks.standing import look as standing

pytestmark = pytest.mark.alone

ALL = (*scripts.EVENTS, *scripts.SIGNING)
FORMER = "#!/bin/sh\necho former >&2\n"


@pytest.fixture(params=["files", "tables"])
def references(request: pytest.FixtureRequest) -> str:
    """All of this is the same wherever git keeps them."""
    return str(request.param)


def beside_main(user: World) -> tuple[Path, Path]:
    """The git folder of a repository, and a linked working tree of it."""
    tree, linked = user.repository(), user.root / "linked"
    user.git(tree, "worktree", "add", "--quiet", "-b", "topic", str(linked))
    return tree / ".git", linked


def of_bare(user: World) -> tuple[Path, Path]:
    """The same of one that has no other working tree."""
    bare, linked = user.root / "bare.git", user.root / "linked"
    user.git(user.root, "clone", "--quiet", "--bare", str(user.repository()), str(bare))
    user.git(bare, "worktree", "add", "--quiet", "-b", "topic", str(linked))
    return bare, linked


def of_bare_by_name(user: World) -> tuple[Path, Path]:
    """With a name as if there were one."""
    bare, linked = user.root / "all" / ".git", user.root / "all" / "linked"
    user.git(user.root, "clone", "--quiet", "--bare", str(user.repository()), str(bare))
    user.git(bare.parent, "worktree", "add", "--quiet", "-b", "topic", str(linked))
    return bare, linked


def of_one_elsewhere(user: World) -> tuple[Path, Path]:
    """Of one whose main working tree nothing but that tells of."""
    tree, linked, folder = user.root / "web", user.root / "linked", user.root / "elsewhere"
    tree.mkdir()
    user.git(tree, "init", "--quiet", f"--separate-git-dir={folder}")
    user.commit(tree, "first")
    user.git(tree, "worktree", "add", "--quiet", "-b", "topic", str(linked))
    return folder, linked


LAYOUTS = [beside_main, of_bare, of_bare_by_name, of_one_elsewhere]
Layout = Callable[[World], tuple[Path, Path]]


def put_in(user: World, common_dir: Path, linked: Path, *former: str, way: str = "chain") -> None:
    """Hooks as they are installed, after some that were there before; and no daemon any more."""
    for event in former:
        user.put_script(common_dir / "hooks" / event, FORMER)
    install(look(linked), user.paths, ALL, way, consent=True)
    user.runs(GONE)


def asleep(user: World, where: Path) -> bool:
    return standing(look(where), user.paths, ALL).asleep


def made(user: World, linked: Path, number: int) -> set[str]:
    told = user.git(linked, "log", f"--max-count={number}", "--format=%H").stdout.split()
    return {f"1 commit linked topic {hash}" for hash in told}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("former", [(), ("pre-commit",), ALL])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_is_as_the_daemon_does_it(user: World, shell: str, former: tuple[str, ...], layout: Layout) -> None:
    command = found(shell)
    if command is None:
        pytest.skip(f"{shell} is not installed")
    common_dir, linked = layout(user)
    put_in(user, common_dir, linked, *former)
    hooks = common_dir / "hooks"
    awake = everything(hooks)

    def hook() -> bool:
        git_dir = str(common_dir / "worktrees" / "linked")
        subprocess.run(
            [*command, str(hooks / "post-commit")], cwd=linked, env=user.env | {"GIT_DIR": git_dir}, check=True
        )
        return asleep(user, linked)

    until(hook)
    by_itself, told = everything(hooks), user.mark(common_dir)
    assert not (user.folder(common_dir) / hook_paths.SLEEPLESS).exists()
    assert resting.wake(common_dir, user.paths) and everything(hooks) == awake
    assert resting.put_to_sleep(common_dir, user.paths)
    assert everything(hooks) == by_itself and user.mark(common_dir) == told


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_committed_then_is_read(user: World, layout: Layout) -> None:
    common_dir, linked = layout(user)
    put_in(user, common_dir, linked, "pre-commit")
    number = user.commit_until(linked, lambda: asleep(user, linked))
    assert set(user.spool(common_dir)) == made(user, linked, number)
    assert user.commit(linked, "asleep").stderr == "former\n"
    assert set(user.spool(common_dir)) < made(user, linked, number + 1)
    assert resting.wake(common_dir, user.paths)
    assert set(user.spool(common_dir)) == made(user, linked, number + 1)


def test_in_the_configuration_those_of_a_bare_repository_sleep(real_modern: World) -> None:
    bare, linked = of_bare(real_modern)
    put_in(real_modern, bare, linked, way="config")
    real_modern.commit(linked, "second")
    assert asleep(real_modern, linked)
    real_modern.commit(linked, "third")
    assert resting.wake(bare, real_modern.paths) and set(real_modern.spool(bare)) == made(real_modern, linked, 2)


def test_in_a_bare_repository_those_of_all_sleep(real_modern: World) -> None:
    _, linked = of_bare(real_modern)
    everywhere.install(real_modern.paths, ALL, consent=False)
    real_modern.runs(GONE)
    real_modern.commit(linked, "second")
    assert reaching.is_asleep(real_modern.paths)


def _lives(user: World, bare: Path) -> None:
    user.runs()


def _no_log(user: World, bare: Path) -> None:
    user.git(bare, "config", "core.logAllRefUpdates", "false")


def _elsewhere(user: World, bare: Path) -> None:
    """What such a HEAD speaks of is in a folder of its own."""
    if user.references == "tables":
        pytest.skip("where references are in tables, that is what such a HEAD speaks of")
    (bare / "HEAD").write_text("ref: refs/heads/.invalid\n")


def _not_bare(user: World, bare: Path) -> None:
    """Somewhere there is a main working tree, and no log is kept there."""
    user.git(bare, "config", "core.bare", "false")
    user.git(bare, "config", "core.worktree", str(user.root / "web"))
    user.git(bare, "config", "barely.a", "1")


@pytest.mark.parametrize("why", [_lives, _no_log, _elsewhere, _not_bare])
def test_where_something_may_be_lost_they_stay_awake(user: World, why: Callable[[World, Path], None]) -> None:
    bare, linked = of_bare(user)
    put_in(user, bare, linked)
    why(user, bare)
    before = everything(bare / "hooks")
    for _ in range(3):
        user.commit(linked, "more")
    assert everything(bare / "hooks") == before and not (bare / resting.MARK).exists()
    assert set(user.spool(bare)) == made(user, linked, 3)


def test_where_no_log_is_kept_and_nothing_is_bare_git_is_not_asked(user: World) -> None:
    tree = user.repository()
    user.git(tree, "config", "core.logAllRefUpdates", "false")
    user.drop_log(tree)
    install(look(tree), user.paths, ALL, None, consent=True)
    user.runs(GONE)
    beside, asked = user.root / "beside", user.root / "asked"
    beside.mkdir()
    user.put_script(beside / "git", f'#!/bin/sh\necho "$@" >>\'{asked}\'\nexec {shutil.which("git")} "$@"\n')
    env = user.env | {"PATH": f"{beside}{os.pathsep}{user.path}"}
    subprocess.run([tree / ".git" / "hooks" / "post-commit"], cwd=tree, env=env, check=True)
    # Where references are in tables, it is asked of these.
    assert user.references == "tables" or not asked.exists()
    assert not asked.exists() or "config" not in asked.read_text()
    assert len(user.spool(tree / ".git")) == 1


@pytest.mark.parametrize("layout", [of_bare, of_one_elsewhere])
def test_where_there_is_no_main_one_to_be_known_a_git_anywhere_keeps_them_awake(user: World, layout: Layout) -> None:
    """One that works with a folder that it is named may do so from anywhere."""
    common_dir, linked = layout(user)
    put_in(user, common_dir, linked)
    elsewhere, before = user.root / "other", everything(common_dir / "hooks")
    elsewhere.mkdir()
    editor, begun, go_on = (user.root / name for name in ("editor", "begun", "go on"))
    os.mkfifo(go_on)
    user.put_script(editor, f"#!/bin/sh\ntouch '{begun}'\nread -r answer <'{go_on}'\necho words >\"$1\"\n")
    command = ["git", f"--git-dir={common_dir}", f"--work-tree={elsewhere}", "commit", "--quiet", "--allow-empty"]
    with subprocess.Popen(command, cwd=elsewhere, env=user.env | {"GIT_EDITOR": str(editor)}) as waiting:
        until(begun.exists)
        for _ in range(3):
            user.commit(linked, "meanwhile")
        assert everything(common_dir / "hooks") == before
        go_on.write_text("on\n")
        assert waiting.wait(60) == 0
    user.commit_until(linked, lambda: asleep(user, linked))


def test_one_that_begins_at_the_last_look_keeps_them_awake(user: World) -> None:
    common_dir, linked = beside_main(user)
    put_in(user, common_dir, linked, "post-commit")
    beside, waits = user.root / "beside", user.root / "waits"
    beside.mkdir()
    os.mkfifo(waits)
    begin = f"git hash-object --stdin <'{waits}' >&2 &\nwhile ! grep -q git /proc/$!/comm; do :; done"
    user.put_script(beside / "perl", f'#!/bin/sh\n{begin}\nexec {shutil.which("perl")} "$@"\n')
    usual, user.path = user.path, f"{beside}{os.pathsep}{user.path}"
    before = everything(common_dir / "hooks")
    for _ in range(3):
        command = ["git", "commit", "--quiet", "--allow-empty", "-m", "m"]
        with subprocess.Popen(command, cwd=linked, env=user.env) as git:
            with open(os.open(waits, os.O_RDWR), "wb", buffering=0):
                until(lambda: git.poll() is not None)
        assert everything(common_dir / "hooks") == before
    user.path = usual
    user.commit_until(linked, lambda: asleep(user, linked))


@pytest.mark.parametrize("layout", [beside_main, of_bare])
def test_killed_at_any_step(user: World, layout: Layout) -> None:
    """By what nobody can ignore; what comes then finds its way, and what was there before has run each time."""
    common_dir, linked = layout(user)
    put_in(user, common_dir, linked, "pre-commit")
    programs = ("mv", "ln", "rm", "tail", "wc", "flock", "perl")
    steps = killed_at_each_step(
        user,
        programs,
        linked,
        common_dir / "hooks",
        1,
        lambda: asleep(user, linked),
        lambda: resting.wake(common_dir, user.paths),
        lambda commits: made(user, linked, commits) == set(user.spool(common_dir)),
    )
    # Git itself is not among them, which is asked of tables.
    assert steps > (7 if user.references == "files" else 5)
