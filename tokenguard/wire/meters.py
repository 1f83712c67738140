"""Meters: a framing (events, a whole body, lines, binary frames) around the account that a dialect keeps."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from msgspec.structs import replace

from tokenguard.records import Reading
from tokenguard.wire.frames import FrameSplitter
from tokenguard.wire.sse import MAX_EVENT, Splitter

WHOLE = "(whole)"
"""Name under which an account is given a whole body."""


class Account(Protocol):
    """What one response has reported so far, as its dialect understands it."""

    def take(self, name: str, data: bytes) -> None:
        """One message: an event by its name, empty if it has none, or the `WHOLE` body. Never raises."""
        ...

    def reading(self, *, ended: bool) -> Reading:
        """The sum of what was taken."""
        ...


class StreamMeter:
    """Meters server-sent events; see `sse.Splitter` for the patterns.

    `half-event` marks a stream that ended in order, but within an event, before its usage had come.
    """

    def __init__(
        self, account: Account, *, wanted: re.Pattern[bytes], content: re.Pattern[bytes], head: int = 0
    ) -> None:
        self._account = account
        self._splitter = Splitter(account.take, wanted=wanted, content=content, head=head)
        # Called for every chunk of a stream: the splitter's own method saves a call each time.
        self.feed = self._splitter.feed

    def reading(self, *, ended: bool) -> Reading:
        self._splitter.flush(ended=ended)
        reading = self._account.reading(ended=ended)
        if self._splitter.broken_off and reading.state != "final":
            reading = replace(reading, marks=(*reading.marks, "half-event"))
        return _completed(reading, self._splitter.content_bytes, oversized=self._splitter.dropped > 0)


class BodyMeter:
    """Meters a body that is one JSON document. Until it is complete nothing is known but its size."""

    def __init__(self, open_account: Callable[[], Account], limit: int = MAX_EVENT) -> None:
        self._open_account = open_account
        self._limit = limit
        self._body = bytearray()
        self._size = 0

    def feed(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= self._limit:
            self._body += chunk
        else:
            self._body.clear()

    def reading(self, *, ended: bool) -> Reading:
        account = self._open_account()
        if ended or self._body.endswith((b"}", b"]")):
            account.take(WHOLE, bytes(self._body).strip())
        return _completed(account.reading(ended=ended), self._size, oversized=self._size > self._limit)


class FrameMeter:
    """Meters an AWS event stream. `unwrap` finds the JSON in a payload; `wanted` and `content` are searched in that."""

    def __init__(
        self,
        account: Account,
        *,
        wanted: re.Pattern[bytes],
        content: re.Pattern[bytes],
        unwrap: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self._account = account
        self._wanted = wanted
        self._content = content
        self._unwrap = unwrap
        self._content_bytes = 0
        self._frames = FrameSplitter(self._take)
        self.feed = self._frames.feed

    def reading(self, *, ended: bool) -> Reading:
        reading = _completed(self._account.reading(ended=ended), self._content_bytes, oversized=False)
        return replace(reading, marks=(*reading.marks, "corrupt-frame")) if self._frames.corrupt else reading

    def _take(self, name: str, payload: bytes) -> None:
        data = self._unwrap(payload)
        self._content_bytes += sum(map(len, self._content.findall(data)))
        if name.endswith("Exception") or self._wanted.search(data):
            self._account.take(name, data)


class LineMeter:
    """Meters a body of JSON lines (NDJSON); `content` is as in `sse.Splitter`."""

    def __init__(self, account: Account, *, content: re.Pattern[bytes], limit: int = MAX_EVENT) -> None:
        self._account = account
        self._content = content
        self._limit = limit
        self._rest = bytearray()
        self._dropping = False
        self._dropped = False
        self._content_bytes = 0

    def feed(self, chunk: bytes) -> None:
        end = chunk.rfind(b"\n")
        if end < 0:
            self._keep(chunk)
            return
        lines = bytes(self._rest) + chunk[:end]
        self._rest.clear()
        for line in lines.split(b"\n"):
            if self._dropping or len(line) > self._limit:
                self._dropped = True
                self._dropping = False
            elif line:
                self._content_bytes += sum(map(len, self._content.findall(line)))
                self._account.take("", line)
        self._keep(chunk[end + 1 :])

    def reading(self, *, ended: bool) -> Reading:
        if ended:
            self.feed(b"\n")
        return _completed(self._account.reading(ended=ended), self._content_bytes, oversized=self._dropped)

    def _keep(self, piece: bytes) -> None:
        if not self._dropping:
            self._rest += piece
        if len(self._rest) > self._limit:
            self._rest.clear()
            self._dropping = True
            self._dropped = True


def _completed(reading: Reading, output_bytes: int, *, oversized: bool) -> Reading:
    marks = (*reading.marks, "oversized") if oversized else reading.marks
    return replace(reading, output_bytes=output_bytes, marks=marks)
