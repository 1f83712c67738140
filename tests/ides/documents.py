"""JSON with comments as anybody may write it, and another way of reading it than the editor's."""

from __future__ import annotations

import json
import re
from typing import Any, cast

from hypothesis import strategies as st

COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|(//[^\r\n]*|/\*.*?\*/)', re.DOTALL)
COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])')

NAMES = st.text(st.sampled_from('ab{}[],:/*" \\é'), max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | NAMES | st.just(1.5e3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
TRIVIA = st.lists(
    st.sampled_from([" ", "\n", "\t", "\r\n", '// line, "}\n', '/* block, "] */', "/**/", "    "]), max_size=3
).map("".join)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """JSON with comments as anybody may write it, and what it says."""
    value = draw(st.dictionaries(NAMES, VALUES, max_size=4))
    return draw(TRIVIA) + draw(written(value)) + draw(TRIVIA), value


@st.composite
def written(draw: st.DrawFn, value: Any) -> str:
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        parts = [
            f"{json.dumps(name)}{draw(TRIVIA)}:{draw(TRIVIA)}{draw(written(member))}"
            for name, member in members.items()
        ]
        return "{" + draw(enclosed(parts)) + "}"
    if isinstance(value, list):
        items = cast("list[object]", value)
        return "[" + draw(enclosed([draw(written(item)) for item in items])) + "]"
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


@st.composite
def enclosed(draw: st.DrawFn, parts: list[str]) -> str:
    text = ",".join(f"{draw(TRIVIA)}{part}{draw(TRIVIA)}" for part in parts)
    return text + (draw(st.sampled_from(["", ","])) + draw(TRIVIA) if parts else draw(TRIVIA))


def said(text: str) -> Any:
    """What a text says, by another way of reading than the editor's."""
    plain = COMMENT.sub(lambda found: found[1] or " ", text)
    return json.loads(COMMA.sub(lambda found: found[1] or "", plain))


def comments(text: str) -> list[str]:
    return [found[2] for found in COMMENT.finditer(text) if found[2]]
