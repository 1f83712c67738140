"""Bodies as providers send them, and how they are read."""

from __future__ import annotations

import json
from collections.abc import Iterable

from tokenguard.records import Facts, Reading
from tokenguard.wire.shape import Dialect

FACTS = Facts("asked-model")


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
