"""Content encodings, undone for the meter's copy of a body; what passes is never touched."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol, cast

import brotli  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  # it has no types

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE = 1 << 18
"""Most bytes that one step of decoding yields: what a few compressed bytes can blow up to stays bounded."""

_BrotliError = cast(type[Exception], brotli.error)  # pyright: ignore[reportUnknownMemberType]  # it has no types
_Stage = Callable[[bytes], Iterator[bytes]]


class _Inflate(Protocol):
    @property
    def unconsumed_tail(self) -> bytes: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Brotli(Protocol):
    def process(self, data: bytes, output_buffer_limit: int) -> bytes: ...
    def can_accept_more_data(self) -> bool: ...
    def is_finished(self) -> bool: ...


class Decoder:
    """Undoes the encodings of one body, piece by piece; never raises.

    After bytes that are not of the encoding it yields nothing more and is `failed`.
    """

    def __init__(self, content_encoding: str) -> None:
        """`content_encoding` is the value of that header; a coding that is not known makes it failed at once."""
        stages = [_STAGES.get(name) for name in reversed(_names(content_encoding))]
        self.failed = None in stages
        self._stages: list[_Stage] = [] if self.failed else [stage() for stage in stages if stage is not None]

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The next bytes of the body, decoded, as far as they can be."""
        if self.failed:
            return
        try:
            yield from self._run(data, 0)
        except (zlib.error, zstd.ZstdError, EOFError, _BrotliError):
            self.failed = True

    def _run(self, data: bytes, stage: int) -> Iterator[bytes]:
        if not data:
            return
        if stage == len(self._stages):
            yield data
            return
        for piece in self._stages[stage](data):
            yield from self._run(piece, stage + 1)


def is_encoded(content_encoding: str | None) -> bool:
    """Whether this value of `Content-Encoding` says that the body is anything but itself."""
    return bool(content_encoding) and bool(_names(content_encoding or ""))


def decode(body: bytes, content_encoding: str | None, limit: int) -> bytes:
    """A whole body without its encodings. Raises `ValueError` if that cannot be done in `limit` bytes."""
    if not is_encoded(content_encoding):
        return body
    decoder = Decoder(content_encoding or "")
    pieces: list[bytes] = []
    size = 0
    for piece in decoder.feed(body):
        size += len(piece)
        if size > limit:
            raise ValueError("the decoded body is too large")
        pieces.append(piece)
    if decoder.failed:
        raise ValueError("the body is not of its content encoding")
    return b"".join(pieces)


def acceptable(accept_encoding: str) -> str:
    """This value of `Accept-Encoding` without what `Decoder` cannot undo; `identity` if nothing is left."""
    given = accept_encoding.split(",")
    known = [item for item in given if item.partition(";")[0].strip().lower() in _ACCEPTED]
    if len(known) == len(given):
        return accept_encoding
    return ",".join(known).strip() or "identity"


def _names(content_encoding: str) -> list[str]:
    names = [name.strip().lower() for name in content_encoding.split(",")]
    return [name for name in names if name not in ("", "identity")]


def _gzip() -> _Stage:
    inflate = zlib.decompressobj(wbits=31)

    def feed(data: bytes) -> Iterator[bytes]:
        nonlocal inflate
        while data:
            yield from _inflated(inflate, data)
            data = inflate.unused_data
            if inflate.eof:
                inflate = zlib.decompressobj(wbits=31)

    return feed


def _deflate() -> _Stage:
    inflate: _Inflate | None = None

    def feed(data: bytes) -> Iterator[bytes]:
        nonlocal inflate
        if inflate is None:
            # The standard says zlib; some servers send the bare stream, whose first byte cannot be zlib's 0x?8.
            inflate = zlib.decompressobj(wbits=15 if data[0] & 0x0F == 8 else -15)
        yield from _inflated(inflate, data)

    return feed


def _inflated(inflate: _Inflate, data: bytes) -> Iterator[bytes]:
    piece = inflate.decompress(data, PIECE)
    while piece:
        yield piece
        # A full piece may leave output behind even when its input is used up.
        full = len(piece) == PIECE
        piece = inflate.decompress(inflate.unconsumed_tail, PIECE) if full else b""


def _zstd() -> _Stage:
    frame = zstd.ZstdDecompressor()

    def feed(data: bytes) -> Iterator[bytes]:
        nonlocal frame
        while True:
            piece = frame.decompress(data, PIECE)
            yield piece
            if frame.eof:
                data, frame = frame.unused_data, zstd.ZstdDecompressor()
            elif frame.needs_input:
                return
            else:
                data = b""

    return feed


def _brotli() -> _Stage:
    stream = cast(_Brotli, brotli.Decompressor())  # pyright: ignore[reportUnknownMemberType]  # it has no types

    def feed(data: bytes) -> Iterator[bytes]:
        piece = stream.process(data, output_buffer_limit=PIECE)
        while piece or not stream.can_accept_more_data():
            yield piece
            piece = b"" if stream.is_finished() else stream.process(b"", output_buffer_limit=PIECE)

    return feed


_STAGES: dict[str, Callable[[], _Stage]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
_ACCEPTED = {*_STAGES, "identity"}
