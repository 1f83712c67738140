"""Hooks get other names while no git is about, which is looked before each."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hooks.world import World
from tokenguard_hooks import chaining, lulls, scripts, sleeping

FORMER = "#!/bin/sh\necho former\n"
ORDER = [event for event in scripts.TO_SLEEP if event in scripts.EVENTS]


@pytest.fixture
def folder(world: World) -> Path:
    """A folder of hooks, with ours in it."""
    folder = world.root / "hooks"
    folder.mkdir()
    chaining.put_in(folder, scripts.EVENTS, world.paths)
    return folder


def awake(folder: Path) -> list[str]:
    return [
        event
        for event in ORDER
        if scripts.is_stub((folder / event).read_bytes() if (folder / event).exists() else None)
    ]


def never() -> bool:
    return False


def numbers(monkeypatch: pytest.MonkeyPatch, told: Iterator[bytes]) -> None:
    """What has begun last, each time that it is asked."""
    monkeypatch.setattr(lulls, "newest", lambda: next(told))


def test_they_fall_asleep_in_their_order(world: World, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def look() -> bool:
        seen.append(awake(folder))
        return False

    numbers(monkeypatch, itertools.repeat(b"1"))
    assert lulls.put_to_sleep(folder, world.paths, look, 1)
    assert seen == [ORDER[number:] for number in range(len(ORDER))], "it is looked before each"
    assert awake(folder) == [] and not lulls.put_to_sleep(folder, world.paths, look, 1)


def test_what_was_seen_a_moment_ago_holds_while_nothing_begins(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[bool] = []

    def look() -> bool:
        looks.append(True)
        return False

    numbers(monkeypatch, itertools.repeat(b"1"))
    assert lulls.put_to_sleep(folder, world.paths, look, 1, fresh_s=60) and len(looks) == 1


def test_where_nothing_tells_of_what_begins_it_is_looked_before_each(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS."""
    looks: list[bool] = []

    def look() -> bool:
        looks.append(True)
        return False

    numbers(monkeypatch, itertools.repeat(b""))
    assert lulls.put_to_sleep(folder, world.paths, look, 1, fresh_s=60) and len(looks) == len(ORDER)


def test_one_that_begins_between_two_names_keeps_the_others_awake(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where what was seen would hold; what follows a commit is the last to sleep."""
    begun = itertools.chain([b"1"] * 2, itertools.repeat(b"2"))
    numbers(monkeypatch, begun)
    looks = itertools.count()
    assert lulls.put_to_sleep(folder, world.paths, lambda: next(looks) > 0, 0, fresh_s=60)
    assert awake(folder) == ORDER[1:]
    assert lulls.put_to_sleep(folder, world.paths, never, 0) and awake(folder) == []


def test_one_that_begins_right_before_a_name_is_waited_for(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last look and the name."""
    begun = itertools.chain([b"1", b"1", b"2"], itertools.repeat(b"3"))
    numbers(monkeypatch, begun)
    assert lulls.put_to_sleep(folder, world.paths, never, 0) and awake(folder) == [], "it takes no time"


def test_where_things_begin_all_the_time_only_what_is_never_missing_sleeps(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chaining.take_out(folder)
    world.put_script(folder / "pre-commit", FORMER)
    chaining.put_in(folder, scripts.EVENTS, world.paths)
    monkeypatch.setattr(lulls, "_TRIES", 20)
    numbers(monkeypatch, (b"%d" % number for number in itertools.count()))
    assert lulls.put_to_sleep(folder, world.paths, never, 0.02) and awake(folder) == ORDER[1:]
    assert (folder / "pre-commit").read_text() == FORMER


def test_what_cannot_sleep_is_not_waited_for(world: World, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the file system knows no second names."""
    tried: list[str] = []
    put = sleeping.put_to_sleep

    def refuse_one(folder: Path, event: str, *more: object) -> bool:
        tried.append(event)
        return event != "pre-push" and put(folder, event, scripts.stub(event, world.paths))

    monkeypatch.setattr(sleeping, "put_to_sleep", refuse_one)
    numbers(monkeypatch, itertools.repeat(b"1"))
    assert lulls.put_to_sleep(folder, world.paths, never, 3600)
    assert tried == ORDER and awake(folder) == ["pre-push"]


def test_hooks_of_others_are_left_alone(world: World, folder: Path) -> None:
    for event in ORDER:
        world.put_script(folder / event, FORMER)
    assert not lulls.put_to_sleep(folder, world.paths, never, 0)
    assert all((folder / event).read_text() == FORMER for event in ORDER)


def test_the_newest_process_is_another_one_once_one_has_begun() -> None:
    if not os.path.exists("/proc/loadavg"):
        pytest.skip("nothing tells of it on this system")
    before = lulls.newest()
    subprocess.run(["true"], check=True)
    assert before.strip().isdigit() and lulls.newest() != before
