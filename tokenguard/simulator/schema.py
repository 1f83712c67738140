"""Values that satisfy a JSON schema: arguments for tools, and answers to structured requests."""

from __future__ import annotations

import json

from tokenguard.simulator.shape import Json, Tool
from tokenguard.simulator.values import arr, integer, obj, text

_SHELLS = (
    "bash",
    "shell",
    "exec_command",
    "shell_command",
    "local_shell",
    "run_shell_command",
    "execute_command",
    "run_commands",
    "terminal",
)
_SCRIPTS = "exec"
"""Codex's tool that takes JavaScript, which calls the shell."""
_DELEGATES = (
    "task",
    "agent",
    "delegate",
    "subagent",
    "delegate_to_agent",
    "dispatch_agent",
    "use_subagents",
    "spawn_agent",
    "invoke_agent",
)
_TASKS = ("prompt", "task", "objective", "request", "message", "query", "description")
_KINDS = ("subagent_type", "agent_name", "agent_type", "agent", "subagent")
_SEVERAL = "commands"
"""Takes whole commands, not the words of one."""
_COMMANDS = ("command", "cmd", "script", _SEVERAL)
_DEPTH = 8


def shell(tools: tuple[Tool, ...]) -> Tool | None:
    """The offered tool that runs a shell command."""
    scripted = next((tool for tool in tools if tool.kind == "custom" and tool.name == _SCRIPTS), None)
    if scripted:
        return scripted
    by_name = {tool.name.lower(): tool for tool in tools if tool.kind != "custom"}
    named = next((by_name[name] for name in _SHELLS if name in by_name), None)
    return named or next((tool for tool in tools if _command_field(tool) is not None), None)


def shell_arguments(tool: Tool, command: str) -> Json:
    """Arguments with which this tool runs `command`; the rest is the least that its schema asks for."""
    if tool.kind == "custom":
        quoted = json.dumps({"cmd": command})
        return {"input": f"const result = await tools.exec_command({quoted});\ntext(result.output);"}
    if tool.kind == "local_shell":
        return {"type": "exec", "command": ["bash", "-lc", command], "env": {}}
    arguments = obj(example(tool.schema))
    field = _command_field(tool) or "command"
    wanted = obj(obj(tool.schema.get("properties")).get(field))
    several = [command] if field == _SEVERAL else ["bash", "-lc", command]
    arguments[field] = several if _type(wanted) == "array" else command
    return arguments


def delegate(tools: tuple[Tool, ...]) -> Tool | None:
    """The offered tool that gives a task to a sub-agent."""
    by_name = {tool.name.lower(): tool for tool in tools}
    return next((by_name[name] for name in _DELEGATES if name in by_name), None)


def delegate_arguments(tool: Tool, task: str, kind: str) -> Json:
    """Arguments with which this tool gives the task to a sub-agent of that kind."""
    properties = obj(tool.schema.get("properties"))
    arguments = obj(example(tool.schema))
    arguments[next((name for name in _TASKS if name in properties), "prompt")] = task
    if named := next((name for name in _KINDS if name in properties), None):
        arguments[named] = kind
    return arguments


def example(schema: Json, root: Json | None = None, depth: int = 0) -> object:
    """The least value that the schema accepts: required properties, the first choice, a small number."""
    root = schema if root is None else root
    if depth > _DEPTH:
        return None
    if reference := text(schema.get("$ref")):
        return example(_resolve(reference, root), root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if choices := arr(schema.get("enum")):
        return choices[0]
    for key in ("anyOf", "oneOf", "allOf"):
        if variants := arr(schema.get(key)):
            return example(obj(variants[0]), root, depth + 1)
    match _type(schema):
        case "object":
            properties = obj(schema.get("properties"))
            required = [text(name) for name in arr(schema.get("required"))]
            return {name: example(obj(properties.get(name)), root, depth + 1) for name in required}
        case "array":
            item = obj(schema.get("items"))
            return [example(item, root, depth + 1) for _ in range(integer(schema.get("minItems")) or 0)]
        case "string":
            return "simulated".ljust(integer(schema.get("minLength")) or 0, ".")
        case "integer" | "number":
            return integer(schema.get("minimum")) or 1
        case "boolean":
            return False
        case _:
            return None


def _command_field(tool: Tool) -> str | None:
    properties = obj(tool.schema.get("properties"))
    return next((name for name in _COMMANDS if name in properties), None)


def _type(schema: Json) -> str:
    kind = schema.get("type")
    kinds = [text(one) for one in arr(kind)] or [text(kind)]
    named = next((one.lower() for one in kinds if one and one != "null"), "")
    return named or ("object" if "properties" in schema else "string")


def _resolve(reference: str, root: Json) -> Json:
    node = root
    for step in reference.removeprefix("#/").split("/"):
        node = obj(node.get(step))
    return node
