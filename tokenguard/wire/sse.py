"""Server-sent events out of bytes that arrive in pieces of any size.

Made to be cheap: bytes are collected and searched a batch at a time, and only events that match a pattern are taken
apart. The format is that of the WHATWG standard: lines end in LF, CRLF or CR, a blank line ends an event, a byte order
mark and comments are skipped, several `data` lines are joined.
"""

from __future__ import annotations

import re
from collections.abc import Callable

MAX_EVENT = 32 << 20
"""Bytes of one event, or of one body, beyond which it is dropped: what a meter holds at most."""

BATCH = 16 << 10
"""Bytes that are collected before they are searched."""

STRING = rb'"([^"\\\n]*+(?:\\.[^"\\\n]*+)*+)"'
"""A JSON string with its inside as a group, for patterns of content; it never reaches into another line."""

_BOM = b"\xef\xbb\xbf"
_RETURN = re.compile(rb"\r\n?")

Take = Callable[[str, bytes], None]
"""Receives the name (empty if it has none) and the data of an event."""


class Splitter:
    """Hands events to `take` in order: those that match `wanted`, and the first `head` ones whatever they hold.

    `content` is a pattern with one group; `content_bytes` counts what it matches in all events. Neither pattern may
    match across lines. The result does not depend on how the bytes were cut, but events come late, a batch at a time:
    `flush` brings them up to date.
    """

    def __init__(
        self,
        take: Take,
        *,
        wanted: re.Pattern[bytes] | None = None,
        content: re.Pattern[bytes] | None = None,
        head: int = 0,
        limit: int = MAX_EVENT,
    ) -> None:
        self.content_bytes = 0
        self.dropped = 0
        self.broken_off = False
        """The stream has ended without the blank line behind its last event."""
        self._take = take
        self._wanted = wanted
        self._content = content
        self._head = head
        self._limit = limit
        self._buffer = bytearray()
        self._searched = 0
        self._due = BATCH
        self._began = False
        self._after_cr = False
        self._dropping = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._buffer += chunk
        if len(self._buffer) >= self._due:
            self._search()

    def flush(self, *, ended: bool = False) -> None:
        """Hand over all that is complete; when the stream has `ended`, also a last event without its blank line."""
        self._search()
        if ended and self._buffer:
            # Further blank lines are no event; which of them stay depends on the cuts.
            self.broken_off = not self._dropping and bool(self._buffer.strip(b"\n"))
            self._buffer += b"\n\n"
            self._search()

    def _search(self) -> None:
        buffer = self._buffer
        if not self._began and (len(buffer) >= len(_BOM) or not _BOM.startswith(buffer)):
            self._began = True
            if buffer.startswith(_BOM):
                del buffer[: len(_BOM)]
                self._searched = 0
        self._normalise()
        if self._dropping and not self._resume():
            return
        end = buffer.rfind(b"\n\n", max(self._searched - 1, 0))
        if end >= 0:
            events = bytes(buffer[: end + 2])
            del buffer[: end + 2]
            self._pass_on(events)
        if len(buffer) > self._limit:
            self.dropped += 1
            self._dropping = True
            del buffer[:-1]
        self._searched = len(buffer)
        self._due = len(buffer) + BATCH

    def _normalise(self) -> None:
        """Make every line that has come since the last search end in LF."""
        buffer = self._buffer
        if self._after_cr and len(buffer) > self._searched:
            self._after_cr = False
            if buffer[self._searched] == 0x0A:
                del buffer[self._searched]
        if buffer.find(b"\r", self._searched) >= 0:
            self._after_cr = buffer.endswith(b"\r")
            buffer[self._searched :] = _RETURN.sub(b"\n", buffer[self._searched :])

    def _resume(self) -> bool:
        """Whether the event that is being dropped has ended."""
        buffer = self._buffer
        end = buffer.find(b"\n\n")
        self._dropping = end < 0
        del buffer[: -1 if self._dropping else end + 2]
        self._searched = len(buffer) if self._dropping else 0
        self._due = len(buffer) + BATCH
        return not self._dropping

    def _pass_on(self, events: bytes) -> None:
        if len(events) > self._limit:
            events = self._without_oversized(events)
        if self._content is not None:
            self.content_bytes += sum(map(len, self._content.findall(events)))
        done = 0
        while self._head or self._wanted is None:
            end = events.find(b"\n\n", done)
            if end < 0:
                return
            if self._hand_over(events[done:end]) and self._head:
                self._head -= 1
            done = end + 2
        for found in self._wanted.finditer(events, done):
            at = found.start()
            if at >= done:
                before = events.rfind(b"\n\n", done, at)
                end = events.find(b"\n\n", at)
                self._hand_over(events[done if before < 0 else before + 2 : end])
                done = end + 2

    def _without_oversized(self, events: bytes) -> bytes:
        kept = [event for event in events.split(b"\n\n") if len(event) < self._limit]
        self.dropped += events.count(b"\n\n") + 1 - len(kept)
        return b"\n\n".join(kept)

    def _hand_over(self, event: bytes) -> bool:
        """Take an event apart and pass it on, unless it has no data."""
        if event.startswith(b"data: ") and b"\n" not in event:
            self._take("", event[6:])
            return True
        name = ""
        data: list[bytes] = []
        for line in event.split(b"\n"):
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                data.append(value)
            elif field == b"event":
                name = value.decode("utf-8", "replace")
        if data:
            self._take(name, b"\n".join(data))
        return bool(data)
