from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.spelling import VALUES, spelled
from tokenguard.wire.spans import members


@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=5), st.randoms(use_true_random=False))
def test_members_are_those_that_a_parser_finds(value: dict[str, object], random: Random) -> None:
    document = spelled(value, random)
    start = len(document) - len(document.lstrip())
    found = {member.key: json.loads(document[member.start : member.end]) for member in members(document, start)}
    assert found == json.loads(document)


def test_a_key_that_comes_twice_is_two_members() -> None:
    document = b'{"a":1, "\\u0061" : {"a":[2]}}'
    assert [(key, document[start:end]) for key, start, end in members(document, 0)] == [
        ("a", b"1"),
        ("a", b'{"a":[2]}'),
    ]


def test_a_lone_surrogate_is_a_key() -> None:
    assert [member.key for member in members(b'{"\\ud800":1}', 0)] == ["\ud800"]


@pytest.mark.parametrize("document", [b"", b"[]", b'"a"', b"{", b'{"a', b'{"a":', b'{"a":[', b'{"a":{"b":"c}', b"{]"])
def test_what_is_no_object_has_no_members(document: bytes) -> None:
    with pytest.raises(ValueError):
        list(members(document, 0))
