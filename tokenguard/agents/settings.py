"""Reading the settings files of agents. Nothing here writes, and nothing raises: what cannot be read is absent."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

_STRING_OR_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_ASSIGNMENT = re.compile(r"""\s*(?:export\s+)?([\w.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^#\n]*))""")
_SETTING = re.compile(r"([\w-]+)\s*:(?=\s|$)\s*(.*)$")
_ITEM = re.compile(r"\s*-\s+(.*)$")
_ELEMENT = re.compile(r"""("[^"]*"|'[^']*'|[^,\s][^,]*)""")
_COMMENT = re.compile(r"(?:^|\s)#.*$")


def read_text(file: Path) -> str:
    """A text file; empty if it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def parse_json(text: str) -> dict[str, Any] | None:
    """A JSON object, with or without comments; None if it is not one."""
    try:
        value = json.loads(_STRING_OR_COMMENT.sub(lambda found: found[1] or "", text))
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def read_json(file: Path) -> dict[str, Any]:
    """The JSON object in a file."""
    return parse_json(read_text(file)) or {}


def parse_toml(text: str) -> dict[str, Any] | None:
    """A TOML document; None if it is not one."""
    import tomllib  # costs some milliseconds, needed for few agents

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None


def read_toml(file: Path) -> dict[str, Any]:
    """The TOML document in a file."""
    return parse_toml(read_text(file)) or {}


def read_dotenv(file: Path) -> dict[str, str]:
    """A `.env` file: assignments, one a line."""
    found = (_ASSIGNMENT.match(line) for line in read_text(file).splitlines())
    return {match[1]: (match[2] or match[3] or match[4] or "").strip() for match in found if match}


def object_at(value: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """The object at a path of nested objects; an empty one where there is none."""
    here: Any = value
    for name in path:
        here = cast("dict[str, Any]", here).get(name) if isinstance(here, dict) else None
    return cast("dict[str, Any]", here) if isinstance(here, dict) else {}


def text_at(value: Mapping[str, Any], *path: str) -> str | None:
    """The string at a path; None where there is none."""
    here = object_at(value, *path[:-1]).get(path[-1])
    return here if isinstance(here, str) and here else None


def objects_at(value: Mapping[str, Any], *path: str) -> list[dict[str, Any]]:
    """The objects in the list at a path; an empty one where there is none."""
    here = object_at(value, *path[:-1]).get(path[-1])
    members = cast("list[object]", here) if isinstance(here, list) else []
    return [cast("dict[str, Any]", member) for member in members if isinstance(member, dict)]


def strings_at(value: Mapping[str, Any], *path: str) -> dict[str, str]:
    """The members of the object at a path that are strings."""
    return {name: member for name, member in object_at(value, *path).items() if isinstance(member, str)}


def read_flat_yaml(file: Path) -> dict[str, tuple[str, ...]]:
    """The settings of a YAML file that has one a line: a list as it is, a single value as a list of one.

    What is nested deeper is left out.
    """
    found: dict[str, tuple[str, ...]] = {}
    name = ""
    for line in read_text(file).splitlines():
        if item := _ITEM.match(line):
            found[name] = (*found.get(name, ()), _scalar(item[1]))
        elif setting := _SETTING.match(line):
            name, value = setting[1], _COMMENT.sub("", setting[2]).strip()
            if value.startswith("[") and value.endswith("]"):
                found[name] = tuple(_scalar(item) for item in _ELEMENT.findall(value[1:-1]))
            elif value:
                found[name] = (_scalar(value),)
    return found


def _scalar(text: str) -> str:
    text = _COMMENT.sub("", text).strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
