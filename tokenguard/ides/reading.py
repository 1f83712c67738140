"""JSON with comments, read with the place of everything in the text."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

_TRIVIA = re.compile(r"(?:[ \t\r\n\ufeff]+|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_PLAIN = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
_DEEPEST = 100


class NotUnderstood(Exception):
    """A file is not what it should be: its text says how, in a few words."""


class Node(NamedTuple):
    """A value, and the span of the text in which it is written."""

    start: int
    end: int
    string: str | None = None
    """Of a string, what it says."""
    members: tuple[Member, ...] | None = None
    """Of an object."""
    items: tuple[Node, ...] | None = None
    """Of a list."""


class Member(NamedTuple):
    """A member of an object."""

    name: str
    start: int
    value: Node


def parse(text: str) -> Node:
    """The object that a text is. Commas before a closing bracket are let pass. Raises `NotUnderstood`."""
    start = skip(text, 0)
    if text[start : start + 1] != "{":
        raise NotUnderstood("it holds no object" if start < len(text) else "it is empty")
    node = _value(text, start, 0)
    if skip(text, node.end) != len(text):
        raise NotUnderstood(f"line {_line(text, skip(text, node.end))} is behind its end")
    return node


def skip(text: str, at: int) -> int:
    """Where blanks and comments end that begin there."""
    found = _TRIVIA.match(text, at)
    return found.end() if found else at


def blank_before(text: str, at: int) -> int:
    """Where the blanks begin that end there."""
    return len(text[:at].rstrip(" \t\r\n"))


def _value(text: str, at: int, depth: int) -> Node:
    if depth > _DEEPEST:
        raise NotUnderstood("it is too deep")
    first = text[at : at + 1]
    if first == "{":
        return _object(text, at, depth)
    if first == "[":
        return _list(text, at, depth)
    if first == '"':
        end, string = _string(text, at)
        return Node(at, end, string)
    if (found := _PLAIN.match(text, at)) is not None:
        return Node(at, found.end())
    raise NotUnderstood(f"line {_line(text, at)} is not JSON")


def _object(text: str, start: int, depth: int) -> Node:
    members: list[Member] = []
    at = skip(text, start + 1)
    while text[at : at + 1] != "}":
        if text[at : at + 1] != '"':
            raise NotUnderstood(f"line {_line(text, at)} is not JSON")
        end, name = _string(text, at)
        colon = skip(text, end)
        if text[colon : colon + 1] != ":":
            raise NotUnderstood(f"line {_line(text, colon)} is not JSON")
        value = _value(text, skip(text, colon + 1), depth + 1)
        members.append(Member(name, at, value))
        at = _behind_comma(text, value.end, "}")
    return Node(start, at + 1, members=tuple(members))


def _list(text: str, start: int, depth: int) -> Node:
    items: list[Node] = []
    at = skip(text, start + 1)
    while text[at : at + 1] != "]":
        items.append(_value(text, at, depth + 1))
        at = _behind_comma(text, items[-1].end, "]")
    return Node(start, at + 1, items=tuple(items))


def _behind_comma(text: str, at: int, closing: str) -> int:
    """Where the next member or item begins, or the closing bracket is."""
    at = skip(text, at)
    if text[at : at + 1] == ",":
        return skip(text, at + 1)
    if text[at : at + 1] != closing:
        raise NotUnderstood(f"line {_line(text, at)} is not JSON")
    return at


def _string(text: str, at: int) -> tuple[int, str]:
    found = _STRING.match(text, at)
    try:
        if found is None:
            raise ValueError
        return found.end(), json.loads(found[0])
    except ValueError:
        raise NotUnderstood(f"line {_line(text, at)} is not JSON") from None


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
