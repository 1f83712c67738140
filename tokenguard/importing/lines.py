"""Reading files of JSON lines: from where the last visit ended, and only the lines that can hold what is looked for."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from typing import BinaryIO, Protocol, cast

from msgspec import Struct

from tokenguard.agents.logs.shape import DROPPED, UNREADABLE, Follower, Lines, Odd, Sighting, Snapshot

CHUNK = 1 << 18
LONGEST = 32 << 20
"""Bytes of the longest line that is looked at: nothing of use is in a longer one."""

_ENDS = 1 << 10
"""Bytes at the beginning and at the end of what was read by which a file is known again."""

_NOISE = b"\0\r \t\xef\xbb\xbf"
"""What may stand before a line: zeros of a crash, a byte order mark."""

_UTF_16 = (b"\xff\xfe", b"\xfe\xff", b"{\0", b"\0{")
"""How text begins that takes two bytes for a letter, as some shells write it: no line of it can be found."""
_TEXT = bytes(set(range(256)) - set(range(1, 32)) - {127} | set(b"\b\t\n\v\f\r\x1b"))
"""Bytes that text has, and the zeros of a crash."""


class _Stream(Protocol):
    def readinto(self, buffer: memoryview, /) -> int | None: ...


class Point(Struct, frozen=True):
    """How far a file was read."""

    done: int
    """Bytes up to the end of the last complete line."""
    head: bytes
    state: bytes


def fingerprint(file: BinaryIO, done: int) -> bytes:
    """By which it shows whether the first `done` bytes of a file are those that were read."""
    file.seek(0)
    begin = file.read(min(done, _ENDS))
    file.seek(max(0, done - _ENDS))
    end = file.read(min(done, _ENDS))
    return hashlib.blake2b(begin + end, digest_size=16).digest()


def follow(
    path: str, source: Lines, start: int, follower: Follower, odd: Odd
) -> Iterator[tuple[list[Sighting | Snapshot], Point | None, int]]:
    """What the lines of a file from byte `start` show, piece by piece: (found, None, bytes read).

    The last piece tells how far it came. A line that does not end yet is left for the next visit; if it is complete all
    the same, what it shows is shown now and then once more. Raises `OSError`, or what a damaged `.zst` raises.
    """
    with open(path, "rb", buffering=0) as raw:
        packed = path.endswith(".zst")
        stream = _unpacked(raw) if packed else raw
        if not packed:
            raw.seek(start)
        scanner = _Scanner(source.markers, follower, odd, start)
        while size := stream.readinto(scanner.room()):
            yield scanner.feed(size), None, size
        state = follower.save()
        rest = scanner.rest()
        # What a compressed file holds is known by its size alone: it is never appended to.
        head = b"" if packed else fingerprint(cast(BinaryIO, raw), scanner.done)
        yield rest, Point(scanner.done, head, state), 0


class _Scanner:
    """Cuts what is read into lines, and hands on those that hold a marker.

    All of it goes through one buffer, in which it is searched: only lines that are handed on are copied.
    """

    def __init__(self, markers: tuple[bytes, ...], follower: Follower, odd: Odd, done: int) -> None:
        self._markers = markers
        self._follower = follower
        self._odd = odd
        self._buffer = bytearray(CHUNK)
        self._view = memoryview(self._buffer)
        self._tail = 0
        """Bytes at the beginning of the buffer, of a line that does not end yet."""
        self._skipping = 0
        """Bytes of a line so far that is too long."""
        self.done = done

    def room(self) -> memoryview:
        """Where to read to."""
        if 2 * (len(self._buffer) - self._tail) < CHUNK:
            larger = bytearray(2 * len(self._buffer))
            larger[: self._tail] = self._view[: self._tail]
            self._buffer, self._view = larger, memoryview(larger)
        return self._view[self._tail : self._tail + CHUNK]

    def feed(self, size: int) -> list[Sighting | Snapshot]:
        """What the lines show that end in so many bytes that were read there."""
        filled = self._tail + size
        end = self._buffer.rfind(b"\n", self._tail, filled) + 1
        if not end:
            self._keep(filled)
            return []
        begin = self._skip(self._buffer.find(b"\n") + 1) if self._skipping else 0
        found = self._search(begin, end)
        self.done += end - begin
        self._tail = filled - end
        self._view[: self._tail] = self._view[end:filled]
        return found

    def _keep(self, filled: int) -> None:
        """Keep the beginning of a line, unless it is too long."""
        if self._skipping or filled > LONGEST:
            self._skipping += filled
            filled = 0
        self._tail = filled

    def _skip(self, begin: int) -> int:
        """Pass over a line that is too long; where the next one begins."""
        self._odd(DROPPED, "too-long")
        self.done += self._skipping + begin
        self._skipping = 0
        return begin

    def _search(self, begin: int, end: int) -> list[Sighting | Snapshot]:
        found: list[Sighting | Snapshot] = []
        offset = self.done - begin
        for start, stop in reversed(self._marked(begin, end)):
            line = bytes(self._view[start:stop])
            if line[0] != 123:
                line = line.lstrip(_NOISE)
            found.extend(self._follower.take(line, offset + start))
        return found

    def _marked(self, begin: int, end: int) -> list[tuple[int, int]]:
        """Where lines begin and end that hold a marker, the last one first: Python searches faster from the end."""
        found: list[tuple[int, int]] = []
        buffer = self._buffer
        hits = dict.fromkeys(self._markers, end)
        while True:
            last = -1
            for marker, hit in hits.items():
                if hit >= end:
                    hit = hits[marker] = buffer.rfind(marker, begin, end)
                if hit > last:
                    last = hit
            if last < 0:
                return found
            start = buffer.rfind(b"\n", begin, last) + 1 or begin
            stop = buffer.find(b"\n", last, end)
            found.append((start, end if stop < 0 else stop))
            end = max(start - 1, begin)

    def rest(self) -> list[Sighting | Snapshot]:
        """What the last line shows if it is complete but for its end."""
        if self._skipping:
            self._odd(DROPPED, "too-long")
            return []
        line = bytes(self._view[: self._tail])
        if line[:1] == b"{" and line.rstrip().endswith(b"}"):
            return self._search(0, self._tail)
        return []


def _unpacked(raw: BinaryIO | object) -> _Stream:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return cast(_Stream, zstd.open(cast(BinaryIO, raw), "rb"))


def is_binary(path: str, odd: Odd) -> bool:
    """Whether a file holds no text at all. It is noted also of one that begins with none, in which lines may follow."""
    if path.endswith(".zst"):
        return False
    with open(path, "rb") as file:
        begin = file.read(_ENDS)
        # A crash leaves zeros between lines, but lines as well; where they come first, what follows them tells.
        while begin and not begin.strip(b"\0") and (more := file.read(CHUNK)):
            begin = more.lstrip(b"\0")[:_ENDS] or begin
    empty = begin.count(0) > len(begin) // 4 and b"{" not in begin
    if empty or begin.startswith(_UTF_16) or len(begin.translate(None, _TEXT)) > len(begin) // 20:
        odd(UNREADABLE, "binary")
    return empty


def resumes(path: str, done: int, head: bytes, size: int) -> bool:
    """Whether what was read of a file is still its beginning."""
    if path.endswith(".zst") or done > size:
        return False
    with open(path, "rb", buffering=0) as raw:
        return fingerprint(cast(BinaryIO, raw), done) == head and os.fstat(raw.fileno()).st_size >= done
