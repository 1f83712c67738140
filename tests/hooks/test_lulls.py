"""Hooks get other names while no git is about, which is looked before each."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hooks.world import World
from tests.support.waiting import until
from tokenguard_hooks import chaining, lulls, scripts, sleeping

proc = pytest.mark.skipif(not os.path.exists("/proc/self/comm"), reason="nothing tells of processes: no /proc")

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


def numbers(monkeypatch: pytest.MonkeyPatch, told: Iterator[bytes], gits: bool = True) -> None:
    """What has begun last, each time that it is asked, and whether those are gits."""
    monkeypatch.setattr(lulls, "newest", lambda: next(told))

    def has_one_begun(after: bytes, until: bytes) -> bool:
        return gits

    monkeypatch.setattr(lulls, "has_a_git_begun", has_one_begun)


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


def test_whatever_else_begins_is_in_nobody_s_way(world: World, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As while a large program is built."""
    looks: list[bool] = []

    def look() -> bool:
        looks.append(True)
        return False

    # Each time two looks are alike, nothing has begun since the first of them.
    numbers(monkeypatch, (b"%d" % (number // 2) for number in itertools.count()), gits=False)
    assert lulls.put_to_sleep(folder, world.paths, look, 0, fresh_s=60) and awake(folder) == []
    assert len(looks) == 1


def test_where_gits_begin_all_the_time_only_what_is_never_missing_sleeps(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chaining.take_out(folder)
    world.put_script(folder / "pre-commit", FORMER)
    chaining.put_in(folder, scripts.EVENTS, world.paths)
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


@pytest.fixture
def git(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One that waits, and what has begun right before it."""
    with subprocess.Popen(["git", "cat-file", "--batch"], stdin=subprocess.PIPE, cwd=_repository(tmp_path)) as git:
        until(lambda: Path(f"/proc/{git.pid}/comm").read_text() == "git\n")
        yield git


def _repository(folder: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    return folder


@proc
def test_a_git_that_has_begun(git: subprocess.Popen[bytes]) -> None:
    assert lulls.has_a_git_begun(b"%d\n" % (git.pid - 1), b"%d\n" % git.pid)
    assert lulls.has_a_git_begun(b"%d\n" % (git.pid - 3), b"%d\n" % git.pid)
    assert not lulls.has_a_git_begun(b"%d\n" % git.pid, b"%d\n" % git.pid), "it was seen before"


@proc
def test_what_has_begun_is_no_git() -> None:
    own = os.getpid()
    with subprocess.Popen(["true"]) as ended:
        pass
    for one in (own, ended.pid):
        assert not lulls.has_a_git_begun(b"%d\n" % (one - 1), b"%d\n" % one)


def test_where_too_much_has_begun_or_numbers_begin_anew_it_is_looked_again() -> None:
    own = os.getpid()
    assert lulls.has_a_git_begun(b"%d\n" % (own - 10_000), b"%d\n" % own)
    assert lulls.has_a_git_begun(b"%d\n" % (own + 100), b"%d\n" % own)
    assert lulls.has_a_git_begun(b"", b"%d\n" % own), "nothing tells"
