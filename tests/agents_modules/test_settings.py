"""Reading other programs' settings: nothing raises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.agents.settings import (
    object_at,
    parse_json,
    parse_toml,
    read_dotenv,
    read_flat_yaml,
    strings_at,
    text_at,
)


def test_comments_are_no_part_of_strings() -> None:
    assert parse_json('{"a": "http://x", /* b */ "c": "/* d */" // e\n}') == {"a": "http://x", "c": "/* d */"}


def test_a_dotenv_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1 # why\nexport B = \"two words\"\nC='x#y'\nD=\nnot an assignment\n")
    assert read_dotenv(tmp_path / ".env") == {"A": "1", "B": "two words", "C": "x#y", "D": ""}
    assert read_dotenv(tmp_path) == {}


def test_paths_into_objects() -> None:
    value: dict[str, Any] = {"a": {"b": {"c": "x", "d": 5}}, "e": []}
    assert (text_at(value, "a", "b", "c"), text_at(value, "a", "b", "d"), text_at(value, "e", "c")) == ("x", None, None)
    assert (object_at(value, "a", "nothing"), object_at(value, "e")) == ({}, {})
    assert strings_at(value, "a", "b") == {"c": "x"}


@given(st.text())
def test_no_text_raises(text: str) -> None:
    assert isinstance(parse_json(text), dict | None)
    assert isinstance(parse_toml(text), dict | None)


@pytest.mark.parametrize("deep", ['{"a":' + "[" * 100_000, "a = " + "[" * 100_000])
def test_what_is_too_deep_is_absent(deep: str) -> None:
    assert (parse_json(deep), parse_toml(deep)) == (None, None)


def test_flat_yaml_is_read_a_line_at_a_time(tmp_path: Path) -> None:
    text = """
# model: none
model: sonnet   # the usual
read: [a.md, "b, c.md"]
set-env:
  - A=1   # one
  - 'B=#2'
aliases:
    nested: left out
url: "https://llm.corp:80/v1"
empty:
"""
    (tmp_path / "conf.yml").write_text(text)
    assert read_flat_yaml(tmp_path / "conf.yml") == {
        "model": ("sonnet",),
        "read": ("a.md", "b, c.md"),
        "set-env": ("A=1", "B=#2"),
        "url": ("https://llm.corp:80/v1",),
    }
    assert read_flat_yaml(tmp_path / "none.yml") == {}
