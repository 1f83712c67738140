"""AWS event streams: binary frames with a checksum of their sizes and one of all of it."""

from __future__ import annotations

from struct import pack
from zlib import crc32

from tokenguard.simulator.values import encode

MEDIA_TYPE = "application/vnd.amazon.eventstream"

_STRING = 7
_OVERHEAD = 16
"""Bytes of a frame besides its headers and its payload."""
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def event(kind: str, fields: dict[str, object]) -> bytes:
    """A frame with an event. AWS hides the size of its payload behind letters."""
    noise = _LETTERS[: 1 + len(encode(fields)) * 7 % len(_LETTERS)]
    return _frame("event", kind, encode(fields | {"p": noise}))


def exception(kind: str, message: str) -> bytes:
    """A frame with an error, which is the last one of its stream."""
    return _frame("exception", kind, encode({"message": message}))


def _frame(message: str, kind: str, payload: bytes) -> bytes:
    named = {f":{message}-type": kind, ":content-type": "application/json", ":message-type": message}
    headers = b"".join(_header(name, value) for name, value in named.items())
    sizes = pack(">II", len(headers) + len(payload) + _OVERHEAD, len(headers))
    frame = sizes + pack(">I", crc32(sizes)) + headers + payload
    return frame + pack(">I", crc32(frame))


def _header(name: str, value: str) -> bytes:
    return pack(">B", len(name)) + name.encode() + pack(">BH", _STRING, len(value)) + value.encode()
