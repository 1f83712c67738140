"""Writes while the file may not take them: what must not be lost is kept in memory, and written in its order.

The disk may be full, or another program may hold the lock of the file.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from tokenguard.errors import LedgerError
from tokenguard.ledger.file import Failed, File
from tokenguard.ledger.opening import BUSY_MS

log = logging.getLogger(__name__)

KEPT_MOST = 20_000
"""How many writes are kept in memory; what comes after them fails."""

CALM_S = 5.0
"""For how long all that is written has to succeed until the file counts as sound: small writes may fit a full disk."""

_CHUNK = 500
"""How many of the writes that were kept go into one transaction."""


class Item(Struct):
    """A write, and what becomes of it while the file cannot be written."""

    write: Callable[..., Any]
    args: tuple[Any, ...]
    future: asyncio.Future[Any]
    kept: bool = False
    """Whether it is kept then."""
    excused: bool = False
    """Whether its result is `otherwise` then, at once."""
    otherwise: Any = None


Outcome = tuple[asyncio.Future[Any], Any]


class Keeper:
    """Has items written to the file, and keeps those that have to wait. Belongs to one thread."""

    def __init__(self, file: File) -> None:
        self.failing: LedgerError | None = None
        """Why nothing can be written at the moment."""
        self._file = file
        self._waiting: list[Item] = []
        self._outcomes: list[Outcome] = []
        self._failed_s = 0.0

    @property
    def kept(self) -> int:
        """How many items wait."""
        return len(self._waiting)

    def outcomes(self) -> list[Outcome]:
        """What has come of items since this was asked last."""
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def write(self, batch: list[Item]) -> None:
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

    def _apply(self, items: list[Item]) -> LedgerError | None:
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

    def _not_written(self, item: Item, failed: Failed) -> None:
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

    def give_up(self) -> None:
        """What waits fails."""
        if self._waiting:
            log.error("%d writes to the ledger were kept for too long and are lost", len(self._waiting))
        error = Failed(self.failing or LedgerError("the ledger is closed"), outage=True)
        self._outcomes += [(item.future, error) for item in self._waiting]
        self._waiting = []
