"""All repositories at once: those that do not answer keep nobody waiting, and one that is broken no other."""

from __future__ import annotations

import shutil
from pathlib import Path
from threading import Event

import pytest

from tests.hooks.world import World
from tokenguard_hooks import resting, scripts
from tokenguard_hooks.installing import install
from tokenguard_hooks.repository import look
from tokenguard_hooks.rounds import Rounds

LONG = 60.0


@pytest.fixture
def rounds(user: World) -> Rounds:
    return Rounds(user.paths)


def hooked(world: World, name: str) -> Path:
    tree = world.repository(name)
    install(look(tree), world.paths, scripts.EVENTS, None, consent=False)
    return tree


def sleeps(tree: Path) -> bool:
    return not (tree / ".git" / "hooks" / "pre-commit").exists()


def test_all_fall_asleep_and_wake(user: World, rounds: Rounds) -> None:
    trees = [hooked(user, name) for name in ("web", "deep/er/api", "web/inner", "it's\nhere")]
    rounds.put_to_sleep(LONG)
    assert all(map(sleeps, trees))
    assert rounds.asleep(LONG) == sorted(tree / ".git" for tree in trees)
    user.commit(trees[1], "second")
    rounds.wake(LONG)
    assert not any(map(sleeps, trees)) and rounds.asleep(LONG) == []
    assert user.spool(trees[1] / ".git") == [f"1 commit . main {user.hash(trees[1])}"]


def test_nothing_is_known(rounds: Rounds) -> None:
    rounds.put_to_sleep(LONG)
    rounds.wake(LONG)
    assert rounds.asleep(LONG) == []


def test_one_that_is_gone_or_broken(user: World, rounds: Rounds, caplog: pytest.LogCaptureFixture) -> None:
    gone, broken, sound = (hooked(user, name) for name in ("gone", "broken", "sound"))
    shutil.rmtree(gone)
    (broken / ".git" / "tokenguard-asleep.new").mkdir()
    rounds.put_to_sleep(LONG)
    assert sleeps(sound) and not sleeps(broken)
    assert f"hooks in {broken}/.git stay as they are" in caplog.text and str(gone) not in caplog.text
    rounds.put_to_sleep(LONG)
    assert caplog.text.count("stay as they are") == 1


def test_what_does_not_answer_is_not_waited_for(user: World, rounds: Rounds, monkeypatch: pytest.MonkeyPatch) -> None:
    trees = [hooked(user, f"r{number}") for number in range(4)]
    rounds.put_to_sleep(LONG)
    answers, others = Event(), [Event() for _ in trees[1:]]
    wake = resting.wake

    def slowly(common_dir: Path, *more: object) -> bool:
        if common_dir == trees[0] / ".git":
            answers.wait(LONG)
            return False
        done = wake(common_dir, user.paths)
        others[trees.index(common_dir.parent) - 1].set()
        return done

    monkeypatch.setattr(resting, "wake", slowly)
    rounds.wake(0)
    assert all(other.wait(LONG) for other in others) and not answers.is_set()
    answers.set()
    assert sleeps(trees[0]) and not any(map(sleeps, trees[1:]))


def test_where_there_is_no_time_hooks_stay_awake(user: World, rounds: Rounds, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, ready = hooked(user, "web"), Event()
    make_ready = resting.make_ready

    def slowly(common_dir: Path, *more: object) -> bool:
        ready.wait(LONG)
        return make_ready(common_dir, user.paths)

    monkeypatch.setattr(resting, "make_ready", slowly)
    rounds.put_to_sleep(0)
    ready.set()
    assert not sleeps(tree)


def test_a_repository_that_was_moved_is_woken_where_it_is(user: World, rounds: Rounds) -> None:
    tree = hooked(user, "web")
    rounds.put_to_sleep(LONG)
    moved = tree.rename(user.root / "moved")
    user.commit(moved, "second")
    rounds.wake(LONG)
    assert sleeps(moved)
    rounds.wake_in(user.root)
    assert sleeps(moved)
    (moved / "below").mkdir()
    rounds.wake_in(moved / "below")
    assert not sleeps(moved)
    assert user.spool(moved / ".git") == [f"1 commit . main {user.hash(moved)}"]
    rounds.put_to_sleep(LONG)
    assert sleeps(moved)
    rounds.wake_in(moved / ".git")
    assert not sleeps(moved)
