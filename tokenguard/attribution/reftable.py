"""One table of git's reftable format, which holds references and their logs, and is never changed.

Git's Documentation/technical/reftable.adoc, "File format", says what is where; versions 1 and 2 of that are read here.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from struct import Struct
from typing import BinaryIO, NamedTuple

REFERENCES, LOGS = b"r", b"g"
"""The sections of a table."""
GONE, LINK = 0, 3
"""Kinds of records: of a key that is there no more, and of a reference that stands for another one."""

_HEADER = Struct(">4sI")
_POSITIONS = Struct(">QQQQQI")
_HEADER_BYTES = {1: 24, 2: 28}
"""By the version of the format. From the second one on, there stands at the end which ids these are."""
_ID_BYTES = {b"": 20, b"sha1": 20, b"s256": 32}
_MOST_BYTES = 11
"""Of a number of 64 bits, and one."""


class Record(NamedTuple):
    """What a table says about a key."""

    key: bytes
    """The name of a reference; of a line of its log, that name, a zero, and the line's number from behind."""
    age: int
    """Of the table: 0 for the newest."""
    kind: int
    value: bytes
    """Of a reference, the one that it stands for, or ids; of a log, what `line` reads."""


class Line(NamedTuple):
    """A line of a log."""

    old: str
    new: str
    name: bytes
    mail: bytes
    at_s: int
    zone: str
    """As in `+0100`."""
    how: bytes


class Table:
    """One that is open."""

    def __init__(self, file: BinaryIO) -> None:
        """Raises `KeyError` and `ValueError` if it is none of a known version, or torn."""
        self._file = file
        name, told = _HEADER.unpack(self._at(0, _HEADER.size))
        version, self._block_bytes = told >> 24, told & 0xFFFFFF
        self._header = _HEADER_BYTES[version]
        self.id_bytes = _ID_BYTES[self._at(_HEADER_BYTES[1], self._header - _HEADER_BYTES[1])]
        size = file.seek(0, os.SEEK_END)
        self._end = size - self._header - _POSITIONS.size
        footer = self._at(self._end, size - self._end)
        *_, logs, _, checksum = _POSITIONS.unpack(footer[self._header :])
        if name != b"REFT" or footer[:4] != name or zlib.crc32(footer[:-4]) != checksum:
            raise ValueError("torn")
        self._begins = {REFERENCES: 0, LOGS: logs}

    def records(self, section: bytes, age: int, begin: bytes) -> Iterator[Record]:
        """Those of a section, from a key on."""
        find = _of_reference if section == REFERENCES else _of_line
        for data, at, end in self._blocks(section):
            key = b""
            while at < end:
                prefix, at = _number(data, at)
                suffix, at = _number(data, at)
                key = key[:prefix] + data[at : at + (suffix >> 3)]
                at += suffix >> 3
                kind = suffix & 7
                text, at = find(data, at, kind, self.id_bytes)
                if key >= begin:
                    yield Record(key, age, kind, data[text:at])

    def _blocks(self, section: bytes) -> Iterator[tuple[bytes, int, int]]:
        """The blocks of a section: what they hold, and where records begin and end in that."""
        at = self._begins[section]
        while at < self._end:
            before = 0 if at else self._header
            begin = before + 4
            head = self._at(at, begin)
            if head[before : before + 1] != section:
                return
            size = int.from_bytes(head[before + 1 :], "big")
            if size <= begin:
                raise ValueError("a block without an end")
            if section == LOGS:
                rest, used = _inflated(self._at(at + begin, size + size // 1000 + 64), size - begin)
                data = head + rest
                at += begin + used
            else:
                data = self._at(at, size)
                # The next one begins where this one could have ended, or right here.
                padded = size < self._block_bytes and self._at(at + size, 1) in (b"\0", b"")
                at += self._block_bytes if padded else size
            restarts = int.from_bytes(data[size - 2 :], "big")
            yield data, begin, size - 2 - 3 * restarts

    def _at(self, at: int, size: int) -> bytes:
        return os.pread(self._file.fileno(), size, at)


def line(value: bytes, id_bytes: int) -> Line:
    """The line of a log that a record holds."""
    name, at = _text(value, 2 * id_bytes)
    mail, at = _text(value, at)
    at_s, at = _number(value, at)
    zone = int.from_bytes(value[at : at + 2], "big", signed=True)
    how, _ = _text(value, at + 2)
    old, new = value[:id_bytes].hex(), value[id_bytes : 2 * id_bytes].hex()
    return Line(old, new, name, mail, at_s, f"{zone:+05d}", how.removesuffix(b"\n"))


def _of_reference(data: bytes, at: int, kind: int, id_bytes: int) -> tuple[int, int]:
    """Where what a reference stands for begins and ends, from behind its key."""
    _, at = _number(data, at)
    if kind != LINK:
        return at, at + kind * id_bytes
    size, at = _number(data, at)
    return at, at + size


def _of_line(data: bytes, at: int, kind: int, id_bytes: int) -> tuple[int, int]:
    """The same of a line of a log."""
    begin = at
    if kind != GONE:
        at = _text(data, _text(data, at + 2 * id_bytes)[1])[1]
        at = _text(data, _number(data, at)[1] + 2)[1]
    return begin, at


def _text(data: bytes, at: int) -> tuple[bytes, int]:
    """What stands behind its own length, and where it ends."""
    size, at = _number(data, at)
    return data[at : at + size], at + size


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number as in packs (gitformat-pack, "offset encoding"), and where it ends."""
    found = data[at] & 0x7F
    for end in range(at + 1, at + _MOST_BYTES):
        if data[end - 1] < 0x80:
            return found, end
        found = (found + 1 << 7) | (data[end] & 0x7F)
    raise ValueError("a number without an end")


def _inflated(data: bytes, size: int) -> tuple[bytes, int]:
    """What was packed, of a known size, and in how many bytes."""
    way = zlib.decompressobj()
    found = way.decompress(data, size + 1)
    if not way.eof or len(found) != size:
        raise ValueError("torn")
    return found, len(data) - len(way.unused_data)
