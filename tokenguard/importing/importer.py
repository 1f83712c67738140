"""Brings what agents write down into the ledger, one import at a time, beside whatever else the daemon does."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from pathlib import Path
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.importing import process, reading, surveying
from tokenguard.importing.entries import Entries
from tokenguard.importing.reading import Batch
from tokenguard.importing.states import knowing
from tokenguard.importing.surroundings import Surroundings
from tokenguard.importing.surveying import Known, Plan, Survey
from tokenguard.ledger import Ledger
from tokenguard.ledger.values import Written
from tokenguard.records import Amount, Call, Charge, Leg

ELSEWHERE = 4 << 20
"""Bytes from which on reading is left to a process of its own while others use this one: the interpreter has one lock.

It costs more on the whole, so what nobody waits beside is read here.
"""


_EVERY_S = 1.0
"""How often it is told at most that sums have to be read again."""


class Progress(Struct, frozen=True):
    """How far an import has come."""

    began_us: int = 0
    files: int = 0
    """That have to be read."""
    files_read: int = 0
    bytes: int = 0
    """That have to be read, as far as files tell."""
    bytes_read: int = 0
    added: int = 0
    """Rows of responses that nothing else had told of."""
    changed: int = 0
    """Rows that logs tell more of than before."""
    joined: int = 0
    """Responses that are measured already."""
    unchanged: int = 0
    """Files in which nothing is new."""
    done: bool = False


Tell = Callable[[Progress], None]


class Books(Protocol):
    """Whoever counts what is in the ledger. All but `price_logged` is called on the loop."""

    @property
    def in_use(self) -> bool:
        """Whether anybody would notice that the interpreter is busy."""
        ...

    def price_logged(self, call: Call, leg: Leg) -> Charge:
        """What a response cost by its log; asked on the ledger's thread."""
        ...

    def writing(self) -> None:
        """Rows are about to be written; `written` follows, whatever comes of it."""
        ...

    def written(self, news: Iterable[tuple[Call, Amount]]) -> None:
        """Of these calls so much more counts."""
        ...

    def unsaid(self) -> None:
        """More than that counts otherwise than before: what is known of sums has to be read again."""
        ...


class Importer:
    """Imports into a ledger. Belongs to its event loop."""

    def __init__(self, ledger: Ledger, path: Path, books: Books) -> None:
        """`path` is the ledger's file."""
        self._ledger = ledger
        self._path = path
        self._books = books
        self._used = True
        self._turn = asyncio.Lock()
        self._closed = threading.Event()
        self._unsaid = False
        self._told_s = -_EVERY_S
        self.progress: Progress | None = None
        """Of the import that runs, or else of the last one that had anything to read; None before the first."""

    async def run(self, plan: Plan, tell: Tell = lambda _: None) -> Progress:
        """Import what is planned; `tell` hears of every batch. Raises `LedgerError` if it cannot be read or written.

        Waits for an import that runs already.
        """
        async with self._turn:
            if self._closed.is_set():
                return Progress(done=True)
            self._used = self._books.in_use
            try:
                return await asyncio.to_thread(self._work, plan, asyncio.get_running_loop(), tell)
            finally:
                self._tell_unsaid()

    @property
    def busy(self) -> bool:
        """Whether an import runs."""
        return self._turn.locked()

    def close(self) -> None:
        """Have an import end before its next batch; what it has written so far stays."""
        self._closed.set()

    def _work(self, plan: Plan, loop: asyncio.AbstractEventLoop, tell: Tell) -> Progress:
        progress = Progress(time.time_ns() // 1_000)
        while True:
            with knowing(self._path, plan.below) as known:
                found = surveying.survey(plan, known)
                progress = replace(
                    progress,
                    files=progress.files_read + len(found.visits),
                    bytes=progress.bytes_read + found.size,
                    unchanged=found.unchanged,
                )
                if not found.visits and not found.oddities:
                    return _told(progress, tell, loop, done=True)
                self.progress = progress
                apart = found.size >= ELSEWHERE and self._used
                here = _here(plan, found, known, reading.BATCH if self._used else reading.ALONE)
                with closing(process.batches(plan, self._path) if apart else here) as batches:
                    for batch in batches:
                        if self._closed.is_set():
                            break
                        written = asyncio.run_coroutine_threadsafe(self._write(batch), loop).result()
                        self.progress = progress = _told(_grown(progress, batch, written), tell, loop)
                        if not apart and self._used and progress.bytes - progress.bytes_read >= ELSEWHERE:
                            break  # somebody has come: the rest is read elsewhere
                    else:
                        break
                if self._closed.is_set():
                    break
        self.progress = _told(progress, tell, loop, done=True)
        return self.progress

    async def _write(self, batch: Batch) -> Written:
        self._books.writing()
        written = Written(unsaid=True)
        try:
            written = await self._ledger.log(batch.logs, self._books.price_logged)
        finally:
            self._used = self._books.in_use
            # What has to be read again is told now and then only: that takes its time.
            self._unsaid |= written.unsaid
            self._books.written(written.news)
            if time.monotonic() >= self._told_s + _EVERY_S:
                self._tell_unsaid()
        return written

    def _tell_unsaid(self) -> None:
        if self._unsaid:
            self._unsaid, self._told_s = False, time.monotonic()
            self._books.unsaid()


def _here(plan: Plan, found: Survey, known: Known, at_once: int) -> Generator[Batch]:
    entries = Entries(Surroundings(plan.places(), known.trees, plan.payers), time.time_ns() // 1_000)
    large = found.size >= ELSEWHERE
    if large:
        gc.disable()  # there are no cycles in many rows, and looking for them takes a tenth of the time
    try:
        yield from reading.read(found, known, entries, full=plan.full, at_once=at_once)
    finally:
        if large:
            gc.enable()


def _grown(progress: Progress, batch: Batch, written: Written) -> Progress:
    return replace(
        progress,
        files_read=progress.files_read + batch.files,
        bytes_read=progress.bytes_read + batch.read,
        added=progress.added + written.added,
        changed=progress.changed + written.changed,
        joined=progress.joined + written.joined,
    )


def _told(progress: Progress, tell: Tell, loop: asyncio.AbstractEventLoop, *, done: bool = False) -> Progress:
    progress = replace(progress, done=done)
    loop.call_soon_threadsafe(tell, progress)
    return progress
