"""An admitted call between its reservation and its settlement."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aiohttp import ClientResponse, UploadTracker
from msgspec.structs import replace

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
        self.left = False
        """The client is gone, and the answer is read on without it."""
        self._give_up: Callable[[], object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._bytes_left = 0

    def go_on(self, give_up: Callable[[], object]) -> bool:
        """The client has left: whether to read on without it, which ends by `give_up` where it takes too much."""
        answered_no = self.status is not None and self.status >= 300
        drain = None if answered_no else self._guard.ways.drain(self._call)
        if drain is None:
            return False
        self.left, self._give_up, self._bytes_left = True, give_up, drain.bytes
        self._timer = asyncio.get_running_loop().call_later(drain.seconds, give_up)
        return True

    def answered(self, answer: ClientResponse) -> None:
        """The head of an answer is here."""
        self.status = answer.status
        try:
            self._guard.answered(self._call, answer.headers)
        except Exception as error:
            _log.error("the headers of an answer could not be read: %s", type(error).__name__)

    def seen(self, chunk: bytes) -> None:
        """Meter a piece of the answer."""
        if self._give_up is not None:
            self._bytes_left -= len(chunk)
            if self._bytes_left < 0:
                give_up, self._give_up = self._give_up, None
                give_up()
        if self.gauge is None:
            return
        self.gauge.feed(chunk)
        now = self._clock()
        if now >= self._next_progress:
            self._next_progress = now + _PROGRESS_EVERY
            self._tell(self.gauge.reading(ended=False))

    def settle(self, interrupted: str) -> None:
        """Book the call; `interrupted` is its outcome where it neither ended nor failed."""
        if self._timer is not None:
            self._timer.cancel()
        if self.gauge is not None:
            reading = self.gauge.reading(ended=self.complete)
        else:
            reading = Reading(marks=("sent",) if self.upload.bytes_written else ())
        outcome = self.failure or (_outcome(self.status or 0, reading) if self.complete else interrupted)
        if self.left:
            outcome = "client-gone" if outcome in ("ok", interrupted) else outcome
            reading = replace(reading, marks=(*reading.marks, "drained"))
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
