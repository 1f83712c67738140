from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tokenguard.guard.hub import Hub
from tokenguard.records import Event
from tokenguard.status_files.files import LEISURE_S, Text
from tokenguard.status_files.keeping import LONGEST_REST_S, REST_S, TYPES, Keeper, Wanted


class Board:
    """Says what a test says, and counts how often it is asked."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.text: Text | None = Text("first")
        self.until_us = math.inf
        self.asked = 0
        self.fails = False

    async def wanted(self) -> Wanted:
        self.asked += 1
        if self.fails:
            raise RuntimeError("a bug")
        return Wanted({} if self.text is None else {self.file: self.text}, self.until_us)


class Stage:
    def __init__(self, folder: Path) -> None:
        self.hub = Hub()
        self.board = Board(folder / "status")
        self.now_s = 0.0
        self.rests = 0
        self.rested_s = 0.0
        self.rest = asyncio.Semaphore(0)
        self.keeper = Keeper((self.board,), lambda: int(self.now_s * 1e6), sleep=self.sleep, clock=lambda: self.now_s)

    async def sleep(self, seconds: float) -> None:
        self.rests += 1
        self.rested_s = seconds
        await self.rest.acquire()

    def tell(self, kind: str = "call.settled", times: int = 1) -> None:
        for number in range(times):
            self.hub.tell(Event(kind, number, {}))

    async def rested(self) -> None:
        """It rests after a writing."""
        before = self.rests
        self.rest.release()
        await until(lambda: self.rests > before)

    @property
    def content(self) -> str | None:
        return self.board.file.read_text() if self.board.file.exists() else None


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not what():  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0.001)


@asynccontextmanager
async def running(stage: Stage) -> AsyncGenerator[Stage]:
    """It runs, and has written what there is at first."""
    run = asyncio.ensure_future(stage.keeper.run(stage.hub))
    await until(lambda: stage.rests == 1)
    try:
        yield stage
        assert not run.done()
    finally:
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run


async def quiet() -> None:
    """Everything that can go on by itself has."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_files_are_there_from_the_beginning_until_the_end(tmp_path: Path) -> None:
    async with running(Stage(tmp_path)) as stage:
        assert stage.content == "first"
    assert stage.content is None


async def test_a_burst_is_one_writing_and_its_end_is_what_is_written(tmp_path: Path) -> None:
    async with running(Stage(tmp_path)) as stage:
        for number in range(5_000):
            stage.board.text = Text(f"after call {number}")
            stage.tell()
        await quiet()
        assert stage.board.asked == 1 and stage.content == "first"
        await stage.rested()
        assert stage.board.asked == 2
        assert stage.content == "after call 4999"


@pytest.mark.parametrize(("takes_s", "rests_s"), [(0, REST_S), (0.04, REST_S), (0.2, 2.0), (60, LONGEST_REST_S)])
async def test_it_rests_the_longer_the_more_it_has_to_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, takes_s: float, rests_s: float
) -> None:
    stage = Stage(tmp_path)
    wanted = stage.board.wanted

    async def slowly() -> Wanted:
        stage.now_s += takes_s
        return await wanted()

    monkeypatch.setattr(stage.board, "wanted", slowly)
    async with running(stage):
        assert stage.rested_s == pytest.approx(rests_s)


async def test_what_happens_while_it_writes_is_not_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(Stage(tmp_path)) as stage:
        wanted = stage.board.wanted

        async def meanwhile() -> Wanted:
            found = await wanted()
            monkeypatch.setattr(stage.board, "wanted", wanted)
            stage.board.text = Text("later")
            stage.tell()
            return found

        monkeypatch.setattr(stage.board, "wanted", meanwhile)
        stage.tell()
        await stage.rested()
        await stage.rested()
        assert stage.content == "later"


@pytest.mark.parametrize("kind", TYPES)
async def test_every_event_that_can_change_something_is_heard(tmp_path: Path, kind: str) -> None:
    async with running(Stage(tmp_path)) as stage:
        stage.tell(kind)
        await stage.rested()
        assert stage.board.asked == 2


async def test_nobody_is_asked_while_nothing_happens(tmp_path: Path) -> None:
    async with running(Stage(tmp_path)) as stage:
        stage.tell("call.progress")
        stage.tell("call.started")
        stage.rest.release()
        await quiet()
        assert stage.board.asked == 1


async def test_somebody_can_say_that_something_has_changed(tmp_path: Path) -> None:
    async with running(Stage(tmp_path)) as stage:
        stage.board.text = Text("reloaded")
        stage.keeper.changed()
        await stage.rested()
        assert stage.content == "reloaded"


async def test_what_ends_by_itself_is_asked_for_again_then(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.board.until_us = 20_000
    async with running(stage):
        stage.now_s, stage.board.text, stage.board.until_us = 0.02, Text("after the reset"), math.inf
        await stage.rested()
        assert stage.content == "after the reset"


async def test_details_are_written_though_nothing_more_happens(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.board.text = Text("$1", "warn")
    async with running(stage):
        stage.now_s = LEISURE_S - 0.01
        stage.board.text = Text("$2", "warn")
        stage.tell()
        await stage.rested()
        assert stage.content == "$1"
        stage.now_s = LEISURE_S
        await stage.rested()
        assert stage.content == "$2"


async def test_nothing_is_better_than_what_was_right_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running(Stage(tmp_path)) as stage:
        stage.board.fails = True
        stage.tell()
        with caplog.at_level(logging.ERROR):
            await stage.rested()
        assert stage.content is None and "what hooks read is not known" in caplog.text
        stage.board.fails = False
        stage.tell()
        await stage.rested()
        assert stage.content == "first"


async def test_a_file_that_somebody_removed_comes_back(tmp_path: Path) -> None:
    async with running(Stage(tmp_path)) as stage:
        stage.board.file.unlink()
        stage.keeper.forget([file for file in stage.keeper.written if not file.exists()])
        stage.keeper.changed()
        await stage.rested()
        assert stage.content == "first"
