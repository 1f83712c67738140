from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from tokenguard.wire.decoding import Count, Reader, nanos_of_ticks, nanos_of_usd


class Inner(Struct):
    tokens: Count | None = None
    tier: str | None = None


class Outer(Struct):
    model: str = ""
    usage: Inner | None = None
    parts: list[Inner] | None = None


READER = Reader(Outer)


def test_text_that_is_no_utf_8_does_not_hide_what_is_beside_it() -> None:
    assert READER.read(b'{"model":"\x88","usage":{"tokens":3}}') == (Outer("\ufffd", Inner(3)), False)


def test_fields_that_are_not_asked_for_do_not_matter() -> None:
    assert READER.read(b'{"x":[{}, 1e99, "\xff"],"model":"m","usage":{"tokens":3,"y":null}}') == (
        Outer("m", Inner(3)),
        True,
    )


@pytest.mark.parametrize(("written", "read"), [("12", 12), ('"12"', 12), ("12.0", 12), ("null", None)])
def test_a_count_is_read_however_it_is_written(written: str, read: int | None) -> None:
    assert READER.read(f'{{"usage":{{"tokens":{written}}}}}'.encode()) == (Outer(usage=Inner(read)), True)


@pytest.mark.parametrize(
    "written", ["-1", "true", "1.5", "NaN", '"many"', "{}", "[1]", "99999999999999999999999", "1e400"]
)
def test_an_impossible_count_is_absent_and_what_surrounds_it_is_not(written: str) -> None:
    part = f'{{"tokens":{written},"tier":"flex"}}'
    value, whole = READER.read(f'{{"model":"m","usage":{part},"parts":[{part},7,{{"tokens":1}}]}}'.encode())
    assert value == Outer("m", Inner(tier="flex"), [Inner(tier="flex"), Inner(1)])
    assert not whole


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"7", b"null", b"[" * 100_000, b'{"model":' + b"[" * 100_000, b"\xff"]
)
def test_what_is_no_such_document_is_nothing(data: bytes) -> None:
    assert READER.read(data) == (None, False)


def test_half_a_character_is_put_aside_and_whole_ones_stay() -> None:
    value, whole = READER.read(rb'{"model":"m\ud83d\u0000\ud83d\ude00","usage":{"tokens":3}}')
    assert value == Outer("m?\0\N{GRINNING FACE}", Inner(3))
    assert not whole


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_nothing_raises(data: bytes) -> None:
    READER.read(data)
    READER.read(b'{"usage":' + data + b"}")


@pytest.mark.parametrize(
    ("usd", "nanos"),
    [
        ("0.0076509169000000005", 7_650_917),
        ("0", 0),
        ("0.0000000005", 1),
        ("0.0000000004", 0),
        ("-1", None),
        ("NaN", None),
        ("sNaN", None),
        ("Infinity", None),
        ("1E+999999", None),
    ],
)
def test_a_cost_in_dollars_is_rounded_half_up_if_it_is_one(usd: str, nanos: int | None) -> None:
    assert nanos_of_usd(Decimal(usd)) == nanos


def test_a_tick_is_a_tenth_of_a_nanodollar() -> None:
    assert nanos_of_ticks(1_176_500) == 117_650
    assert nanos_of_ticks(5) == 1
    assert nanos_of_ticks(None) is None
