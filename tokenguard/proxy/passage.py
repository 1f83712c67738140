"""An admitted call between its reservation and its settlement."""

from __future__ import annotations

import asyncio
import logging

from aiohttp import UploadTracker

from tokenguard.proxy.crossing import Guard
from tokenguard.proxy.metering import Gauge
from tokenguard.records import Call, Reading

_PROGRESS_EVERY = 0.3
"""Seconds."""

_log = logging.getLogger(__name__)


class Passage:
    """An admitted call between its reservation and its settlement."""

    def __init__(self, guard: Guard, call: Call) -> None:
        self._guard = guard
        self._call = call
        self._clock = asyncio.get_running_loop().time
        self._next_progress = self._clock() + _PROGRESS_EVERY
        self.gauge: Gauge | None = None
        self.status: int | None = None
        self.complete = False
        """The answer came to its regular end."""
        self.failure: str | None = None
        """Outcome where the upstream is to blame that it did not."""
        self.upload = UploadTracker()

    def seen(self, chunk: bytes) -> None:
        """Meter a piece of the answer."""
        if self.gauge is None:
            return
        self.gauge.feed(chunk)
        now = self._clock()
        if now >= self._next_progress:
            self._next_progress = now + _PROGRESS_EVERY
            self._tell(self.gauge.reading(ended=False))

    def settle(self, interrupted: str) -> None:
        """Book the call; `interrupted` is its outcome where it neither ended nor failed."""
        if self.gauge is not None:
            reading = self.gauge.reading(ended=self.complete)
        else:
            reading = Reading(marks=("sent",) if self.upload.bytes_written else ())
        outcome = self.failure or (_outcome(self.status or 0, reading) if self.complete else interrupted)
        self._guard.settle(self._call, reading, status=self.status, outcome=outcome)

    def _tell(self, reading: Reading) -> None:
        try:
            self._guard.progress(self._call, reading)
        except Exception as error:
            _log.error("the progress of a call could not be told: %s", type(error).__name__)


def _outcome(status: int, reading: Reading) -> str:
    if status < 300:
        return "ok" if reading.error is None else "provider-error"
    return "refused-upstream" if status < 500 else "provider-error"
