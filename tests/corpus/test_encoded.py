"""Recorded responses as they come when they are compressed: decoded piece by piece, they read the same."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  # it has no types
import pytest

from tests.corpus.recorded import FOLDER, Recording
from tests.corpus.test_recorded import ALL, randomly_cut, read
from tests.support.zstandard import zstd
from tokenguard.proxy.encoding import Decoder
from tokenguard.wire.shape import Dialect

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recorded responses at {FOLDER} (TOKENGUARD_RECORDED)")


def _raw_deflate(body: bytes) -> bytes:
    """As some servers send what they call deflate: without the zlib header."""
    squeeze = zlib.compressobj(wbits=-15)
    return squeeze.compress(body) + squeeze.flush()


ENCODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "br": ("br", brotli.compress),  # pyright: ignore[reportUnknownMemberType]  # it has no types
    "zstd": ("zstd", zstd.compress),
    "deflate": ("deflate", zlib.compress),
    "raw-deflate": ("deflate", _raw_deflate),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(("dialect", "recording"), ALL)
def test_a_compressed_response_reads_the_same(dialect: Dialect, recording: Recording, encoding: str) -> None:
    header, compress = ENCODINGS[encoding]
    plain = read(dialect, recording, iter((recording.body,)))
    decoder = Decoder(header)
    meter = recording.meter(dialect)
    for piece in randomly_cut(compress(recording.body), random.Random(recording.name)):
        for decoded in decoder.feed(piece):
            meter.feed(decoded)
    assert not decoder.failed
    assert meter.reading(ended=True) == plain
