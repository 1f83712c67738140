"""Installing hooks in a repository, whatever it is like: taken out, they have never been there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.hooks.world import World, everything
from tokenguard.errors import TokenguardError, UsageError
from tokenguard_hooks import chaining, scripts
from tokenguard_hooks.installing import Installed, install
from tokenguard_hooks.repository import look
from tokenguard_hooks.uninstalling import uninstall

ALL = (*scripts.EVENTS, *scripts.SIGNING)


def put_in(user: World, tree: Path, way: str | None = None, *, consent: bool = False) -> Installed:
    return install(look(tree), user.paths, ALL, way, consent=consent)


def works(user: World, tree: Path, common_dir: Path | None = None) -> None:
    """A commit there is warned of, and noted."""
    common_dir = common_dir or tree / ".git"
    before = len(user.spool(common_dir))
    user.say(common_dir, "* * 0 warn ok here")
    assert user.commit(tree, "another").stderr.count("tokenguard: here. Committing goes on.\n") == 1
    assert user.spool(common_dir)[before:][-1].endswith(user.hash(tree))


@pytest.fixture
def tree(user: World) -> Path:
    return user.repository()


def test_hooks_go_where_git_looks_and_leave_nothing(user: World, tree: Path) -> None:
    before = everything(tree, user.home)
    done = put_in(user, tree)
    assert (done.way, done.where, done.changed, done.chained) == ("chain", tree / ".git" / "hooks", True, ())
    works(user, tree)
    after = everything(tree, user.home)
    assert not put_in(user, tree).changed
    assert everything(tree, user.home) == after
    assert uninstall(look(tree), user.paths)
    user.git(tree, "reset", "--quiet", "--soft", "HEAD~1")
    hooks = tree / ".git" / "hooks"
    assert everything(hooks) == {name: one for name, one in before.items() if Path(name).is_relative_to(hooks)}
    assert not uninstall(look(tree), user.paths)


def mine(user: World, tree: Path) -> Path:
    """Hooks of all kinds that a person may have."""
    hooks = tree / ".git" / "hooks"
    user.put_script(hooks / "pre-commit", "#!/bin/sh\necho mine >&2\n")
    (hooks / "pre-commit").chmod(0o750)
    user.put_script(user.root / "shared", "#!/bin/sh\necho shared >&2\n")
    (hooks / "commit-msg").symlink_to(os.path.relpath(user.root / "shared", hooks))
    (hooks / "pre-push").write_bytes(b"#!/bin/sh\r\nnot for running \xff")
    (hooks / "post-commit").symlink_to("nowhere")
    return hooks


def test_hooks_that_are_there_run_and_come_back_byte_for_byte(user: World, tree: Path) -> None:
    hooks = mine(user, tree)
    before = everything(tree, user.home)
    inode = (hooks / "pre-commit").stat().st_ino
    done = put_in(user, tree)
    assert set(done.chained) == {"pre-commit", "commit-msg", "pre-push", "post-commit"}
    assert (hooks / "post-commit.tg-chained").is_symlink()
    assert user.commit(tree, "second").stderr == "mine\nshared\n"
    user.git(tree, "reset", "--quiet", "--soft", "HEAD~1")
    assert uninstall(look(tree), user.paths)
    assert everything(hooks) == {name: one for name, one in before.items() if Path(name).is_relative_to(hooks)}
    assert (hooks / "pre-commit").stat().st_ino == inode


def test_installing_again_and_again_is_installing_once(user: World, tree: Path) -> None:
    hooks = mine(user, tree)
    before = everything(hooks)
    for _ in range(3):
        put_in(user, tree)
    assert uninstall(look(tree), user.paths)
    assert everything(hooks) == before


def test_another_state_folder_takes_over(user: World, tree: Path) -> None:
    hooks = mine(user, tree)
    before = everything(hooks)
    put_in(user, tree)
    text = (hooks / "pre-commit").read_bytes()
    (hooks / "pre-commit").write_bytes(text.replace(os.fsencode(user.paths.state_dir), b"/elsewhere"))
    assert put_in(user, tree).changed
    assert (hooks / "pre-commit").read_bytes() == text
    uninstall(look(tree), user.paths)
    assert everything(hooks) == before


def test_a_hook_that_is_not_executable_is_made_so(user: World, tree: Path) -> None:
    put_in(user, tree)
    (tree / ".git" / "hooks" / "pre-commit").chmod(0o644)
    assert put_in(user, tree).changed
    works(user, tree)


def refuse(*_: object, **options: object) -> bool:
    """In place of putting hooks in."""
    raise TokenguardError("no more")


def test_a_folder_of_hooks_that_was_not_there_is_not_there_again(
    user: World, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = tree / ".git" / "hooks"
    for sample in hooks.iterdir():
        sample.unlink()
    hooks.rmdir()
    put_in(user, tree)
    works(user, tree)
    uninstall(look(tree), user.paths)
    assert not hooks.exists()
    with pytest.raises(TokenguardError), monkeypatch.context() as failing:
        failing.setattr(chaining, "put_in", refuse)
        put_in(user, tree)
    assert not hooks.exists()
    hooks.mkdir()
    put_in(user, tree)
    uninstall(look(tree), user.paths)
    assert hooks.exists()


@pytest.mark.parametrize("end", [".legacy", ".old"])
def test_a_program_that_puts_our_hook_aside_loses_nothing(user: World, tree: Path, end: str) -> None:
    """As pre-commit and lefthook do."""
    hooks = tree / ".git" / "hooks"
    user.put_script(hooks / "pre-commit", "#!/bin/sh\necho mine >&2\n")
    put_in(user, tree)
    (hooks / "pre-commit").rename(hooks / f"pre-commit{end}")
    user.put_script(hooks / "pre-commit", "#!/bin/sh\necho theirs >&2\n")
    assert put_in(user, tree).chained == ("pre-commit",)
    assert user.commit(tree, "second").stderr == "theirs\n"
    assert (hooks / f"pre-commit{end}").read_text() == "#!/bin/sh\necho mine >&2\n"
    uninstall(look(tree), user.paths)
    assert (hooks / "pre-commit").read_text() == "#!/bin/sh\necho theirs >&2\n"
    assert not list(hooks.glob("*.tg-chained"))


def test_a_hook_that_took_the_place_of_ours_is_left_alone(user: World, tree: Path) -> None:
    hooks = tree / ".git" / "hooks"
    user.put_script(hooks / "pre-commit", "#!/bin/sh\necho first >&2\n")
    put_in(user, tree)
    user.put_script(hooks / "pre-commit", "#!/bin/sh\necho second >&2\n")
    before = everything(hooks)
    with pytest.raises(UsageError, match="tg-chained is there"):
        put_in(user, tree)
    assert everything(hooks) == before
    uninstall(look(tree), user.paths)
    assert user.commit(tree, "x").stderr == "second\n"
    assert chaining.left_behind(hooks) == [hooks / "pre-commit.tg-chained"]


def test_a_hook_of_ours_that_was_edited_is_left_alone(user: World, tree: Path) -> None:
    put_in(user, tree)
    hook = tree / ".git" / "hooks" / "pre-push"
    hook.write_bytes(hook.read_bytes() + b"echo more\n")
    with pytest.raises(UsageError, match="has been changed since"):
        put_in(user, tree)
    uninstall(look(tree), user.paths)
    assert hook.read_bytes().endswith(b"echo more\n")
    assert chaining.left_behind(hook.parent) == [hook]


@pytest.mark.parametrize(
    "text",
    [
        '#!/bin/sh\nexec /opt/dispatch "$(basename "$0")" "$@"\n',
        '#!/bin/sh\nfor part in "$0.d/${0##*/}"*; do "$part"; done\n',
        "#!/usr/bin/env ruby\nhook_type = File.basename($0)\n",
        "#!/usr/bin/env python3\nimport sys; print(sys.argv[0])\n",
    ],
)
def test_a_hook_that_goes_by_its_name_is_not_renamed(user: World, tree: Path, text: str) -> None:
    hooks = tree / ".git" / "hooks"
    user.put_script(hooks / "post-commit", text)
    before = everything(hooks)
    with pytest.raises(UsageError, match="goes by its own name") as raised:
        put_in(user, tree)
    assert f'{user.paths.state_dir}/hooks/run post-commit "$@" || exit' in raised.value.hint
    assert f": [ ! -e {user.paths.state_dir}/hooks/awake ] || " in raised.value.hint
    assert everything(hooks) == before
    user.git(tree, "config", "core.logAllRefUpdates", "false")
    (tree / ".git" / "logs" / "HEAD").unlink()
    with pytest.raises(UsageError, match="goes by its own name") as raised:
        put_in(user, tree)
    assert "awake" not in raised.value.hint, "what is not noted at once is nowhere to be found"


def test_a_link_to_another_hook_is_not_led_astray(user: World, tree: Path) -> None:
    hooks = mine(user, tree)
    (hooks / "post-rewrite").symlink_to("pre-commit")
    before = everything(hooks)
    with pytest.raises(UsageError, match="is a link to another hook"):
        put_in(user, tree)
    assert everything(hooks) == before


def test_a_link_is_never_ours(user: World, tree: Path) -> None:
    put_in(user, tree)
    hooks = tree / ".git" / "hooks"
    (hooks / "post-rewrite").unlink()
    (hooks / "post-rewrite").symlink_to("pre-commit")
    assert chaining.look(hooks, "post-rewrite").state == "other"
    uninstall(look(tree), user.paths)
    assert (hooks / "post-rewrite").is_symlink()


def test_what_fails_half_way_is_taken_back(user: World, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = mine(user, tree)
    user.put_script(hooks / "post-rewrite", "#!/bin/sh\ncat >/dev/null\n")
    before = everything(hooks)
    real = scripts.stub

    def failing(event: str, paths: object) -> bytes:
        if event == "post-rewrite":
            raise TokenguardError("no more")
        return real(event, user.paths)

    monkeypatch.setattr(scripts, "stub", failing)
    with pytest.raises(TokenguardError, match="no more"):
        put_in(user, tree)
    monkeypatch.undo()
    assert everything(hooks) == before
    assert not user.folder(tree / ".git").exists(), "the daemon sees no hooks there"


def test_whoever_was_interrupted_can_go_on_or_back(user: World, tree: Path) -> None:
    """Between two steps the hook that is there has two names."""
    hooks = tree / ".git" / "hooks"
    user.put_script(hooks / "pre-commit", "#!/bin/sh\necho mine >&2\n")
    before = everything(hooks)
    os.link(hooks / "pre-commit", hooks / "pre-commit.tg-chained")
    assert chaining.look(hooks, "pre-commit").chained is False
    uninstall(look(tree), user.paths)
    assert everything(hooks) == before
    os.link(hooks / "pre-commit", hooks / "pre-commit.tg-chained")
    put_in(user, tree)
    assert user.commit(tree, "second").stderr == "mine\n"
    uninstall(look(tree), user.paths)
    assert everything(hooks) == before


def test_a_folder_in_the_place_of_a_hook(user: World, tree: Path) -> None:
    (tree / ".git" / "hooks" / "pre-push").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        put_in(user, tree)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told_of(user: World, tree: Path) -> None:
    (tree / ".git" / "hooks").chmod(0o500)
    with pytest.raises(TokenguardError, match="Permission denied"):
        put_in(user, tree)


def test_linked_working_trees_share_hooks(user: World, tree: Path) -> None:
    linked = user.root / "linked tree"
    user.git(tree, "worktree", "add", "--quiet", "-b", "linked", str(linked))
    assert put_in(user, linked).where == tree / ".git" / "hooks"
    works(user, linked, tree / ".git")
    works(user, tree)
    uninstall(look(linked), user.paths)
    assert chaining.look(tree / ".git" / "hooks", "pre-commit").state == "none"


def test_a_submodule_has_hooks_of_its_own(user: World, tree: Path) -> None:
    other = user.repository("other")
    user.git(tree, "submodule", "--quiet", "add", str(other), "lib")
    inside = tree / ".git" / "modules" / "lib"
    assert put_in(user, tree / "lib").where.resolve() == inside / "hooks"
    works(user, tree / "lib", inside)
    assert user.commit(tree, "second").stderr == ""


def test_a_bare_repository(user: World, tree: Path) -> None:
    bare = user.root / "bare.git"
    user.git(user.root, "clone", "--quiet", "--bare", str(tree), str(bare))
    before = everything(bare)
    assert put_in(user, bare).where == bare / "hooks"
    user.say(bare, "* * 0 ok block here")
    assert "tokenguard: this push is stopped" in user.git(bare, "push", str(tree), "main:other", code=1).stderr
    uninstall(look(bare), user.paths)
    assert everything(bare) == before


@pytest.mark.parametrize("name", ["with space", "it's", 'a "quote"', "line\nfeed", "$HOME", "-n"])
def test_folders_of_any_name(user: World, name: str) -> None:
    tree = user.repository(name)
    before = everything(tree / ".git" / "hooks")
    put_in(user, tree / ".git" / "..")
    works(user, tree)
    uninstall(look(tree), user.paths)
    assert everything(tree / ".git" / "hooks") == before


def test_from_a_folder_below_and_from_within(user: World, tree: Path) -> None:
    below = tree / "a" / "b"
    below.mkdir(parents=True)
    assert put_in(user, below).where == tree / ".git" / "hooks"
    assert not put_in(user, tree / ".git").changed
    assert not put_in(user, tree / ".git" / "objects").changed


def test_a_repository_that_has_moved_keeps_its_hooks(user: World, tree: Path) -> None:
    hooks = mine(user, tree)
    before = everything(hooks)
    put_in(user, tree)
    moved = user.root / "moved"
    tree.rename(moved)
    assert "mine" in user.commit(moved, "second").stderr
    assert user.spool(moved / ".git") == [f"1 commit . main {user.hash(moved)}"]
    uninstall(look(moved), user.paths)
    after = everything(moved / ".git" / "hooks")
    assert {Path(name).name: one for name, one in after.items()} == {
        Path(name).name: one for name, one in before.items()
    }


def test_a_folder_of_hooks_elsewhere_needs_consent(user: World, tree: Path) -> None:
    user.git(tree, "config", "core.hooksPath", ".githooks")
    shared = tree / ".githooks"
    shared.mkdir()
    user.put_script(shared / "pre-commit", "#!/bin/sh\necho shared >&2\n")
    before = everything(tree)
    with pytest.raises(UsageError, match="local core.hooksPath") as raised:
        put_in(user, tree)
    assert "--yes" in raised.value.hint
    assert everything(tree) == before
    below = tree / "below"
    below.mkdir()
    done = put_in(user, below, consent=True)
    assert (done.where, done.chained) == (shared, ("pre-commit",))
    assert not put_in(user, tree).changed, "to be asked once is enough"
    user.say(tree / ".git", "* * 0 warn ok here")
    assert user.commit(tree, "second").stderr == "tokenguard: here. Committing goes on.\nshared\n"
    uninstall(look(tree), user.paths)
    assert [path.name for path in shared.iterdir()] == ["pre-commit"]
    assert (shared / "pre-commit").read_text() == "#!/bin/sh\necho shared >&2\n"


def test_a_linked_folder_of_hooks_needs_consent(user: World, tree: Path) -> None:
    hooks, shared = tree / ".git" / "hooks", user.root / "hooks of a team"
    hooks.rename(shared)
    hooks.symlink_to(shared)
    with pytest.raises(UsageError, match="a link"):
        put_in(user, tree)
    put_in(user, tree, consent=True)
    works(user, tree)
    uninstall(look(tree), user.paths)
    assert hooks.is_symlink() and not list(shared.glob("*commit"))


def test_hooks_that_are_switched_off_stay_so(user: World, tree: Path) -> None:
    user.git(tree, "config", "core.hooksPath", "/dev/null")
    with pytest.raises(UsageError, match="switched off"):
        put_in(user, tree, consent=True)


def test_outside_a_repository(user: World) -> None:
    with pytest.raises(UsageError, match="is in no git repository"):
        look(user.root)


def test_without_git(user: World, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(user.root / "nothing"))
    with pytest.raises(TokenguardError, match="git is not found"):
        look(tree)


def test_a_repository_of_somebody_else_is_told_of(user: World, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(TokenguardError, match="dubious ownership"):
        look(tree)


def test_an_old_git_cannot_be_configured(user: World, tree: Path) -> None:
    with pytest.raises(UsageError, match=r"git 2\.53\.0 finds no hooks in its configuration"):
        put_in(user, tree, "config")
