"""Hooks for all repositories of a user."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hooks.world import World, everything
from tokenguard.errors import UsageError
from tokenguard_hooks import configuring, everywhere, scripts, sharing
from tokenguard_hooks.installing import install
from tokenguard_hooks.repository import look
from tokenguard_hooks.uninstalling import uninstall


def put_in(world: World, consent: bool = True) -> everywhere.Standing:
    return everywhere.install(world.paths, scripts.EVENTS, consent=consent)


def warns(world: World, tree: Path) -> bool:
    world.say(tree / ".git", "* * 0 warn ok here")
    return world.commit(tree, "another").stderr.startswith("tokenguard: here. Committing goes on.\n")


def test_nothing_happens_without_consent(user: World) -> None:
    before = everything(user.home)
    with pytest.raises(UsageError, match="only in a template") as raised:
        put_in(user, consent=False)
    assert "--global --yes" in raised.value.hint
    assert everything(user.home) == before
    assert not (user.paths.state_dir / "hooks" / "template").exists()


def test_new_repositories_are_made_with_hooks(user: World) -> None:
    old = user.repository("old")
    before = everything(user.home)
    plain = {path.relative_to(old / ".git") for path in (old / ".git" / "hooks").iterdir()}
    assert put_in(user) == everywhere.Standing("template", user.paths.state_dir / "hooks" / "template", True)
    assert not put_in(user).changed
    assert everywhere.look().way == "template"
    new = user.repository("new")
    assert warns(user, new) and not warns(user, old)
    found = {path.relative_to(new / ".git") for path in (new / ".git" / "hooks").iterdir()}
    assert found - plain == {Path("hooks") / event for event in scripts.EVENTS}, "and with all else that git gives them"
    assert (new / ".git" / "info" / "exclude").exists() == (old / ".git" / "info" / "exclude").exists()
    assert not install(look(new), user.paths, scripts.EVENTS, None, consent=False).changed
    assert everywhere.uninstall(user.paths)
    assert everything(user.home) == before
    assert not (user.paths.state_dir / "hooks" / "template").exists()
    assert not warns(user, user.repository("newer"))
    assert warns(user, new), "repositories keep what they have"
    assert not everywhere.uninstall(user.paths)


def test_a_template_of_the_user_s_is_used_with_consent(user: World) -> None:
    template = user.home / "my template"
    (template / "hooks").mkdir(parents=True)
    user.put_script(template / "hooks" / "pre-commit", "#!/bin/sh\necho mine >&2\n")
    user.git(user.root, "config", "--global", "init.templateDir", "~/my template")
    before = everything(user.home)
    with pytest.raises(UsageError, match="new repositories are made from"):
        put_in(user, consent=False)
    assert everything(user.home) == before
    assert put_in(user) == everywhere.Standing("template", template, True)
    tree = user.repository()
    user.say(tree / ".git", "* * 0 warn ok here")
    assert user.commit(tree, "second").stderr == "tokenguard: here. Committing goes on.\nmine\n"
    assert everywhere.uninstall(user.paths)
    assert everything(user.home) == before


def test_a_folder_for_all_hooks_is_used_with_consent(user: World) -> None:
    folder = user.home / "hooks"
    folder.mkdir()
    user.put_script(folder / "pre-push", "#!/bin/sh\ncat >/dev/null\n")
    user.git(user.root, "config", "--global", "core.hooksPath", str(folder))
    before = everything(user.home)
    with pytest.raises(UsageError, match="core.hooksPath sends the hooks of all repositories"):
        put_in(user, consent=False)
    assert put_in(user) == everywhere.Standing("hooks-path", folder, True)
    assert everywhere.look() == everywhere.Standing("hooks-path", folder)
    assert warns(user, user.repository())
    assert everywhere.uninstall(user.paths)
    assert everything(user.home) == before


def test_what_was_committed_while_they_slept_in_a_folder_is_noted_before_they_are_changed(
    user: World, no_gits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = user.home / "hooks"
    user.git(user.root, "config", "--global", "core.hooksPath", str(folder))
    before = everything(user.home)
    tree = user.repository()
    user.folder(tree / ".git").mkdir(parents=True)

    def slept() -> str:
        put_in(user)
        assert sharing.put_to_sleep(user.paths) and everywhere.look() == everywhere.Standing("hooks-path", folder)
        user.commit(tree, "asleep")
        return user.hash(tree)

    hashes = [slept(), slept()]
    assert everywhere.uninstall(user.paths)
    assert everything(user.home) == before | everything(folder)
    hashes.append(slept())
    monkeypatch.setenv("PATH", f"{user.pretend('2.54.1')}:{user.path}")
    assert put_in(user, consent=False).way == "config" and list(folder.iterdir()) == []
    assert {line.split()[-1] for line in user.spool(tree / ".git")} >= set(hashes)


def test_what_is_for_all_is_not_taken_out_of_one(user: World) -> None:
    folder = user.home / "hooks"
    user.git(user.root, "config", "--global", "core.hooksPath", str(folder))
    put_in(user)
    tree = user.repository()
    assert install(look(tree), user.paths, scripts.EVENTS, None, consent=False).everywhere
    assert not uninstall(look(tree), user.paths)
    assert warns(user, tree)


@pytest.mark.parametrize("has_config", [True, False])
def test_a_new_git_has_them_in_its_configuration(modern: World, has_config: bool) -> None:
    config = modern.home / ".gitconfig"
    if not has_config:
        config.unlink()
    before = everything(modern.home)
    assert put_in(modern, consent=False) == everywhere.Standing("config", config, True)
    assert not put_in(modern).changed
    assert everywhere.uninstall(modern.paths)
    assert everything(modern.home) == before


def test_the_configuration_is_the_one_that_git_writes(modern: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (modern.home / ".gitconfig").unlink()
    other = modern.home / ".config" / "git" / "config"
    other.parent.mkdir(parents=True)
    other.write_text("[user]\n\tname = Ann\n")
    assert put_in(modern).where == other
    assert everywhere.uninstall(modern.paths)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(modern.root / "named"))
    assert put_in(modern).where == modern.root / "named"


def test_a_repository_needs_nothing_then(modern: World) -> None:
    put_in(modern)
    tree = modern.repository()
    before = everything(tree)
    done = install(look(tree), modern.paths, scripts.EVENTS, None, consent=False)
    assert (done.everywhere, done.changed) == (True, False)
    assert everything(tree) == before


def test_whoever_upgrades_git_has_them_once(user: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything(user.home)
    put_in(user)
    monkeypatch.setenv("PATH", f"{user.pretend('2.54.1')}:{user.path}")
    assert put_in(user).way == "config"
    assert configuring.holds(user.home / ".gitconfig")
    assert b"templateDir" not in (user.home / ".gitconfig").read_bytes()
    everywhere.uninstall(user.paths)
    assert everything(user.home) == before


def test_a_real_git_runs_them_everywhere(real_modern: World) -> None:
    tree = real_modern.repository()
    put_in(real_modern, consent=False)
    assert warns(real_modern, tree)
    install(look(tree), real_modern.paths, scripts.EVENTS, "config", consent=False)
    before = len(real_modern.spool(tree / ".git"))
    assert warns(real_modern, tree)
    assert len(real_modern.spool(tree / ".git")) == before + 1
    everywhere.uninstall(real_modern.paths)
    assert not warns(real_modern, tree)
