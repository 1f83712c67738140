"""YAML with comments, as Continue keeps its settings: edited by spans of text, so that all else stays as it is.

Of a file only this is understood: mappings, lists of mappings that have a `name`, and text. What is new is a line of
its own behind the first one of its mapping. Anchors would make one place of several: such a file is left alone.
"""

from __future__ import annotations

import json
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tokenguard.ides.jsonc import Edit, Item, Path
from tokenguard.ides.reading import NotUnderstood

_TEXT = "tag:yaml.org,2002:str"


def checked(text: str) -> str:
    """The text. Raises `NotUnderstood`."""
    _parse(text)
    return text


def _parse(text: str) -> MappingNode:
    """The mapping that a text is. Raises `NotUnderstood`."""
    try:
        if any(isinstance(token, yaml.AnchorToken | yaml.AliasToken) for token in yaml.scan(text, yaml.SafeLoader)):
            raise NotUnderstood("it uses anchors")
        documents = list(yaml.compose_all(text, yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise NotUnderstood(f"line {line} is not YAML") from None
    except (yaml.YAMLError, RecursionError):
        raise NotUnderstood("it is not YAML") from None
    if len(documents) != 1 or not isinstance(documents[0], MappingNode):
        raise NotUnderstood("it is no mapping")
    return documents[0]


def names_at(text: str, path: Path) -> list[str]:
    """The names of the mappings in the list at a path; none if there is no list. Raises `NotUnderstood`."""
    node, missing = _walk(_parse(text), path)
    items: list[Node] = node.value if not missing and isinstance(node, SequenceNode) else []
    return [name for item in items if (name := _name(item)) is not None]


def written_at(text: str, path: Path) -> str | None:
    """See `jsonc.written_at`."""
    node, missing = _walk(_parse(text), path)
    return None if missing else text[node.start_mark.index : node.end_mark.index]


def text_at(text: str, path: Path) -> str | None:
    """See `jsonc.text_at`."""
    node, missing = _walk(_parse(text), path)
    return node.value if not missing and isinstance(node, ScalarNode) and node.tag == _TEXT else None


def missing_at(text: str, path: Path) -> int:
    """See `jsonc.missing_at`."""
    return len(_walk(_parse(text), path)[1])


def put(text: str, path: Path, value: str) -> list[Edit]:
    """See `jsonc.put`; only the last step may be missing."""
    node, missing = _walk(_parse(text), path)
    if not missing:
        if not isinstance(node, ScalarNode) or node.style in ("|", ">"):
            raise NotUnderstood(f"line {node.start_mark.line + 1} is not understood")
        return [] if node.value == value else [Edit(node.start_mark.index, node.end_mark.index, json.dumps(value))]
    name, *more = missing
    if more or not isinstance(node, MappingNode) or not node.value:
        raise NotUnderstood(f'"{".".join(path[: -len(missing)])}" is not what it should be')
    first = node.value[0][0].start_mark
    if node.flow_style:
        return [Edit(first.index, first.index, f"{json.dumps(name)}: {json.dumps(value)}, ")]
    ends = [said.end_mark for key, said in node.value if _is_one_line(key, said)]
    if not ends:
        raise NotUnderstood(f"line {first.line + 1} is not understood")
    new, end = f"{' ' * first.column}{name}: {json.dumps(value)}", text.find("\n", ends[0].index)
    newline = "\r\n" if "\r\n" in text else "\n"
    return [Edit(len(text), len(text), newline + new) if end < 0 else Edit(end + 1, end + 1, new + newline)]


def rewrite(text: str, path: Path, written: str) -> list[Edit]:
    """See `jsonc.rewrite`."""
    node, missing = _walk(_parse(text), path)
    return [] if missing else [Edit(node.start_mark.index, node.end_mark.index, written)]


def remove(text: str, path: Path) -> list[Edit]:
    """See `jsonc.remove`: a line that holds nothing else."""
    mapping, missing = _walk(_parse(text), path[:-1])
    if missing or not isinstance(mapping, MappingNode):
        return []
    pairs: list[tuple[Node, Node]] = mapping.value
    for number, (key, said) in enumerate(pairs):
        if isinstance(key, ScalarNode) and key.value == path[-1]:
            start, end = key.start_mark.index, said.end_mark.index
            if mapping.flow_style and len(pairs) > 1:
                if number + 1 < len(pairs):
                    return [Edit(start, pairs[number + 1][0].start_mark.index, "")]
                return [Edit(pairs[number - 1][1].end_mark.index, end, "")]
            begin, stop = text.rfind("\n", 0, start) + 1, text.find("\n", end)
            if text[begin:start].strip(" ") or len(pairs) == 1:
                raise NotUnderstood(f"line {key.start_mark.line + 1} holds more than what was put in")
            if stop < 0:
                return [Edit(len(text[:begin].removesuffix("\n").removesuffix("\r")), len(text), "")]
            return [Edit(begin, stop + 1, "")]
    return []


def is_empty(text: str, path: Path) -> bool:
    """See `jsonc.is_empty`: nothing that was put in is around anything else."""
    return False


def _is_one_line(key: Node, said: Node) -> bool:
    return isinstance(said, ScalarNode) and said.end_mark.line == key.start_mark.line


def _walk(root: Node, path: Path) -> tuple[Node, Path]:
    """The last node on the way to a path, and what is missing from there on."""
    node = root
    for depth, step in enumerate(path):
        if isinstance(step, Item):
            items: list[Any] = node.value if isinstance(node, SequenceNode) else []
            found = [item for item in items if _name(item) == step]
        else:
            pairs: list[tuple[Node, Node]] = node.value if isinstance(node, MappingNode) else []
            found = [said for key, said in pairs if isinstance(key, ScalarNode) and key.value == step]
        if len(found) > 1:
            raise NotUnderstood(f'"{".".join(path[: depth + 1])}" is there more than once')
        if not found:
            return node, path[depth:]
        node = found[0]
    return node, ()


def _name(node: object) -> str | None:
    pairs: list[tuple[Node, Node]] = node.value if isinstance(node, MappingNode) else []
    named = [said.value for key, said in pairs if key.value == "name" and isinstance(said, ScalarNode)]
    return named[0] if named else None
