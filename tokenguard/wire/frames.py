"""AWS event streams: binary frames with headers, a payload and two checksums (`application/vnd.amazon.eventstream`).

A frame is its size, the size of its headers and their CRC32, the headers, the payload, and the CRC32 of all before it.
"""

from __future__ import annotations

from struct import Struct as Layout
from zlib import crc32

from tokenguard.wire.sse import MAX_EVENT, Take

_PRELUDE = Layout(">III")
_SIZE = Layout(">H")
_CHECKSUM = Layout(">I")
_OVERHEAD = _PRELUDE.size + _CHECKSUM.size

_BYTES, _STRING = 6, 7
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Type of a header -> bytes of its value; byte arrays and strings say theirs themselves."""


class FrameSplitter:
    """Hands the frames of a stream to `take`: the event's type, or that of the exception, and the payload."""

    def __init__(self, take: Take, *, limit: int = MAX_EVENT) -> None:
        self.corrupt = False
        """Set once a checksum was wrong. After a broken prelude nothing more is read: no frame can be found again."""
        self._take = take
        self._limit = limit
        self._buffer = bytearray()
        self._lost = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        if self._lost:
            return
        self._buffer += chunk
        done = 0
        while len(self._buffer) - done >= _PRELUDE.size:
            size, header_size, checksum = _PRELUDE.unpack_from(self._buffer, done)
            fits = header_size + _OVERHEAD <= size <= self._limit
            if not fits or crc32(self._buffer[done : done + 8]) != checksum:
                self.corrupt = self._lost = True
                self._buffer.clear()
                return
            if len(self._buffer) - done < size:
                break
            self._hand_over(bytes(self._buffer[done : done + size]), header_size)
            done += size
        del self._buffer[:done]

    def _hand_over(self, frame: bytes, header_size: int) -> None:
        (checksum,) = _CHECKSUM.unpack_from(frame, len(frame) - _CHECKSUM.size)
        if crc32(frame[: -_CHECKSUM.size]) != checksum:
            self.corrupt = True
            return
        end = _PRELUDE.size + header_size
        headers = _strings(frame[_PRELUDE.size : end])
        name = headers.get(":event-type") or headers.get(":exception-type") or headers.get(":error-code") or ""
        self._take(name, frame[end : -_CHECKSUM.size])


def _strings(headers: bytes) -> dict[str, str]:
    """The headers that are strings, up to one that cannot be read."""
    found: dict[str, str] = {}
    at = 0
    while at < len(headers):
        start, at = at + 1, at + 1 + headers[at]
        name = headers[start:at]
        kind = headers[at] if at < len(headers) else None
        at += 1
        if kind in _FIXED:
            at += _FIXED[kind]
        elif kind in (_BYTES, _STRING) and at + _SIZE.size <= len(headers):
            start = at + _SIZE.size
            at = start + _SIZE.unpack_from(headers, at)[0]
            if kind == _STRING:
                found[name.decode("utf-8", "replace")] = headers[start:at].decode("utf-8", "replace")
        else:
            break
    return found
