"""YAML 1.2: what is text in a program in JavaScript is text here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.agents.core_yaml import parse_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("2026-11-21", "2026-11-21"),
        ("1:30", "1:30"),
        ("1.0.0", "1.0.0"),
        ("true", True),
        ("-3", -3),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("~", None),
        ("", None),
        ("'5'", "5"),
        (">-\n  a\n  b", "a b"),
        ("😀", "😀"),
    ],
)
def test_scalars(text: str, value: object) -> None:
    found = parse_yaml(f"a: {text}\n")
    assert found == {"a": value}
    assert found is not None and type(found["a"]) is type(value)


def test_parts_that_are_shared_become_two() -> None:
    found = parse_yaml("a: &x {b: 1}\nc: *x\n")
    assert found == {"a": {"b": 1}, "c": {"b": 1}}
    assert found is not None and found["a"] is not found["c"]


@pytest.mark.parametrize("text", ["", "x", "[1]", "{", "a: &a [*a]", "a: !x 1", "? [1]\n: 2", "a: !!binary aGk=", "\0"])
def test_what_is_no_mapping(text: str) -> None:
    assert parse_yaml(text) is None


@given(st.text())
def test_no_text_raises(text: str) -> None:
    assert isinstance(parse_yaml(text), dict | None)
