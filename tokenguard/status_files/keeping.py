"""Keeps files up to date that say what budgets say: written when something changes, and never more often than needed.

A `Board` says what is to stand in which files now. It is asked after every event that may have changed that, and when
the time has come at which what it said ends; many events together are one question.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from tokenguard.records import Event
from tokenguard.status_files.files import Files, Text

log = logging.getLogger(__name__)

TYPES = (
    "budget.level",
    "budget.raised",
    "call.refused",
    "call.settled",
    "calls.logged",
    "hold.answered",
    "hold.asked",
    "official.window",
    "session.ended",
    "session.left",
    "session.started",
)
"""The events after which something else may have to stand in a file."""

REST_S, LONGEST_REST_S = 0.5, 5.0
"""Seconds after a writing before the next one, at least and at most."""

_EASE = 10
"""How many times as long as it has taken it rests: where there is very much to say, calls come first."""


class Wanted(Struct, frozen=True):
    """What is to stand in a board's files."""

    files: dict[Path, Text] = {}
    until_us: float = math.inf
    """When it has to be asked again though nothing has happened, in microseconds of the guard's clock."""


class Board(Protocol):
    """Something of which files tell."""

    async def wanted(self) -> Wanted:
        """All its files, as they are to be now. It may give way to others, but waits for nothing."""
        ...


class Source(Protocol):
    """Where events come from: the guard's desk."""

    def subscribe(self, *types: str) -> AbstractContextManager[AsyncIterator[Event]]:
        """The events of these types from now on."""
        ...


class Keeper:
    """Keeps the files of its boards."""

    def __init__(
        self,
        boards: Iterable[Board],
        now_us: Callable[[], int],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now_us` is the guard's clock."""
        self._boards = tuple(boards)
        self._now_us = now_us
        self._sleep = sleep
        self._clock = clock
        self._files = Files()
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Something may have changed of which no event tells."""
        self._changed.set()

    @property
    def written(self) -> list[Path]:
        """The files that were written."""
        return self._files.written

    def forget(self, files: Iterable[Path]) -> None:
        """Somebody else has removed these files: they are written anew."""
        self._files.forget(files)

    async def run(self, source: Source) -> None:
        """Write until cancelled; then every file is removed, so that nothing old is left to be believed."""
        try:
            with source.subscribe(*TYPES) as events:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._write())
                    async for _ in events:
                        self._changed.set()
        finally:
            await asyncio.shield(asyncio.to_thread(self._files.clear))

    async def _write(self) -> None:
        self._changed.set()
        pause_s = math.inf
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(None if pause_s == math.inf else pause_s):
                    await self._changed.wait()
            self._changed.clear()
            begun_s = self._clock()
            pause_s = await self._bring_up_to_date()
            await self._sleep(min(LONGEST_REST_S, max(REST_S, (self._clock() - begun_s) * _EASE)))

    async def _bring_up_to_date(self) -> float:
        """Write what has changed; after how many seconds something may have, though nothing happens."""
        files: dict[Path, Text] = {}
        until_us = math.inf
        for board in self._boards:
            try:
                wanted = await board.wanted()
            except Exception:
                # Nothing is better than what was right once.
                log.exception("what hooks read is not known")
                continue
            files |= wanted.files
            until_us = min(until_us, wanted.until_us)
        now_s = self._clock()
        plan = self._files.plan(files, now_s)
        if plan.put or plan.remove:
            await asyncio.to_thread(self._files.carry_out, plan, now_s)
        return max(0.0, min((until_us - self._now_us()) / 1_000_000, plan.again_s - now_s))
