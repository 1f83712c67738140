"""Making chat streams report their usage, unnoticed by a client that did not ask for it.

The request is edited by inserting or replacing a few bytes; all others stay as they are. The response loses the one
chunk that the edit caused, the one with an empty `choices` and the usage; no other byte of it changes.
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw, Struct

from tokenguard.records import Facts
from tokenguard.wire.decoding import FAILURES


class _Request(Struct):
    stream_options: Raw = Raw()
    """Empty where it is absent."""


class _Options(Struct):
    include_usage: bool | None = None


class _Chunk(Struct):
    choices: Raw = Raw()
    usage: Raw = Raw()


_REQUEST = msgspec.json.Decoder(_Request)
_OPTIONS = msgspec.json.Decoder(_Options)
_CHUNK = msgspec.json.Decoder(_Chunk)

_ASK = b'"include_usage":true'
_NOT_ASKED = re.compile(rb'"include_usage"\s*:\s*(?:false|null)')
_REPORT = re.compile(rb'"usage"\s*:\s*\{')
_CONTENT = re.compile(rb'"choices"\s*:\s*\[\s*[^\]\s]')
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")

MAX_HELD = 64 << 10
"""Bytes of an event that are held back at most; the chunk to be stripped has one or two thousand."""


def inject(body: bytes, facts: Facts) -> tuple[bytes, UsageFilter] | None:
    """`body` with `stream_options.include_usage` switched on, and the filter for its response.

    None where that is not needed (no stream, or it is on already) or not possible. A client that says `false` sees no
    difference: the chunk that it did not want is stripped.
    """
    if not facts.stream:
        return None
    try:
        options = bytes(_REQUEST.decode(body).stream_options)
        edited = _edited(body, options)
    except FAILURES:
        return None
    return None if edited is None else (edited, UsageFilter())


class UsageFilter:
    """Takes the extra chunk out of a stream. Bytes of other events pass as soon as they can be told apart from it."""

    def __init__(self) -> None:
        self._held = b""
        self._passing = False

    def feed(self, chunk: bytes) -> bytes:
        """The bytes that the client may have now."""
        if not self._held and not self._passing and chunk.endswith(b"\n\n") and not _REPORT.search(chunk):
            return chunk
        data = self._held + chunk
        released: list[bytes] = []
        done = 0
        for blank in _BLANK_LINE.finditer(data):
            event = data[done : blank.end()]
            if self._passing or not _is_extra(event):
                released.append(event)
            self._passing = False
            done = blank.end()
        rest = data[done:]
        if self._passing or len(rest) > MAX_HELD or _CONTENT.search(rest):
            self._passing = True
            # Line ends at the cut stay: with what follows they can be the blank line that ends the event.
            self._held = rest[len(rest.rstrip(b"\r\n")) :]
            released.append(rest[: len(rest) - len(self._held)])
        else:
            self._held = rest
        return b"".join(released)

    def finish(self) -> bytes:
        """What was held back, at the end of the stream."""
        held, self._held = self._held, b""
        return b"" if _is_extra(held) else held


def _edited(body: bytes, options: bytes) -> bytes | None:
    if not options:
        start = body.index(b"{") + 1
        return body[:start] + b'"stream_options":{' + _ASK + b"}," + body[start:]
    asking = _asking(options)
    if asking is None:
        return None
    # The same bytes can also stand in a tool's schema: the right place is where the edit has its effect.
    for found in re.finditer(rb'"stream_options"\s*:\s*' + re.escape(options), body):
        edited = body[: found.end() - len(options)] + asking + body[found.end() :]
        if bytes(_REQUEST.decode(edited).stream_options) == asking:
            return edited
    return None


def _asking(options: bytes) -> bytes | None:
    """The value of `stream_options` with the usage asked for; None if it asks already or cannot be made to."""
    if options == b"null":
        return b"{" + _ASK + b"}"
    if _OPTIONS.decode(options).include_usage:
        return None
    asking, replaced = _NOT_ASKED.subn(_ASK, options, count=1)
    if replaced:
        # It may have been the field of something inside.
        return asking if _OPTIONS.decode(asking).include_usage else None
    rest = options[1:].lstrip()
    return b"{" + _ASK + (b"" if rest == b"}" else b",") + options[1:]


def _is_extra(event: bytes) -> bool:
    if not _REPORT.search(event):
        return False
    lines = event.replace(b"\r\n", b"\n").split(b"\n")
    data = b"\n".join(line[len(b"data:") :] for line in lines if line.startswith(b"data:"))
    try:
        chunk = _CHUNK.decode(data)
    except FAILURES:
        return False
    return bytes(chunk.choices)[1:-1].strip() == b"" and chunk.choices != b"" and bytes(chunk.usage).startswith(b"{")
