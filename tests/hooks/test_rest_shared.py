"""Hooks in a folder that several repositories may use put themselves to sleep where the daemon was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hooks.killing import killed_at_each_step
from tests.hooks.test_hook_notes import STRANGE
from tests.hooks.world import GONE, SHELLS, World, everything, found
from tests.support.waiting import until
from tokenguard.config import hook_paths
from tokenguard_hooks import hook_folders, reaching, scripts, sharing
from tokenguard_hooks.installing import install
from tokenguard_hooks.repository import look
from tokenguard_hooks.rounds import Rounds

pytestmark = pytest.mark.alone

ALL = (*scripts.EVENTS, *scripts.SIGNING)
FORMER = "#!/bin/sh\necho former >&2\n"


@pytest.fixture(params=["files", "tables"])
def references(request: pytest.FixtureRequest) -> str:
    """All of this is the same wherever git keeps them."""
    return str(request.param)


def put_in(world: World, *former: str, folder: str = "shared hooks") -> tuple[Path, Path]:
    """A repository, and a folder for all of them with our hooks, after some that were there before; no daemon lives."""
    shared, tree = world.home / folder, world.repository()
    shared.mkdir(mode=0o755)
    for event in former:
        world.put_script(shared / event, FORMER)
    world.git(world.root, "config", "--global", "core.hooksPath", str(shared))
    install(look(tree), world.paths, ALL, "chain", consent=True)
    world.runs(GONE)
    return tree, shared


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def asleep(*former: str) -> set[str]:
    return {f"{event}.tg-asleep" for event in ALL} | {*former, *(f"{event}.tg-chained" for event in former)}


def made(world: World, tree: Path, number: int) -> list[str]:
    told = world.git(tree, "log", f"--max-count={number}", "--format=%H").stdout.split()
    return [f"1 commit . main {hash}" for hash in reversed(told)]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("former", [(), ("pre-commit",), ALL])
def test_it_is_as_the_daemon_does_it(user: World, no_gits: None, shell: str, former: tuple[str, ...]) -> None:
    command = found(shell)
    if command is None:
        pytest.skip(f"{shell} is not installed")
    tree, shared = put_in(user, *former)
    awake = everything(shared)

    def hook() -> bool:
        subprocess.run([*command, str(shared / "post-commit")], cwd=tree, env=user.env, check=True, capture_output=True)
        return names(shared) == asleep(*former)

    until(hook)
    by_itself = everything(shared)
    assert sharing.wake(user.paths) and everything(shared) == awake
    assert sharing.put_to_sleep(user.paths) and everything(shared) == by_itself
    assert not (user.paths.state_dir / "hooks" / hook_paths.UNSHARED).exists()


def test_what_is_committed_then_is_read(user: World) -> None:
    other = user.repository("other")
    tree, shared = put_in(user, "pre-commit")
    number = user.commit_until(tree, lambda: names(shared) == asleep("pre-commit"))
    assert user.spool(tree / ".git") == made(user, tree, number)
    for one in (tree, other):
        assert user.commit(one, "asleep").stderr == "former\n"
    assert user.spool(tree / ".git") == made(user, tree, number + 1)[:-1]
    user.runs()
    Rounds(user.paths).wake(60, lambda: [str(other)])
    assert set(made(user, tree, number + 1)) <= set(user.spool(tree / ".git"))
    assert user.spool(other / ".git")[-1:] == made(user, other, 1)
    user.commit(tree, "awake")
    assert user.spool(tree / ".git")[-1:] == made(user, tree, 1)


def _group(user: World, shared: Path) -> None:
    shared.chmod(0o775)


def _track(user: World, shared: Path) -> None:
    user.git(shared, "init", "--quiet")
    user.git(shared, "add", "--all")


def _unknown(user: World, shared: Path) -> None:
    user.git(shared, "init", "--quiet")
    (shared / ".git" / "config").write_text("[core]\n\trepositoryformatversion = 99\n")


def _no_perl(user: World, shared: Path) -> None:
    folder = user.root / "programs"
    folder.mkdir()
    for name in ("git", "sh", "flock", "mv", "ln", "rm", "tail", "ls"):
        (folder / name).symlink_to(shutil.which(name, path=user.path) or name)
    user.path = str(folder)


@pytest.mark.parametrize("why", [_group, _track, _unknown, _no_perl])
def test_where_they_cannot_sleep_it_is_not_tried_again(user: World, why: Callable[[World, Path], None]) -> None:
    tree, shared = put_in(user)
    usual = user.path
    why(user, shared)
    before, told = everything(shared), user.paths.state_dir / "hooks" / hook_paths.UNSHARED
    number = user.commit_until(tree, told.exists)
    told.write_text("as it was")
    user.commit(tree, "more")
    assert everything(shared) == before and told.read_text() == "as it was"
    assert user.spool(tree / ".git") == made(user, tree, number + 1)
    user.path = usual
    user.runs()
    Rounds(user.paths).wake(60)
    assert not told.exists(), "the next daemon may have another one to be killed"


def test_in_one_that_one_s_own_group_can_write_to_they_sleep(user: World) -> None:
    """As under umask 002. Whose group it is, these programs say: root has none of its own."""
    tree, shared = put_in(user)
    shared.chmod(0o775)
    beside = user.root / "beside"
    beside.mkdir()
    told = {
        "ls": 'case $1 in --version) echo "ls (GNU coreutils) 9.1" ;; *) echo drwxrwxr-x 2 1000 1000 9 . . ;; esac',
        "stat": "echo ext2/ext3",
        "getent": 'case $1 in group) echo ann:x:1000: ;; passwd) echo "ann:x:1000:1000::/:" ;; esac',
    }
    for name, says in told.items():
        user.put_script(beside / name, f"#!/bin/sh\n{says}\n")
    user.path = f"{beside}{os.pathsep}{user.path}"
    user.commit_until(tree, lambda: names(shared) == asleep())


def _needed(user: World, tree: Path, shared: Path) -> None:
    reaching.keep_awake(user.paths, True)


def _not_ours(user: World, tree: Path, shared: Path) -> None:
    (user.paths.state_dir / "hooks" / "folders").write_text(f"1 1 {user.root}\n2 1 {shared}\n")


def _no_log(user: World, tree: Path, shared: Path) -> None:
    user.git(tree, "config", "core.logAllRefUpdates", "false")
    user.drop_log(tree)


def _lives(user: World, tree: Path, shared: Path) -> None:
    user.runs()


def _under_way(user: World, tree: Path, shared: Path) -> None:
    (tree / ".git" / "sequencer").mkdir()


@pytest.mark.parametrize("why", [_needed, _not_ours, _no_log, _lives, _under_way])
def test_where_they_are_not_to_sleep_they_stay_awake(user: World, why: Callable[[World, Path, Path], None]) -> None:
    tree, shared = put_in(user)
    why(user, tree, shared)
    before = everything(shared)
    for _ in range(3):
        user.commit(tree, "more")
    assert everything(shared) == before and user.spool(tree / ".git") == made(user, tree, 3)
    assert not (user.paths.state_dir / "hooks" / hook_paths.UNSHARED).exists()


def test_a_git_that_may_start_one_keeps_them_awake(user: World) -> None:
    """Wherever it works."""
    tree, shared = put_in(user)
    elsewhere, before = user.repository("elsewhere"), everything(shared)
    editor, begun, go_on = (user.root / name for name in ("editor", "begun", "go on"))
    os.mkfifo(go_on)
    user.put_script(editor, f"#!/bin/sh\ntouch '{begun}'\nread -r answer <'{go_on}'\necho words >\"$1\"\n")
    command = ["git", "commit", "--quiet", "--allow-empty"]
    with subprocess.Popen(command, cwd=elsewhere, env=user.env | {"GIT_EDITOR": str(editor)}) as waiting:
        until(begun.exists)
        for _ in range(3):
            user.commit(tree, "meanwhile")
        assert everything(shared) == before
        go_on.write_text("on\n")
        assert waiting.wait(60) == 0
    user.commit_until(tree, lambda: names(shared) == asleep())


@pytest.mark.parametrize("way", ["own", "shared"])
def test_what_a_new_git_does_in_the_background_after_each_commit_is_in_nobody_s_way(
    real_modern: World, way: str
) -> None:
    if way == "shared":
        tree, hooks = put_in(real_modern)
    else:
        tree = real_modern.repository()
        hooks = tree / ".git" / "hooks"
        install(look(tree), real_modern.paths, ALL, "chain", consent=True)
        real_modern.runs(GONE)
    real_modern.commit_until(tree, lambda: (hooks / "post-commit.tg-asleep").exists())


@pytest.mark.parametrize("at", ["the last look", "the look before"])
def test_one_that_begins_meanwhile_does_so_too(user: World, at: str) -> None:
    """Before the hooks that nobody was before have other names, it is looked once more, by what gives them those."""
    tree, shared = put_in(user, "post-commit")
    beside, waits = user.root / "beside", user.root / "waits"
    beside.mkdir()
    os.mkfifo(waits)
    program = "perl" if at == "the last look" else "ls"
    begin = f"git hash-object --stdin <'{waits}' >/dev/null 2>&1 &\nwhile ! grep -q git /proc/$!/comm; do :; done"
    user.put_script(beside / program, f'#!/bin/sh\n{begin}\nexec {shutil.which(program)} "$@"\n')
    usual, user.path = user.path, f"{beside}{os.pathsep}{user.path}"
    before = everything(shared)
    for _ in range(3):
        with subprocess.Popen(["git", "commit", "--quiet", "--allow-empty", "-m", "m"], cwd=tree, env=user.env) as git:
            with open(os.open(waits, os.O_RDWR), "wb", buffering=0):
                until(lambda: git.poll() is not None)
        assert everything(shared) == before
    user.path = usual
    user.commit_until(tree, lambda: names(shared) == asleep("post-commit"))


def test_others_who_change_them_are_kept_off(user: World) -> None:
    tree, shared = put_in(user)
    before = everything(shared)
    folder = os.open(user.paths.state_dir / "hooks", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    for _ in range(3):
        user.commit(tree, "more")
    assert everything(shared) == before
    os.close(folder)
    user.commit_until(tree, lambda: names(shared) == asleep())


def test_in_a_folder_with_a_name_of_two_lines_they_stay_awake(user: World) -> None:
    """The list of folders has a line for each."""
    tree, shared = put_in(user, folder="two\nlines")
    awake = everything(shared)
    user.commit(tree, "one")
    assert everything(shared) == awake and hook_folders.look(user.paths) == []


@pytest.mark.parametrize("name", [name for name in STRANGE if "\n" not in name])
def test_strange_names(user: World, name: str) -> None:
    tree, shared = put_in(user, "pre-commit", folder=f"a{name} ")
    user.commit_until(tree, lambda: names(shared) == asleep("pre-commit"))


def test_a_folder_in_the_working_tree(user: World) -> None:
    tree = user.repository()
    user.git(tree, "config", "core.hooksPath", ".githooks")
    (tree / ".githooks").mkdir(mode=0o755)
    (tree / ".githooks" / "README").touch()
    user.git(tree, "add", ".githooks")
    user.commit(tree, "second")
    install(look(tree), user.paths, ALL, None, consent=True)
    user.runs(GONE)
    user.commit_until(tree, lambda: names(tree / ".githooks") == asleep() | {"README"})
    assert user.git(tree, "status", "--porcelain", "--untracked-files=no").stdout == ""


def in_git(user: World) -> Path:
    """A repository in which git tracks a hook, with ours in its place; no daemon lives. Git keeps another text."""
    tree = user.repository()
    user.git(tree, "config", "core.hooksPath", ".githooks")
    (tree / ".githooks").mkdir(mode=0o755)
    (tree / ".githooks" / ".gitattributes").write_text("pre-commit ident\n")
    user.put_script(tree / ".githooks" / "pre-commit", f"{FORMER}# $Id: 1 $\n")
    user.git(tree, "add", ".githooks")
    user.commit(tree, "with a hook")
    install(look(tree), user.paths, ALL, None, consent=True)
    user.runs(GONE)
    return tree


@pytest.mark.parametrize("shell", SHELLS)
def test_where_git_tracks_the_one_before_it_finds_that(user: World, no_gits: None, shell: str) -> None:
    command = found(shell)
    if command is None:
        pytest.skip(f"{shell} is not installed")
    tree = in_git(user)
    hook = tree / ".githooks" / "post-commit"
    awake = everything(tree / ".githooks")
    assert user.git(tree, "status", "--porcelain", "--untracked-files=no").stdout == " M .githooks/pre-commit\n"

    def asleep_by_itself() -> bool:
        subprocess.run([*command, str(hook)], cwd=tree, env=user.env, check=True, capture_output=True)
        return names(tree / ".githooks") == asleep("pre-commit") | {".gitattributes"}

    until(asleep_by_itself)
    assert user.git(tree, "status", "--porcelain", "--untracked-files=no").stdout == ""
    by_itself = everything(tree / ".githooks")
    assert sharing.wake(user.paths) and everything(tree / ".githooks") == awake
    assert sharing.put_to_sleep(user.paths) and everything(tree / ".githooks") == by_itself


def _another_text(user: World, folder: Path) -> None:
    user.put_script(folder / "pre-commit.tg-chained", FORMER + "echo more\n")


def _another_mode(user: World, folder: Path) -> None:
    user.git(folder, "update-index", "--chmod=-x", "pre-commit")


def _tracked_link(user: World, folder: Path) -> None:
    (folder / "pre-commit.tg-chained").rename(folder / "elsewhere")
    (folder / "pre-commit.tg-chained").symlink_to("elsewhere")


def _ours(user: World, folder: Path) -> None:
    user.git(folder, "add", "pre-commit")


def _beside_ours(user: World, folder: Path) -> None:
    user.git(folder, "add", "pre-commit.tg-chained")


def _filtered(user: World, folder: Path) -> None:
    (folder / ".gitattributes").write_text("pre-commit filter=own\n")
    user.git(folder, "config", "filter.own.clean", f"touch '{user.root}/started'; cat")


@pytest.mark.parametrize("why", [_another_text, _another_mode, _tracked_link, _ours, _beside_ours, _filtered])
def test_where_git_would_not_find_what_it_tracks_they_stay_awake(
    user: World, why: Callable[[World, Path], None]
) -> None:
    tree = in_git(user)
    folder, told = tree / ".githooks", user.paths.state_dir / "hooks" / hook_paths.UNSHARED
    why(user, folder)
    before = everything(folder)
    user.commit_until(tree, told.exists)
    assert everything(folder) == before and not (user.root / "started").exists()


@pytest.mark.parametrize("former", [("pre-commit",), ("pre-commit", "post-commit")])
def test_killed_at_any_step(user: World, former: tuple[str, ...]) -> None:
    """By what nobody can ignore; what comes then finds its way, and what was there before has run each time."""
    tree, shared = put_in(user, *former)
    programs = ("mv", "ln", "rm", "tail", "flock", "ls", "perl")
    steps = killed_at_each_step(
        user,
        programs,
        tree,
        shared,
        len(former),
        lambda: names(shared) == asleep(*former),
        lambda: Rounds(user.paths).wake_shared(60),
        lambda commits: set(made(user, tree, commits)) <= set(user.spool(tree / ".git")),
    )
    assert steps > 4 + 2 * len(former)
