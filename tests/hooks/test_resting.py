"""The hooks of a repository that sleep while the daemon does not run: nothing starts, and nothing is lost."""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.hooks.world import World, everything
from tests.support.newer_git import TABLES_SINCE, newer_git
from tests.support.waiting import until
from tokenguard.config.paths import Paths
from tokenguard.errors import TokenguardError
from tokenguard_hooks import chaining, configuring, lulls, marking, resting, scripts
from tokenguard_hooks.gits import Gits
from tokenguard_hooks.installing import install
from tokenguard_hooks.repository import look
from tokenguard_hooks.standing import look as standing
from tokenguard_hooks.uninstalling import uninstall

EVENTS = scripts.EVENTS
TELL = '#!/bin/sh\necho "own $(basename "$0") $*" >&2\n'.replace('$(basename "$0")', "pre-commit")


@pytest.fixture(params=["files", "tables"])
def references(request: pytest.FixtureRequest) -> str:
    """All of this is the same wherever git keeps them."""
    return str(request.param)


@pytest.fixture
def tree(user: World) -> Path:
    return user.repository()


def put_in(world: World, tree: Path, way: str | None = None, events: tuple[str, ...] = EVENTS) -> None:
    install(look(tree), world.paths, events, way, consent=False)


def sleep(world: World, tree: Path) -> bool:
    return resting.put_to_sleep((tree / ".git").resolve(), world.paths)


def wake(world: World, tree: Path) -> bool:
    return resting.wake((tree / ".git").resolve(), world.paths)


def hooks(tree: Path) -> set[str]:
    """The hooks that git would start."""
    return {file.name for file in (tree / ".git" / "hooks").iterdir() if "." not in file.name}


def test_git_starts_nothing_and_what_was_done_is_noted_later(user: World, tree: Path) -> None:
    put_in(user, tree)
    user.commit(tree, "noted at once")
    noted = user.spool(tree / ".git")
    assert sleep(user, tree) and hooks(tree) == set()
    user.say(tree / ".git", "* * 0 block block nobody hears this")
    user.commit(tree, "second")
    old = user.hash(tree)
    user.commit(tree, "third", "--amend")
    new = user.hash(tree)
    assert user.spool(tree / ".git") == noted
    assert wake(user, tree) and hooks(tree) == set(EVENTS)
    expected = [f"1 commit . main {old}", f"1 commit . main {new}", f"1 rewrite amend {old} {new}"]
    assert user.spool(tree / ".git") == [*noted, *expected]
    assert not wake(user, tree)
    user.commit(tree, "stopped", code=1)


def test_what_was_there_before_runs_while_ours_sleeps(user: World, tree: Path) -> None:
    user.put_script(tree / ".git" / "hooks" / "pre-commit", TELL)
    put_in(user, tree)
    for change in (sleep, wake, sleep):
        assert change(user, tree)
        assert user.commit(tree, "again").stderr == "own pre-commit \n"
    wake(user, tree)
    assert len(user.spool(tree / ".git")) == 3


def test_a_hook_of_ours_that_was_just_started_runs_what_was_there_before(user: World, tree: Path) -> None:
    user.put_script(tree / ".git" / "hooks" / "pre-commit", TELL)
    put_in(user, tree)
    late = tree / ".git" / "hooks" / "pre-commit"
    started = late.read_bytes()
    assert sleep(user, tree)
    # Its shell has read it; from there on it goes by names.
    user.put_script(tree / "started", started.replace(b'"$0.tg-chained"', f'"{late}.tg-chained"'.encode()))
    done = user.git(tree, "-c", f"alias.late=!{tree}/started", "late")
    assert done.stderr == "own pre-commit \n"


@pytest.mark.parametrize("way", ["chain", "config"])
def test_uninstalled_while_they_sleep_everything_is_as_it_was(modern: World, way: str) -> None:
    tree = modern.repository()
    modern.put_script(tree / ".git" / "hooks" / "pre-commit", TELL)
    before = everything(tree / ".git")
    put_in(modern, tree, way)
    assert sleep(modern, tree)
    assert uninstall(look(tree), modern.paths)
    assert everything(tree / ".git") == before
    assert not uninstall(look(tree), modern.paths)


def test_what_was_committed_before_they_were_uninstalled_is_noted(user: World, tree: Path) -> None:
    put_in(user, tree)
    sleep(user, tree)
    user.commit(tree, "second")
    uninstall(look(tree), user.paths)
    assert user.spool(tree / ".git") == [f"1 commit . main {user.hash(tree)}"]


@pytest.mark.parametrize("way", ["chain", "config"])
def test_installed_while_they_sleep_they_are_awake(modern: World, way: str) -> None:
    tree = modern.repository()
    put_in(modern, tree, way)
    awake = everything(tree / ".git")
    assert sleep(modern, tree)
    put_in(modern, tree)
    assert everything(tree / ".git") == awake
    assert standing(look(tree), modern.paths, EVENTS).works


def test_another_way_is_taken_while_they_sleep(modern: World) -> None:
    tree = modern.repository()
    before = everything(tree / ".git")
    for way, kind in (("chain", "config"), ("config", "chain")):
        put_in(modern, tree, way)
        assert sleep(modern, tree)
        put_in(modern, tree, kind)
        found = standing(look(tree), modern.paths, EVENTS)
        assert {hook.ways for hook in found.hooks} == {(kind,)} and not found.asleep
    uninstall(look(tree), modern.paths)
    assert everything(tree / ".git") == before


@pytest.mark.parametrize("way", ["chain", "config"])
def test_how_it_stands_with_hooks_that_sleep(modern: World, way: str) -> None:
    tree = modern.repository()
    modern.put_script(tree / ".git" / "hooks" / "pre-push", TELL)
    put_in(modern, tree, way)
    found = standing(look(tree), modern.paths, EVENTS)
    assert found.works and not found.asleep
    sleep(modern, tree)
    found = standing(look(tree), modern.paths, EVENTS)
    assert (found.works, found.asleep, found.problems) == (True, True, ())
    assert {hook.ways for hook in found.hooks} == {(way,)}
    assert [hook.event for hook in found.hooks if hook.chained] == (["pre-push"] if way == "chain" else [])


def test_another_hook_in_their_place_is_told_of(user: World, tree: Path) -> None:
    put_in(user, tree)
    sleep(user, tree)
    hook = tree / ".git" / "hooks" / "pre-commit"
    user.put_script(hook, TELL)
    assert standing(look(tree), user.paths, EVENTS).works
    user.put_script(hook, '#!/bin/sh\necho "$(basename $0)"\n')
    (missing, problem) = standing(look(tree), user.paths, EVENTS).problems
    assert missing.what == "not installed: pre-commit"
    assert problem.what.endswith("pre-commit was put in the place of tokenguard's while that slept")
    assert wake(user, tree)
    assert hooks(tree) == set(EVENTS) and b"basename" in hook.read_bytes()
    with pytest.raises(TokenguardError, match="goes by its own name"):
        put_in(user, tree)
    hook.unlink()
    put_in(user, tree)
    assert standing(look(tree), user.paths, EVENTS).works


def test_two_state_folders_leave_each_other_s_hooks_alone(user: World, tree: Path) -> None:
    other = replace(user.paths, state_dir=user.root / "elsewhere")
    put_in(user, tree)
    common_dir = tree / ".git"
    awake = everything(common_dir)
    assert not resting.put_to_sleep(common_dir, other) and everything(common_dir) == awake
    assert sleep(user, tree)
    asleep = everything(common_dir)
    assert not resting.wake(common_dir, other) and not resting.put_to_sleep(common_dir, other)
    assert everything(common_dir) == asleep
    install(look(tree), other, EVENTS, None, consent=False)
    assert not sleep(user, tree) and not wake(user, tree)
    assert resting.put_to_sleep(common_dir, other)


def test_a_repository_that_was_moved_while_they_slept(user: World, tree: Path) -> None:
    put_in(user, tree)
    sleep(user, tree)
    user.commit(tree, "second")
    moved = tree.rename(user.root / "moved")
    user.commit(moved, "third")
    assert wake(user, moved) and hooks(moved) == set(EVENTS)
    assert user.spool(moved / ".git") == [f"1 commit . main {user.hash(moved, name)}" for name in ("HEAD~1", "HEAD")]


def test_linked_working_trees_and_what_is_made_in_new_ones(user: World, tree: Path) -> None:
    linked, later = user.root / "linked", user.root / "la ter"
    user.git(tree, "worktree", "add", "--quiet", "-b", "one", str(linked))
    user.commit(linked, "before")
    put_in(user, tree)
    sleep(user, tree)
    user.git(tree, "worktree", "add", "--quiet", "-b", "two", str(later))
    later_name = next(name.name for name in (tree / ".git" / "worktrees").iterdir() if name.name != "linked")
    user.commit(linked, "there")
    user.commit(later, "later")
    wake(user, tree)
    spooled = {f"1 commit linked one {user.hash(linked)}"}
    if " " not in later_name:
        spooled.add(f"1 commit {later_name} two {user.hash(later)}")
    assert spooled <= set(user.spool(tree / ".git")) and len(user.spool(tree / ".git")) == 2


def test_hooks_that_others_use_as_well_stay_awake(user: World, tree: Path) -> None:
    shared = user.root / "shared"
    shared.mkdir()
    user.git(tree, "config", "core.hooksPath", str(shared))
    install(look(tree), user.paths, EVENTS, None, consent=True)
    assert not sleep(user, tree)
    assert chaining.look(shared, "pre-commit").state == "ours"
    other = user.repository("other")
    shutil.rmtree(other / ".git" / "hooks")
    (other / ".git" / "hooks").symlink_to(shared)
    assert not sleep(user, other)
    assert not (tree / ".git" / resting.MARK).exists() and not (other / ".git" / resting.MARK).exists()


def test_where_git_keeps_no_log_they_stay_awake(user: World) -> None:
    tree = user.root / "web"
    tree.mkdir()
    user.git(tree, "init", "--quiet")
    user.git(tree, "config", "core.logAllRefUpdates", "false")
    user.commit(tree, "first")
    put_in(user, tree)
    assert not sleep(user, tree) and hooks(tree) == set(EVENTS)
    user.git(tree, "config", "core.bare", "true")
    assert not sleep(user, tree) and hooks(tree) == set(EVENTS)


@pytest.mark.parametrize("way", ["chain", "config"])
def test_a_bare_repository_has_nothing_to_be_noted_but_what_is_committed_elsewhere(modern: World, way: str) -> None:
    """In linked working trees, or with one that is named each time."""
    bare, linked, named = (modern.root / name for name in ("bare.git", "linked", "named"))
    named.mkdir()
    modern.git(modern.root, "clone", "--quiet", "--bare", str(modern.repository()), str(bare))
    before = everything(bare / "hooks", bare / "config")
    for wants_commits in (False, True):
        put_in(modern, bare, way)
        assert not (bare / "logs" / "HEAD").exists()
        assert resting.put_to_sleep(bare, modern.paths) and standing(look(bare), modern.paths, EVENTS).asleep
        modern.git(bare, "push", "--quiet", "origin", "HEAD:refs/heads/pushed")
        made: list[str] = []
        if wants_commits:
            modern.git(bare, "worktree", "add", "--quiet", "-b", "topic", str(linked))
            modern.commit(linked, "in a linked one")
            made.append(f"1 commit linked topic {modern.hash(linked)}")
            modern.git(bare, f"--work-tree={named}", "commit", "--allow-empty", "-m", "in one that is named")
            made.append(f"1 commit . main {modern.hash(bare)}")
        assert resting.wake(bare, modern.paths) and standing(look(bare), modern.paths, EVENTS).works
        assert set(modern.spool(bare)) == set(made)
        assert resting.put_to_sleep(bare, modern.paths)
        uninstall(look(bare), modern.paths)
        assert everything(bare / "hooks", bare / "config") == before


@pytest.mark.parametrize("name", ["index.lock", "rebase-merge", "sequencer"])
def test_where_a_commit_may_be_under_way_they_stay_awake(user: World, tree: Path, name: str) -> None:
    put_in(user, tree)
    (tree / ".git" / name).mkdir()
    assert not sleep(user, tree) and hooks(tree) == set(EVENTS)


def test_a_git_that_begins_between_two_names_keeps_the_others_awake(
    user: World, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in(user, tree)
    awake = everything(tree / ".git" / "hooks")
    numbers = (b"%d" % (number // 2) for number in itertools.count())
    monkeypatch.setattr(lulls, "newest", numbers.__next__)
    monkeypatch.setattr(lulls, "_is_git", bool)  # no number is 0

    def is_git(number: int) -> bool:
        return True

    monkeypatch.setattr(lulls, "_is_git", is_git)

    def is_near(gits: Gits, common_dir: Path) -> bool:
        return "pre-commit" not in hooks(tree)

    with monkeypatch.context() as patched:
        patched.setattr(Gits, "is_near", is_near)
        assert sleep(user, tree) and hooks(tree) == set(EVENTS) - {"pre-commit"}
    user.commit(tree, "noted")
    assert wake(user, tree) and everything(tree / ".git" / "hooks") == awake
    assert user.spool(tree / ".git") == [f"1 commit . main {user.hash(tree)}"]


def test_while_somebody_else_changes_them_they_stay_as_they_are(user: World, tree: Path) -> None:
    put_in(user, tree)
    folder = os.open(tree / ".git", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    with pytest.raises(TokenguardError, match="are being changed"):
        sleep(user, tree)
    os.close(folder)
    assert sleep(user, tree)


@pytest.mark.parametrize("way", ["chain", "config"])
def test_a_mark_that_was_not_written_to_its_end(modern: World, way: str) -> None:
    """As after a power cut: then git's logs are read from their beginning."""
    tree = modern.repository()
    put_in(modern, tree, way)
    awake = everything(tree / ".git" / "hooks")
    sleep(modern, tree)
    modern.commit(tree, "second")
    mark = tree / ".git" / resting.MARK
    mark.write_bytes(b"")
    other = replace(modern.paths, state_dir=modern.root / "elsewhere")
    assert not resting.wake(tree / ".git", other)
    assert wake(modern, tree) and not mark.exists() and everything(tree / ".git" / "hooks") == awake
    assert modern.spool(tree / ".git") == [f"1 commit . main {modern.hash(tree, name)}" for name in ("HEAD~1", "HEAD")]
    mark.write_bytes(b"")
    assert not wake(modern, tree) and sleep(modern, tree) and wake(modern, tree)


def test_where_only_some_fell_asleep_all_are_woken(user: World, tree: Path) -> None:
    put_in(user, tree)
    sleep(user, tree)
    asleep = tree / ".git" / "hooks" / "pre-push.tg-asleep"
    asleep.rename(tree / ".git" / "hooks" / "pre-push")
    (tree / ".git" / "index.lock").touch()
    assert not sleep(user, tree)
    (tree / ".git" / "index.lock").unlink()
    assert wake(user, tree) and hooks(tree) == set(EVENTS)


@pytest.mark.parametrize("name", ["with space", "it's", "line\nfeed", "$HOME `id`", "-n", "ü ☃", "\udce9"])
def test_strange_names(user: World, name: str) -> None:
    tree = user.repository(name)
    paths = Paths(user.root / name / "x", user.root / "state")
    install(look(tree), paths, EVENTS, None, consent=False)
    assert resting.put_to_sleep(tree / ".git", paths)
    user.commit(tree, "second")
    assert resting.wake(tree / ".git", paths)
    assert user.spool(tree / ".git") == [f"1 commit . main {user.hash(tree)}"]


def test_a_state_folder_with_a_strange_name(user: World, tree: Path) -> None:
    paths = replace(user.paths, state_dir=user.root / 'a "b" it\'s\n$x')
    install(look(tree), paths, EVENTS, None, consent=False)
    assert resting.put_to_sleep(tree / ".git", paths) and resting.wake(tree / ".git", paths)
    assert hooks(tree) == set(EVENTS)


def test_hooks_in_the_configuration_of_an_earlier_version_stay_awake_until_they_are_installed_again(
    modern: World,
) -> None:
    tree = modern.repository()
    config = tree / ".git" / "config"
    before = config.read_bytes()
    configuring.put_in(config, configuring.hooks(EVENTS, modern.paths))
    assert standing(look(tree), modern.paths, EVENTS).works
    assert not sleep(modern, tree)
    put_in(modern, tree)
    assert b"[hook " not in config.read_bytes() and standing(look(tree), modern.paths, EVENTS).works
    assert sleep(modern, tree)
    uninstall(look(tree), modern.paths)
    assert config.read_bytes() == before


def test_whoever_can_read_the_configuration_can_read_what_it_includes(modern: World) -> None:
    """Git fails in a repository where it may not read an included file."""
    tree = modern.repository()
    config = tree / ".git" / "config"
    for mode in (0o644, 0o640, 0o600):
        config.chmod(mode)
        put_in(modern, tree)
        assert (tree / ".git" / "tokenguard-hooks").stat().st_mode & 0o777 == mode
        assert str(modern.paths.state_dir).encode() not in config.read_bytes()
        sleep(modern, tree)
        wake(modern, tree)
        assert (tree / ".git" / "tokenguard-hooks").stat().st_mode & 0o777 == mode


def test_a_path_that_somebody_includes_is_not_in_our_way(modern: World) -> None:
    tree = modern.repository()
    modern.git(tree, "config", "include.path", "mine")
    before = (tree / ".git" / "config").read_bytes()
    put_in(modern, tree)
    modern.git(tree, "config", "include.path", "yours")
    modern.git(tree, "config", "--add", "include.path", "theirs")
    assert standing(look(tree), modern.paths, EVENTS).works
    uninstall(look(tree), modern.paths)
    told = modern.git(tree, "config", "--get-all", "include.path").stdout
    assert told == "yours\ntheirs\n"
    assert (tree / ".git" / "config").read_bytes().startswith(before.replace(b"mine", b"yours"))


def test_an_include_without_the_lines_around_it_is_taken_out(modern: World) -> None:
    tree = modern.repository()
    config = tree / ".git" / "config"
    before = config.read_bytes()
    put_in(modern, tree)
    config.write_bytes(b"".join(line for line in config.read_bytes().splitlines(True) if b"# tokenguard" not in line))
    assert uninstall(look(tree), modern.paths)
    assert config.read_bytes() == before and not (tree / ".git" / "tokenguard-hooks").exists()


def test_a_real_git_starts_none_that_sleep(real_modern: World) -> None:
    world = real_modern
    tree = world.repository()
    modern = everything(tree / ".git")
    put_in(world, tree, events=(*EVENTS, *scripts.SIGNING))
    linked = world.root / "linked"
    world.git(tree, "worktree", "add", "--quiet", "-b", "topic", str(linked))
    world.say(tree / ".git", "* * 0 warn ok here")
    for where in (tree, linked):
        assert "tokenguard: here." in world.commit(where, "awake").stderr
    noted = world.spool(tree / ".git")
    assert sleep(world, tree)
    for where in (tree, linked):
        assert world.commit(where, "asleep").stderr == ""
    assert world.git(tree, "hook", "list", "pre-commit", code=None).stdout == ""
    assert world.spool(tree / ".git") == noted and wake(world, tree)
    expected = {f"1 commit . main {world.hash(tree)}", f"1 commit linked topic {world.hash(linked)}"}
    assert set(world.spool(tree / ".git")) - set(noted) == expected
    assert "tokenguard: here." in world.commit(linked, "awake").stderr
    sleep(world, tree)
    uninstall(look(tree), world.paths)
    assert everything(tree / ".git" / "config") == {
        name: what for name, what in modern.items() if name.endswith(".git/config")
    }


def test_a_real_git_that_began_while_they_slept_is_waited_for(real_modern: World) -> None:
    """It has read its configuration, and will not read it again, however long its editor is open."""
    world = real_modern
    tree = world.repository()
    put_in(world, tree, "config")
    assert sleep(world, tree)
    editor, begun, go_on = (world.root / name for name in ("editor", "begun", "go on"))
    os.mkfifo(go_on)
    world.put_script(editor, f"#!/bin/sh\ntouch '{begun}'\nread -r answer <'{go_on}'\necho words >\"$1\"\n")
    command = ["git", "commit", "--quiet", "--allow-empty"]
    with subprocess.Popen(command, cwd=tree, env=world.env | {"GIT_EDITOR": str(editor)}) as waiting:
        until(begun.exists)
        for _ in range(2):
            assert wake(world, tree) and (tree / ".git" / resting.MARK).exists()
        assert standing(look(tree), world.paths, EVENTS).works and not standing(look(tree), world.paths, EVENTS).asleep
        go_on.write_text("on\n")
        assert waiting.wait(60) == 0
    assert world.spool(tree / ".git") == []
    assert wake(world, tree) and world.spool(tree / ".git") == [f"1 commit . main {world.hash(tree)}"]
    until(lambda: not wake(world, tree))


@pytest.fixture
def newer() -> Path:
    """The folder of a git that migrates references; asked for before there is one that only says how old it is."""
    return newer_git(TABLES_SINCE)


def test_references_that_are_migrated_there_and_back_while_they_sleep(
    newer: Path, user: World, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In tables, changes have other numbers then."""
    monkeypatch.setenv("PATH", f"{newer}{os.pathsep}{os.environ['PATH']}")
    user.path = f"{newer}{os.pathsep}{user.path}"
    put_in(user, tree, "chain")
    for number in range(20):
        user.commit(tree, f"noted {number}")
    noted = user.spool(tree / ".git")
    assert sleep(user, tree)
    user.commit(tree, "second")
    for way in ("reftable", "files") if user.references == "files" else ("files", "reftable"):
        user.git(tree, "refs", "migrate", f"--ref-format={way}")
        user.commit(tree, way)
        user.commit(tree, f"{way}, better", "--amend")
    assert wake(user, tree) and hooks(tree) == set(EVENTS)
    told = user.spool(tree / ".git")[len(noted) :]
    log = user.git(tree, "log", "--walk-reflogs", "--max-count=5", "--format=%H").stdout.split()
    last, left, other, before, second = log
    assert [line for line in told if line not in noted and user.hash(tree, "HEAD~22") not in line] == [
        f"1 commit . main {second}",
        *(f"1 commit . main {before}", f"1 commit . main {other}", f"1 rewrite amend {before} {other}"),
        *(f"1 commit . main {left}", f"1 commit . main {last}", f"1 rewrite amend {left} {last}"),
    ]
    user.commit(tree, "awake")
    assert user.spool(tree / ".git")[-1] == f"1 commit . main {user.hash(tree)}"


def _is_understood_by_none(common_dir: Path) -> bool:
    return False


def test_where_git_is_understood_by_none_for_a_repository_they_wake_and_the_mark_stays(
    user: World, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has become of commits is read by the first daemon that finds a git that tells."""
    put_in(user, tree)
    assert sleep(user, tree)
    user.commit(tree, "second")
    with monkeypatch.context() as patch:
        patch.setattr(marking, "is_understood", _is_understood_by_none)
        with pytest.raises(TokenguardError, match=r"2\.45"):
            wake(user, tree)
        assert hooks(tree) == set(EVENTS) and user.spool(tree / ".git") == []
        assert not sleep(user, tree) and (tree / ".git" / resting.MARK).exists()
        user.commit(tree, "third")
    assert wake(user, tree) and not (tree / ".git" / resting.MARK).exists()
    lines = [f"1 commit . main {user.hash(tree, name)}" for name in ("HEAD", "HEAD~1")]
    assert user.spool(tree / ".git") == lines, "noted by the hook, and read"
