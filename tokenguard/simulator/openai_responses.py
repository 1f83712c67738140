"""OpenAI Responses: requests."""

from __future__ import annotations

from collections.abc import Iterator

from tokenguard.simulator.openai_errors import failure as failure
from tokenguard.simulator.openai_errors import headers as headers
from tokenguard.simulator.openai_responses_answer import events as events
from tokenguard.simulator.openai_responses_answer import identity as identity
from tokenguard.simulator.openai_responses_answer import whole as whole
from tokenguard.simulator.shape import Ask, Block, Json, Rejected, Request, Tool
from tokenguard.simulator.values import arr, block, encode, integer, obj, spoken, text

NAME = "openai-responses"


def read(request: Request) -> Ask:
    body = request.body
    items = items_of(body)
    generates = body.get("generate") is not False
    if not items and generates:
        raise Rejected(400, "Missing required parameter: 'input'.")
    said, rounds, result = _conversation(items)
    reasoning = obj(body.get("reasoning"))
    form = obj(obj(body.get("text")).get("format"))
    return Ask(
        dialect=NAME,
        model=text(body.get("model")),
        prompt=prompt(body),
        stream=body.get("stream") is True,
        said=said,
        rounds=rounds,
        result=result,
        tools=tuple(_tools([*arr(body.get("tools")), *_added(items)])),
        schema=obj(form.get("schema")) if form.get("type") == "json_schema" else None,
        max_output=integer(body.get("max_output_tokens")),
        thinks=bool(reasoning) and reasoning.get("effort") != "none",
        shows_thinking=reasoning.get("summary") not in (None, "none"),
        tier=text(body.get("service_tier")) or "auto",
        previous=text(body.get("previous_response_id")) or None,
        stored=body.get("store") is not False,
        generates=generates,
    )


def prompt(body: Json) -> tuple[Block, ...]:
    """The parts of the prompt in the order of caching."""
    instructions = text(body.get("instructions"))
    parts = [*arr(body.get("tools")), *([instructions] if instructions else []), *items_of(body)]
    return tuple(block(part) for part in parts)


def count(request: Request) -> bytes:
    """The answer of the free token counter."""
    size = sum(part.tokens for part in prompt(request.body))
    return encode({"object": "response.input_tokens", "input_tokens": size})


def broken(key: str) -> bytes:
    error = {"code": "server_error", "message": "The model had a problem and stopped."}
    response = {"id": identity(key), "object": "response", "status": "failed", "error": error, "usage": None}
    data = {"type": "response.failed", "response": response, "sequence_number": 999_999}
    return b"event: response.failed\ndata: " + encode(data) + b"\n\n"


def padding(size: int) -> bytes:
    return b'event: response.padding\ndata: {"type":"response.padding","obfuscation":"' + b"x" * size + b'"}\n\n'


def items_of(body: Json) -> list[object]:
    """The input as a list of items."""
    given = body.get("input")
    return [{"type": "message", "role": "user", "content": given}] if isinstance(given, str) else arr(given)


def _conversation(items: list[object]) -> tuple[str, int, str]:
    """What a person said last, the tool results since, and the last of them."""
    said, rounds, result = "", 0, ""
    for item in map(obj, items):
        if text(item.get("type")).endswith("_output"):
            rounds, result = rounds + 1, _plain(item.get("output"))
        elif item.get("role") == "user":
            content = item.get("content")
            words = [content] if isinstance(content, str) else [text(obj(part).get("text")) for part in arr(content)]
            if own := spoken(words):
                said, rounds, result = own, 0, ""
    return said, rounds, result


def _plain(output: object) -> str:
    parts = [text(obj(part).get("text")) for part in arr(output)]
    return "\n".join(parts) if parts else text(output)


def _added(items: list[object]) -> list[object]:
    """Tools that Codex offers inside its input."""
    return [tool for item in map(obj, items) for tool in arr(item.get("tools"))]


def _tools(offered: list[object], namespace: str | None = None) -> Iterator[Tool]:
    for tool in map(obj, offered):
        kind, name = text(tool.get("type")), text(tool.get("name"))
        if kind == "namespace":
            yield from _tools(arr(tool.get("tools")), name)
        else:
            yield Tool(name or kind, obj(tool.get("parameters")), kind, namespace)
