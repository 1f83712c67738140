"""The answer in the words of OpenAI Responses, as one document or as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tokenguard.simulator.conversation import call_tokens, each_call
from tokenguard.simulator.pricing import writes_cost
from tokenguard.simulator.prose import pieces
from tokenguard.simulator.shape import CREATED, Call, Event, Json, Reply
from tokenguard.simulator.values import encode, mint, text, tokens

_WRITTEN = {
    "function_call": ("arguments", "function_call_arguments"),
    "custom_tool_call": ("input", "custom_tool_call_input"),
}
"""Field of a tool call that is streamed, and the name of its events."""


class _Step(NamedTuple):
    kind: str
    fields: Json
    output: int


def identity(key: str) -> str:
    """The id of the response."""
    return mint(key, "resp_", 48)


def whole(reply: Reply) -> bytes:
    return encode(_finished(reply))


def events(reply: Reply) -> Iterator[Event]:
    for number, step in enumerate(_steps(reply)):
        data = encode({"type": f"response.{step.kind}"} | step.fields | {"sequence_number": number})
        yield Event(b"event: response.%b\ndata: %b\n\n" % (step.kind.encode(), data), step.output)


def _steps(reply: Reply) -> Iterator[_Step]:
    answer = reply.answer
    started: Json = {"response": _response(reply)}
    yield _Step("created", started, 0)
    yield _Step("in_progress", started, 0)
    done = index = 0
    if answer.thinking:
        yield from _reasoning(reply, index, tokens(answer.thinking))
        done, index = tokens(answer.thinking), index + 1
    for number in range(answer.searches):
        yield from _search(_search_item(reply, number), index, done)
        index += 1
    if answer.text:
        yield from _message(reply, index, done)
    for key, call in each_call(reply):
        yield from _called(key, call, index, done)
        done, index = done + call_tokens(call), index + 1
    kind = "incomplete" if answer.limited else "completed"
    yield _Step(kind, {"response": _finished(reply)}, reply.usage.output)


def _reasoning(reply: Reply, index: int, size: int) -> Iterator[_Step]:
    item = _reasoning_item(reply)
    place: Json = {"item_id": item["id"], "output_index": index, "summary_index": 0}
    yield _Step("output_item.added", {"output_index": index, "item": item | {"summary": []}}, 0)
    if reply.ask.shows_thinking:
        part: Json = {"type": "summary_text", "text": reply.answer.thinking}
        yield _Step("reasoning_summary_part.added", place | {"part": part | {"text": ""}}, 0)
        for piece, so_far in pieces(reply.answer.thinking, f"{reply.key}/r"):
            yield _Step("reasoning_summary_text.delta", place | {"delta": piece}, so_far)
        yield _Step("reasoning_summary_text.done", place | {"text": reply.answer.thinking}, size)
        yield _Step("reasoning_summary_part.done", place | {"part": part}, size)
    yield _Step("output_item.done", {"output_index": index, "item": item}, size)


def _search(item: Json, index: int, done: int) -> Iterator[_Step]:
    place: Json = {"item_id": item["id"], "output_index": index}
    opened: Json = {"id": item["id"], "type": item["type"], "status": "in_progress"}
    yield _Step("output_item.added", {"output_index": index, "item": opened}, done)
    for state in ("in_progress", "searching", "completed"):
        yield _Step(f"web_search_call.{state}", place, done)
    yield _Step("output_item.done", {"output_index": index, "item": item}, done)


def _message(reply: Reply, index: int, done: int) -> Iterator[_Step]:
    item, said = _message_item(reply), reply.answer.text
    place: Json = {"item_id": item["id"], "output_index": index, "content_index": 0}
    empty: Json = {"status": "in_progress", "content": []}
    opened = item | empty
    yield _Step("output_item.added", {"output_index": index, "item": opened}, done)
    yield _Step("content_part.added", place | {"part": _text_part("")}, done)
    for number, (piece, so_far) in enumerate(pieces(said, reply.key)):
        # OpenAI hides the size of pieces behind noise.
        noise = mint(f"{reply.key}/{number}", "", 1 + number % 15)
        delta: Json = {"delta": piece, "logprobs": [], "obfuscation": noise}
        yield _Step("output_text.delta", place | delta, done + so_far)
    done += tokens(said)
    yield _Step("output_text.done", place | {"text": said, "logprobs": []}, done)
    yield _Step("content_part.done", place | {"part": _text_part(said)}, done)
    yield _Step("output_item.done", {"output_index": index, "item": item}, done)


def _called(key: str, call: Call, index: int, done: int) -> Iterator[_Step]:
    item, size = _call_item(key, call), call_tokens(call)
    place: Json = {"item_id": item["id"], "output_index": index}
    opened = item | {"status": "in_progress"}
    field, kind = _WRITTEN.get(text(item["type"]), ("", ""))
    written = text(item.get(field))
    if field:
        opened[field] = ""
    yield _Step("output_item.added", {"output_index": index, "item": opened}, done)
    for piece, so_far in pieces(written, key):
        yield _Step(f"{kind}.delta", place | {"delta": piece}, done + min(so_far, size))
    if field:
        yield _Step(f"{kind}.done", place | {field: written}, done + size)
    yield _Step("output_item.done", {"output_index": index, "item": item}, done + size)


def _reasoning_item(reply: Reply) -> Json:
    summary = [{"type": "summary_text", "text": reply.answer.thinking}] if reply.ask.shows_thinking else []
    sealed = mint(reply.key, "gAAAAAB", 70)
    return {"id": mint(reply.key, "rs_", 48), "type": "reasoning", "summary": summary, "encrypted_content": sealed}


def _search_item(reply: Reply, number: int) -> Json:
    action = {"type": "search", "query": "simulated query", "queries": ["simulated query"]}
    return {
        "id": mint(f"{reply.key}/{number}", "ws_", 48),
        "type": "web_search_call",
        "status": "completed",
        "action": action,
    }


def _text_part(said: str) -> Json:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": said}


def _message_item(reply: Reply) -> Json:
    return {
        "id": mint(reply.key, "msg_", 48),
        "type": "message",
        "status": "incomplete" if reply.answer.limited else "completed",
        "content": [_text_part(reply.answer.text)],
        "role": "assistant",
    }


def _call_item(key: str, call: Call) -> Json:
    common: Json = {"status": "completed", "call_id": mint(key, "call_", 24)}
    if call.tool.kind == "local_shell":
        return {"id": mint(key, "lsh_", 48), "type": "local_shell_call", "action": call.arguments} | common
    if call.tool.namespace:
        common["namespace"] = call.tool.namespace
    if call.tool.kind == "custom":
        custom: Json = {"name": call.tool.name, "input": call.arguments["input"]}
        return {"id": mint(key, "ctc_", 48), "type": "custom_tool_call"} | common | custom
    function: Json = {"name": call.tool.name, "arguments": encode(call.arguments).decode()}
    return {"id": mint(key, "fc_", 48), "type": "function_call"} | common | function


def _response(reply: Reply) -> Json:
    return {
        "id": identity(reply.key),
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": reply.ask.max_output,
        "model": reply.model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": reply.ask.previous,
        "reasoning": {"effort": "medium" if reply.ask.thinks else None, "summary": None},
        "service_tier": "auto",
        "store": reply.ask.stored,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
        "user": None,
        "metadata": {},
    }


def _finished(reply: Reply) -> Json:
    answer = reply.answer
    output = [_reasoning_item(reply)] if answer.thinking else []
    output += [_search_item(reply, number) for number in range(answer.searches)]
    if answer.text:
        output.append(_message_item(reply))
    output += [_call_item(key, call) for key, call in each_call(reply)]
    return _response(reply) | {
        "status": "incomplete" if answer.limited else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if answer.limited else None,
        "output": output,
        "service_tier": reply.legs[-1].tier,
        "usage": _usage(reply),
    }


def _usage(reply: Reply) -> Json:
    usage = reply.usage
    cached = {"cached_tokens": usage.cache_read}
    if writes_cost(reply.model):
        cached["cache_write_tokens"] = usage.cache_write_5m
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": cached,
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.prompt + usage.output,
    }
