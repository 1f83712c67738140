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
    def read(self, size: int, /) -> bytes: ...


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
        while chunk := stream.read(CHUNK):
            yield scanner.feed(chunk), None, len(chunk)
        state = follower.save()
        rest = scanner.rest()
        # What a compressed file holds is known by its size alone: it is never appended to.
        head = b"" if packed else fingerprint(cast(BinaryIO, raw), scanner.done)
        yield rest, Point(scanner.done, head, state), 0


class _Scanner:
    """Cuts chunks into lines, and hands on those that hold a marker."""

    def __init__(self, markers: tuple[bytes, ...], follower: Follower, odd: Odd, done: int) -> None:
        self._markers = markers
        self._follower = follower
        self._odd = odd
        self._tail: list[bytes] = []
        self._tail_size = 0
        self._skipping = 0
        """Bytes of a line so far that is too long."""
        self.done = done

    def feed(self, chunk: bytes) -> list[Sighting | Snapshot]:
        """What the lines show that end in this chunk."""
        end = chunk.rfind(b"\n") + 1
        if not end:
            self._keep(chunk)
            return []
        if self._skipping:
            begin = chunk.find(b"\n") + 1
            self._skip_to(chunk[:begin])
            block, at = chunk[begin:end], self.done
        else:
            block, at = b"".join([*self._tail, chunk[:end]]) if self._tail else chunk[:end], self.done
        self.done = at + len(block)
        self._tail, self._tail_size = [], 0
        if end < len(chunk):
            self._keep(chunk[end:])
        return self._search(block, at)

    def _keep(self, part: bytes) -> None:
        """Keep the beginning of a line, unless it is too long."""
        if self._skipping:
            self._skipping += len(part)
            return
        self._tail.append(part)
        self._tail_size += len(part)
        if self._tail_size > LONGEST:
            self._skipping, self._tail, self._tail_size = self._tail_size, [], 0

    def _skip_to(self, rest: bytes) -> None:
        self._odd(DROPPED, "too-long")
        self.done += self._skipping + len(rest)
        self._skipping = 0

    def _search(self, block: bytes, at: int) -> list[Sighting | Snapshot]:
        found: list[Sighting | Snapshot] = []
        for start, stop in reversed(_marked(block, self._markers)):
            line = block[start:stop]
            if line[0] != 123:
                line = line.lstrip(_NOISE)
            found.extend(self._follower.take(line, at + start))
        return found

    def rest(self) -> list[Sighting | Snapshot]:
        """What the last line shows if it is complete but for its end."""
        if self._skipping:
            self._odd(DROPPED, "too-long")
            return []
        line = b"".join(self._tail)
        if line[:1] == b"{" and line.rstrip().endswith(b"}"):
            return self._search(line, self.done)
        return []


def _marked(block: bytes, markers: tuple[bytes, ...]) -> list[tuple[int, int]]:
    """Where lines begin and end that hold a marker, the last one first: Python searches faster from the end."""
    found: list[tuple[int, int]] = []
    end = len(block)
    hits = dict.fromkeys(markers, end)
    while True:
        last = -1
        for marker, hit in hits.items():
            if hit >= end:
                hit = hits[marker] = block.rfind(marker, 0, end)
            if hit > last:
                last = hit
        if last < 0:
            return found
        start = block.rfind(b"\n", 0, last) + 1
        stop = block.find(b"\n", last, end)
        found.append((start, end if stop < 0 else stop))
        end = max(start - 1, 0)


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
