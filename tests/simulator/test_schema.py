from __future__ import annotations

from typing import Any

import pytest

from tokenguard.simulator.schema import example, shell, shell_arguments
from tokenguard.simulator.shape import Tool


def tool(name: str, kind: str = "function", **properties: str) -> Tool:
    return Tool(name, {"type": "object", "properties": {key: {"type": kind} for key, kind in properties.items()}}, kind)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "minLength": 12}, "simulated..."),
        ({"enum": ["a", "b"]}, "a"),
        ({"const": 7}, 7),
        ({"type": ["null", "integer"], "minimum": 4}, 4),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [False, False]),
        ({"anyOf": [{"type": "number"}, {"type": "string"}]}, 1),
        ({"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["b"]}, {"b": "simulated"}),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"type": "BOOLEAN"}}}, False),
    ],
)
def test_the_least_value(schema: dict[str, Any], expected: object) -> None:
    assert example(schema) == expected


def test_a_schema_that_contains_itself_ends() -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}
    assert example(schema) is not None


def test_the_shell_is_found_by_name_or_by_its_argument() -> None:
    read = tool("Read", file_path="string")
    assert shell((read, tool("Bash", command="string"))) == tool("Bash", command="string")
    assert shell((read, tool("do_it", cmd="string"))) == tool("do_it", cmd="string")
    assert shell((read,)) is None


def test_arguments_fit_the_tool() -> None:
    assert shell_arguments(tool("exec_command", cmd="string"), "ls") == {"cmd": "ls"}
    assert shell_arguments(tool("shell", command="array"), "ls") == {"command": ["bash", "-lc", "ls"]}
    assert shell_arguments(tool("run_commands", commands="array"), "ls -l") == {"commands": ["ls -l"]}
    described = Tool(
        "run",
        {
            "properties": {"command": {"type": "string"}, "description": {"type": "string"}},
            "required": ["command", "description"],
        },
    )
    assert shell_arguments(described, "ls") == {"command": "ls", "description": "simulated"}
