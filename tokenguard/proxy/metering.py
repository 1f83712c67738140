"""A meter on a stream that must not suffer from it."""

from __future__ import annotations

import logging

import msgspec
from aiohttp import ClientResponse

from tokenguard.proxy.encoding import Decoder, is_encoded
from tokenguard.records import Facts, Reading
from tokenguard.wire.shape import Dialect, Meter

_log = logging.getLogger(__name__)


class Gauge:
    """Reads a copy of an answer's body; nothing that goes wrong in here reaches the stream.

    Marks that it adds to a reading: `meter-failed` where the meter raised, `undecodable` where the body is in an
    encoding that cannot be undone. Both leave the reading as it was before.
    """

    def __init__(self, dialect: Dialect, facts: Facts, provider: str, answer: ClientResponse) -> None:
        self._dialect = dialect.NAME
        self._mark: str | None = None
        self._meter: Meter | None = None
        encoding = answer.headers.get("Content-Encoding")
        self._decoder = Decoder(encoding or "") if is_encoded(encoding) else None
        self.stream = _is_stream(answer, facts)
        try:
            self._meter = dialect.meter(facts, provider, stream=self.stream)
        except Exception as error:
            self._failed(error)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes as they came."""
        if self._meter is None or self._mark is not None:
            return
        try:
            if self._decoder is None:
                self._meter.feed(chunk)
                return
            for piece in self._decoder.feed(chunk):
                self._meter.feed(piece)
        except Exception as error:
            self._failed(error)
        if self._decoder is not None and self._decoder.failed:
            self._mark = self._mark or "undecodable"

    def reading(self, *, ended: bool) -> Reading:
        """What was read; `ended` says that the body came to its regular end."""
        reading = Reading()
        if self._meter is not None:
            try:
                reading = self._meter.reading(ended=ended and self._mark is None)
            except Exception as error:
                self._failed(error)
        if self._mark is None:
            return reading
        return msgspec.structs.replace(reading, marks=(*reading.marks, self._mark))

    def _failed(self, error: Exception) -> None:
        # Only the type: a message may quote the body.
        if self._mark != "meter-failed":
            _log.error("the meter of %s failed with %s", self._dialect, type(error).__name__)
        self._mark = "meter-failed"


def _is_stream(answer: ClientResponse, facts: Facts) -> bool:
    kind = answer.headers.get("Content-Type", "").lower()
    # Some compatible endpoints send event streams without saying so.
    return "event-stream" in kind or (facts.stream and answer.status == 200 and "json" not in kind)
