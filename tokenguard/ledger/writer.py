"""The one thread that writes the ledger: what is queued while it commits becomes the next transaction."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar, TypeVarTuple

from tokenguard.errors import LedgerError
from tokenguard.ledger.file import Failed, File
from tokenguard.ledger.outage import Item, Keeper, Outcome

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

log = logging.getLogger(__name__)

RETRY_S = 1.0
"""How often it is tried whether the file can be written again while nothing new is to be written."""


class Writer:
    """Applies functions of a connection in the order in which they were submitted, several to a transaction.

    Belongs to one event loop. A function that fails takes nothing else with it, and the thread survives any failure.
    """

    def __init__(self, file: File) -> None:
        self.kept = 0
        """How many writes wait in memory until the file can be written."""
        self.on_change: Callable[[], None] = lambda: None
        """Called on the event loop when `failing`, or the file, is another one."""
        self._file = file
        self._keeper = Keeper(file)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: SimpleQueue[Item | None] = SimpleQueue()
        self._closed = False
        # A daemon thread, so that a program that dies without `close` does not hang; nothing committed is lost by it.
        self._thread = Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    @property
    def failing(self) -> LedgerError | None:
        """Why nothing can be written at the moment."""
        return self._keeper.failing

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
            self._queue.put(Item(write, args, future, kept, excused, otherwise))
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
            self._keeper.write(batch)
            if not more:
                self._keeper.give_up()
            self.kept = self._keeper.kept
            outcomes = self._keeper.outcomes()
            on_change = self.on_change if (self.failing, self._file.set_aside) != before else None
            # A loop that is gone has nobody left who waits.
            with suppress(RuntimeError):
                if self._loop and (outcomes or on_change):
                    self._loop.call_soon_threadsafe(_resolve, outcomes, on_change)
        self._file.close()

    def _take(self) -> tuple[list[Item], bool]:
        """All that is queued, waiting for at least one unless it is time to try again; False after the last."""
        batch: list[Item] = []
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


def _resolve(outcomes: list[Outcome], on_change: Callable[[], None] | None) -> None:
    for future, result in outcomes:
        if future.done():
            continue  # Whoever waited was cancelled, or waits no more.
        if isinstance(result, Failed):
            future.set_exception(result.error)
        else:
            future.set_result(result)
    if on_change:
        on_change()
