"""JSON values in one of the many ways in which they can be written."""

from __future__ import annotations

import json
from random import Random
from typing import Any, cast

from hypothesis import strategies as st

KEYS = st.sampled_from(
    [
        "model",
        "max_tokens",
        "max_output_tokens",
        "generationConfig",
        "maxOutputTokens",
        "request",
        "n",
        'a"b\\',
        "é",
        "{",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 10**6) | st.sampled_from(['"model":"x"', "\\", '\\"}', "ünï", "\n{["]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def spelled(value: object, random: Any) -> bytes:
    """The value as JSON, with blanks and escapes wherever they may be."""
    return (_blank(random) + _written(value, random) + _blank(random)).encode()


def _written(value: object, random: Random) -> str:
    if isinstance(value, dict):
        pairs = [
            _string(key, random) + _blank(random) + ":" + _blank(random) + _written(inner, random)
            for key, inner in cast("dict[str, object]", value).items()
        ]
        return "{" + _blank(random) + ("," + _blank(random)).join(pairs) + _blank(random) + "}"
    if isinstance(value, list):
        items = [_written(inner, random) + _blank(random) for inner in cast("list[object]", value)]
        return "[" + _blank(random) + ("," + _blank(random)).join(items) + "]"
    return _string(value, random) if isinstance(value, str) else json.dumps(value)


def _string(text: str, random: Random) -> str:
    if random.random() < 0.3:
        return '"' + "".join(f"\\u{ord(char):04x}" for char in text) + '"'
    return json.dumps(text, ensure_ascii=random.random() < 0.5)


def _blank(random: Random) -> str:
    return random.choice(["", "", " ", "\n\t", " \r\n"])
