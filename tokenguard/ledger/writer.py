"""The one thread that writes the ledger: what is queued while it commits becomes the next transaction.

While the file cannot be written - the disk is full, another program holds its lock - what must not be lost is kept in
memory, and written in its order once it can be.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar, TypeVarTuple

from msgspec import Struct

from tokenguard.errors import LedgerError
from tokenguard.ledger.file import Failed, File
from tokenguard.ledger.opening import BUSY_MS

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

log = logging.getLogger(__name__)

KEPT_MOST = 20_000
"""How many writes are kept in memory; what comes after them fails."""

RETRY_S = 1.0
"""How often it is tried whether the file can be written again while nothing new is to be written."""

CALM_S = 5.0
"""For how long all that is written has to succeed until the file counts as sound: small writes may fit a full disk."""

_CHUNK = 500
"""How many of the writes that were kept go into one transaction."""


class _Item(Struct):
    write: Callable[..., Any]
    args: tuple[Any, ...]
    future: asyncio.Future[Any]
    kept: bool = False
    """Whether it is kept while the file cannot be written."""
    excused: bool = False
    """Whether its result is `otherwise` then, at once."""
    otherwise: Any = None


_Outcome = tuple[asyncio.Future[Any], Any]


class Writer:
    """Applies functions of a connection in the order in which they were submitted, several to a transaction.

    Belongs to one event loop. A function that fails takes nothing else with it, and the thread survives any failure.
    """

    def __init__(self, file: File) -> None:
        self.failing: LedgerError | None = None
        """Why nothing can be written at the moment."""
        self.kept = 0
        """How many writes wait in memory until it can be."""
        self.on_change: Callable[[], None] = lambda: None
        """Called on the event loop when `failing`, or the file, is another one."""
        self._file = file
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._waiting: list[_Item] = []
        self._outcomes: list[_Outcome] = []
        self._failed_s = 0.0
        self._closed = False
        # A daemon thread, so that a program that dies without `close` does not hang; nothing committed is lost by it.
        self._thread = Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    @property
    def set_aside(self) -> Path | None:
        """Where the file was put that proved corrupt in use, the latest if there were several."""
        return self._file.set_aside

    def submit(self, write: Callable[[sqlite3.Connection, *Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Queue `write(conn, *args)`; its result comes when it is committed, or a `LedgerError` if it was not."""
        return self._enter(write, args)

    def keep(self, write: Callable[[sqlite3.Connection, *Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """`submit` what must not be lost: while the file cannot be written, it waits until it can be."""
        return self._enter(write, args, kept=True)

    def promise(self, write: Callable[[sqlite3.Connection, *Ts], None], *args: *Ts) -> asyncio.Future[None]:
        """`keep` what nobody has to wait for: its future is done once it is committed, or kept."""
        return self._enter(write, args, kept=True, excused=True)

    def offer(self, otherwise: T, write: Callable[[sqlite3.Connection, *Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """`submit` what can be done without: while the file cannot be written, its result is `otherwise`."""
        return self._enter(write, args, excused=True, otherwise=otherwise)

    def _enter(
        self,
        write: Callable[..., Any],
        args: tuple[Any, ...],
        *,
        kept: bool = False,
        excused: bool = False,
        otherwise: Any = None,
    ) -> asyncio.Future[Any]:
        self._loop = loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        if self._closed:
            future.set_exception(LedgerError("the ledger is closed"))
        else:
            self._queue.put(_Item(write, args, future, kept, excused, otherwise))
        return future

    async def close(self) -> None:
        """Commit what is queued and kept, end the thread and close the connection. What cannot be written fails."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        more = True
        while more:
            batch, more = self._take()
            before = (self.failing, self._file.set_aside)
            self._write(batch)
            if not more:
                self._give_up()
            self.kept = len(self._waiting)
            outcomes, self._outcomes = self._outcomes, []
            on_change = self.on_change if (self.failing, self._file.set_aside) != before else None
            # A loop that is gone has nobody left who waits.
            with suppress(RuntimeError):
                if self._loop and (outcomes or on_change):
                    self._loop.call_soon_threadsafe(_resolve, outcomes, on_change)
        self._file.close()

    def _take(self) -> tuple[list[_Item], bool]:
        """All that is queued, waiting for at least one unless it is time to try again; False after the last."""
        batch: list[_Item] = []
        while True:
            try:
                item = self._queue.get(timeout=RETRY_S if self.failing else None)
            except Empty:
                return batch, True
            if item is None:
                return batch, False
            batch.append(item)
            if self._queue.empty():
                return batch, True

    def _write(self, batch: list[_Item]) -> None:
        """What was kept first, then the batch; nothing overtakes what is still kept after that."""
        if self.failing is not None:
            self._file.make_room()
        outage = self._write_kept()
        if outage is not None:
            for item in [item for item in batch if item.kept]:
                self._not_written(item, Failed(outage, outage=True))
            batch = [item for item in batch if not item.kept]
        if batch:
            outage = self._apply(batch) or outage
        elif self.failing and not outage:
            failed = self._file.probe()
            outage = failed.error if failed else None
        self._tell(outage)

    def _write_kept(self) -> LedgerError | None:
        """Write what was kept, as far as it goes; why it goes no further."""
        size = 1  # the first one shows whether the file can be written
        while self._waiting:
            items, self._waiting = self._waiting[:size], self._waiting[size:]
            later, self._waiting = self._waiting, []
            outage = self._apply(items)
            self._waiting += later
            if outage:
                return outage
            size = _CHUNK
        return None

    def _apply(self, items: list[_Item]) -> LedgerError | None:
        """Write these; why the file could not be written, if it could not for one of them."""
        outage = None
        results = self._file.apply([(item.write, item.args) for item in items])
        for item, result in zip(items, results, strict=True):
            if not isinstance(result, Failed):
                self._outcomes.append((item.future, result))
            else:
                self._not_written(item, result)
                outage = result.error if result.outage else outage
        return outage

    def _not_written(self, item: _Item, failed: Failed) -> None:
        if failed.outage and item.kept and len(self._waiting) < KEPT_MOST:
            self._waiting.append(item)
            if item.excused:
                self._outcomes.append((item.future, item.otherwise))
        else:
            self._outcomes.append((item.future, item.otherwise if failed.outage and item.excused else failed))

    def _tell(self, outage: LedgerError | None) -> None:
        """Take note of an outage that begins, or has been over for a while, and log it once."""
        now_s = time.monotonic()
        if outage is not None:
            self._failed_s = now_s
        if outage is None and self.failing is not None and now_s >= self._failed_s + CALM_S:
            log.warning("the ledger can be written again")
            self._file.wait_for_locks(BUSY_MS)
            self.failing = None
        elif outage is not None and self.failing is None:
            log.error("%s. What is settled is kept in memory until it can be written", outage)
            self._file.wait_for_locks(0)
            self.failing = outage

    def _give_up(self) -> None:
        if self._waiting:
            log.error("%d writes to the ledger were kept for too long and are lost", len(self._waiting))
        error = Failed(self.failing or LedgerError("the ledger is closed"), outage=True)
        self._outcomes += [(item.future, error) for item in self._waiting]
        self._waiting = []


def _resolve(outcomes: list[_Outcome], on_change: Callable[[], None] | None) -> None:
    for future, result in outcomes:
        if future.done():
            continue  # Whoever waited was cancelled, or waits no more.
        if isinstance(result, Failed):
            future.set_exception(result.error)
        else:
            future.set_result(result)
    if on_change:
        on_change()
