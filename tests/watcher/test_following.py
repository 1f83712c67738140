from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tokenguard.watcher import Watcher
from tokenguard.watcher.folders import Wanted
from tokenguard.watcher.following import GATHER, LOOK, REST, SWEEP
from tokenguard.watcher.observing import Observation

ROOT = Path("/home/me/.claude/projects")


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.asleep: dict[float, asyncio.Event] = {}

    async def sleep(self, seconds: float) -> None:
        over = self.asleep[seconds] = asyncio.Event()
        await over.wait()

    async def passes(self, seconds: float) -> None:
        """Whoever sleeps for this long, or comes to do so now, goes on."""
        await until(lambda: seconds in self.asleep)
        self.asleep.pop(seconds).set()


class Folders(Observation):
    """What an observation says, without any folders."""

    def __init__(self, heard: Callable[[Path | None], None], there: set[Path]) -> None:
        self.heard = heard
        self.there = there
        self.asked: list[set[Wanted]] = []
        self.uncertain = False
        self.closed = False

    def arm(self, wanted: Iterable[Wanted]) -> set[Path]:
        self.asked.append(set(wanted))
        anew, self.there = self.there, set[Path]()
        return anew

    def close(self) -> None:
        self.closed = True


class Stage:
    def __init__(self) -> None:
        self.clock = Clock()
        self.read: list[set[Path]] = []
        self.roots = [ROOT]
        self.there = {ROOT}
        self.fails = False
        self.folders: Folders | None = None
        self.watcher = Watcher(self.wanted, self.reads, sleep=self.clock.sleep, observation=self.observe)

    def wanted(self) -> list[Wanted]:
        return [Wanted(root, deep=True) for root in self.roots]

    async def reads(self, changed: frozenset[Path]) -> None:
        self.read.append(set(changed))
        if self.fails:
            raise OSError("a full disk")

    def observe(self, heard: Callable[[Path | None], None]) -> Folders:
        self.folders = Folders(heard, self.there)
        return self.folders

    async def asked(self, times: int) -> None:
        """Until folders were asked for as often as that."""
        folders = self.folders
        assert folders is not None
        await until(lambda: len(folders.asked) == times)

    def hear(self, *paths: Path | None) -> None:
        assert self.folders is not None
        for path in paths:
            self.folders.heard(path)


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not what():  # noqa: ASYNC110  # what is looked at tells nobody of it
            await asyncio.sleep(0.001)


@asynccontextmanager
async def running(stage: Stage) -> AsyncGenerator[Stage]:
    """The watcher runs, and has read what was there."""
    run = asyncio.ensure_future(stage.watcher.run())
    await until(lambda: SWEEP in stage.clock.asleep)
    assert stage.read == [{ROOT}]
    stage.read.clear()
    try:
        yield stage
        assert not run.done()
    finally:
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    assert stage.folders is not None
    assert stage.folders.closed


async def test_changes_are_gathered() -> None:
    async with running(Stage()) as stage:
        stage.hear(ROOT / "a")
        await until(lambda: GATHER in stage.clock.asleep)
        stage.hear(ROOT / "b", ROOT / "a")
        assert stage.read == []
        await stage.clock.passes(GATHER)
        await until(lambda: stage.read == [{ROOT / "a", ROOT / "b"}])


async def test_a_database_changes_by_its_logs_and_not_by_being_read() -> None:
    async with running(Stage()) as stage:
        stage.hear(ROOT / "a.db-wal", ROOT / "b.db-journal", ROOT / "c.db-shm")
        await stage.clock.passes(GATHER)
        await until(lambda: stage.read == [{ROOT / "a.db", ROOT / "b.db"}])


async def test_what_changes_while_it_rests_is_read_afterwards() -> None:
    async with running(Stage()) as stage:
        stage.hear(ROOT / "a")
        await stage.clock.passes(GATHER)
        await until(lambda: REST in stage.clock.asleep)
        stage.hear(ROOT / "b")
        assert stage.read == [{ROOT / "a"}]
        await stage.clock.passes(REST)
        await stage.clock.passes(GATHER)
        await until(lambda: stage.read == [{ROOT / "a"}, {ROOT / "b"}])


async def test_that_there_is_nothing_is_told_too() -> None:
    stage = Stage()
    stage.there = set()
    run = asyncio.ensure_future(stage.watcher.run())
    await until(lambda: stage.read == [set()])
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run


async def test_nothing_is_done_while_nothing_happens() -> None:
    async with running(Stage()) as stage:
        await until(lambda: SWEEP in stage.clock.asleep)
        assert set(stage.clock.asleep) == {SWEEP}


async def test_a_line_is_read_within_a_second_of_the_one_before() -> None:
    assert GATHER + REST + GATHER < 0.7


async def test_folders_that_come_are_read_as_a_whole() -> None:
    async with running(Stage()) as stage:
        assert stage.folders is not None
        stage.folders.there = {ROOT / "new"}
        stage.hear(None)
        await stage.clock.passes(GATHER)
        await until(lambda: stage.read == [{ROOT / "new"}])
        assert stage.folders.asked == [{Wanted(ROOT, deep=True)}] * 2


async def test_folders_that_come_while_others_begin_to_be_watched_are_not_forgotten() -> None:
    class Busy(Folders):
        def arm(self, wanted: Iterable[Wanted]) -> set[Path]:
            anew = super().arm(wanted)
            if len(self.asked) == 1:
                self.heard(None)
            return anew

    stage = Stage()
    made: list[Folders] = []

    def observe(heard: Callable[[Path | None], None]) -> Folders:
        made.append(Busy(heard, stage.there))
        return made[-1]

    run = asyncio.ensure_future(Watcher(stage.wanted, stage.reads, sleep=stage.clock.sleep, observation=observe).run())
    await stage.clock.passes(GATHER)
    await until(lambda: len(made[0].asked) == 2)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run


async def test_everything_is_looked_through_from_time_to_time_also_what_is_new() -> None:
    async with running(Stage()) as stage:
        new = Path("/home/me/.codex/sessions")
        stage.roots.append(new)
        await stage.clock.passes(SWEEP)
        await stage.clock.passes(GATHER)
        await until(lambda: stage.read == [{ROOT, new}])
        assert stage.folders is not None
        assert stage.folders.asked[1:] == [{Wanted(ROOT, deep=True), Wanted(new, deep=True)}]


async def test_where_nobody_tells_it_is_looked_whether_folders_came() -> None:
    async with running(Stage()) as stage:
        assert stage.folders is not None
        stage.folders.uncertain = True
        stage.hear(None)
        await stage.clock.passes(GATHER)
        for times in (3, 4):
            await stage.clock.passes(LOOK)
            await stage.clock.passes(GATHER)
            await stage.asked(times)
        assert stage.read == []
        stage.folders.uncertain = False
        for times in (5, 6):
            await stage.clock.passes(LOOK)
            await stage.clock.passes(GATHER)
            await stage.asked(times)
        assert LOOK not in stage.clock.asleep


async def test_a_reader_that_fails_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    async with running(Stage()) as stage:
        stage.fails = True
        for name in ("a", "b"):
            stage.hear(ROOT / name)
            await stage.clock.passes(GATHER)
            await stage.clock.passes(REST)
        assert stage.read == [{ROOT / "a"}, {ROOT / "b"}]
    assert [record.levelno for record in caplog.records if record.name.startswith("tokenguard")] == [logging.ERROR] * 2
