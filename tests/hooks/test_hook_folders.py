"""The record of the folders of others in which hooks of ours are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hooks.world import World
from tokenguard.config import hook_paths
from tokenguard_hooks import chaining, hook_folders, reaching, scripts, sharing, sleeping


@pytest.fixture
def folder(world: World) -> Path:
    """One with hooks of ours, on record."""
    folder = world.root / "shared hooks"
    folder.mkdir(mode=0o755)
    chaining.put_in(folder, scripts.EVENTS, world.paths)
    hook_folders.put(world.paths, folder)
    return folder


def record(world: World) -> Path:
    return hook_paths.hooks(world.paths) / hook_paths.FOLDERS


def test_a_folder_is_known_once_by_its_physical_name(world: World, folder: Path) -> None:
    (before,) = hook_folders.look(world.paths)
    assert before.path == folder
    link = world.root / "link"
    link.symlink_to(folder)
    hook_folders.put(world.paths, link)
    assert hook_folders.look(world.paths) == [before]


def test_a_name_that_nobody_could_tell_hooks(world: World, folder: Path) -> None:
    other = world.root / "line\nfeed"
    other.mkdir()
    hook_folders.put(world.paths, other)
    assert len(hook_folders.told(world.paths)) == 1


@pytest.mark.parametrize("text", ["", "1 x /a\n", "what\n", "1 2\n"])
def test_a_file_that_is_not_understood(world: World, folder: Path, text: str) -> None:
    record(world).write_text(text)
    assert hook_folders.look(world.paths) == [] and not sharing.put_to_sleep(world.paths)
    assert set(hook_folders.awake(folder, world.paths)) == {folder / event for event in scripts.EVENTS}


def test_what_is_awake_and_what_sleeps(world: World, folder: Path) -> None:
    sleeping.put_to_sleep(folder, "pre-push", scripts.stub("pre-push", world.paths))
    (folder / "pre-commit").write_text("#!/bin/sh\n")
    assert set(hook_folders.awake(folder, world.paths)) == {folder / "post-commit", folder / "post-rewrite"}
    assert hook_folders.sleepers(folder, world.paths) == [folder / "pre-push"]


def test_one_is_dropped_when_nothing_of_ours_is_left_in_it(world: World, folder: Path) -> None:
    hook_folders.drop(world.paths, folder)
    assert [one.path for one in hook_folders.look(world.paths)] == [folder]
    other = world.root / "other"
    other.mkdir()
    chaining.put_in(other, scripts.EVENTS, world.paths)
    hook_folders.put(world.paths, other)
    chaining.take_out(folder)
    assert [one.path for one in hook_folders.look(world.paths)] == [other]
    hook_folders.drop(world.paths, folder)
    assert [one.path for one in hook_folders.told(world.paths)] == [other]


@pytest.mark.parametrize("everywhere", [True, False])
def test_with_the_last_one_it_is_forgotten_how_far_logs_were_read(
    world: World, folder: Path, everywhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless hooks of all repositories need it."""
    read = world.folder(world.root / ".git") / hook_paths.READ
    read.parent.mkdir(parents=True)
    read.touch()

    def look(paths: object) -> reaching.Reach | None:
        return reaching.Reach(1, world.root) if everywhere else None

    monkeypatch.setattr(reaching, "look", look)
    chaining.take_out(folder)
    hook_folders.drop(world.paths, folder)
    assert not record(world).exists() and read.exists() is everywhere


@pytest.mark.parametrize("known", [True, False])
def test_hooks_that_could_not_put_themselves_to_sleep_may_try_again(world: World, folder: Path, known: bool) -> None:
    told = hook_paths.hooks(world.paths) / hook_paths.UNSHARED
    told.touch()
    for _ in range(2):
        if known:
            hook_folders.put(world.paths, folder)
        else:
            hook_folders.try_again(world.paths)
        assert not told.exists()
