"""Hooks of all repositories that sleep and wake, beside the configuration of a user."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hooks.world import World
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.errors import TokenguardError
from tokenguard_hooks import configuring, everywhere, reaching, scripts
from tokenguard_hooks.locking import alone


@pytest.fixture
def beside(modern: World) -> Path:
    """Where hooks are that are awake."""
    everywhere.install(modern.paths, scripts.EVENTS, consent=False)
    return modern.home / ".tokenguard-hooks"


def asleep(beside: Path) -> Path:
    return beside.with_name(".tokenguard-hooks.tg-asleep")


def test_they_sleep_and_wake(modern: World, beside: Path) -> None:
    hooks, reach = beside.read_bytes(), reaching.look(modern.paths)
    assert reach is not None and reach.config == modern.home / ".gitconfig"
    assert not reaching.is_asleep(modern.paths) and not reaching.wake(modern.paths)
    before = reaching.state(modern.paths)
    assert before is not None
    assert reaching.put_to_sleep(modern.paths) and reaching.is_asleep(modern.paths)
    assert not beside.exists() and asleep(beside).read_bytes() == hooks
    assert reaching.state(modern.paths) is None and reaching.look(modern.paths) == reach
    assert reaching.put_to_sleep(modern.paths), "they do already"
    assert reaching.wake(modern.paths) and beside.read_bytes() == hooks and not asleep(beside).exists()
    assert reaching.state(modern.paths) not in (None, before)


def test_those_that_are_to_sleep_are_not_woken_any_more(modern: World, beside: Path) -> None:
    reaching.put_to_sleep(modern.paths)
    assert not reaching.wake(modern.paths, lambda: True) and not beside.exists()


def test_before_they_sleep_there_is_something_to_be_done(modern: World, beside: Path) -> None:
    seen: list[bool] = []

    def look() -> None:
        seen.append(beside.exists())
        with pytest.raises(TokenguardError, match="are being changed"), alone(hook_paths.hooks(modern.paths)):
            pass

    reaching.put_to_sleep(modern.paths, look)
    reaching.put_to_sleep(modern.paths, look)
    assert seen == [True]


def test_where_something_would_be_lost_they_stay_awake(modern: World, beside: Path) -> None:
    reaching.keep_awake(modern.paths, True)
    assert not reaching.may_sleep(modern.paths)
    assert not reaching.put_to_sleep(modern.paths) and beside.exists()
    reaching.keep_awake(modern.paths, False)
    reaching.keep_awake(modern.paths, False)
    assert reaching.put_to_sleep(modern.paths)


def test_those_of_another_state_folder_are_left_alone(modern: World, beside: Path, tmp_path: Path) -> None:
    others = Paths(tmp_path / "other", tmp_path / "other")
    hook_paths.hooks(others).mkdir(parents=True)
    assert not reaching.put_to_sleep(others)
    reaching.put(others, modern.home / ".gitconfig")
    assert not reaching.put_to_sleep(others) and reaching.look(others) is None and beside.exists()
    reaching.put_to_sleep(modern.paths)
    assert not reaching.wake(others) and not reaching.is_asleep(others) and not beside.exists()


def test_without_the_line_that_includes_them_there_is_nothing_to_wake(modern: World, beside: Path) -> None:
    configuring.take_out(modern.home / ".gitconfig")
    assert reaching.look(modern.paths) is None and not reaching.put_to_sleep(modern.paths)


def test_since_when_they_can_sleep_is_kept(modern: World, beside: Path) -> None:
    before = reaching.look(modern.paths)
    reaching.put_to_sleep(modern.paths)
    everywhere.install(modern.paths, scripts.EVENTS, consent=False)
    assert reaching.look(modern.paths) == before and beside.exists() and not asleep(beside).exists()


@pytest.mark.parametrize("text", ["", "1\n", "1 x\na\nb\n", "2 1\na\nb\n", "1 1\na\n"])
def test_a_record_that_is_not_understood(modern: World, beside: Path, text: str) -> None:
    (hook_paths.hooks(modern.paths) / hook_paths.EVERYWHERE).write_text(text)
    assert reaching.look(modern.paths) is None
    assert not reaching.put_to_sleep(modern.paths) and not reaching.is_asleep(modern.paths)


def test_all_of_it_is_forgotten(modern: World, beside: Path) -> None:
    folder = modern.folder(modern.root / "web" / ".git")
    folder.mkdir(parents=True)
    (folder / hook_paths.READ).write_bytes(b"1\0")
    reaching.keep_awake(modern.paths, True)
    reaching.forget(modern.paths)
    reaching.forget(modern.paths)
    assert not (folder / hook_paths.READ).exists() and not reaching.sleepless(modern.paths).exists()
    assert reaching.look(modern.paths) is None
