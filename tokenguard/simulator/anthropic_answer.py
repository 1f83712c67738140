"""The answer in the words of Anthropic Messages, as one document or as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from tokenguard.simulator.conversation import SEARCH_TOKENS, call_tokens, each_call
from tokenguard.simulator.prose import pieces
from tokenguard.simulator.shape import Event, Json, Leg, Reply, Usage
from tokenguard.simulator.values import encode, mint, text, tokens

_DELTAS = {
    "text": ("text", "text_delta"),
    "thinking": ("thinking", "thinking_delta"),
    "tool_use": ("input", "input_json_delta"),
    "server_tool_use": ("input", "input_json_delta"),
}
"""Field of a content block that is streamed, and the type of its deltas."""


class _Part(NamedTuple):
    fields: Json
    output: int
    """Its output tokens."""


def whole(reply: Reply) -> bytes:
    content = [part.fields for part in _parts(reply)]
    usage = _usage(reply, reply.usage) | _details(reply)
    return encode(_message(reply) | {"content": content, "usage": usage} | _ending(reply))


def events(reply: Reply) -> Iterator[Event]:
    # The first event knows nothing of searches that are still to come, and little of the output.
    known = replace(reply.usage, input=reply.usage.input - reply.answer.searches * SEARCH_TOKENS, output=1)
    yield _event("message_start", {"message": _message(reply) | {"usage": _usage(reply, known)}}, 0)
    done = 0
    for index, part in enumerate(_parts(reply)):
        yield from _streamed(reply, index, part, done)
        done += part.output
    # The last one has no split of cache writes by lifetime.
    usage = _counts(reply.usage) | _details(reply)
    yield _event("message_delta", {"delta": _ending(reply), "usage": usage}, done)
    yield _event("message_stop", {}, done)


def _message(reply: Reply) -> Json:
    return {
        "id": identity(reply.key),
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def identity(key: str) -> str:
    """The id of the response."""
    return mint(key, "msg_01")


def _ending(reply: Reply) -> Json:
    reason = "max_tokens" if reply.answer.limited else "tool_use" if reply.answer.calls else "end_turn"
    return {"stop_reason": reason, "stop_sequence": None}


def _counts(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write_5m + usage.cache_write_1h,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    }


def _split(usage: Usage) -> Json:
    lifetimes = {
        "ephemeral_5m_input_tokens": usage.cache_write_5m,
        "ephemeral_1h_input_tokens": usage.cache_write_1h,
    }
    return {"cache_creation": lifetimes}


def _usage(reply: Reply, usage: Usage) -> Json:
    leg = reply.legs[-1]
    context: Json = {"service_tier": "standard", "inference_geo": leg.geo}
    if leg.tier == "fast":
        context["speed"] = "fast"
    return _counts(usage) | _split(usage) | context


def _details(reply: Reply) -> Json:
    details: Json = {}
    if reply.usage.reasoning:
        details["output_tokens_details"] = {"thinking_tokens": reply.usage.reasoning}
    if reply.answer.searches:
        details["server_tool_use"] = {"web_search_requests": reply.answer.searches, "web_fetch_requests": 0}
    if len(reply.legs) > 1:
        details["iterations"] = [_iteration(leg) for leg in reply.legs]
    return details


def _iteration(leg: Leg) -> Json:
    model: Json = {"model": leg.model} if leg.kind != "message" else {}
    return {"type": leg.kind} | model | _counts(leg.usage) | _split(leg.usage)


def _parts(reply: Reply) -> list[_Part]:
    answer = reply.answer
    parts: list[_Part] = []
    if len(reply.legs) > 1:
        parts += _server_tool(reply, "advisor", 0, {"type": "advisor_result", "text": "Keep it small."})
    if answer.thinking:
        shown = answer.thinking if reply.ask.shows_thinking else ""
        thinking: Json = {"type": "thinking", "thinking": shown, "signature": mint(reply.key, "Eu", 64)}
        parts.append(_Part(thinking, tokens(answer.thinking)))
    for number in range(answer.searches):
        parts += _server_tool(reply, "web_search", number, [])
    if answer.text:
        parts.append(_Part({"type": "text", "text": answer.text}, tokens(answer.text)))
    for key, call in each_call(reply):
        used: Json = {"type": "tool_use", "id": mint(key, "toolu_01"), "name": call.tool.name}
        parts.append(_Part(used | {"input": call.arguments}, call_tokens(call)))
    return parts


def _server_tool(reply: Reply, name: str, number: int, content: object) -> list[_Part]:
    use = mint(f"{reply.key}/{number}", "srvtoolu_01")
    called: Json = {"type": "server_tool_use", "id": use, "name": name, "input": {}}
    result: Json = {"type": f"{name}_tool_result", "tool_use_id": use, "content": content}
    return [_Part(called, 0), _Part(result, 0)]


def _streamed(reply: Reply, index: int, part: _Part, done: int) -> Iterator[Event]:
    kind = text(part.fields["type"])
    field, delta = _DELTAS.get(kind, ("", ""))
    opening = dict(part.fields)
    written = ""
    if field == "input":
        opening[field], written = {}, encode(part.fields[field]).decode()
    elif field:
        opening[field], written = "", text(part.fields[field])
    if kind == "thinking":
        opening["signature"] = ""
    yield _event("content_block_start", {"index": index, "content_block": opening}, done)
    if index == 0:
        yield Event(b'event: ping\ndata: {"type": "ping"}\n\n', done)
    member = "partial_json" if field == "input" else field
    for piece, so_far in pieces(written, f"{reply.key}/{index}"):
        step: Json = {"type": delta, member: piece}
        output = done + min(so_far, part.output)
        yield _event("content_block_delta", {"index": index, "delta": step}, output)
    done += part.output
    if kind == "thinking":
        signed: Json = {"type": "signature_delta", "signature": part.fields["signature"]}
        yield _event("content_block_delta", {"index": index, "delta": signed}, done)
    yield _event("content_block_stop", {"index": index}, done)


def _event(kind: str, fields: Json, output: int) -> Event:
    # Anthropic pads its events with blanks.
    blanks = b" " * (len(fields) * 7 % 5)
    data = encode({"type": kind} | fields)
    return Event(b"event: %b\ndata: %b%b\n\n" % (kind.encode(), data, blanks), output)
