"""Whatever way a body was compressed and cut, the meter reads what was put in; garbage never raises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proxy.codings import ENCODERS, flushed
from tokenguard.proxy.encoding import PIECE, Decoder, acceptable, decode, is_encoded

CODINGS = pytest.mark.parametrize("coding", sorted(ENCODERS))


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@CODINGS
@given(body=st.binary(max_size=3000), size=st.integers(1, 500))
def test_a_body_is_decoded_in_any_pieces(coding: str, body: bytes, size: int) -> None:
    decoder = Decoder(coding)
    encoded = pieces(ENCODERS[coding](body), size)
    assert b"".join(out for piece in encoded for out in decoder.feed(piece)) == body
    assert not decoder.failed


@CODINGS
@given(garbage=st.binary(min_size=1), cut=st.integers(0, 60))
def test_garbage_fails_silently(coding: str, garbage: bytes, cut: int) -> None:
    decoder = Decoder(coding)
    good = ENCODERS[coding](b"some text that is long enough" * 3)[:cut]
    for piece in (good, garbage, garbage):
        assert all(isinstance(out, bytes) for out in decoder.feed(piece))


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, br"])
def test_what_blows_up_comes_in_bounded_steps(coding: str) -> None:
    body = b"a" * (5 * PIECE + 17)
    out = list(Decoder(coding).feed(ENCODERS[coding](body)))
    assert b"".join(out) == body
    assert max(map(len, out)) <= 2 * PIECE


@pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, 2 * PIECE])
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_nothing_is_left_behind_at_the_edge_of_a_step(coding: str, size: int) -> None:
    assert b"".join(Decoder(coding).feed(ENCODERS[coding](b"a" * size))) == b"a" * size


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_flushed_piece_is_there_before_the_next(coding: str) -> None:
    first, rest = flushed(coding, b"data: 1\n\n")
    decoder = Decoder(coding)
    assert b"".join(decoder.feed(first)) == b"data: 1\n\n"
    assert b"".join(decoder.feed(rest)) == b"" and not decoder.failed


def test_an_unknown_coding_is_failed_from_the_start() -> None:
    decoder = Decoder("gzip, rot13")
    assert decoder.failed and list(decoder.feed(b"abc")) == []


def test_a_whole_body_is_decoded_within_a_limit() -> None:
    gzip = ENCODERS["gzip"]
    assert decode(b"plain", None, 1) == b"plain"
    assert decode(gzip(b"x" * 100), "gzip", 100) == b"x" * 100
    for body, coding, limit in ((gzip(b"x" * 101), "gzip", 100), (b"no", "gzip", 9), (b"x", "rot13", 9)):
        with pytest.raises(ValueError):
            decode(body, coding, limit)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("gzip, deflate, br, zstd", "gzip, deflate, br, zstd"),
        ("GZIP;q=1.0,  identity;q=0.5", "GZIP;q=1.0,  identity;q=0.5"),
        ("compress, gzip;q=0.3, *;q=0", "gzip;q=0.3"),
        ("*", "identity"),
        ("dcb", "identity"),
        ("", "identity"),
    ],
)
def test_only_what_can_be_undone_is_accepted(given: str, expected: str) -> None:
    assert acceptable(given) == expected


def test_identity_is_no_encoding() -> None:
    assert [is_encoded(value) for value in (None, "", "identity", " , ", "gzip", "identity, gzip")] == [
        False,
        False,
        False,
        False,
        True,
        True,
    ]
