"""Amazon Bedrock's Converse API: one protocol for the models of every maker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from tokenguard.simulator import event_stream
from tokenguard.simulator.bedrock_errors import broken as broken
from tokenguard.simulator.bedrock_errors import failure as failure
from tokenguard.simulator.bedrock_errors import headers as headers
from tokenguard.simulator.bedrock_errors import identity as identity
from tokenguard.simulator.bedrock_errors import named
from tokenguard.simulator.conversation import call_tokens, each_call
from tokenguard.simulator.prose import pieces
from tokenguard.simulator.shape import Ask, Block, Event, Json, Rejected, Reply, Request, Tool
from tokenguard.simulator.values import arr, block, encode, integer, mint, obj, spoken, text, tokens

NAME = "bedrock-converse"


class _Part(NamedTuple):
    whole: Json
    opening: Json | None
    """Of a stream; None where the first piece opens the block."""
    written: str
    output: int

    def piece(self, content: str) -> Json:
        """The same block with some of its content, as a stream has it."""
        if self.opening is not None:
            return {"toolUse": {"input": content}}
        return {"reasoningContent": {"text": content}} if "reasoningContent" in self.whole else {"text": content}


def read(request: Request) -> Ask:
    model, verb = named(request)
    body = request.body
    messages = [obj(message) for message in arr(body.get("messages"))]
    if not messages:
        raise Rejected(400, "The value at messages is empty. Add values to messages and try your request again.")
    said, rounds, result = _conversation(messages)
    thinking = obj(obj(body.get("additionalModelRequestFields")).get("thinking"))
    return Ask(
        dialect=NAME,
        model=model,
        prompt=prompt(body),
        stream=verb == "converse-stream",
        media_type=event_stream.MEDIA_TYPE,
        said=said,
        rounds=rounds,
        result=result,
        tools=tuple(_tools(body)),
        max_output=integer(obj(body.get("inferenceConfig")).get("maxTokens")),
        thinks=thinking.get("type") in ("enabled", "adaptive"),
    )


def prompt(body: Json) -> tuple[Block, ...]:
    """The parts of the prompt in the order of caching: tools, system, messages. A cache point marks what it follows."""
    blocks: list[Block] = []
    parts = [*map(obj, arr(obj(body.get("toolConfig")).get("tools"))), *map(obj, arr(body.get("system")))]
    for message in map(obj, arr(body.get("messages"))):
        parts += [{"role": message.get("role")} | obj(part) for part in arr(message.get("content"))]
    for part in parts:
        point = obj(part.get("cachePoint"))
        if not point:
            blocks.append(block(part))
        elif blocks:
            blocks[-1] = replace(blocks[-1], cache=text(point.get("ttl")) or "5m")
    return tuple(blocks)


def count(request: Request) -> bytes:
    """The answer of the free token counter, for a request to Converse."""
    body = obj(obj(request.body.get("input")).get("converse"))
    return encode({"inputTokens": sum(part.tokens for part in prompt(body))})


def whole(reply: Reply) -> bytes:
    message = {"content": [part.whole for part in _parts(reply)], "role": "assistant"}
    return encode({"output": {"message": message}, "stopReason": _reason(reply)} | _report(reply))


def events(reply: Reply) -> Iterator[Event]:
    yield Event(event_stream.event("messageStart", {"role": "assistant"}), 0)
    done = 0
    for index, part in enumerate(_parts(reply)):
        place: Json = {"contentBlockIndex": index}
        if part.opening is not None:
            yield Event(event_stream.event("contentBlockStart", place | {"start": part.opening}), done)
        for piece, so_far in pieces(part.written, f"{reply.key}/{index}"):
            delta = place | {"delta": part.piece(piece)}
            yield Event(event_stream.event("contentBlockDelta", delta), done + min(so_far, part.output))
        done += part.output
        yield Event(event_stream.event("contentBlockStop", place), done)
    yield Event(event_stream.event("messageStop", {"stopReason": _reason(reply)}), done)
    yield Event(event_stream.event("metadata", _report(reply)), done)


def padding(size: int) -> bytes:
    return event_stream.event("contentBlockDelta", {"contentBlockIndex": 0, "padding": "x" * size})


def _conversation(messages: list[Json]) -> tuple[str, int, str]:
    """What a person said last, the tool rounds since, and the result of the last one."""
    said, rounds, result = "", 0, ""
    for message in messages:
        parts = [obj(part) for part in arr(message.get("content"))]
        if message.get("role") != "user":
            continue
        results = [obj(part["toolResult"]) for part in parts if "toolResult" in part]
        if results:
            content = [obj(part) for part in arr(results[-1].get("content"))]
            rounds, result = rounds + len(results), "\n".join(text(part.get("text")) for part in content)
        elif own := spoken([text(part.get("text")) for part in parts]):
            said, rounds, result = own, 0, ""
    return said, rounds, result


def _tools(body: Json) -> Iterator[Tool]:
    for tool in map(obj, arr(obj(body.get("toolConfig")).get("tools"))):
        if spec := obj(tool.get("toolSpec")):
            yield Tool(text(spec.get("name")), obj(obj(spec.get("inputSchema")).get("json")))


def _parts(reply: Reply) -> Iterator[_Part]:
    answer = reply.answer
    if answer.thinking:
        thought = {"reasoningText": {"text": answer.thinking, "signature": mint(reply.key, "Eu", 64)}}
        yield _Part({"reasoningContent": thought}, None, answer.thinking, tokens(answer.thinking))
    if answer.text:
        yield _Part({"text": answer.text}, None, answer.text, tokens(answer.text))
    for key, call in each_call(reply):
        used: Json = {"toolUseId": mint(key, "tooluse_"), "name": call.tool.name}
        written = encode(call.arguments).decode()
        yield _Part({"toolUse": used | {"input": call.arguments}}, {"toolUse": used}, written, call_tokens(call))


def _reason(reply: Reply) -> str:
    return "max_tokens" if reply.answer.limited else "tool_use" if reply.answer.calls else "end_turn"


def _report(reply: Reply) -> Json:
    usage = reply.usage
    counts: Json = {
        "inputTokens": usage.input,
        "outputTokens": usage.output,
        "totalTokens": usage.prompt + usage.output,
        "serverToolUsage": {},
    }
    written = {"5m": usage.cache_write_5m, "1h": usage.cache_write_1h}
    if usage.cache_read or any(written.values()):
        counts["cacheReadInputTokens"] = usage.cache_read
        counts["cacheWriteInputTokens"] = sum(written.values())
    if usage.cache_write_1h:
        counts["cacheDetails"] = [{"ttl": life, "inputTokens": size} for life, size in written.items() if size]
    return {"metrics": {"latencyMs": 7}, "usage": counts}
