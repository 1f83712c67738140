"""What is looked at when, without the system's word on what has changed; with it: `tests/daemon/test_hooking.py`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.status_files.hooked import DOLLAR, Hooked, budget
from tokenguard.config import hook_paths
from tokenguard.guard.places import Places
from tokenguard.status_files import StatusFiles, TrailerBoard, tending

Heard = Callable[[frozenset[Path]], Awaitable[None]]


class Stage:
    """Status files whose watcher says what a test says."""

    def __init__(self, hooked: Hooked, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hooked = hooked
        self.taken: list[Path] = []
        self.hear: Heard | None = None
        stage = self

        class Watcher:
            def __init__(self, wanted: object, read: Heard, **more: object) -> None:
                stage.hear = read

            async def run(self) -> None:
                await asyncio.Event().wait()

        monkeypatch.setattr(tending, "Watcher", Watcher)
        house = hooked.house

        async def nobody(session: str) -> None:
            return None

        self.files = StatusFiles(
            hooked.paths,
            Places(house.guard.counting, lambda: house.guard.config.budgets, house.guard.now),
            lambda: hooked.config,
            self.take,
            TrailerBoard(lambda: (), house.guard.sessions.running.all, nobody),
        )

    async def take(self, folder: Path) -> None:
        self.taken.append(folder)
        remove_notes(folder)

    async def heard(self, *paths: Path) -> None:
        assert self.hear is not None
        await self.hear(frozenset(paths))

    @property
    def status(self) -> Path:
        return self.hooked.folder / hook_paths.STATUS


def remove_notes(folder: Path) -> None:
    for file in folder.glob(f"{hook_paths.SPOOL}*"):
        file.unlink()


@asynccontextmanager
async def running(stage: Stage) -> AsyncGenerator[Stage]:
    run = asyncio.ensure_future(stage.files.run(stage.hooked.house.desk))
    await until(lambda: stage.hear is not None)
    try:
        yield stage
        assert not run.done()
    finally:
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run


@pytest.fixture
def stage(hooked: Hooked, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(hooked, monkeypatch)


async def until(what: Callable[[], Any]) -> None:
    async with asyncio.timeout(30):
        while not what():  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0.001)


async def test_what_nobody_told_of_is_found_when_it_is_looked_for(stage: Stage) -> None:
    (stage.hooked.folder / hook_paths.SPOOL).touch()
    async with running(stage):
        stage.files.changed()
        await until(lambda: stage.status.exists() and stage.taken == [stage.hooked.folder])
        stage.status.unlink()
        stage.files.changed()
        await until(stage.status.exists)
    assert not stage.status.exists()


async def test_the_root_is_everything_below_it(stage: Stage) -> None:
    (stage.hooked.folder / f"{hook_paths.SPOOL}.taken").touch()
    async with running(stage):
        await stage.heard(hook_paths.repositories(stage.hooked.paths))
        assert stage.taken == [stage.hooked.folder]
        await until(stage.status.exists)


async def test_a_folder_that_was_being_made_is_found_without_another_word(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tending, "SETTLES_S", 0.05)
    folder = stage.hooked.folder
    folder.rmdir()
    async with running(stage):
        await stage.heard(folder.parent)
        folder.mkdir()
        await until(stage.status.exists)


async def test_a_line_is_taken_and_its_repository_looked_at_anew(stage: Stage, tmp_path: Path) -> None:
    hooked = stage.hooked
    hooked.house.budgets(budget(limit="$100"))
    async with running(stage):
        stage.files.changed()
        await until(stage.status.exists)
        assert await hooked.house.call(await hooked.house.session(), output=DOLLAR)
        (hooked.house.repo / "tokenguard.toml").write_text('[[budget]]\nname = "own"\nlimit = 1\nwindow = "day"\n')
        await stage.heard(hooked.folder / hook_paths.SPOOL)
        assert stage.taken == [hooked.folder]
        await until(lambda: "web:own is used up" in stage.status.read_text())


@pytest.mark.parametrize(
    "name", ["tokenguard-status", ".tokenguard-status.new", "tokenguard-logged", "tokenguard-spool.taken"]
)
async def test_files_of_the_daemon_are_no_news(stage: Stage, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*args: object) -> None:
        raise AssertionError("there is nothing to look at")

    async with running(stage):
        monkeypatch.setattr(stage.files, "_look", nothing)
        monkeypatch.setattr(stage.files, "_learn", nothing)
        await stage.heard(stage.hooked.folder / name)
        assert stage.taken == []


async def test_a_repository_that_goes_takes_its_file_along(stage: Stage, tmp_path: Path) -> None:
    async with running(stage):
        stage.files.changed()
        await until(stage.status.exists)
        stage.hooked.house.repo.rename(tmp_path / "moved")
        stage.files.changed()
        await until(lambda: not stage.status.exists())
        moved = stage.hooked.install(tmp_path / "moved" / ".git")
        await stage.heard(moved)
        await until((moved / hook_paths.STATUS).exists)


async def test_what_fails_once_does_not_end_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(root: Path) -> None:
        raise OSError("a disk that is gone")

    async with running(stage):
        with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
            patch.setattr("tokenguard.status_files.survey.os.walk", broken)
            stage.files.changed()
            await until(lambda: "could not be looked at" in caplog.text)
        stage.files.changed()
        await until(stage.status.exists)
