"""Bodies as providers and agents compress them."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from typing import Any

import brotli  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  # it has no types

from tests.support.zstandard import zstd

BROTLI: Any = brotli


def _bare_deflate(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-15)
    return deflate.compress(data) + deflate.flush()


def _brotli(data: bytes) -> bytes:
    return bytes(BROTLI.compress(data))


def _twice(compress: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """As two members or frames, one behind the other."""
    return lambda data: compress(data[:9]) + compress(data[9:])


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": _twice(gzip.compress),
    "deflate": zlib.compress,
    "Deflate ": _bare_deflate,
    "br": _brotli,
    "zstd": zstd.compress,
    "ZSTD": _twice(zstd.compress),
    "identity": bytes,
    "": bytes,
    "gzip, br": lambda data: _brotli(gzip.compress(data)),
}


def flushed(coding: str, piece: bytes) -> tuple[bytes, bytes]:
    """`piece` as a streaming server sends it, and what ends the body."""
    match coding:
        case "br":
            stream = BROTLI.Compressor()
            return bytes(stream.process(piece) + stream.flush()), bytes(stream.finish())
        case "zstd":
            frame = zstd.ZstdCompressor()
            return frame.compress(piece, frame.FLUSH_BLOCK), frame.flush()
        case _:
            deflate = zlib.compressobj(wbits=31 if coding == "gzip" else 15)
            return deflate.compress(piece) + deflate.flush(zlib.Z_SYNC_FLUSH), deflate.flush()
