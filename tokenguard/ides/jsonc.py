"""JSON with comments, as editors keep their settings: edited by spans of text, so that all else stays as it is.

What is new goes to the end of its object or list, behind the comments there, in the indentation and with the line ends
of the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tokenguard.ides.reading import Node, NotUnderstood, blank_before, parse, skip

_LINE_END = re.compile(r"[\r\n]")
_LINE_ENDS = re.compile(r"[ \t]*[\r\n]")


class Item(str):
    """A step of a path: the `{"name": ..., "value": ...}` of a list that has this name; its value is meant."""

    __slots__ = ()


Path = tuple[str, ...]
"""Names of members, from the outermost object on."""


class Edit(NamedTuple):
    """Text in place of a span."""

    start: int
    end: int
    text: str


def checked(text: str) -> str:
    """The text; an object without anything behind it where it is empty. Raises `NotUnderstood`."""
    if not text.strip("\ufeff \t\r\n"):
        return text + "{}\n"
    parse(text)
    return text


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with edits that do not overlap; of those at one place the first one comes first."""
    for edit in reversed(sorted(edits, key=lambda edit: edit.start)):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def inverse(text: str, edits: Iterable[Edit]) -> list[Edit]:
    """What makes the edited text this one again."""
    back: list[Edit] = []
    moved = 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        start = edit.start + moved
        back.append(Edit(start, start + len(edit.text), text[edit.start : edit.end]))
        moved += len(edit.text) - (edit.end - edit.start)
    return back


def written_at(text: str, path: Path) -> str | None:
    """The value at a path as it is written; None if there is none. Raises `NotUnderstood`."""
    node, missing = _walk(parse(text), path)
    return None if missing else text[node.start : node.end]


def text_at(text: str, path: Path) -> str | None:
    """The string at a path; None if there is none, or something else. Raises `NotUnderstood`."""
    node, missing = _walk(parse(text), path)
    return None if missing else node.string


def names_at(text: str, path: Path) -> list[str]:
    """The names in the object at a path; none if there is no object. Raises `NotUnderstood`."""
    node, missing = _walk(parse(text), path)
    return [] if missing else [member.name for member in node.members or ()]


def missing_at(text: str, path: Path) -> int:
    """How many of the last steps of a path are not there. Raises `NotUnderstood`."""
    return len(_walk(parse(text), path)[1])


def put(text: str, path: Path, value: str) -> list[Edit]:
    """Make the string at a path this one. Raises `NotUnderstood` where something else is on the way."""
    root = parse(text)
    node, missing = _walk(root, path)
    if not missing:
        return [] if node.string == value else [Edit(node.start, node.end, json.dumps(value))]
    step, rest = missing[0], missing[1:]
    if (node.items if isinstance(step, Item) else node.members) is None:
        raise NotUnderstood(f"{_told(path[: -len(missing)])} is not what it should be")
    new: Any = value
    for name in reversed(rest):
        new = [{"name": name, "value": new}] if isinstance(name, Item) else {name: new}
    if isinstance(step, Item):
        return _append(text, root, node, "", {"name": step, "value": new}, len(path) - len(missing))
    return _append(text, root, node, f"{json.dumps(step)}: ", new, len(path) - len(missing))


def rewrite(text: str, path: Path, written: str) -> list[Edit]:
    """Write the value at a path as it was written once; nothing if it is not there. Raises `NotUnderstood`."""
    node, missing = _walk(parse(text), path)
    return [] if missing else [Edit(node.start, node.end, written)]


def remove(text: str, path: Path) -> list[Edit]:
    """Take out what is at a path, with its comma, and nothing around it. Raises `NotUnderstood`."""
    container, missing = _walk(parse(text), path[:-1])
    parts = [] if missing else _parts(container)
    index = next((index for index, (name, _, _) in enumerate(parts) if name == path[-1]), None)
    if index is None:
        return []
    _, start, end = parts[index]
    behind = skip(text, end)
    if text[behind] == ",":
        # What comes next takes its place.
        next_one = len(text) - len(text[behind + 1 :].lstrip(" \t\r\n"))
        return [Edit(start, end, ""), Edit(behind, next_one, "")]
    blanks = blank_before(text, start)
    if line_end := _LINE_ENDS.match(text, end):
        start, end = blanks, line_end.end() - 1  # blanks behind it would become part of a comment before it
    elif not _LINE_END.search(text, blanks, start):
        start = blanks  # else the line end before it may be that of a comment
    if index == 0:
        return [Edit(start, end, "")]
    comma = skip(text, parts[index - 1][2])
    return [Edit(comma, comma + 1, ""), Edit(max(start, comma + 1), end, "")]


def is_empty(text: str, path: Path) -> bool:
    """Whether the object or list at a path holds nothing, not even a comment. Raises `NotUnderstood`."""
    node, missing = _walk(parse(text), path)
    return not missing and node.string is None and not text[node.start + 1 : node.end - 1].strip(" \t\r\n")


def _walk(root: Node, path: Path) -> tuple[Node, Path]:
    """The last node on the way to a path, and what is missing from there on."""
    node = root
    for depth, step in enumerate(path):
        if isinstance(step, Item):
            found = [value for item in node.items or () if (value := _value_of(item, step)) is not None]
        else:
            found = [member.value for member in node.members or () if member.name == step]
        if len(found) > 1:
            raise NotUnderstood(f"{_told(path[: depth + 1])} is there more than once")
        if not found:
            return node, path[depth:]
        node = found[0]
    return node, ()


def _value_of(item: Node, name: str) -> Node | None:
    members = {member.name: member.value for member in item.members or ()}
    return members.get("value") if "name" in members and members["name"].string == name else None


def _parts(container: Node) -> list[tuple[str | None, int, int]]:
    """(name, start, end) of each member or item."""
    if container.members is not None:
        return [(member.name, member.start, member.value.end) for member in container.members]
    names = [{member.name: member.value.string for member in item.members or ()} for item in container.items or ()]
    return [(name.get("name"), item.start, item.end) for name, item in zip(names, container.items or (), strict=True)]


def _append(text: str, root: Node, container: Node, key: str, value: object, depth: int) -> list[Edit]:
    """Put in a member or an item behind all others, and behind their comments."""
    parts, closing = _parts(container), container.end - 1
    edits: list[Edit] = []
    if parts and text[skip(text, parts[-1][2])] != ",":
        edits.append(Edit(parts[-1][2], parts[-1][2], ","))
    at = blank_before(text, closing)
    if parts and "\n" not in text[container.start : closing]:
        return [*edits, Edit(at, at, f" {key}{json.dumps(value)}")]
    newline, unit = "\r\n" if "\r\n" in text else "\n", _unit(text, root)
    around = unit * depth if (found := _blanks(text, container.start)) is None else found
    inner = around + unit if not parts or (found := _blanks(text, parts[0][1])) is None else found
    new = f"{key}{json.dumps(value, indent=unit)}".replace("\n", newline + inner)
    end = "" if "\n" in text[at:closing] else newline + around
    return [*edits, Edit(at, closing if end else at, f"{newline}{inner}{new}{end}")]


def _unit(text: str, root: Node) -> str:
    """By how much the file indents."""
    return (_blanks(text, root.members[0].start) if root.members else None) or "    "


def _blanks(text: str, at: int) -> str | None:
    """What stands before something in its line, if only blanks do: of a member's value, before the member."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    return indent if indent == line or line.lstrip(" \t").startswith('"') else None


def _told(path: Sequence[str]) -> str:
    return f'"{".".join(path)}"' if path else "the file"
