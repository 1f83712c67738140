"""The file of the ledger, as its one writer holds it: transactions, and what becomes of a file that proves corrupt."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from tokenguard.errors import LedgerError
from tokenguard.ledger.failures import is_corrupt, is_locked, is_outage, ledger_error
from tokenguard.ledger.opening import GoingOn, begin_anew, put_aside, what_goes_on

log = logging.getLogger(__name__)

Write = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function, and what it is called with besides the connection."""

_SOUND_S = 60.0
"""How long a new file has to be sound before it may be replaced: not every second, on a disk that is broken."""


class Failed(Struct, frozen=True):
    """What comes of a write that could not be made."""

    error: LedgerError
    outage: bool
    """Whether it is for the file's sake, so that it can be made later."""


class File:
    """The open file; belongs to one thread at a time. Nothing that it does raises."""

    def __init__(self, conn: sqlite3.Connection, path: Path, durability: str) -> None:
        self.set_aside: Path | None = None
        """Where the file was put that proved corrupt in use, the latest if there were several."""
        self._conn: sqlite3.Connection | None = conn
        self._path = path
        self._durability = durability
        self._corrupt = False
        """Whether the file at the path is one that proved corrupt."""
        self._going_on: GoingOn = []
        self._replaced_s = -_SOUND_S

    def apply(self, writes: Sequence[Write]) -> list[Any]:
        """The results of the writes in their order: of all in one transaction, or one by one if one of them fails.

        Of those that fail it is `Failed`. If the file proves corrupt, they are made in a new one.
        """
        try:
            return self._transact(writes)
        except Exception as error:
            self._roll_back()
            if is_corrupt(error) and self._abandon():
                return self.apply(writes)
            # Trying one by one would wait as often for the same lock.
            if len(writes) == 1 or is_locked(error):
                return [Failed(ledger_error("written", error), is_outage(error))] * len(writes)
        return [result for write in writes for result in self.apply([write])]

    def probe(self) -> Failed | None:
        """Whether the file can be written: None if it can."""
        result: Failed | None = self.apply([(_touch, ())])[0]
        return result

    def make_room(self) -> None:
        """Move the write-ahead log into the file, as far as there is room: then it need not grow for what comes."""
        if self._conn is not None:
            with suppress(sqlite3.Error):
                self._conn.execute("PRAGMA wal_checkpoint").fetchall()

    def wait_for_locks(self, milliseconds: int) -> None:
        """How long a write waits for another program to finish."""
        if self._conn is not None:
            self._conn.execute(f"PRAGMA busy_timeout = {milliseconds}")

    def close(self) -> None:
        """Close it."""
        if self._conn is not None:
            self._conn.close()

    def _transact(self, writes: Sequence[Write]) -> list[Any]:
        conn = self._connected()
        conn.execute("BEGIN IMMEDIATE")
        results = [write(conn, *args) for write, args in writes]
        conn.execute("COMMIT")
        return results

    def _roll_back(self) -> None:
        if self._conn is not None:
            with suppress(sqlite3.Error):
                self._conn.rollback()

    def _connected(self) -> sqlite3.Connection:
        if self._conn is None:
            if self._corrupt:
                self.set_aside = put_aside(self._path)
                self._corrupt = False
                log.error("the ledger was damaged; it is kept as %s, and a new one begins", self.set_aside)
            self._conn = begin_anew(self._path, self._durability, self._going_on)
            self._going_on = []
        return self._conn

    def _abandon(self) -> bool:
        """Let go of the file because it is corrupt; False if it is to be kept for now."""
        if self._conn is None or time.monotonic() < self._replaced_s + _SOUND_S:
            return False
        self._replaced_s = time.monotonic()
        self._going_on = what_goes_on(self._conn)
        self._conn.close()
        self._conn, self._corrupt = None, True
        return True


def _touch(conn: sqlite3.Connection) -> None:
    """A write that changes nothing."""
    version: int = conn.execute("PRAGMA user_version").fetchone()[0]
    conn.execute(f"PRAGMA user_version = {version}")
