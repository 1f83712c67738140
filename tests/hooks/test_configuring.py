"""Hooks by git's own configuration: lines at the end of a file, and a file as it was before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.hooks.world import World, everything
from tokenguard.config.paths import Paths
from tokenguard.errors import TokenguardError, UsageError
from tokenguard_hooks import chaining, configuring, repository, scripts
from tokenguard_hooks.installing import install
from tokenguard_hooks.repository import look
from tokenguard_hooks.uninstalling import uninstall

ALL = (*scripts.EVENTS, *scripts.SIGNING)


@pytest.fixture
def tree(modern: World) -> Path:
    return modern.repository()


@pytest.fixture
def config(tree: Path) -> Path:
    return tree / ".git" / "config"


CONTENTS = {
    "as git writes it": None,
    "empty": b"",
    "without an end": b"[core]\n\trepositoryformatversion = 0\n[user]\n\tname = Bob",
    "with odd bytes": b'[core]\r\n\trepositoryformatversion = 0\r\n; \xff\n[alias]\n\tx = "!echo \'#\' \\"" # y\n\n\n',
    "with a line that goes on": b"[core]\n\trepositoryformatversion = 0\n[alias]\n\tx = y\\",
    "with a hook": b'[core]\n\tbare = false\n[hook "lint"]\n\tevent = pre-commit\n\tcommand = make lint\n',
}


@pytest.mark.parametrize("content", CONTENTS)
def test_the_configuration_is_what_it_was(modern: World, tree: Path, config: Path, content: str) -> None:
    data = CONTENTS[content]
    if data is not None:
        config.write_bytes(data)
    config.chmod(0o640)
    before = everything(tree)
    done = install(look(tree), modern.paths, ALL, None, consent=False)
    assert (done.way, done.where, done.changed) == ("config", config, True)
    assert config.stat().st_mode & 0o777 == 0o640
    after = config.read_bytes()
    assert not install(look(tree), modern.paths, ALL, None, consent=False).changed
    assert config.read_bytes() == after
    for event in ALL:
        told = modern.git(tree, "config", "--null", "--get-regexp", rf"^hook\.tokenguard-{event}\.").stdout.split("\0")
        assert told[0] == f"hook.tokenguard-{event}.event\n{event}"
        assert told[1] == f"hook.tokenguard-{event}.command\n{scripts.command(event, modern.paths).decode()}"
    assert uninstall(look(tree), modern.paths)
    assert everything(tree) == before
    assert not uninstall(look(tree), modern.paths)


@pytest.mark.parametrize("end", [b"\n", b""])
def test_what_others_add_later_stays(modern: World, tree: Path, config: Path, end: bytes) -> None:
    config.write_bytes(b"[core]\n\trepositoryformatversion = 0" + end)
    install(look(tree), modern.paths, ALL, None, consent=False)
    modern.git(tree, "config", "user.email", "bob@example.com")
    install(look(tree), modern.paths, ALL, None, consent=False)
    uninstall(look(tree), modern.paths)
    assert config.read_bytes() == b"[core]\n\trepositoryformatversion = 0\n[user]\n\temail = bob@example.com\n"


def test_what_git_writes_into_our_lines_goes_with_them(modern: World, tree: Path, config: Path) -> None:
    before = config.read_bytes()
    install(look(tree), modern.paths, ALL, None, consent=False)
    modern.git(tree, "config", "hook.tokenguard-pre-push.enabled", "false")
    uninstall(look(tree), modern.paths)
    assert config.read_bytes() == before


def test_other_hooks_are_wanted_later(modern: World, tree: Path, config: Path) -> None:
    before = config.read_bytes()
    install(look(tree), modern.paths, scripts.EVENTS, None, consent=False)
    assert install(look(tree), modern.paths, ALL, None, consent=False).changed
    assert modern.git(tree, "config", "hook.tokenguard-commit-msg.event").stdout == "commit-msg\n"
    assert modern.git(tree, "config", "--get-all", "hook.tokenguard-pre-push.event").stdout == "pre-push\n"
    uninstall(look(tree), modern.paths)
    assert config.read_bytes() == before


@pytest.mark.parametrize("included", [True, False])
def test_sections_of_others_among_our_lines_are_not_taken_out(
    modern: World, tree: Path, config: Path, included: bool
) -> None:
    configuring.put_in(config, configuring.included(config) if included else configuring.hooks(ALL, modern.paths))
    ours = b'[includeIf "gitdir:/"]' if included else b'[hook "tokenguard-pre-push"]'
    data = config.read_bytes().replace(ours, b"[alias]\n\tx = y\n" + ours)
    config.write_bytes(data)
    with pytest.raises(UsageError, match="has other sections between the lines"):
        uninstall(look(tree), modern.paths)
    assert config.read_bytes() == data


def test_without_the_lines_around_them_git_knows_them_by_name(modern: World, tree: Path, config: Path) -> None:
    install(look(tree), modern.paths, ALL, None, consent=False)
    config.write_bytes(b"".join(line for line in config.read_bytes().splitlines(True) if b"# tokenguard" not in line))
    assert uninstall(look(tree), modern.paths)
    assert b"tokenguard" not in config.read_bytes()
    assert modern.git(tree, "config", "core.bare").stdout == "false\n"


def test_a_file_that_git_is_writing_is_left_alone(modern: World, tree: Path, config: Path) -> None:
    lock = config.with_name("config.lock")
    lock.touch()
    before = config.read_bytes()
    with pytest.raises(TokenguardError, match="git is writing this file"):
        install(look(tree), modern.paths, ALL, None, consent=False)
    assert lock.exists() and config.read_bytes() == before


@pytest.mark.parametrize("data", [b"[core\n", b'[alias]\n\tx = "unfinished'])
def test_a_file_whose_end_would_swallow_our_lines_is_left_alone(tmp_path: Path, modern: World, data: bytes) -> None:
    file = tmp_path / "gitconfig"
    file.write_bytes(data)
    with pytest.raises(UsageError, match="git does not understand"):
        configuring.put_in(file, configuring.hooks(ALL, modern.paths))
    assert file.read_bytes() == data
    assert not file.with_name("gitconfig.lock").exists()


def test_a_link_to_a_configuration_stays_one(tmp_path: Path, modern: World) -> None:
    target = tmp_path / "dotfiles" / "gitconfig"
    target.parent.mkdir()
    target.write_bytes(b"[user]\n\tname = Ann\n")
    link = tmp_path / "gitconfig"
    link.symlink_to(target)
    assert configuring.put_in(link, configuring.hooks(ALL, modern.paths))
    assert link.is_symlink() and configuring.holds(target)
    assert configuring.take_out(link)
    assert link.is_symlink() and target.read_bytes() == b"[user]\n\tname = Ann\n"


def test_a_file_that_was_not_there_is_not_there_again(tmp_path: Path, modern: World) -> None:
    file = tmp_path / "new" / "gitconfig"
    file.parent.mkdir()
    configuring.put_in(file, configuring.hooks(ALL, modern.paths))
    configuring.put_in(file, configuring.hooks(scripts.EVENTS, modern.paths))
    assert configuring.take_out(file)
    assert not file.exists()
    configuring.put_in(file, configuring.hooks(ALL, modern.paths))
    file.write_bytes(file.read_bytes() + b"[a]\n\tb = c\n")
    assert configuring.take_out(file)
    assert file.read_bytes() == b"[a]\n\tb = c\n"


@pytest.mark.parametrize("state", ["/it's", '/a "b"', "/a\\b", "/a\nb", "/a;b#c", "/\udce9", "/$x`y`"])
def test_names_of_folders_survive_the_configuration(tmp_path: Path, modern: World, state: str) -> None:
    paths = Paths(Path(state), Path(state))
    file = tmp_path / "config"
    configuring.put_in(file, configuring.hooks(["pre-push"], paths))
    command = repository.listed(file)
    assert command is not None
    assert command[1] == "hook.tokenguard-pre-push.command\n" + os.fsdecode(scripts.command("pre-push", paths))


def test_hooks_in_the_folder_go_when_the_configuration_has_them(modern: World, tree: Path) -> None:
    hooks = tree / ".git" / "hooks"
    modern.put_script(hooks / "pre-commit", "#!/bin/sh\n")
    before = everything(hooks)
    install(look(tree), modern.paths, ALL, "chain", consent=False)
    assert install(look(tree), modern.paths, ALL, None, consent=False).way == "chain", "what is there stays"
    install(look(tree), modern.paths, ALL, "config", consent=False)
    assert everything(hooks) == before
    assert install(look(tree), modern.paths, ALL, "chain", consent=False).changed
    assert not configuring.holds(tree / ".git" / "config")
    assert chaining.look(hooks, "pre-commit").chained


def test_a_real_git_runs_them_beside_those_that_are_there(real_modern: World) -> None:
    world = real_modern
    tree = world.repository('it\'s a "tree"')
    hooks = tree / ".git" / "hooks"
    for event in ("pre-commit", "pre-push", "post-rewrite"):
        read = "cat >&2; " if event != "pre-commit" else ""
        world.put_script(hooks / event, f'#!/bin/sh\n{read}echo "own {event} $*" >&2\n')
    before = everything(tree)
    assert install(look(tree), world.paths, ALL, None, consent=False).way == "config"
    world.say(tree / ".git", "* * 0 warn ok here")
    world.name_run(tree / ".git", "* * 6f1c2b claude:opus-5.5")
    done = world.commit(tree, "second")
    assert done.stderr == "tokenguard: here. Committing goes on.\nown pre-commit \n"
    assert world.git(tree, "log", "-1", "--format=%B").stdout.startswith("second\n\nTokenguard-Session: 6f1c2b\n")
    old = world.hash(tree)
    told = world.commit(tree, "other", "--amend").stderr
    new = world.hash(tree)
    assert f"{old} {new}\nown post-rewrite amend\n" in told
    assert world.spool(tree / ".git") == [
        f"1 commit . main {old}",
        f"1 commit . main {new}",
        f"1 rewrite amend {old} {new}",
    ]
    world.say(tree / ".git", "* * 0 block block here")
    world.commit(tree, "third", code=1)
    world.commit(tree, "third", env={"TOKENGUARD_OVERRIDE": "a demo"})
    remote = world.root / "remote.git"
    world.git(world.root, "init", "--quiet", "--bare", str(remote))
    assert "this push is stopped" in world.git(tree, "push", str(remote), "main", code=1).stderr
    world.say(tree / ".git", "* * 0 ok warn here")
    told = world.git(tree, "push", str(remote), "main").stderr
    assert "Pushing goes on" in told and f"refs/heads/main {world.hash(tree)}" in told and "own pre-push" in told
    linked = world.root / "linked"
    world.git(tree, "worktree", "add", "--quiet", "-b", "topic", str(linked))
    world.say(tree / ".git", "linked topic 0 warn ok the linked one", "* * 0 ok ok -")
    assert "the linked one" in world.commit(linked, "x").stderr
    assert uninstall(look(tree), world.paths)
    config = str(tree / ".git" / "config")
    assert everything(tree / ".git" / "config")[config] == before[config]
    assert world.commit(tree, "last").stderr == "own pre-commit \n"


def test_a_real_git_with_references_in_tables(real_modern: World) -> None:
    world = real_modern
    tree = world.root / "tables"
    world.git(world.root, "init", "--quiet", "--ref-format=reftable", str(tree))
    install(look(tree), world.paths, ALL, None, consent=False)
    world.commit(tree, "first")
    world.git(tree, "checkout", "--quiet", "-b", "feat/x")
    world.say(tree / ".git", "* feat/x 0 warn ok here", "* * 0 block block all")
    assert world.commit(tree, "second").stderr == "tokenguard: here. Committing goes on.\n"
    assert world.spool(tree / ".git") == [
        f"1 commit . main {world.hash(tree, 'HEAD~1')}",
        f"1 commit . feat/x {world.hash(tree)}",
    ]
