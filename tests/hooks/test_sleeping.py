"""Hooks that sleep and wake: what was there before is there at each instant, and whoever is interrupted can go on."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable

import pytest

from tests.hooks.world import World, everything
from tokenguard.errors import TokenguardError
from tokenguard_hooks import chaining, scripts, sleeping

EVENT = "pre-commit"
BEFORE = b"#!/bin/sh\necho before\n"
OTHER = b"#!/bin/sh\necho other\n"
CHANGES = ("link", "rename", "replace", "unlink")


class Killed(BaseException):
    """What ends a process in the midst of something."""


def killed(deed: Callable[[], object], monkeypatch: pytest.MonkeyPatch, number: int) -> bool:
    """Do something that is ended before it has changed so many names; whether it would have changed more."""
    done = itertools.count()

    def counted(change: Callable[..., None]) -> Callable[..., None]:
        def go(*args: object, **options: object) -> None:
            if next(done) == number:
                raise Killed
            change(*args, **options)

        return go

    with monkeypatch.context() as patched:
        for name in CHANGES:
            patched.setattr(os, name, counted(getattr(os, name)))
        try:
            deed()
        except Killed:
            return True
    return False


class Folder:
    """A folder of hooks, with one of ours in it, and one before it or none."""

    def __init__(self, world: World, before: bytes | None) -> None:
        self.world = world
        self.path = world.root / "hooks"
        self.path.mkdir()
        self.before = before
        if before is not None:
            world.put_script(self.path / EVENT, before)
        self.untouched = everything(self.path)
        self.install()
        self.awake = self.there()

    @property
    def stub(self) -> bytes:
        return scripts.stub(EVENT, self.world.paths)

    def there(self) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in self.path.iterdir()}

    def install(self) -> None:
        chaining.put_in(self.path, [EVENT], self.world.paths)

    def sleep(self) -> None:
        sleeping.put_to_sleep(self.path, EVENT, self.stub)

    def wake(self) -> None:
        assert chaining.wake(self.path, EVENT)

    def uninstall(self) -> None:
        chaining.take_out(self.path)

    @property
    def asleep(self) -> dict[str, bytes]:
        both = {} if self.before is None else {EVENT: self.before, f"{EVENT}.tg-chained": self.before}
        return both | {f"{EVENT}.tg-asleep": self.stub}

    def runs(self) -> None:
        """What was there before runs: alone, or after ours, also where git has started ours a moment ago."""
        found = self.there()
        if self.before is not None:
            assert found[EVENT] in (self.stub, self.before)
            assert found[f"{EVENT}.tg-chained"] == self.before
        else:
            assert self.stub in found.values() and f"{EVENT}.tg-chained" not in found


@pytest.fixture(params=[None, BEFORE], ids=["alone", "chained"])
def folder(world: World, request: pytest.FixtureRequest) -> Folder:
    return Folder(world, request.param)


def test_asleep_and_awake_again(folder: Folder) -> None:
    for _ in range(2):
        folder.sleep()
        assert folder.there() == folder.asleep
        found = chaining.look(folder.path, EVENT)
        assert found.sleeps and chaining.will_wake(found) and found.chained is (folder.before is not None)
        folder.sleep()
        assert folder.there() == folder.asleep
        folder.wake()
        assert folder.there() == folder.awake
        folder.wake()
        assert folder.there() == folder.awake and not chaining.look(folder.path, EVENT).sleeps


def test_uninstalled_while_it_sleeps(folder: Folder) -> None:
    folder.sleep()
    assert chaining.take_out(folder.path)
    assert everything(folder.path) == folder.untouched
    assert not chaining.take_out(folder.path)


def test_installed_while_it_sleeps(folder: Folder) -> None:
    folder.sleep()
    folder.install()
    assert folder.there() == folder.awake


@pytest.mark.parametrize("then", [Folder.sleep, Folder.wake, Folder.uninstall, Folder.install])
def test_interrupted_on_its_way_to_sleep(
    folder: Folder, then: Callable[[Folder], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = 0
    while killed(folder.sleep, monkeypatch, number):
        number += 1
        folder.runs()
        goes_on(folder, then)
    assert number >= (1 if folder.before is None else 5) and folder.there() == folder.asleep


@pytest.mark.parametrize("then", [Folder.sleep, Folder.wake, Folder.uninstall, Folder.install])
def test_interrupted_while_it_wakes(
    folder: Folder, then: Callable[[Folder], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = 0
    folder.sleep()
    while killed(folder.wake, monkeypatch, number):
        number += 1
        folder.runs()
        goes_on(folder, then)
        folder.sleep()
    assert number > 2 and folder.there() == folder.awake


def test_interrupted_while_it_is_taken_out(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    number = 0
    folder.sleep()
    while killed(folder.uninstall, monkeypatch, number):
        number += 1
        folder.uninstall()
        assert everything(folder.path) == folder.untouched
        folder.install()
        folder.sleep()
    assert number > 2 and everything(folder.path) == folder.untouched


def goes_on(folder: Folder, then: Callable[[Folder], None]) -> None:
    """Whatever is done next finds its way; and the end is the beginning."""
    then(folder)
    if then is Folder.sleep:
        assert folder.there() == folder.asleep
        folder.wake()
    if then is not Folder.uninstall:
        assert folder.there() == folder.awake
        folder.uninstall()
    assert everything(folder.path) == folder.untouched
    folder.install()


def test_a_hook_that_somebody_has_put_there_meanwhile_runs_after_it(world: World, folder: Folder) -> None:
    folder.sleep()
    new = folder.path / "new"
    world.put_script(new, OTHER)
    new.replace(folder.path / EVENT)
    folder.wake()
    assert folder.there() == {EVENT: folder.stub, f"{EVENT}.tg-chained": OTHER}
    folder.uninstall()
    assert folder.there() == {EVENT: OTHER}


def test_a_hook_that_was_edited_meanwhile_is_the_one_that_runs_after_it(world: World) -> None:
    folder = Folder(world, BEFORE)
    folder.sleep()
    (folder.path / EVENT).write_bytes(OTHER)
    folder.wake()
    assert folder.there() == {EVENT: folder.stub, f"{EVENT}.tg-chained": OTHER}


def test_a_hook_that_was_removed_meanwhile_stays_removed(world: World) -> None:
    folder = Folder(world, BEFORE)
    folder.sleep()
    (folder.path / EVENT).unlink()
    folder.wake()
    assert folder.there() == {EVENT: folder.stub}


def test_a_hook_manager_that_has_moved_the_one_before_away(world: World) -> None:
    """As `pre-commit install` does it."""
    folder = Folder(world, BEFORE)
    folder.sleep()
    (folder.path / EVENT).rename(folder.path / f"{EVENT}.legacy")
    world.put_script(folder.path / EVENT, OTHER)
    folder.wake()
    legacy = {f"{EVENT}.legacy": BEFORE}
    assert folder.there() == {EVENT: folder.stub, f"{EVENT}.tg-chained": OTHER} | legacy
    folder.uninstall()
    assert folder.there() == {EVENT: OTHER} | legacy


@pytest.mark.parametrize("why", ["name", "folder", "link"])
def test_one_that_cannot_be_moved_stays_where_it_is(folder: Folder, why: str) -> None:
    folder.sleep()
    file = folder.path / EVENT
    file.unlink(missing_ok=True)
    match why:
        case "name":
            file.write_text('#!/bin/sh\ncase $(basename "$0") in\nesac\n')
        case "folder":
            file.mkdir()
        case _:
            file.symlink_to("pre-push")
    before = everything(folder.path)
    assert not chaining.wake(folder.path, EVENT)
    assert everything(folder.path) == before
    assert not chaining.will_wake(chaining.look(folder.path, EVENT))
    with pytest.raises(TokenguardError):
        folder.install()
    assert everything(folder.path) == before


def test_links_and_what_is_not_ours_are_left_alone(world: World) -> None:
    folder = world.root / "hooks"
    folder.mkdir()
    world.put_script(folder / "real", scripts.stub(EVENT, world.paths))
    (folder / EVENT).symlink_to("real")
    world.put_script(folder / "pre-push", scripts.stub("pre-push", world.paths) + b"# edited\n")
    world.put_script(folder / "post-commit", OTHER)
    before = everything(folder)
    for event in scripts.EVENTS:
        assert not sleeping.put_to_sleep(folder, event, scripts.stub(event, world.paths))
    assert everything(folder) == before


def test_a_link_that_was_there_before_stays_one(world: World) -> None:
    folder = world.root / "hooks"
    folder.mkdir()
    world.put_script(world.root / "shared", BEFORE)
    (folder / EVENT).symlink_to("../shared")
    before = everything(folder)
    chaining.put_in(folder, [EVENT], world.paths)
    assert sleeping.put_to_sleep(folder, EVENT, scripts.stub(EVENT, world.paths))
    assert os.readlink(folder / EVENT) == "../shared"
    assert chaining.wake(folder, EVENT)
    chaining.take_out(folder)
    assert everything(folder) == before


def test_without_second_names_a_hook_that_others_run_after_stays_awake(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    folder.sleep()
    assert folder.there() == (folder.asleep if folder.before is None else folder.awake)
    folder.wake()
    assert folder.there() == folder.awake


def test_a_folder_that_cannot_be_written_to(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise PermissionError("read-only")

    with monkeypatch.context() as patched:
        for name in CHANGES:
            patched.setattr(os, name, refuse)
        with pytest.raises(TokenguardError):
            folder.sleep()
    assert folder.there() == folder.awake
