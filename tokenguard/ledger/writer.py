"""The one thread that writes the ledger: what is queued while it commits becomes the next transaction."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar, TypeVarTuple

from tokenguard.errors import LedgerError
from tokenguard.ledger.failures import is_corrupt, ledger_error
from tokenguard.ledger.opening import suspect

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_Item = tuple[Callable[..., Any], tuple[Any, ...], asyncio.Future[Any]]
_Outcome = tuple[asyncio.Future[Any], Any, LedgerError | None]


class Writer:
    """Applies functions of a connection in the order in which they were submitted, several to a transaction.

    Belongs to one event loop. A function that fails takes nothing else with it, and the thread survives any failure.
    """

    def __init__(self, conn: sqlite3.Connection, path: Path) -> None:
        self._conn = conn
        self._path = path
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._closed = False
        # A daemon thread, so that a program that dies without `close` does not hang; nothing committed is lost by it.
        self._thread = Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def submit(self, write: Callable[[sqlite3.Connection, *Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Queue `write(conn, *args)`; its result comes when it is committed, or a `LedgerError` if it was not."""
        self._loop = loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if self._closed:
            future.set_exception(LedgerError("the ledger is closed"))
        else:
            self._queue.put((write, args, future))
        return future

    async def close(self) -> None:
        """Commit what is queued, end the thread and close the connection."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        more = True
        while more:
            batch, more = self._take()
            outcomes = self._commit(batch)
            # A loop that is gone has nobody left who waits.
            with suppress(RuntimeError):
                if outcomes and self._loop:
                    self._loop.call_soon_threadsafe(_resolve, outcomes)
        self._conn.close()

    def _take(self) -> tuple[list[_Item], bool]:
        """All that is queued, waiting for at least one; False after the last."""
        batch: list[_Item] = []
        while True:
            item = self._queue.get()
            if item is None:
                return batch, False
            batch.append(item)
            if self._queue.empty():
                return batch, True

    def _commit(self, batch: list[_Item]) -> list[_Outcome]:
        conn = self._conn
        try:
            conn.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            # The file's fault, not a row's: trying one by one would wait as often for the same lock.
            return [(future, None, self._error(error)) for _, _, future in batch]
        try:
            outcomes: list[_Outcome] = [(future, write(conn, *args), None) for write, args, future in batch]
            conn.execute("COMMIT")
            return outcomes
        except Exception as error:
            with suppress(sqlite3.Error):
                conn.rollback()
            if len(batch) == 1:
                return [(batch[0][2], None, self._error(error))]
        return [outcome for item in batch for outcome in self._commit([item])]

    def _error(self, error: Exception) -> LedgerError:
        if is_corrupt(error):
            with suppress(OSError):
                suspect(self._path)
        return ledger_error("written", error)


def _resolve(outcomes: list[_Outcome]) -> None:
    for future, result, error in outcomes:
        if future.done():
            continue  # Whoever waited was cancelled.
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
