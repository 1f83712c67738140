"""Where values stand in a JSON document: found by its structure, so nothing that is said in it can be taken for a key.

The documents are valid JSON: what is not must have been turned away before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

_BLANKS = re.compile(rb"[ \t\n\r]*+")
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_NESTING = re.compile(_STRING.pattern + rb"|[{}\[\]]", re.DOTALL)
_SCALAR = re.compile(rb"[^,\]} \t\n\r]++")


class Member(NamedTuple):
    """A member of an object: its key, and where its value begins and ends."""

    key: str
    start: int
    end: int


def members(data: bytes, at: int) -> Iterator[Member]:
    """The members of the object that begins at `at`, in their order; a key may come twice. `ValueError` without one."""
    if data[at : at + 1] != b"{":
        raise ValueError("not an object")
    at = skip_blanks(data, at + 1)
    while data[at : at + 1] != b"}":
        name = _matched(_STRING, data, at)
        start = skip_blanks(data, skip_blanks(data, name.end()) + 1)
        end = _end(data, start)
        yield Member(_text(name[0]), start, end)
        at = skip_blanks(data, end)
        if data[at : at + 1] == b",":
            at = skip_blanks(data, at + 1)


def skip_blanks(data: bytes, at: int) -> int:
    """Where the next token begins."""
    return _matched(_BLANKS, data, at).end()


def _end(data: bytes, start: int) -> int:
    first = data[start : start + 1]
    if first == b'"':
        return _matched(_STRING, data, start).end()
    if first not in (b"{", b"["):
        return _matched(_SCALAR, data, start).end()
    depth = 0
    for token in _NESTING.finditer(data, start):
        mark = token[0]
        if mark in (b"{", b"["):
            depth += 1
        elif mark in (b"}", b"]"):
            depth -= 1
            if not depth:
                return token.end()
    raise ValueError("it does not end")


def _matched(pattern: re.Pattern[bytes], data: bytes, at: int) -> re.Match[bytes]:
    found = pattern.match(data, at)
    if found is None:
        raise ValueError("not JSON")
    return found


def _text(string: bytes) -> str:
    # The standard library takes lone surrogates, which JSON can spell.
    return str(json.loads(string)) if b"\\" in string else string[1:-1].decode()
