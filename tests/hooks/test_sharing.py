"""Hooks in a folder that several repositories may use sleep and wake: nothing that is not ours alone is touched."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from tests.hooks.world import World, everything
from tests.support.waiting import until
from tokenguard.config import hook_paths
from tokenguard.errors import TokenguardError
from tokenguard_hooks import chaining, gits, hook_folders, lulls, owning, reaching, scripts, sharing, sleeping
from tokenguard_hooks.installing import install
from tokenguard_hooks.locking import alone
from tokenguard_hooks.repository import look
from tokenguard_hooks.standing import look as standing
from tokenguard_hooks.uninstalling import uninstall

EVENTS = scripts.EVENTS
TELL = "#!/bin/sh\necho mine >&2\n"


@pytest.fixture(autouse=True)
def _only_these_gits(user: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others that work on this machine are none of a test's business: they are told by their home."""
    counts = gits.may_start_one

    def counted(process: psutil.Process) -> bool:
        try:
            return counts(process) and process.environ().get("HOME") == str(user.home)
        except psutil.Error:
            return False

    monkeypatch.setattr(gits, "may_start_one", counted)


@pytest.fixture
def shared(user: World) -> Path:
    """A folder for all repositories, with a hook in it."""
    folder = user.home / "shared hooks"
    folder.mkdir(mode=0o755)
    user.put_script(folder / "pre-commit", TELL)
    user.git(user.root, "config", "--global", "core.hooksPath", "~/shared hooks")
    return folder


@pytest.fixture
def tree(user: World, shared: Path) -> Path:
    """A repository from which ours were put there."""
    tree = user.repository()
    install(look(tree), user.paths, EVENTS, None, consent=True)
    return tree


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


AWAKE = {*EVENTS, "pre-commit.tg-chained"}
ASLEEP = {f"{event}.tg-asleep" for event in EVENTS} | {"pre-commit", "pre-commit.tg-chained"}


def test_they_sleep_and_wake(user: World, tree: Path, shared: Path) -> None:
    awake, state = everything(shared), sharing.state(user.paths)
    assert state and sharing.may_sleep(user.paths) and not sharing.is_asleep(user.paths)
    assert not sharing.wake(user.paths)
    for _ in range(2):
        assert sharing.put_to_sleep(user.paths) and names(shared) == ASLEEP
        assert sharing.is_asleep(user.paths) and sharing.sleeps_in(shared, user.paths)
    assert sharing.state(user.paths) is None and not sharing.may_sleep(user.paths)
    assert user.commit(tree, "asleep").stderr == "mine\n" and user.spool(tree / ".git") == []
    assert sharing.wake(user.paths) and everything(shared) == awake
    assert sharing.state(user.paths) not in (None, state)
    assert user.commit(tree, "awake").stderr == "mine\n" and len(user.spool(tree / ".git")) == 1


def test_before_they_sleep_there_is_something_to_be_done(user: World, tree: Path, shared: Path) -> None:
    seen: list[set[str]] = []
    for _ in range(2):
        sharing.put_to_sleep(user.paths, before=lambda: seen.append(names(shared)))
    assert seen == [AWAKE]


def test_those_that_are_to_sleep_are_not_woken_any_more(user: World, tree: Path, shared: Path) -> None:
    """By a daemon that was told to end while it woke them."""
    sharing.put_to_sleep(user.paths)
    asked: list[bool] = []

    def unless() -> bool:
        with pytest.raises(TokenguardError, match="are being changed"), alone(hook_paths.hooks(user.paths)):
            pass
        asked.append(True)
        return True

    assert not sharing.wake(user.paths, unless) and asked and names(shared) == ASLEEP


def test_whoever_is_interrupted_leaves_one_awake_that_goes_on(
    user: World, tree: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows a commit is the last to fall asleep, and the first to wake."""
    seen: list[bool] = []
    put, wake = sleeping.put_to_sleep, chaining.wake

    def look_and_put(folder: Path, event: str, stub: bytes, still: Callable[[], bool]) -> bool:
        seen.append((shared / "post-commit").exists())
        return put(folder, event, stub, still)

    def wake_and_look(folder: Path, event: str) -> bool:
        done = wake(folder, event)
        seen.append((shared / "post-commit").exists())
        return done

    monkeypatch.setattr(sleeping, "put_to_sleep", look_and_put)
    monkeypatch.setattr(chaining, "wake", wake_and_look)
    assert sharing.put_to_sleep(user.paths) and len(seen) >= len(EVENTS) and all(seen)
    seen.clear()
    assert sharing.wake(user.paths) and seen == [True] * len(EVENTS)


def test_how_it_stands_with_hooks_that_sleep(user: World, tree: Path, shared: Path) -> None:
    sharing.put_to_sleep(user.paths)
    found = standing(look(tree), user.paths, EVENTS)
    assert found.works and found.asleep and found.everywhere.way == "hooks-path"
    assert [hook.event for hook in found.hooks if hook.chained] == ["pre-commit"]


def test_uninstalled_while_they_sleep_everything_is_as_it_was(user: World, shared: Path) -> None:
    before = everything(shared)
    tree, other = user.repository(), user.repository("other")
    install(look(tree), user.paths, EVENTS, None, consent=True)
    user.folder(other / ".git").mkdir(parents=True)
    sharing.put_to_sleep(user.paths)
    for one in (tree, other):
        user.commit(one, "asleep")
    assert uninstall(look(tree), user.paths)
    assert everything(shared) == before and hook_folders.look(user.paths) == []
    for one in (tree, other):
        assert user.spool(one / ".git")[-1:] == [f"1 commit . main {user.hash(one)}"], "what they slept through"
    assert not (user.paths.state_dir / "hooks" / "folders").exists()
    assert not list(user.paths.state_dir.rglob(".tokenguard-read"))


def test_installed_again_while_they_sleep_they_are_awake(user: World) -> None:
    tree = user.with_hooks_in_tree()
    install(look(tree), user.paths, EVENTS, None, consent=True)
    awake = everything(tree / ".githooks")
    sharing.put_to_sleep(user.paths)
    user.commit(tree, "asleep")
    install(look(tree), user.paths, EVENTS, None, consent=False)
    assert everything(tree / ".githooks") == awake
    assert user.spool(tree / ".git")[-1:] == [f"1 commit . main {user.hash(tree)}"]


def test_those_that_an_earlier_version_has_put_there_sleep_once_they_are_installed_again(
    user: World, tree: Path, shared: Path
) -> None:
    (user.paths.state_dir / "hooks" / "folders").unlink()
    assert not sharing.put_to_sleep(user.paths)
    assert install(look(tree), user.paths, EVENTS, None, consent=False).everywhere
    assert sharing.put_to_sleep(user.paths)
    assert install(look(tree), user.paths, EVENTS, None, consent=False).everywhere and names(shared) == ASLEEP


def only_in_groups_like(monkeypatch: pytest.MonkeyPatch, folder: Path | None) -> None:
    """The user's own group is that of a folder; or else there is none."""

    def is_private(gid: int) -> bool:
        return folder is not None and gid == folder.stat().st_gid

    monkeypatch.setattr(owning, "is_private", is_private)


def _group(user: World, folder: Path) -> None:
    folder.chmod(0o775)


def _all(user: World, folder: Path) -> None:
    folder.chmod(0o757)


def _track(user: World, folder: Path) -> None:
    user.git(folder, "init", "--quiet")
    user.git(folder, "add", "--all")


def _need(user: World, folder: Path) -> None:
    reaching.keep_awake(user.paths, True)


def _unknown(user: World, folder: Path) -> None:
    """A git that fails tells nothing of what it tracks."""
    user.git(folder, "init", "--quiet")
    (folder / ".git" / "config").write_text("[core]\n\trepositoryformatversion = 99\n")


@pytest.mark.parametrize("why", [_group, _all, _track, _need, _unknown])
def test_where_they_are_not_to_sleep_they_stay_awake(
    user: World, tree: Path, shared: Path, why: Callable[[World, Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    only_in_groups_like(monkeypatch, None)
    why(user, shared)
    before = everything(shared)
    assert not sharing.may_sleep(user.paths) and not sharing.put_to_sleep(user.paths)
    assert everything(shared) == before


def test_a_folder_that_only_a_group_of_the_user_s_own_can_write_to(
    user: World, tree: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under umask 002."""
    only_in_groups_like(monkeypatch, shared)
    shared.chmod(0o775)
    before = everything(shared)
    assert sharing.put_to_sleep(user.paths) and names(shared) == ASLEEP
    assert sharing.wake(user.paths) and everything(shared) == before


def test_hooks_of_another_state_folder_and_of_others_are_left_alone(user: World, tree: Path, shared: Path) -> None:
    other = replace(user.paths, state_dir=user.root / "elsewhere")
    scripts.write(other)
    hook_folders.put(other, shared)
    assert hook_folders.look(other) == [] and not sharing.put_to_sleep(other) and names(shared) == AWAKE
    user.put_script(shared / "pre-push", TELL)
    sharing.put_to_sleep(user.paths)
    assert names(shared) == (ASLEEP - {"pre-push.tg-asleep"}) | {"pre-push"}
    assert not sharing.wake(other)


def test_in_a_working_tree_they_sleep_where_git_tracks_none(user: World) -> None:
    tree = user.with_hooks_in_tree()
    (tree / ".githooks" / "README").touch()
    user.git(tree, "add", ".githooks")
    user.commit(tree, "second")
    install(look(tree), user.paths, EVENTS, None, consent=True)
    linked = user.root / "linked"
    user.git(tree, "worktree", "add", "--quiet", "-b", "topic", str(linked))
    assert sharing.put_to_sleep(user.paths)
    assert names(tree / ".githooks") == {"README", *(f"{event}.tg-asleep" for event in EVENTS)}
    assert user.git(tree, "diff", "HEAD", "--name-only").stdout == ""
    assert standing(look(tree), user.paths, EVENTS).asleep
    assert sharing.wake(user.paths) and names(tree / ".githooks") == {"README", *EVENTS}


@pytest.mark.parametrize("whose", ["ours", "another one"])
def test_what_git_tracks_is_not_changed(user: World, whose: str) -> None:
    tree = user.with_hooks_in_tree()
    hook = tree / ".githooks" / "pre-commit"
    install(look(tree), user.paths, EVENTS, None, consent=True)
    if whose != "ours":
        sharing.put_to_sleep(user.paths)
    if whose == "another one":
        user.put_script(hook, TELL)
    user.git(tree, "add", str(hook))
    user.commit(tree, "with a hook")
    if whose == "ours":
        assert not sharing.put_to_sleep(user.paths)
    else:
        with pytest.raises(TokenguardError, match=r"pre-commit sleeps, though the daemon runs: .* git tracks that"):
            sharing.wake(user.paths)
        assert (tree / ".githooks" / "post-commit").exists(), "the others are awake"
    assert user.git(tree, "status", "--porcelain", "--untracked-files=no").stdout == ""


def tracked(user: World) -> Path:
    """A repository that tracks a hook, with ours in its place."""
    tree = user.with_hooks_in_tree()
    user.put_script(tree / ".githooks" / "pre-commit", TELL)
    user.git(tree, "add", ".githooks")
    user.commit(tree, "with a hook")
    install(look(tree), user.paths, EVENTS, None, consent=True)
    return tree


def changed(user: World, tree: Path) -> str:
    """What git sees as changed."""
    return user.git(tree, "status", "--porcelain", "--untracked-files=no").stdout


def test_where_git_tracks_the_one_before_it_finds_that_while_ours_sleeps(user: World) -> None:
    tree = tracked(user)
    awake = everything(tree / ".githooks")
    assert changed(user, tree) == " M .githooks/pre-commit\n"
    for _ in range(2):
        assert sharing.may_sleep(user.paths) and sharing.put_to_sleep(user.paths)
        assert names(tree / ".githooks") == ASLEEP and changed(user, tree) == ""
        assert standing(look(tree), user.paths, EVENTS).asleep
        assert user.commit(tree, "asleep").stderr == "mine\n" and user.spool(tree / ".git") == []
        assert sharing.wake(user.paths) and everything(tree / ".githooks") == awake
    uninstall(look(tree), user.paths)
    assert changed(user, tree) == "" and names(tree / ".githooks") == {"pre-commit"}


def test_where_git_brings_another_version_of_it_that_is_the_one_before(user: World) -> None:
    """A pull that git refuses while ours is there goes through while it sleeps."""
    tree = tracked(user)
    there = user.root / "there"
    user.git(user.root, "clone", "--quiet", str(tree), str(there))
    user.put_script(there / ".githooks" / "pre-commit", TELL + "echo more >&2\n")
    user.commit(there, "a newer hook", "--all")
    pull = ("pull", "--quiet", "--ff-only", str(there), "main")
    assert "would be overwritten" in user.git(tree, *pull, code=1).stderr
    assert sharing.put_to_sleep(user.paths)
    user.git(tree, *pull)
    assert user.commit(tree, "asleep").stderr == "mine\nmore\n"
    for _ in range(2):
        assert sharing.wake(user.paths) and chaining.look(tree / ".githooks", "pre-commit").state == "ours"
        assert user.commit(tree, "awake").stderr == "mine\nmore\n"
        assert sharing.put_to_sleep(user.paths) and changed(user, tree) == ""


def test_where_another_branch_has_none_ours_is_alone(user: World) -> None:
    tree = tracked(user)
    sharing.put_to_sleep(user.paths)
    user.git(tree, "checkout", "--quiet", "-b", "without", "HEAD~1")
    assert not (tree / ".githooks" / "pre-commit").exists()
    assert sharing.wake(user.paths) and names(tree / ".githooks") == set(EVENTS)
    assert sharing.put_to_sleep(user.paths)
    user.git(tree, "checkout", "--quiet", "main")
    with pytest.raises(TokenguardError, match="pre-commit sleeps, though the daemon runs"):
        sharing.wake(user.paths)
    assert changed(user, tree) == "" and user.commit(tree, "more").stderr == "mine\n"
    install(look(tree), user.paths, EVENTS, None, consent=False)
    assert names(tree / ".githooks") == AWAKE


def test_one_that_git_tracks_and_that_was_edited_while_ours_slept_waits_for_a_commit(user: World) -> None:
    """With ours in its place, a commit of everything would hold ours instead of what was edited."""
    tree = tracked(user)
    sharing.put_to_sleep(user.paths)
    hook = tree / ".githooks" / "pre-commit"
    user.put_script(hook, TELL + "echo more >&2\n")
    with pytest.raises(TokenguardError, match="pre-commit sleeps, though the daemon runs"):
        sharing.wake(user.paths)
    assert user.commit(tree, "edited", "--all").stderr == "mine\nmore\n"
    assert "echo more" in user.git(tree, "show", "HEAD:.githooks/pre-commit").stdout
    assert sharing.wake(user.paths) and names(tree / ".githooks") == AWAKE
    assert user.commit(tree, "awake").stderr == "mine\nmore\n"


def test_a_rebase_that_began_while_ours_slept_goes_on(user: World) -> None:
    tree = tracked(user)
    sharing.put_to_sleep(user.paths)
    for branch, text in (("main", "a"), ("topic", "b")):
        user.git(tree, "checkout", "--quiet", "-B", branch, "main~0" if branch == "main" else "main~1")
        (tree / "file").write_text(text)
        user.git(tree, "add", "file")
        user.commit(tree, branch)
    user.git(tree, "rebase", "--quiet", "main", code=1)
    with pytest.raises(TokenguardError, match="pre-commit sleeps, though the daemon runs"):
        sharing.wake(user.paths)
    (tree / "file").write_text("both")
    user.git(tree, "add", "file")
    user.git(tree, "rebase", "--continue")
    assert sharing.wake(user.paths) and names(tree / ".githooks") == AWAKE


def test_one_that_git_has_put_back_while_ours_was_awake_is_nobody_s_to_change(user: World) -> None:
    """As `git stash` does it."""
    tree = tracked(user)
    awake = everything(tree / ".githooks")
    user.git(tree, "stash", "--quiet")
    assert sharing.put_to_sleep(user.paths) and changed(user, tree) == ""
    assert user.commit(tree, "asleep").stderr == "mine\n"
    user.git(tree, "stash", "pop", "--quiet")
    assert sharing.wake(user.paths) and everything(tree / ".githooks") == awake


def test_a_git_that_may_start_one_keeps_them_awake(user: World, tree: Path, shared: Path) -> None:
    """Wherever it works: one that waits for its editor has found a hook, and will look for others."""
    elsewhere = user.repository("elsewhere")
    editor, begun, go_on = (user.root / name for name in ("editor", "begun", "go on"))
    os.mkfifo(go_on)
    user.put_script(editor, f"#!/bin/sh\ntouch '{begun}'\nread -r answer <'{go_on}'\necho words >\"$1\"\n")
    command = ["git", "commit", "--quiet", "--allow-empty"]
    with subprocess.Popen(command, cwd=elsewhere, env=user.env | {"GIT_EDITOR": str(editor)}) as waiting:
        until(begun.exists)
        assert not sharing.put_to_sleep(user.paths) and names(shared) == AWAKE
        go_on.write_text("on\n")
        assert waiting.wait(60) == 0
    assert sharing.put_to_sleep(user.paths)


def test_where_gits_begin_right_before_they_stay_awake(
    user: World, tree: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But one that another hook stands behind is never missing, and nothing can fail."""
    numbers = (b"%d" % number for number in itertools.count())
    monkeypatch.setattr(lulls, "newest", numbers.__next__)
    monkeypatch.setattr(lulls, "_is_git", bool)  # no number is 0
    assert sharing.put_to_sleep(user.paths)
    assert names(shared) == {*EVENTS, "pre-commit.tg-chained", "pre-commit.tg-asleep"}
    monkeypatch.setattr(lulls, "newest", bytes)
    assert sharing.put_to_sleep(user.paths) and names(shared) == ASLEEP


def test_while_they_slept_another_hook_was_put_there(user: World, tree: Path, shared: Path) -> None:
    sharing.put_to_sleep(user.paths)
    user.put_script(shared / "pre-push", '#!/bin/sh\necho "$(basename $0)"\n')
    with pytest.raises(TokenguardError, match="another hook is in its place"):
        sharing.wake(user.paths)
    assert sharing.is_asleep(user.paths) and chaining.look(shared, "pre-push").state == "other"
    assert not standing(look(tree), user.paths, EVENTS).works
    (shared / "pre-push").unlink()
    assert sharing.wake(user.paths) and names(shared) == AWAKE


def test_a_folder_of_hooks_that_is_a_link(user: World) -> None:
    tree, elsewhere = user.repository(), user.root / "elsewhere"
    (tree / ".git" / "hooks").rename(elsewhere)
    (tree / ".git" / "hooks").symlink_to(elsewhere)
    before = everything(elsewhere)
    install(look(tree), user.paths, EVENTS, None, consent=True)
    assert sharing.put_to_sleep(user.paths)
    assert standing(look(tree), user.paths, EVENTS).asleep
    assert sharing.wake(user.paths) and sharing.put_to_sleep(user.paths)
    uninstall(look(tree), user.paths)
    assert everything(elsewhere) == before


def test_put_into_one_that_keeps_no_log_they_stay_awake(user: World, shared: Path) -> None:
    tree = user.root / "web"
    tree.mkdir()
    user.git(tree, "init", "--quiet")
    user.git(tree, "config", "core.logAllRefUpdates", "false")
    install(look(tree), user.paths, EVENTS, None, consent=True)
    assert not sharing.put_to_sleep(user.paths) and names(shared) == AWAKE
