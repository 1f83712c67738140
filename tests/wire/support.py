"""Bodies as providers send them, and how they are read."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable
from struct import pack
from zlib import crc32

from msgspec.structs import replace

from tokenguard.records import Facts, Prompt, Reading, Trail
from tokenguard.wire.shape import Dialect

FACTS = Facts("asked-model")


def unweighed(facts: Facts) -> Facts:
    """Without what the messages tell, which has tests of its own."""
    return replace(facts, prompt=Prompt(), trail=Trail())


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def events(*values: object, names: bool = False) -> bytes:
    """An event stream; with `names`, each event is named by its `type`."""
    lines = [
        (f"event: {value['type']}\n" if names and isinstance(value, dict) else "") + f"data: {json.dumps(value)}\n\n"
        for value in values
    ]
    return "".join(lines).encode()


def read(
    dialect: Dialect, data: bytes, *, stream: bool, ended: bool = True, provider: str = "x", facts: Facts = FACTS
) -> Reading:
    return read_pieces(dialect, (data,), stream=stream, ended=ended, provider=provider, facts=facts)


def read_pieces(
    dialect: Dialect,
    pieces: Iterable[bytes],
    *,
    stream: bool,
    ended: bool = True,
    provider: str = "x",
    facts: Facts = FACTS,
) -> Reading:
    meter = dialect.meter(facts, provider, stream=stream)
    for piece in pieces:
        meter.feed(piece)
    return meter.reading(ended=ended)


def frame(payload: bytes, name: str = "chunk", header: str = ":event-type", others: bytes = b"") -> bytes:
    """An AWS event-stream frame, with its checksums."""
    headers = others
    for key, value in ((header, name), (":content-type", "application/json")):
        headers += bytes((len(key),)) + key.encode() + b"\x07" + pack(">H", len(value)) + value.encode()
    prelude = pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + pack(">I", crc32(prelude)) + headers + payload
    return message + pack(">I", crc32(message))


def wrapped(value: object) -> bytes:
    """A frame of Bedrock's invoke stream: the event in base64 inside JSON."""
    return frame(json.dumps({"bytes": b64encode(json.dumps(value).encode()).decode(), "p": "abc"}).encode())
