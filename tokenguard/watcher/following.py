"""Follows files that others write: what changes in them is handed to whoever reads them, gathered and in peace."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from tokenguard.watcher.folders import Wanted
from tokenguard.watcher.observing import Observation

log = logging.getLogger(__name__)

GATHER = 0.15
"""Seconds from the first change to its reading: agents write several lines at once."""

REST = 0.25
"""Seconds after a reading before the next one."""

LOOK = 2.0
"""Seconds after which it is looked whether folders have come or gone, where nobody tells."""

SWEEP = 600.0
"""Seconds after which everything is read again, as far as it has changed: the system may lose events under load."""

_INDEX = "-shm"
"""How the index of a log of SQLite's ends, which also those write who only read."""

_PARTS = ("-wal", "-journal")
"""How the files end in which SQLite puts what is new in a database."""

Read = Callable[[frozenset[Path]], Awaitable[None]]
"""Reads files; of a folder, all that is in it and below."""

Sleep = Callable[[float], Awaitable[None]]


class Watcher:
    """Follows the files in some folders, as they and these come, grow, are replaced and go."""

    def __init__(
        self,
        wanted: Callable[[], Iterable[Wanted]],
        read: Read,
        *,
        sleep: Sleep = asyncio.sleep,
        observation: Callable[[Callable[[Path | None], None]], Observation] = Observation,
    ) -> None:
        """`wanted` is asked with every sweep, in a thread. `read` is called once at a time."""
        self._ask_for = wanted
        self._read = read
        self._sleep = sleep
        self._observe = observation
        self._lock = threading.Lock()
        self._wanted: frozenset[Wanted] = frozenset()
        self._changed: set[Path] = set()
        self._moved = False
        self._woken = asyncio.Event()
        self._uncertain = asyncio.Event()

    async def run(self) -> None:
        """Follow until cancelled. The folders that are there are handed over first, also where there are none."""
        loop = asyncio.get_running_loop()

        def heard(path: Path | None) -> None:
            if path is not None and path.name.endswith(_INDEX):
                return
            with self._lock:
                if path is None:
                    self._moved = True
                else:
                    self._changed.add(_whole(path))
            if not self._woken.is_set():
                loop.call_soon_threadsafe(self._woken.set)

        observation = await asyncio.to_thread(self._observe, heard)
        try:
            await self._ask()
            await self._arm(observation)
            self._woken.clear()
            with self._lock:
                if self._moved:  # folders came or went meanwhile
                    self._woken.set()
            await self._hand_over(self._take())
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._sweep())
                tasks.create_task(self._look())
                tasks.create_task(self._follow(observation))
        finally:
            await asyncio.shield(asyncio.to_thread(observation.close))

    async def _follow(self, observation: Observation) -> None:
        while True:
            await self._woken.wait()
            await self._sleep(GATHER)
            self._woken.clear()
            with self._lock:
                moved, self._moved = self._moved, False
            if moved:
                await self._arm(observation)
            if changed := self._take():
                await self._hand_over(changed)
                await self._sleep(REST)

    def _take(self) -> frozenset[Path]:
        with self._lock:
            changed, self._changed = frozenset(self._changed), set()
        return changed

    async def _ask(self) -> None:
        self._wanted = await asyncio.to_thread(lambda: frozenset(self._ask_for()))

    async def _arm(self, observation: Observation) -> None:
        anew = await asyncio.to_thread(observation.arm, self._wanted)
        with self._lock:
            self._changed |= anew
        if anew:
            self._woken.set()
        if observation.uncertain:
            self._uncertain.set()
        else:
            self._uncertain.clear()

    async def _hand_over(self, changed: frozenset[Path]) -> None:
        try:
            await self._read(changed)
        except Exception:
            log.exception("what has been written could not be read")

    async def _sweep(self) -> None:
        while True:
            await self._sleep(SWEEP)
            await self._ask()
            with self._lock:
                self._moved = True
                self._changed |= {one.folder for one in self._wanted}
            self._woken.set()

    async def _look(self) -> None:
        while True:
            await self._uncertain.wait()
            await self._sleep(LOOK)
            with self._lock:
                self._moved = True
            self._woken.set()


def _whole(path: Path) -> Path:
    """The file of which this one is a part."""
    part = next((part for part in _PARTS if path.name.endswith(part)), "")
    return path.with_name(path.name.removesuffix(part))
