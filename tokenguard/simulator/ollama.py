"""Ollama's own chat API: models on the user's machine, which nobody bills."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from tokenguard.simulator.prose import pieces
from tokenguard.simulator.shape import CREATED, Ask, Call, Event, Json, Rejected, Reply, Request, Tool
from tokenguard.simulator.values import arr, block, encode, integer, mint, obj, spoken, text, tokens

NAME = "ollama"

_MADE = datetime.fromtimestamp(CREATED, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(request: Request) -> Ask:
    body = request.body
    messages = [obj(message) for message in arr(body.get("messages"))]
    if not messages:
        raise Rejected(400, "the simulator wants messages")
    said, rounds, result = _conversation(messages)
    limit = integer(obj(body.get("options")).get("num_predict"))
    functions = [obj(obj(tool).get("function")) for tool in arr(body.get("tools"))]
    return Ask(
        dialect=NAME,
        model=text(body.get("model")),
        prompt=tuple(block(part) for part in (*arr(body.get("tools")), *messages)),
        stream=body.get("stream") is not False,
        media_type="application/x-ndjson",
        said=said,
        rounds=rounds,
        result=result,
        tools=tuple(Tool(text(one.get("name")), obj(one.get("parameters"))) for one in functions),
        schema=obj(body.get("format")) or None,
        max_output=limit if limit is not None and limit >= 0 else None,
        thinks=body.get("think") is True,
    )


def count(request: Request) -> bytes:
    """Ollama counts no tokens beforehand."""
    raise Rejected(404, "404 page not found")


def identity(key: str) -> str:
    """A name for the bill: answers have none."""
    return mint(key, "ollama-")


def headers(key: str) -> dict[str, str]:
    """Nothing names a request."""
    return {}


def whole(reply: Reply) -> bytes:
    message: Json = {"role": "assistant", "content": reply.answer.text}
    if reply.answer.thinking:
        message["thinking"] = reply.answer.thinking
    if reply.answer.calls:
        message["tool_calls"] = [_called(call) for call in reply.answer.calls]
    return encode(_line(reply, message) | _end(reply))


def events(reply: Reply) -> Iterator[Event]:
    answer = reply.answer
    done = 0
    for field, content in (("thinking", answer.thinking), ("content", answer.text)):
        for piece, so_far in pieces(content, f"{reply.key}/{field}"):
            message: Json = {"role": "assistant", "content": ""}
            yield _event(_line(reply, message | {field: piece}) | {"done": False}, done + so_far)
        done += tokens(content)
    if answer.calls:
        message = {"role": "assistant", "content": "", "tool_calls": [_called(call) for call in answer.calls]}
        yield _event(_line(reply, message) | {"done": False}, reply.usage.output)
    yield _event(_line(reply, {"role": "assistant", "content": ""}) | _end(reply), reply.usage.output)


def failure(status: int, message: str, key: str) -> bytes:
    """An error as a JSON document; `key` is not used."""
    return encode({"error": message})


def broken(key: str) -> bytes:
    return failure(500, "an error was encountered while running the model", key) + b"\n"


def padding(size: int) -> bytes:
    return b'{"done":false,"padding":"' + b"x" * size + b'"}\n'


def _conversation(messages: list[Json]) -> tuple[str, int, str]:
    """What a person said last, the tool results since, and the last of them."""
    said, rounds, result = "", 0, ""
    for message in messages:
        words = text(message.get("content"))
        if message.get("role") == "tool":
            rounds, result = rounds + 1, words
        elif message.get("role") == "user" and (own := spoken([words])):
            said, rounds, result = own, 0, ""
    return said, rounds, result


def _called(call: Call) -> Json:
    return {"function": {"name": call.tool.name, "arguments": call.arguments}}


def _line(reply: Reply, message: Json) -> Json:
    return {"model": reply.model, "created_at": _MADE, "message": message}


def _end(reply: Reply) -> Json:
    return {
        "done": True,
        "done_reason": "length" if reply.answer.limited else "stop",
        "total_duration": 7_000_000,
        "load_duration": 1_000_000,
        "prompt_eval_count": reply.usage.prompt,
        "prompt_eval_duration": 2_000_000,
        "eval_count": reply.usage.output,
        "eval_duration": 4_000_000,
    }


def _event(line: Json, output: int) -> Event:
    return Event(encode(line) + b"\n", output)
